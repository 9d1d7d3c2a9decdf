-- aui ask as a person sees it in a terminal, and what a pipe gets, against aui-sim.

local aui = require "aui"
local person = require "spec.examples.person"
local support = require "spec.support"

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

local QUESTION = "I am looking for a built-in microwave with at least 20 liters capacity"

describe("aui ask", function()
  local server

  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function start(arguments, columns, env)
    env = env or {}
    env.AUI_URL = env.AUI_URL or server.url
    return person.run("lua/aui/command/main.lua", { "ask", unpack(arguments) }, columns, env)
  end

  -- What is on the screen, without how to go on.
  local function shown(run)
    local text = run.screen:text()
    return text:match "^(.-)\n%(aui ask %-%-%a+ %S+ %.%.%. goes on%)\n$" or text
  end

  it("shows answer, products and suggestions in a terminal", function()
    server = support.start { "--pace", "0" }
    local run = start({ QUESTION }, 80)
    assert.equal(0, run:exit_status())
    local lines = {}
    for line in (shown(run) .. "\n"):gmatch "(.-)\n" do
      lines[#lines + 1] = line
    end
    assert.equal("Agent  I found three microwaves that fit. The Nordhaus Vela 20 costs $319: a", lines[2])
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
      table.concat(lines, "\n", 9)
    )
  end)

  it("speaks the threads API where there is a publishable key, to the same effect", function()
    server = support.start { "--pace", "0", "--publishable-key", "pk_network_hunter2-right" }
    local tasks = start({ QUESTION }, 80)
    local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2-right" }
    local threads = start({ QUESTION }, 80, env)
    assert.equal(0, tasks:exit_status())
    assert.equal(0, threads:exit_status())
    local function until_products(run) return run.screen:text():match "^(.-\n *Products)" end
    assert.equal(until_products(tasks), until_products(threads))
    local suggestions = "\n       You could ask\n       Tell me more about the first one\n"
    assert.truthy(threads.screen:text():find(suggestions, 1, true))
  end)

  it("goes on in the thread that it is told", function()
    server = support.start { "--pace", "0" }
    local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
    local client = aui.client { publishable_key = env.AUI_PUBLISHABLE_KEY, url = env.AUI_URL }
    env.AUI_THREAD_ID = assert(client:send_message { user_id = "aui", text = "Wireless headphones" }).thread_id
    local run = start({ "Tell me more about the first one" }, nil, env)
    assert.equal(0, run:exit_status())
    assert.matches("^Here is what I know about the Lyra Mini", run.output)
  end)

  it("names no thread that it was not told", function()
    server = support.play { streams = { { { thread = false }, { agent = true }, { done = true } } } }
    local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
    local run = start({ "--verbose", QUESTION }, nil, env)
    assert.equal(0, run:exit_status())
    assert.equal("", run.errors)
  end)

  it("says what is wrong with a publishable key", function()
    server = support.start { "--publishable-key", "pk_network_hunter2-right" }
    local run = start({ QUESTION }, nil, { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2-wrong" })
    assert.equal(3, run:exit_status())
    assert.matches("^aui: auth: [^\n]*status 40%d[^\n]*\n$", run.errors)
    local keys = { AUI_URL = "", AUI_NETWORK_API_KEY = "hunter2", AUI_PUBLISHABLE_KEY = "pk_network_2" }
    local two = start({ QUESTION }, nil, keys)
    assert.equal(2, two:exit_status())
    assert.matches("^aui: api_key: AUI_NETWORK_API_KEY and AUI_PUBLISHABLE_KEY are both set: ", two.errors)
  end)

  it("shows text while the answer is still coming", function()
    server = support.play { { receive = true }, { update = "I found" }, { receive = true } }
    local run = start({ QUESTION }, 80)
    run:see "Agent  I found"
    assert.is_nil(run.status)
    run:press "\3"
    assert.equal(130, run:exit_status())
    assert.is_nil(run.screen:text():find "Error")
  end)

  it("writes the text alone into a pipe", function()
    server = support.start { "--pace", "0" }
    local run = start({ "Wireless headphones" }, nil)
    assert.equal(0, run:exit_status())
    assert.equal("", run.errors)
    assert.matches("^I found three headphones [^\n]+\n$", run.output)
  end)

  it("uses colours only where they are wanted", function()
    server = support.start { "--pace", "0" }
    local coloured, plain = start({ QUESTION }, 80), start({ QUESTION }, 80, { NO_COLOR = "1" })
    assert.equal(0, coloured:exit_status())
    assert.equal(0, plain:exit_status())
    assert.truthy(coloured.output:find("\27[1;35mAgent", 1, true))
    assert.is_nil(plain.output:find "\27%[[%d;]*m")
    local function without_id(run) return (shown(run):gsub("%-%-task %x+", "")) end
    assert.equal(without_id(coloured), without_id(plain))
  end)

  it("keeps within a narrow terminal, and marks what it leaves out", function()
    server = support.start { "--pace", "0" }
    local run = start({ "microwave" }, 44)
    assert.equal(0, run:exit_status())
    for line in shown(run):gmatch "[^\n]+" do
      assert(#line:gsub("[\128-\191]", "") <= 44, line)
    end
    assert.truthy(run.screen:text():find "Products +Price  …\n[^\n]+ 89\n")
  end)

  it("breaks long suggestions between words", function()
    local suggestion = "Show me those that are also quiet enough for an open kitchen"
    server = support.play { { receive = true }, { message = { text = "Look", followup_suggestions = { suggestion } } } }
    local run = start({ "Hello" }, 32)
    assert.equal(0, run:exit_status())
    assert.equal(
      table.concat({
        "",
        "Agent  Look",
        "",
        "       You could ask",
        "       Show me those that are",
        "         also quiet enough for",
        "         an open kitchen",
        "",
      }, "\n"),
      shown(run)
    )
  end)

  it("keeps up with a long answer", function()
    server = support.start { "--tokens", "3000", "--token-bytes", "6" }
    local terminal, pipe = start({ "Hello" }, 80), start({ "Hello" }, nil)
    assert.equal(0, terminal:exit_status())
    assert.equal(0, pipe:exit_status())
    local function without_spaces(text) return (text:gsub("%s+", "")) end
    assert(#pipe.output > 3000 * 6)
    assert.equal("Agent" .. without_spaces(pipe.output), without_spaces(shown(terminal)))
  end)

  -- Without the pauses, the command might get all of it as one chunk.
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
    local run = start({ "Hello" }, 40)
    assert.equal(0, run:exit_status())
    assert.equal(
      "\nAgent  I found two of them, 電子レンジ\n       電子レンジ電子レンジ電子レンジ\n       for us.\n",
      shown(run)
    )
  end)

  it("writes into a pipe what the agent stands by", function()
    server = support.play(REWRITTEN)
    local run = start({ "Hello" }, nil)
    assert.equal(0, run:exit_status())
    assert.equal("I found two of them, 電子レンジ電子レンジ電子レンジ電子レンジ\nfor us.\n", run.output)
  end)

  it("does not let the agent control the terminal", function()
    server = support.play { { receive = true }, { message = { text = "\27[2Jred\7 \194\155Jalert" } } }
    local run = start({ "Hello" }, 80)
    assert.equal(0, run:exit_status())
    assert.equal("\nAgent  [2Jred Jalert\n", shown(run))
  end)

  it("shows options where a server sends no cards", function()
    local parameters = {
      { title = "Name", value = "Vela 20", type = "string" },
      { title = "In stock", value = true, type = "boolean" },
      { title = "Shops", value = { "Berlin" }, type = "array" },
    }
    local options = { { is_recommended = false, widget_parameters = parameters } }
    server = support.play { { receive = true }, { message = { text = "Look:", cards = {}, options = options } } }
    local run = start({ "Hello" }, 80)
    assert.equal(0, run:exit_status())
    assert.equal("\nAgent  Look:\n\n         Products  In stock\n         Vela 20   yes\n", shown(run))
  end)

  it("shows an error below the text that had arrived", function()
    local failure = { status_code = 500, description = "Server error", message = "Out of words" }
    server = support.play { { receive = true }, { update = "I found" }, { error = failure }, { close = 1011 } }
    local run = start({ "Hello" }, 80)
    assert.equal(6, run:exit_status())
    assert.matches("\nAgent  I found\naui: server: [^\n]+\naui: The agent has got the message%.\n$", run.screen:text())
  end)
end)
