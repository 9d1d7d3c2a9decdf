-- aui.test: what users' own tests start. Its simulator is a process, so that this is native.

local aui = require "aui"
local test = require "aui.test"

describe("#native aui.test's simulator", function()
  it("answers sessions of either API, and its scenario is the test's", function()
    local sim = test.simulator {
      "--pace", "0",
      scenario = { connections = { { { receive = true }, { message = { text = "Indeed" } } } } },
    }
    local session = assert(aui.connect { url = sim.url, task_id = "t" })
    assert.equal("Indeed", assert(session:ask "Really?").text)
    session:close()
    local client = aui.client { url = sim.threads_url, publishable_key = "pk_network_hunter2" }
    assert.is_string(assert(client:welcome_message()).welcome_message)
    assert.matches("^aui.Simulator %(ws://127", tostring(sim))
    sim:stop()
    sim:stop()
    assert.equal("aui.Simulator (stopped)", tostring(sim))
    local none, err = aui.connect { url = sim.url, task_id = "t" }
    assert.is_nil(none)
    assert.matches("refused", err.message)
  end)

  it("says what is wrong", function()
    assert.error_matches(function() test.simulator "x" end, 'options: expected a table, got "x"')
    assert.error_matches(function() test.simulator { scenarios = {} } end, 'did you mean "scenario"')
    assert.error_matches(function() test.simulator { "--nonsense" } end, "aui%-sim: did not start: .*nonsense")
    assert.error_matches(function() test.simulator { scenario = { { nonsense = 1 } } } end, "did not start: .*step 1")
    assert.error_matches(function() test.simulator { program = "/nowhere/sim" } end, "did not start: .*/nowhere/sim")
    assert.error_matches(function() test.simulator { "--pace\0" } end, "options%[1%]: must not contain NUL")
    assert.error_matches(function() test.simulator { program = "aui-sim\0" } end, "program: must not contain NUL")
  end)

  it("leaves no file behind, whether it starts or not", function()
    local tmpname, names = os.tmpname, {}
    finally(function() os.tmpname = tmpname end) -- luacheck: ignore
    function os.tmpname() -- luacheck: ignore
      names[#names + 1] = tmpname()
      return names[#names]
    end
    local sim = test.simulator { scenario = { { receive = true } } }
    pcall(test.simulator, { "--nonsense" })
    pcall(test.simulator, { scenario = { print } })
    assert.truthy(names[1])
    for _, name in ipairs(names) do assert.is_nil((io.open(name))) end
    sim:stop()
  end)
end)
