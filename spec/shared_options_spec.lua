-- Sessions with equal options share what was made of these, and no others do.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

describe("sessions with equal options", function()
  local server
  before_each(function() server = support.start { "--pace", "0" } end)
  after_each(function() server:stop() end)

  it("take little memory in Lua each, also after an answer #native", function()
    local COUNT, MOST = 50, 6 -- kilobytes; of its own options one would take twice as much
    local sessions = {}
    local function open(count)
      for _ = 1, count do
        local headers = { ["X-Name"] = ("x"):rep(1000) }
        local session = assert(aui.connect(server:options { task_id = "t", headers = headers }))
        sessions[#sessions + 1] = session
        assert(session:ask "hello")
      end
      collectgarbage()
      collectgarbage()
      return collectgarbage "count"
    end
    local before = open(5)
    local each = (open(COUNT) - before) / COUNT
    for _, session in ipairs(sessions) do session:close() end
    assert.is_true(each < MOST, ("%.1f kB"):format(each))
  end)

  it("have their own tasks", function()
    local one = assert(aui.connect(server:options { task_id = "one" }))
    local other = assert(aui.connect(server:options { task_id = "other" }))
    assert(one:ask "of one")
    assert(other:ask "of the other")
    assert.are.equal("of one", assert(one:history())[1].text)
    assert.are.equal("of the other", assert(other:history())[1].text)
    one:close()
    other:close()
  end)
end)

for _, way in ipairs(wire.ways) do
  it("sessions with equal options over " .. way .. " ask for what is asked for before each connection", function()
    local link = wire.new(way)
    local server = link:start { "--pace", "0" }
    local sessions = {}
    for index = 1, 3 do
      sessions[index] = assert(aui.connect(wire.options(server)))
      assert(sessions[index]:ask "hello")
    end
    for _, session in ipairs(sessions) do session:close() end
    link:stop()
  end)
end

describe("a client", function()
  it("adds options to its own, of whatever kind", function()
    local client = aui.client { url = "ws://127.0.0.1:1/", task_id = "t", reconnect = false }
    local function address(extra)
      local session = assert(client:session(extra))
      session:close()
      return session.task_id, tostring(session):match "ws://[^)]*"
    end
    assert.are.same({ "t", "ws://127.0.0.1:1/" }, { address() })
    assert.are.same({ "other", "ws://127.0.0.1:1/" }, { address { task_id = "other" } })
    assert.are.same({ "other", "ws://127.0.0.1:2/" }, { address { task_id = "other", url = "ws://127.0.0.1:2/" } })
    assert.has_error(function() client:session { task_id = "" } end)
    assert.has_error(function() client:session { task_idd = "other" } end)
  end)

  it("of the threads API takes no task", function()
    local client = aui.client { url = "http://127.0.0.1:1/", publishable_key = "pk_network_x" }
    local ok, problem = pcall(client.session, client, { task_id = "t" })
    assert.is_false(ok)
    assert.matches("task_id: has no meaning beside publishable_key", problem, 1, true)
  end)
end)

describe("options that are equal at first sight", function()
  it("lead to where their metatables say", function()
    local function open(port)
      local defaults = { url = ("ws://127.0.0.1:%d/"):format(port), reconnect = false }
      return assert(aui.session(setmetatable({ task_id = "t" }, { __index = defaults })))
    end
    local one, other = open(1), open(2)
    assert.matches("127.0.0.1:1/", tostring(one), 1, true)
    assert.matches("127.0.0.1:2/", tostring(other), 1, true)
    one:close()
    other:close()
  end)

  it("have the key that their functions give", function()
    local asked = {}
    for index = 1, 2 do
      local session = aui.session {
        url = "ws://127.0.0.1:1/",
        api_key = function()
          asked[#asked + 1] = index
          return "a key"
        end,
        reconnect = false,
      }
      session:send({ text = "hello", task_id = "t" }):message()
      session:close()
    end
    assert.are.same({ 1, 2 }, asked)
  end)
end)
