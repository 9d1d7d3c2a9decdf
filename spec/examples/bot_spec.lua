-- The bot as a person sees it: in a terminal and in a pipe, against aui-sim.

local aui = require "aui"
local person = require "spec.examples.person"
local support = require "spec.support"

local QUESTION = "I am looking for a built-in microwave with at least 20 liters capacity"

describe("the bot", function()
  local server

  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function start(arguments, columns, env)
    env = env or {}
    env.AUI_URL = env.AUI_URL or server.url
    return person.start("bot", arguments, columns, env)
  end

  it("shows question, answer, products and suggestions in a terminal", function()
    server = support.start { "--pace", "0" }
    local bot = start({}, 80)
    assert.equal(0, bot:exit_status())
    local lines = {}
    for line in (bot.screen:text() .. "\n"):gmatch "(.-)\n" do
      lines[#lines + 1] = line
    end
    assert.equal("You    " .. QUESTION, lines[1])
    assert.equal("Agent  I found three microwaves that fit. The Nordhaus Vela 20 costs $319: a", lines[3])
    assert.equal(
      table.concat({
        "         Products          Price  Capacity  Power  Built-in  Grill",
        "       ★ Nordhaus Vela 20    319        20    800  yes       no",
        "         Nordhaus Vela 25    429        25    900  yes       yes",
        "         Kessler Crème 32    559        32   1000  yes       yes",
        "",
        "       You could ask",
        "       Tell me more about the first one",
        "       Show me something cheaper",
        "       What else do you have?",
        "",
      }, "\n"),
      table.concat(lines, "\n", 10)
    )
  end)

  it("speaks the threads API where there is a publishable key, to the same effect", function()
    server = support.start { "--pace", "0", "--publishable-key", "pk_network_hunter2-right" }
    local tasks = start({}, 80)
    local threads = start({}, 80, { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2-right" })
    assert.equal(0, tasks:exit_status())
    assert.equal(0, threads:exit_status())
    local function until_products(bot) return bot.screen:text():match "^(.-\n *Products)" end
    assert.equal(until_products(tasks), until_products(threads))
    local suggestions = "\n       You could ask\n       Tell me more about the first one\n"
    assert.truthy(threads.screen:text():find(suggestions, 1, true))
  end)

  it("goes on in the thread that it is told", function()
    server = support.start { "--pace", "0" }
    local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
    local client = aui.client { publishable_key = env.AUI_PUBLISHABLE_KEY, url = env.AUI_URL }
    env.AUI_THREAD_ID = assert(client:send_message { user_id = "bot", text = "Wireless headphones" }).thread_id
    local bot = start({ "Tell me more about the first one" }, nil, env)
    assert.equal(0, bot:exit_status())
    assert.matches("Agent  Here is what I know about the Lyra Mini", bot.output)
  end)

  it("says what is wrong with a publishable key", function()
    server = support.start { "--publishable-key", "pk_network_hunter2-right" }
    local bot = start({}, nil, { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2-wrong" })
    assert.equal(1, bot:exit_status())
    assert.matches("^Error  auth: [^\n]*status 40%d[^\n]*\n$", bot.errors)
    local two = start({}, nil, { AUI_URL = "", AUI_NETWORK_API_KEY = "hunter2", AUI_PUBLISHABLE_KEY = "pk_network_2" })
    assert.equal(1, two:exit_status())
    assert.matches("^Error  api_key: AUI_NETWORK_API_KEY and AUI_PUBLISHABLE_KEY are both set: ", two.errors)
  end)

  it("shows text while the answer is still coming", function()
    server = support.play { { receive = true }, { update = "I found" }, { receive = true } }
    local bot = start({}, 80)
    bot:see "Agent  I found"
    assert.is_nil(bot.status)
    bot:press "\3"
    assert.equal(130, bot:exit_status())
    assert.is_nil(bot.screen:text():find "Error")
  end)

  it("is plain in a pipe", function()
    server = support.start { "--pace", "0" }
    local bot = start({ "Wireless headphones" }, nil)
    assert.equal(0, bot:exit_status())
    assert.equal("", bot.errors)
    assert.is_nil(bot.output:find "[\27\r]")
    local expected = "^You    Wireless headphones\n\nAgent  I found three headphones [^\n]+\n\n         Products "
    assert.truthy(bot.output:find(expected))
  end)

  it("uses colours only where they are wanted", function()
    server = support.start { "--pace", "0" }
    local coloured, plain = start({}, 80), start({}, 80, { NO_COLOR = "1" })
    assert.equal(0, coloured:exit_status())
    assert.equal(0, plain:exit_status())
    assert.truthy(coloured.output:find("\27[1;35mAgent", 1, true))
    assert.is_nil(plain.output:find "\27%[[%d;]*m")
    assert.equal(coloured.screen:text(), plain.screen:text())
  end)

  it("keeps within a narrow terminal, and marks what it leaves out", function()
    server = support.start { "--pace", "0" }
    local bot = start({ "microwave" }, 44)
    assert.equal(0, bot:exit_status())
    for line in bot.screen:text():gmatch "[^\n]+" do
      assert(#line:gsub("[\128-\191]", "") <= 44, line)
    end
    assert.truthy(bot.screen:text():find "Products +Price  …\n[^\n]+ 89\n")
  end)

  it("breaks long suggestions between words", function()
    local suggestion = "Show me those that are also quiet enough for an open kitchen"
    server = support.play { { receive = true }, { message = { text = "Look", followup_suggestions = { suggestion } } } }
    local bot = start({ "Hello" }, 32)
    assert.equal(0, bot:exit_status())
    assert.equal(
      table.concat({
        "You    Hello",
        "",
        "Agent  Look",
        "",
        "       You could ask",
        "       Show me those that are",
        "         also quiet enough for",
        "         an open kitchen",
        "",
      }, "\n"),
      bot.screen:text()
    )
  end)

  it("keeps up with a long answer", function()
    server = support.start { "--tokens", "3000", "--token-bytes", "6" }
    local shown, piped = start({ "Hello" }, 80), start({ "Hello" }, nil)
    assert.equal(0, shown:exit_status())
    assert.equal(0, piped:exit_status())
    local function without_spaces(text) return (text:gsub("%s+", "")) end
    assert(#piped.output > 3000 * 6)
    assert.equal(without_spaces(piped.output), without_spaces(shown.screen:text()))
  end)

  -- Without the pauses, the bot might get all of it as one chunk.
  local REWRITTEN = {
    { receive = true },
    { update = "I found several microwaves, and some of them are even wider than the terminal" },
    { wait = 0.2 },
    { update = "I found two" },
    { wait = 0.2 },
    { update = "I found two of them, 電子レンジ電子レンジ電子レンジ電子レンジ for you" },
    { message = { text = "I found two of them, 電子レンジ電子レンジ電子レンジ電子レンジ\nfor us." } },
  }

  it("replaces rewritten text in a terminal", function()
    server = support.play(REWRITTEN)
    local bot = start({ "Hello" }, 40)
    assert.equal(0, bot:exit_status())
    assert.equal(
      "You    Hello\n\nAgent  I found two of them, 電子レンジ\n       電子レンジ電子レンジ電子レンジ\n       for us.\n",
      bot.screen:text()
    )
  end)

  it("writes rewritten text again in a pipe", function()
    server = support.play(REWRITTEN)
    local bot = start({ "Hello" }, nil)
    assert.equal(0, bot:exit_status())
    local last = "I found two of them, 電子レンジ電子レンジ電子レンジ電子レンジ\n       for us.\n"
    assert.equal(last, bot.output:sub(-#last))
  end)

  it("does not let the agent control the terminal", function()
    server = support.play { { receive = true }, { message = { text = "\27[2Jred\7 \194\155Jalert" } } }
    local bot = start({ "Hello" }, 80)
    assert.equal(0, bot:exit_status())
    assert.equal("You    Hello\n\nAgent  [2Jred Jalert\n", bot.screen:text())
  end)

  it("shows options where a server sends no cards", function()
    local parameters = {
      { title = "Name", value = "Vela 20", type = "string" },
      { title = "In stock", value = true, type = "boolean" },
      { title = "Shops", value = { "Berlin" }, type = "array" },
    }
    local options = { { is_recommended = false, widget_parameters = parameters } }
    server = support.play { { receive = true }, { message = { text = "Look:", cards = {}, options = options } } }
    local bot = start({ "Hello" }, nil)
    assert.equal(0, bot:exit_status())
    assert.equal(
      "You    Hello\n\nAgent  Look:\n\n         Products  In stock\n         Vela 20   yes\n",
      bot.output
    )
  end)

  it("says in one line what failed, with exit status 1", function()
    server = support.start { "--api-key", "right" }
    local refused = start({}, nil, { AUI_URL = "ws://127.0.0.1:1/api/v1/external/session" })
    assert.equal(1, refused:exit_status())
    local call = "POST /api/v1/external/tasks: "
    assert.equal("Error  transport: " .. call .. "connection to 127.0.0.1 port 1 refused\n", refused.errors)
    local wrong_key = start({}, nil, { AUI_NETWORK_API_KEY = "hunter2-wrong" })
    assert.equal(1, wrong_key:exit_status())
    local words = "Error  auth: " .. call .. "the server answered with status 401: Not authenticated\n"
    assert.equal(words, wrong_key.errors)
    local no_url = start({}, nil, { AUI_URL = "http://127.0.0.1/" })
    assert.equal(1, no_url:exit_status())
    local meant = 'got "http://127.0.0.1/"; did you mean "ws://..."?\n'
    assert.equal('Error  url: expected "ws://..." or "wss://...", ' .. meant, no_url.errors)
    local nothing = start({}, nil, { AUI_URL = "", AUI_NETWORK_API_KEY = "", AUI_TASK_ID = "" })
    assert.equal(1, nothing:exit_status())
    local expected = "Error  api_key: expected it or publishable_key, "
      .. "or in the environment AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY\n"
    assert.equal(expected, nothing.errors)
  end)

  it("shows an error below the text that had arrived", function()
    local failure = { status_code = 500, description = "Server error", message = "Out of words" }
    server = support.play { { receive = true }, { update = "I found" }, { error = failure }, { close = 1011 } }
    local bot = start({ "Hello" }, 80)
    assert.equal(1, bot:exit_status())
    assert.truthy(bot.screen:text():find "\nAgent  I found\nError  server: [^\n]+\n$")
  end)
end)
