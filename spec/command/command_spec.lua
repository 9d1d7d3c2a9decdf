-- The command `aui` as its user meets it: what it prints, and the status with which it ends, against aui-sim.

local cjson = require "cjson"
local person = require "spec.examples.person"
local support = require "spec.support"

local KEY = "pk_network_hunter2"
local GREETING = "Hello! I help you choose from our little shop."
local NOWHERE = "ws://127.0.0.1:1/api/v1/external/session"

describe("The command aui", function()
  local server
  after_each(function()
    if server then person.stop(server) end
    server = nil
  end)

  local function run(arguments, env, columns)
    return person.run("lua/aui/command/main.lua", arguments, columns, env or { AUI_URL = server.url })
  end

  -- Its status, what it printed, and its complaints, of one with this input.
  local function outcome(arguments, env, input)
    local aui = run(arguments, env)
    if input then aui:press(input) end
    local status = aui:finish()
    return status, aui.output, aui.errors
  end

  it("says how it is used", function()
    for _, words in ipairs { {}, { "--help" } } do
      local status, output = outcome(words, {})
      assert.equal(0, status)
      assert.matches("^Usage: aui", output)
      assert.matches("\n   3  auth ", output, 1, true)
    end
    local status, output = outcome({ "--version" }, {})
    assert.equal(0, status)
    assert.matches("^aui %d+%.%d+%.%d+\n$", output)
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      status, output = outcome({ "--completion", shell }, {})
      assert.equal(0, status)
      assert.matches("doctor", output, 1, true)
    end
  end)

  -- The long options that a text names.
  local function options_in(text, pattern)
    local found = {}
    for name in text:gmatch(pattern) do found[name] = true end
    return found
  end

  it("has a manual that names every option, and no other", function()
    local help = ""
    local commands = { {}, { "ask" }, { "chat" }, { "tasks", "list" }, { "tasks", "new" } }
    for _, more in ipairs { { "tasks", "show" }, { "doctor" } } do commands[#commands + 1] = more end
    for _, words in ipairs(commands) do
      words[#words + 1] = "--help"
      help = help .. select(2, outcome(words, {}))
    end
    local options = options_in(help, "%-%-(%a+)")
    options.help = nil -- it is -h there
    local file = assert(io.open "docs/aui.1")
    assert.same(options, options_in(file:read "*a", "Fl %-(%a+)"))
    file:close()
  end)

  it("says what is wrong with its words, with status 2", function()
    local cases = {
      { { "aks", "x" }, "aui: unknown command 'aks'; did you mean 'ask'? See aui --help\n" },
      { { "ask", "--jsn", "x" }, "aui: unknown option '--jsn'; did you mean '--json'? See aui --help\n" },
      { { "ask", "--region", "mars", "x" }, 'aui: region: expected "gcp" or "azure" or "aws", got "mars"\n' },
      { { "ask" }, "aui: ask: the question is empty; see aui --help\n" },
      { { "tasks" }, "aui: tasks: expected list, new or show; see aui --help\n" },
    }
    for _, case in ipairs(cases) do
      local status, output, errors = outcome(case[1], {})
      assert.same({ 2, "", case[2] }, { status, output, errors })
    end
  end)

  describe("ask", function()
    it("prints the answer, and nothing else", function()
      server = support.start { "--pace", "0" }
      local status, output, errors = outcome { "ask", "hello", "there" }
      assert.equal(0, status, errors)
      assert.equal(GREETING, output:sub(1, #GREETING))
      assert.matches("^[^\n]+\n$", output)
      assert.equal("", errors)
    end)

    it("reads the question from its input", function()
      server = support.start { "--pace", "0", "--echo" }
      for _, words in ipairs { { "ask", "-" }, { "ask" } } do
        local status, output, errors = outcome(words, nil, "one\ntwo\n")
        assert.equal(0, status, errors)
        assert.equal("one\ntwo\n", output)
      end
    end)

    it("prints the whole message as JSON", function()
      server = support.start { "--pace", "0" }
      local status, output, errors = outcome { "ask", "--json", "a laptop under $1000" }
      assert.equal(0, status, errors)
      local message = cjson.decode(output)
      assert.equal("agent", message.sender.type)
      assert.truthy(message.text)
    end)

    it("goes on in a task, and in a thread", function()
      server = support.start { "--pace", "0" }
      local id = select(2, outcome { "tasks", "new" }):match "^%S+"
      outcome { "ask", "--task", id, "Wireless headphones" }
      local _, answer = outcome { "ask", "--task", id, "Tell me more about the first one" }
      assert.matches("^Here is what I know about the Lyra Mini", answer)

      local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = KEY }
      local _, _, hint = outcome({ "ask", "--verbose", "Wireless headphones" }, env)
      local thread = hint:match "^\n%(aui ask %-%-thread (%S+) %.%.%. goes on%)\n$"
      answer = select(2, outcome({ "ask", "--thread", thread, "Tell me more about the first one" }, env))
      assert.matches("^Here is what I know about the Lyra Mini", answer)
    end)

    it("tells what went wrong, with a status for its kind", function()
      local status, output, errors = outcome({ "ask", "x" }, { AUI_URL = NOWHERE })
      assert.same({ 7, "" }, { status, output })
      assert.equal("aui: transport: POST /api/v1/external/tasks: connection to 127.0.0.1 port 1 refused\n", errors)
      server = support.start { "--api-key", "hunter2" }
      local env = { AUI_URL = server.url, AUI_NETWORK_API_KEY = "wrong" }
      local refused, _, words = outcome({ "ask", "x" }, env)
      assert.equal(3, refused)
      assert.matches("^aui: auth: ", words)
    end)
  end)

  describe("tasks", function()
    it("begins, lists and shows them", function()
      server = support.start { "--pace", "0" }
      local status, begun, errors = outcome { "tasks", "new", "--user", "ada" }
      assert.equal(0, status, errors)
      local id, welcome = begun:match "^(%x+)\n(.*)$"
      assert.equal(GREETING, welcome:sub(1, #GREETING))
      outcome { "ask", "--task", id, "a laptop under $1000" }
      local _, list = outcome { "tasks", "list", "--user", "ada" }
      assert.matches("^" .. id .. "  [^\n]*\n$", list)
      local _, shown = outcome { "tasks", "show", id }
      assert.matches("> a laptop under $1000\n  I found", shown, 1, true)
      local _, json = outcome { "tasks", "show", "--json", id }
      assert.equal("a laptop under $1000", cjson.decode(json)[1].text)
    end)

    it("prints as JSON what came: also lists that are empty, and numbers of many digits", function()
      server = support.play {
        connections = { { { agent = true } } },
        rest = {
          { status = 200, body = '{"tasks":[]}' },
          { status = 200, body = '{"tasks":[{"id":"a"}]}' },
          { status = 200, body = '{"id":"a","followup_suggestions":["one"]}' },
          { status = 200, body = '[{"id":"m","cards":[],"number":1234567890123456789}]' },
        },
      }
      assert.equal('{"tasks":[]}\n', (select(2, outcome { "tasks", "list", "--json" })))
      assert.matches('"followup_suggestions":[]', select(2, outcome { "tasks", "list", "--json" }), 1, true)
      assert.matches('"followup_suggestions":["one"]', select(2, outcome { "tasks", "new", "--json" }), 1, true)
      local said = '[{"id":"m","cards":[],"number":1234567890123456789}]\n'
      assert.equal(said, (select(2, outcome { "tasks", "show", "--json", "a" })))
    end)

    it("prints nothing that a terminal obeys, nor stumbles over what is no text", function()
      local task = '{"id":"a\\u001b[2J\194\155m","title":"b\\nc","created_at":[],"welcome_message":{}}'
      local messages = '[{"id":"m","text":null},{"id":"n","text":"d\\u001b[2J\\n> e","sender":5}]'
      server = support.play {
        connections = { { { agent = true } } },
        rest = {
          { status = 200, body = '{"tasks":[' .. task .. "]}" },
          { status = 200, body = task },
          { status = 200, body = messages },
          { status = 200, body = '{"tasks":[{"id":"a\194\155m\127"}]}' },
        },
      }
      assert.equal("a[2Jm    b c\n", (select(2, outcome { "tasks", "list" })))
      assert.equal("a[2Jm\n\n", (select(2, outcome { "tasks", "new" })))
      assert.equal("  \n  d[2J\n  > e\n", (select(2, outcome { "tasks", "show", "a" })))
      assert.matches([["id":"a\u009bm\u007f"]], select(2, outcome { "tasks", "list", "--json" }), 1, true)
    end)
  end)

  it("sim starts aui-sim with the words that follow", function()
    local status, output = outcome({ "sim", "--version" }, {})
    assert.equal(0, status)
    assert.matches("^aui%-sim ", output)
    status = outcome({ "sim", "--nonsense" }, {})
    assert.equal(2, status)
    status = outcome({ "sim", "-c", "kill -9 $$" }, { AUI_SIM = "sh" })
    assert.equal(137, status)
    local complaints
    status, output, complaints = outcome({ "sim" }, { AUI_SIM = "/nowhere/aui-sim" })
    assert.same({ 127, "" }, { status, output })
    assert.matches("^aui: /nowhere/aui%-sim is not there: ", complaints)
  end)
end)
