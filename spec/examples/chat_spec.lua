-- The chat as a person uses it: typing in a terminal, and with piped input, against aui-sim.

local person = require "spec.examples.person"
local support = require "spec.support"

describe("the chat", function()
  local server

  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function start(columns, env)
    env = env or {}
    env.AUI_URL, env.AUI_TASK_ID = server.url, env.AUI_TASK_ID or "68e78d0dc5a4b19a030d03d6"
    local chat = person.start("chat", {}, columns, env)
    chat:see "Say something"
    return chat
  end

  it("answers, and sends the suggestion whose number is typed", function()
    server = support.start { "--pace", "0" }
    local chat = start(80)
    chat:press "microwave of at least 20 liters\n"
    chat:see "       2  Show me something cheaper"
    chat:press "2\n"
    chat:see "The Aveline Petit 17\n       costs $89"
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
    chat:see "There is no suggestion 20; to send a number, put a word beside it.\n\nYou"
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
    chat:see "/task ID   go on with another task"
    chat:press "/task other\n"
    chat:see "Now in task other"
    chat:press "/task\n"
    chat:see "The task is other"
    chat:press "/hlep\n"
    chat:see "There is no /hlep; /help lists what there is."
    chat:press "/quit\n"
    assert.equal(0, chat:exit_status())
  end)

  it("makes a task for the first message, if none is chosen", function()
    server = support.start { "--pace", "0" }
    local chat = person.start("chat", {}, 80, { AUI_URL = server.url })
    chat:see "\nYou"
    chat:press "/task\n"
    chat:see "The task is not chosen yet"
    chat:press "Hello\n"
    chat:see "You could ask"
    chat:press "/task\n"
    chat:wait("the task's id", function() return chat.screen:text():find("The task is " .. ("%x"):rep(24)) end)
    chat:press "\4"
    assert.equal(0, chat:exit_status())
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
    assert.truthy(chat.output:find "\nYou    1\n\nAgent  Here is what I know about ")
    assert.truthy(chat.output:find "\nYou    no newline at the end\n\nAgent  I am not sure ")
  end)

  it("says at once what is wrong with its environment", function()
    local chat = person.start("chat", {}, nil, { AUI_URL = "http://127.0.0.1/" })
    assert.equal(1, chat:exit_status())
    local meant = 'got "http://127.0.0.1/"; did you mean "ws://..."?\n'
    assert.equal('Error  url: expected "ws://..." or "wss://...", ' .. meant, chat.errors)
  end)
end)
