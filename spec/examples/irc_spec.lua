-- The bridge between IRC and an agent as people on a real IRC server see it.

local network = require "spec.examples.irc_network"
local person = require "spec.examples.person"
local support = require "spec.support"

describe("the bridge to IRC", function()
  local server, irc, bot, log

  before_each(function()
    irc, log = network.start(), os.tmpname()
  end)

  after_each(function()
    if bot.status == nil then
      bot.process:kill "sigkill"
      bot:exit_status()
    end
    irc:stop()
    if server then person.stop(server) end
    os.remove(log)
    server = nil
  end)

  -- Starts the bot, and returns somebody in its channel when both are there.
  local function meet(nick, env)
    env = env or {}
    env.AUI_URL = env.AUI_URL or server.url
    local someone = irc:join(nick, "#shop")
    bot = person.start("irc", { "127.0.0.1:" .. irc.port, "#shop" }, nil, env)
    someone:see "^:(aui_*)!%S+ JOIN :#shop"
    return someone
  end

  -- What the agent was told, in order, as { task_id =, text = }.
  local function told() return support.logged_messages(log) end

  local function echo() server = support.start { "--echo", "--pace", "0", "--log", log } end

  it("answers, in its channel, what is said to it and nothing else", function()
    echo()
    local alice = meet "alice"
    alice:say("#shop", "hello everybody")
    alice:say("#shop", "auimata: hello")
    alice:send "NOTICE #shop :aui: hello"
    alice:say("#shop", "AUI,  \3" .. "04a red\3 laptop")
    local words, target = alice:hear()
    assert.equal("alice: a red laptop", words)
    assert.equal("#shop", target)
  end)

  it("answers in private what is said in private, but for what programs say", function()
    echo()
    local alice = meet "alice"
    alice:say("aui", "\1VERSION\1")
    alice:send "NOTICE aui :hello"
    alice:say("aui", "psst")
    local words, target = alice:hear()
    assert.equal("psst", words)
    assert.equal("alice", target)
  end)

  it("takes bytes that are not UTF-8 for Latin-1", function()
    echo()
    local alice = meet "alice"
    alice:say("aui", "gr\246\195\159er\226\130")
    assert.equal("größerâ", alice:hear())
  end)

  it("gives each person, in the channel and in private, a conversation of their own", function()
    echo()
    meet "alice"
    local people = {}
    for index = 1, 4 do
      people[index] = irc:join("bob" .. index, "#shop")
    end
    for round = 1, 2 do
      for index, someone in ipairs(people) do
        someone:say("#shop", ("aui: %d in the channel, %d"):format(index, round))
        someone:say("aui", ("%d in private, %d"):format(index, round))
      end
    end
    for index, someone in ipairs(people) do
      for round = 1, 2 do
        someone:see(("NOTICE #shop :bob%d: (%d) in the channel, %d\r"):format(index, index, round))
      end
      someone.seen = 0
      for round = 1, 2 do
        someone:see(("NOTICE bob%d :(%d) in private, %d\r"):format(index, index, round))
      end
    end
    local tasks = {}
    for _, message in ipairs(told()) do
      local who = message.text:match "^%d in %l+"
      assert.equal(tasks[message.task_id] or who, who)
      tasks[message.task_id] = who
    end
    local count = 0
    for _ in pairs(tasks) do
      count = count + 1
    end
    assert.equal(8, count)
  end)

  it("says a sentence as soon as it is complete", function()
    server = support.play { { receive = true }, { update = "I found two, e.g. this. Now the" }, { receive = true } }
    local alice = meet "alice"
    alice:say("#shop", "aui: two laptops")
    assert.equal("alice: I found two, e.g. this.", alice:hear())
  end)

  it("stops when it is told to, and answers the next question", function()
    server = support.play {
      connections = { { { receive = true }, { update = "One. Two" }, { receive = true } }, { { agent = true } } },
    }
    local alice = meet "alice"
    alice:say("aui", "laptops")
    assert.equal("One.", alice:hear())
    alice:say("aui", "Stop")
    assert.equal("Stopped.", alice:hear())
    alice:say("aui", "stop")
    assert.equal("There is nothing to stop.", alice:hear())
    alice:say("aui", "a built-in microwave")
    alice:see "NOTICE alice :(You could ask)"
  end)

  it("lists products, and takes a suggestion by its number", function()
    server = support.start { "--pace", "0", "--log", log }
    local alice = meet "alice"
    alice:say("aui", "a built-in microwave, at least 20 liters")
    alice:see "NOTICE alice :(★ Nordhaus Vela 20: Price 319, Capacity 20, Power 800, Built%-in yes, Grill no)\r"
    local suggestion = alice:see "NOTICE alice :You could ask 1: [^|]+ | 2: ([^|]+) | 3: "
    alice:say("aui", "4")
    assert.equal("There is no suggestion 4.", alice:hear())
    alice:say("aui", "2")
    alice:see "NOTICE alice :(You could ask)"
    assert.equal(suggestion, told()[2].text)
    assert.equal(told()[1].task_id, told()[2].task_id)
  end)

  -- Long texts, and what is lost between their lines.
  local long = {
    { "words", ("größer "):rep(300):sub(1, -2), " " },
    { "a word without end", ("ö€😀"):rep(150), "" },
  }
  for _, case in ipairs(long) do
    it("splits " .. case[1] .. " into lines that fit, and never within a character", function()
      server = support.play { { receive = true }, { message = { text = case[2] } }, { receive = true } }
      local alice = meet "alice"
      alice:say("#shop", "aui: much")
      local parts = {}
      repeat
        local words, _, line = alice:hear()
        assert.is_true(#line <= 512)
        parts[#parts + 1] = words:match "^alice: (.*)$"
        assert.is_nil(parts[#parts]:find "^[\128-\191]")
      until #table.concat(parts, case[3]) >= #case[2]
      assert.equal(case[2], table.concat(parts, case[3]))
      assert.is_true(#parts < 10)
    end)
  end

  it("lets no line of the agent become a command", function()
    server = support.play {
      { receive = true },
      {
        message = {
          text = "One\r\nQUIT :bye\rQUIT :bye\nTwo\1three\1",
          cards = { { name = "Four\r\nQUIT :bye", parameters = {} } },
          followup_suggestions = { "Five\r\nQUIT :bye" },
        },
      },
      { receive = true },
    }
    local alice = meet "alice"
    alice:say("aui", "hello")
    assert.equal("One", alice:hear())
    assert.equal("QUIT :byeQUIT :bye", alice:hear())
    assert.equal("Twothree", alice:hear())
    assert.equal("Four QUIT :bye", alice:hear())
    assert.equal("You could ask 1: Five QUIT :bye", alice:hear())
    alice:say("aui", "help")
    alice:see "NOTICE alice :(Ask me)"
  end)

  it("lets others have their turn during a long answer", function()
    server = support.play {
      { receive = true },
      { message = { text = ("A line.\n"):rep(12) .. "The end." } },
      { receive = true },
    }
    local alice = meet "alice"
    local bob = irc:join("bob", "#shop")
    alice:say("#shop", "aui: much")
    bob:see "NOTICE #shop :alice: (A line.)"
    bob:say("#shop", "aui: help")
    assert.equal("bob: Ask", alice:see "NOTICE #shop :(bob: Ask)")
    alice:see "NOTICE #shop :alice: (The end.)"
  end)

  it("tells of an error in one friendly line, and goes on", function()
    local failure = { status_code = 500, message = "Out of order" }
    server = support.play {
      connections = { { { receive = true }, { error = failure }, { close = 1011 } }, { { agent = true } } },
    }
    local alice = meet "alice"
    alice:say("aui", "hello")
    assert.equal("Sorry, the agent has a problem. Please try again.", alice:hear())
    alice:say("aui", "a built-in microwave")
    alice:see "NOTICE alice :(You could ask)"
    bot:wait("a note", function() return bot.errors:find("Out of order", 1, true) end)
  end)

  it("says so when there is no agent", function()
    local alice = meet("alice", { AUI_URL = "ws://127.0.0.1:1/api/v1/external/session" })
    alice:say("aui", "hello")
    assert.equal("Sorry, I cannot reach the agent. Please try again.", alice:hear())
  end)

  it("shows its key to the agent, and to nobody else", function()
    server = support.start { "--api-key", "hunter2", "--echo", "--pace", "0" }
    local alice = meet("alice", { AUI_NETWORK_API_KEY = "hunter2" })
    alice:say("aui", "hello")
    assert.equal("hello", alice:hear())
    bot.process:kill "sigint"
    bot:exit_status()
    assert.is_nil((bot.errors .. bot.output):find("hunter2", 1, true))
  end)

  it("speaks the threads API where there is a publishable key, with a thread for each conversation", function()
    echo()
    local alice = meet("alice", { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" })
    alice:say("#shop", "aui: hello")
    assert.equal("alice: hello", (alice:hear()))
    for _, words in ipairs { "hello again", "and again" } do
      alice:say("aui", words)
      assert.equal(words, (alice:hear()))
    end
    local messages = told()
    assert.is_not.equal(messages[1].thread_id, messages[2].thread_id)
    assert.equal(messages[2].thread_id, messages[3].thread_id)
  end)

  it("takes another nick when its own is in use", function()
    echo()
    irc:join "aui"
    local alice = meet "alice"
    alice:say("#shop", "aui: hello")
    alice:say("#shop", "aui_: hello you")
    assert.equal("alice: hello you", alice:hear())
  end)

  it("comes back when the IRC server was gone", function()
    echo()
    local alice = meet "alice"
    alice:say("#shop", "aui: hello")
    assert.equal("alice: hello", alice:hear())
    irc:restart()
    bot.errors = ""
    bot:wait("its return", function() return bot.errors:find("joined #shop", 1, true) end)
    alice = irc:join("alice", "#shop")
    alice:say("#shop", "aui: hello again")
    assert.equal("alice: hello again", alice:hear())
    assert.is_not.equal(told()[1].task_id, told()[2].task_id)
  end)

  it("knows people by their new nick, and forgets them when they leave", function()
    echo()
    local watcher = meet "watcher"
    local alice = irc:join("alice", "#shop")
    alice:say("aui", "one")
    assert.equal("one", alice:hear())
    alice:send "NICK ally"
    alice:see "NICK :(ally)"
    alice:say("aui", "two")
    assert.equal("two", alice:hear())
    alice:send "NICK alice"
    alice:see "NICK :(alice)"
    alice:leave()
    watcher:see "^:alice!.*(QUIT)"
    local other = irc:join("alice", "#shop")
    other:say("aui", "three")
    assert.equal("three", other:hear())
    local messages = told()
    assert.equal(messages[1].task_id, messages[2].task_id)
    assert.is_not.equal(messages[1].task_id, messages[3].task_id)
  end)

  it("talks with so many at once, and with others when those have fallen silent", function()
    server = support.play { { receive = true }, { update = "One. Two" }, { receive = true } }
    local alice = meet("alice", { IRC_PEOPLE = "1", IRC_IDLE = "0.01" })
    local bob = irc:join "bob"
    alice:say("aui", "laptops")
    assert.equal("One.", alice:hear())
    bob:say("aui", "help")
    assert.equal("Sorry, too many people talk to me just now. Please try again later.", bob:hear())
    alice:say("aui", "stop")
    assert.equal("Stopped.", alice:hear())
    repeat
      bob:say("aui", "help")
    until bob:hear():find "^Ask me"
  end)

  it("says goodbye on Ctrl-C, in the middle of an answer too", function()
    server = support.play { { receive = true }, { update = "One. Two" }, { receive = true } }
    local alice = meet "alice"
    alice:say("aui", "laptops")
    assert.equal("One.", alice:hear())
    bot.process:kill "sigint"
    assert.equal("Goodbye", alice:see '^:aui!%S+ QUIT :"?(%w+)')
    assert.equal(0, bot:exit_status())
    assert.equal(0, bot.signal)
    assert.equal("", bot.errors:gsub("connected to 127.0.0.1 as aui\njoined #shop\n", ""))
  end)

  it("says how it is started", function()
    bot = person.start("irc", {}, nil, {})
    assert.equal(2, bot:exit_status())
    assert.truthy(bot.errors:find "^usage: ")
  end)
end)
