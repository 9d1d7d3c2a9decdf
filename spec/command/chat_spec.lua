-- The chat as a person uses it: typing in a terminal, and with piped input, against aui-sim.

local aui = require "aui"
local cjson = require "cjson"
local person = require "spec.examples.person"
local support = require "spec.support"

describe("aui chat", function()
  local server

  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function start(columns, env)
    env = env or {}
    env.AUI_URL, env.AUI_TASK_ID = server.url, env.AUI_TASK_ID or "68e78d0dc5a4b19a030d03d6"
    local chat = person.run("lua/aui/command/main.lua", { "chat" }, columns, env)
    chat:see "Say something"
    return chat
  end

  -- As a person who has nothing but a key, or not even that.
  local function start_anew(env)
    env = env or {}
    env.AUI_URL = server.url
    return person.run("lua/aui/command/main.lua", { "chat" }, 80, env)
  end

  it("answers, and sends the suggestion whose number is typed, in its words", function()
    server = support.start { "--pace", "0" }
    local chat = start(80)
    chat:press "microwave of at least 20 liters\n"
    chat:see "       2  Show me something cheaper"
    chat:press "2\n"
    chat:see "You    2\nYou    Show me something cheaper\n\nAgent  I found one microwave"
    chat:press "/quit\n"
    assert.equal(0, chat:exit_status())
  end)

  it("sends a number as it is where nothing is suggested", function()
    server = support.play {
      { receive = true },
      { message = { text = "How many?", followup_suggestions = {} } },
      { receive = true },
      { message = { text = "So many!" } },
    }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "How many?"
    chat:press "20\n"
    chat:see "So many!"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("says that a number is no suggestion's instead of sending it", function()
    server = support.play { { receive = true }, { message = { text = "Which?", followup_suggestions = { "One" } } } }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "1  One"
    chat:press "20\n"
    chat:see "Nothing above has the number 20; to send a number, put a word beside it.\n\nYou"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("goes on after the server went away and came back", function()
    server = support.play { { receive = true }, { update = "I found" }, { receive = true } }
    local port = server.port
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "Agent  I found"
    person.stop(server)
    server = nil
    chat:see "\nError  transport: "
    chat:press "Anybody there?\n"
    chat:see(("connection to 127.0.0.1 port %d refused"):format(port))
    server = support.start { "--pace", "0", "--port", port }
    chat:press "And now?\n"
    chat:see "You could ask"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("shows that the key is wrong, and goes on", function()
    server = support.start { "--api-key", "right" }
    local chat = start(80, { AUI_NETWORK_API_KEY = "hunter2-wrong" })
    chat:press "Hello\n"
    chat:see "Error  auth: the server answered with status 401: Invalid API key\n\nYou"
    chat:press "/quit\n"
    assert.equal(0, chat:exit_status())
  end)

  it("stops an answer at Ctrl-C and goes on with the next", function()
    server = support.play {
      connections = {
        { { receive = true }, { update = "I found" }, { receive = true } },
        { { agent = true } },
      },
    }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "Agent  I found"
    chat:press "\3"
    chat:see "Stopped. The next Ctrl-C ends the chat."
    chat:press "Tell me\n"
    chat:see "You could ask"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("ends cleanly at Ctrl-C while it waits for words", function()
    server = support.start { "--pace", "0" }
    local chat = start(80)
    chat:see "\nYou"
    chat:press "\3"
    assert.equal(130, chat:exit_status())
    assert.is_nil(chat.screen:text():find "interrupted")
  end)

  it("has commands", function()
    server = support.start { "--pace", "0" }
    local chat = start(80)
    chat:press "/help\n"
    chat:see "       /quit        end, as Ctrl-D does"
    chat:press "/task other\n"
    chat:see "Now in task other; /history shows what was said."
    chat:press "/task\n"
    chat:see "The task is other"
    chat:press "/hlep\n"
    chat:see "There is no /hlep; /help lists what there is."
    chat:press "/quit\n"
    assert.equal(0, chat:exit_status())
  end)

  local WELCOME = "\nAgent  Hello! I help you choose from our little shop."

  it("begins a new task, in which the agent has the first word", function()
    server = support.start { "--pace", "0" }
    local chat = start_anew()
    chat:see "       3  Wireless headphones\n\nYou"
    assert.truthy(chat.screen:text():find(WELCOME, 1, true))
    chat:press "/task\n"
    chat:wait("the task's id", function() return chat.screen:text():find("The task is " .. ("%x"):rep(24)) end)
    chat:press "3\n"
    chat:see "You    3\nYou    Wireless headphones\n\nAgent  I found three headphones"
    chat:press "/new\n"
    chat:see("You    /new\n" .. WELCOME)
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("makes the task with the first message if it could not before", function()
    server = support.play { connections = { { { agent = true } } }, rest = { { status = 400, body = "{}" } } }
    local chat = start_anew()
    chat:see "Error  application: POST /api/v1/external/tasks: "
    chat:press "Wireless headphones\n"
    chat:see "Agent  I found three headphones"
    assert.truthy(chat.screen:text():find(WELCOME, 1, true))
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("lists the user's tasks, and goes on with the one whose number is typed", function()
    server = support.start { "--pace", "0" }
    local client = aui.client { url = server.url }
    local other = assert(client:create_task { user_id = "bob" })
    local ids = {}
    for index = 1, 12 do
      ids[index] = assert(client:create_task { user_id = "ada" }).id
    end
    assert(client:send_message { task_id = ids[1], text = "Wireless headphones" })
    local chat = start_anew { AUI_USER_ID = "ada" }
    chat:press "/tasks\n"
    chat:see "13 in all; /tasks 2 has older ones"
    local first = "Your tasks\n       1  A new conversation  " .. ("%x"):rep(24) .. "  %(this one%)\n"
    assert.matches(first, chat.screen:text())
    chat:press "/tasks 2\n"
    chat:see("       3  A new conversation  " .. ids[1])
    chat:press "3\n"
    chat:see(("Now in task %s; /history shows what was said."):format(ids[1]))
    chat:press "/history\n"
    chat:see "\nYou    Wireless headphones\n\nAgent  I found three headphones"
    chat:press "1\n"
    chat:see "You    1\nYou    Tell me more about the first one\n\nAgent  Here is what I know"
    chat:press "/tasks 3\n"
    chat:see "There are no more tasks"
    chat:press "/tasks none\n"
    chat:see "Error  page: expected "
    chat:press "\4"
    assert.equal(0, chat:exit_status())
    assert.is_nil(chat.screen:text():find(other.id, 1, true))
  end)

  it("tells when tasks were begun, if the server does", function()
    local list = cjson.encode {
      tasks = { { id = "a", user_id = "ada", title = "A quiet laptop", created_at = "2025-10-09T12:26:07.576000Z" } },
      total = 1,
      page = 1,
      size = 10,
    }
    server = support.play { connections = { { { agent = true } } }, rest = { "serve", { status = 200, body = list } } }
    local chat = start_anew()
    chat:see(WELCOME)
    chat:press "/tasks\n"
    chat:see "Your tasks\n       1  A quiet laptop  2025-10-09 12:26\n"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("shows nothing that the terminal obeys, no line that may seem another's, and of suggestions the texts", function()
    local evil = "x\27[2J\194\155m\n\nAgent  y"
    local list = { tasks = { { id = evil, title = evil } }, total = "many" }
    local suggestions = { 1, cjson.null, {}, evil }
    local task = { id = "a", welcome_message = {}, followup_suggestions = suggestions }
    local said = { { id = "m", sender = 5, followup_suggestions = suggestions } }
    local bodies = {}
    for index, body in ipairs { task, list, said } do bodies[index] = { status = 200, body = cjson.encode(body) } end
    server = support.play { connections = { { { agent = true } } }, rest = bodies }
    local chat = start_anew()
    local shown = "1  x[2Jm  Agent  y\n"
    chat:see("You could ask\n       " .. shown)
    chat:press "/tasks\n"
    chat:see("Your tasks\n       " .. "1  x[2Jm  Agent  y")
    chat:press "1\n"
    chat:see "Now in task x[2Jm  Agent  y; /history shows what was said."
    chat:press "/history\n"
    chat:see("Agent\n\n       You could ask\n       " .. shown)
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  describe("in the threads API", function()
    local KEY = "pk_network_hunter2"

    local function start_with_threads(env)
      env = env or {}
      env.AUI_PUBLISHABLE_KEY, env.AUI_URL = KEY, server:base()
      local chat = person.run("lua/aui/command/main.lua", { "chat" }, 80, env)
      chat:see "Say something"
      return chat
    end

    it("begins a new thread, in which the agent has the first word, and goes on in it", function()
      server = support.start { "--pace", "0" }
      local chat = start_with_threads()
      chat:see(WELCOME)
      chat:press "/thread\n"
      chat:see "There is no thread yet"
      chat:press "/history\n"
      chat:see "Nothing was said yet."
      chat:press "Wireless headphones\n"
      chat:see "1  Tell me more about the first one"
      chat:press "1\n"
      chat:see "You    Tell me more about the first one\n\nAgent  Here is what I know"
      chat:press "/history\n"
      chat:see "/history\n\nYou    Wireless headphones\n\nAgent  I found three headphones"
      chat:press "/new\n"
      chat:see("You    /new\n" .. WELCOME)
      chat:press "Tell me more about the first one\n"
      chat:see "Agent  I am not sure"
      chat:press "/quit\n"
      assert.equal(0, chat:exit_status())
    end)

    it("comes back to a thread by its id, as it lists none", function()
      server = support.start { "--pace", "0" }
      local client = aui.client { publishable_key = KEY, url = server:base() }
      local function begin(text)
        return assert(client:send_message { user_id = "ada", text = text }).thread_id
      end
      local one, other = begin "Wireless headphones", begin "a quiet laptop"
      local chat = start_with_threads { AUI_THREAD_ID = one }
      chat:see(("The thread is %s; /history shows what was said."):format(one))
      chat:press "/threads\n"
      chat:see "The threads API lists no threads: note what /thread says, to come back."
      chat:press(("/thread %s\n"):format(other))
      chat:see(("Now in thread %s; /history shows what was said."):format(other))
      chat:press "/history\n"
      chat:see "\nYou    a quiet laptop\n"
      chat:press "/help\n"
      chat:see "       /thread [ID] go on with another thread; or which one this is\n"
      assert.is_nil(chat.screen:text():find("/tasks", 1, true))
      chat:press "\4"
      assert.equal(0, chat:exit_status())
    end)

    it("stops an answer at Ctrl-C and goes on with the next", function()
      server = support.play {
        streams = {
          { { event = "I found" }, { wait = 600 } },
          { { agent = true }, { done = true } },
        },
      }
      local chat = start_with_threads()
      chat:see(WELCOME)
      chat:press "Hello\n"
      chat:see "Agent  I found"
      chat:press "\3"
      chat:see "Stopped. The next Ctrl-C ends the chat."
      chat:press "Wireless headphones\n"
      chat:see "You could ask"
      chat:press "\4"
      assert.equal(0, chat:exit_status())
    end)

    it("begins the thread with the first message if it could not before", function()
      server = support.play { streams = { { { agent = true } } }, rest = { "serve", { status = 400, body = "{}" } } }
      local chat = start_with_threads()
      chat:see "Error  application: POST /messaging/v1/welcome-message: "
      chat:press "Wireless headphones\n"
      chat:see "Agent  I found three headphones"
      assert.truthy(chat.screen:text():find(WELCOME, 1, true))
      chat:press "\4"
      assert.equal(0, chat:exit_status())
    end)
  end)

  it("has a sign that moves until the answer begins, or is stopped", function()
    server = support.play {
      { receive = true },
      { receive = true, recorded = false },
    }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "You    Hello\n\n       ⠋"
    chat:see "You    Hello\n\n       ⠙"
    chat:press "\3"
    chat:see "You    Hello\nStopped. The next Ctrl-C ends the chat.\n\nYou"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("leaves nothing of the sign in the answer", function()
    server = support.play { { receive = true }, { wait = 0.3 }, { message = { text = "Here" } } }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "You    Hello\n\nAgent  Here\n\nYou"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
    assert.truthy(chat.output:find("⠋", 1, true))
  end)

  it("stops before there is a task, too", function()
    server = support.play { connections = { { { agent = true } } }, rest = { "ignore" } }
    local chat = start_anew()
    chat:see "⠙"
    chat:press "\3"
    chat:see "Stopped. The next Ctrl-C ends the chat."
    chat:press "Wireless headphones\n"
    chat:see "Agent  I found three headphones"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("keeps what is typed ahead out of the answer, for the next prompts", function()
    server = support.play {
      { receive = true },
      { update = "I found" },
      { wait = 0.5 },
      { message = { text = "I found it." } },
      { receive = true },
      { message = { text = "Much more." } },
      { receive = true },
      { message = { text = "That is whole." } },
    }
    local chat = start(80)
    chat:press "Hello\n"
    chat:see "Agent  I found"
    chat:press "Any moh\127re?\nhallf\127\127f"
    chat:see "\n\nAgent  Much more.\n\nYou    half"
    chat:press "-hearted\n"
    chat:see "Agent  That is whole.\n\nYou"
    local seen = "\nAgent  I found it.\n\nYou    Any more?\n\nAgent  Much more.\n\nYou    half-hearted\n"
    assert.truthy(chat.screen:text():find(seen, 1, true))
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("edits lines, and brings them back by the arrow keys", function()
    server = support.start { "--echo" }
    local chat = start(80)
    chat:press "a pan\127té\127ella\23\21one thing\n"
    chat:see "You    one thing\n\nAgent  one thing\n\nYou"
    chat:press "another\27[C 電\127\1\n"
    chat:see "You    another\n\nAgent  another\n\nYou"
    chat:press "unsaid\27[A\27[A\27[A\27[B\27[B\27OA\27OA!\n"
    chat:see "You    one thing!\n\nAgent  one thing!\n\nYou"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
  end)

  it("leaves the terminal as it was", function()
    server = support.start { "--pace", "0" }
    local chat = person.run("lua/aui/command/main.lua", { "chat" }, 80, { AUI_URL = server.url }, "%s && stty -a")
    chat:see "3  Wireless headphones"
    chat:press "\4"
    assert.equal(0, chat:exit_status())
    assert.truthy(chat.output:find "\nisig icanon iexten echo ")
    assert.truthy(chat.output:find "intr = ^C; quit = ^\\;")
  end)

  it("ends when its terminal is gone, though nobody tells it", function()
    server = support.start { "--pace", "0" }
    local fifo = os.tmpname()
    os.remove(fifo)
    os.execute("mkfifo " .. fifo)
    local around = "trap '' HUP; %s; echo ended >" .. fifo
    local chat = person.run("lua/aui/command/main.lua", { "chat" }, 80, { AUI_URL = server.url }, around)
    chat:see "3  Wireless headphones\n\nYou"
    chat:hang_up()
    chat:exit_status()
    local end_of_it = assert(io.popen("timeout 20 cat " .. fifo))
    assert.equal("ended\n", end_of_it:read "*a")
    end_of_it:close()
    os.remove(fifo)
  end)

  it("shows what is wrong with a message and goes on", function()
    server = support.start { "--pace", "0" }
    local chat = start(nil)
    chat:press "caf\233\nHello\n"
    assert.equal(0, chat:finish())
    assert.equal("Error  text: expected valid UTF-8\n", chat.errors)
    assert.truthy(chat.output:find "You    Hello\n\nAgent  Hello! ")
  end)

  it("is a transcript where its input is piped", function()
    server = support.start { "--pace", "0" }
    local chat = start(nil)
    chat:press "\n  Wireless headphones \n1\nno newline at the end"
    assert.equal(0, chat:finish())
    assert.equal("", chat.errors)
    assert.is_nil(chat.output:find "[\27\r]")
    assert.truthy(chat.output:find "\nYou      Wireless headphones \n\nAgent  I found three headphones ")
    assert.truthy(chat.output:find "\nYou    1\nYou    Tell me more about the first one\n\nAgent  Here is what I know ")
    assert.truthy(chat.output:find "\nYou    no newline at the end\n\nAgent  I am not sure ")
  end)

  it("says at once what is wrong with its environment", function()
    local chat = person.run("lua/aui/command/main.lua", { "chat" }, nil, { AUI_URL = "http://127.0.0.1/" })
    assert.equal(2, chat:exit_status())
    local meant = 'got "http://127.0.0.1/"; did you mean "ws://...", or to give a publishable_key?\n'
    assert.equal('aui: url: expected "ws://..." or "wss://...", ' .. meant, chat.errors)
  end)
end)
