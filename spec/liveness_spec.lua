-- Peers that vanish without a word: a ping finds out, and the session goes on with another connection.

local aui = require "aui"
local uv = require "luv"
local support = require "spec.support"
local wire = require "spec.wire"

local FAST = { base = 0.01, max = 0.05 }
local DEAD = "the connection is dead: no answer to a ping within 1 s (ping_timeout)"

for _, way in ipairs(wire.websockets) do
  describe("a session over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    local function connect(server, changes)
      local options = { reconnect = FAST, ping_interval = 0.1, ping_timeout = 1 }
      for name, value in pairs(changes or {}) do options[name] = value end
      return link:connect(server, options)
    end

    it("finds out in mid-answer that its peer is dead, and the next message works", function()
      local silent = { { pong = false }, { receive = true }, { update = "Let me" }, { wait = 3600 } }
      local session = connect(link:play { connections = { silent, { { agent = true } } } })
      local one, two = session:send "one", session:send "two"
      local message, err = one:message()
      assert.is_nil(message)
      assert.equal("transport", err.kind)
      assert.equal(1006, err.close_code)
      assert.equal(DEAD, err.message)
      assert.equal("Let me", err.text)
      assert.equal("maybe", err.delivered)
      assert.is_string(assert(two:message()).text)
    end)

    it("finds out by a message on a connection that was idle", function()
      local silent = { { receive = true }, { message = { text = "one" } }, { pong = false }, { wait = 3600 } }
      local server = link:play { connections = { silent, { { agent = true } } } }
      local session = connect(server, { ping_interval = 3600 })
      assert.equal("one", assert(session:ask "one").text)
      aui.sleep(1.1) -- who was heard within a second is not asked
      local _, err = session:ask "two"
      assert.equal(DEAD, err.message)
      assert.is_string(assert(session:ask "three").text)
    end)

    it("finds out while it is idle", function()
      local session = connect(link:play { connections = { { { pong = false } }, { { agent = true } } } })
      local states, err = {}, nil
      session:on("state", function(state, why)
        states[#states + 1] = state
        err = err or why
      end)
      support.wait_until(function() return states[#states] == "open" end)
      assert.equal(DEAD, err.message)
      assert.is_string(assert(session:ask "one").text)
    end)

    it("finds out that its server was stopped, and goes on when it is continued", function()
      local server = link:start { "--echo" }
      local session = connect(server)
      assert.equal("one", assert(session:ask "one").text)
      os.execute("kill -STOP " .. server.pid)
      local _, err = session:ask "two"
      os.execute("kill -CONT " .. server.pid)
      assert.equal("transport", err.kind)
      assert.is_truthy(err.message:find "no answer to a ping")
      assert.equal("three", assert(session:ask "three").text)
    end)

    it("takes no peer for dead whose answers lie unread while the host is busy", function()
      local server = link:start { "--echo" }
      local session = connect(server, { ping_interval = 0.02, ping_timeout = 1 })
      local told = 0
      session:on("state", function() told = told + 1 end)
      for _ = 1, 2 do
        uv.sleep(1200)
        aui.step()
      end
      assert.equal("one", assert(session:ask "one").text)
      assert.equal(0, told)
    end)

    it("waits for an agent that is slow but answers pings", function()
      local slow = { { receive = true }, { wait = 1 }, { message = { text = "at last" } } }
      local session = connect(link:play(slow), { ping_interval = 0.05, ping_timeout = 5 })
      assert.equal("at last", assert(session:ask "question").text)
      assert.equal("open", session:state())
    end)

    it("sends no pings when ping_interval is false", function()
      local mute = { { pong = false }, { receive = true }, { wait = 0.5 }, { message = { text = "at last" } } }
      local session = connect(link:play { connections = { mute } }, { ping_interval = false, ping_timeout = 0.01 })
      assert.equal("at last", assert(session:ask "question").text)
    end)
  end)
end

describe("the options of pings", function()
  -- Each is { options, what the error says }.
  local REFUSED = {
    { { ping_interval = 0 }, "ping_interval: expected seconds (a number above 0) or false, got 0" },
    { { ping_interval = true }, "ping_interval: expected seconds (a number above 0) or false, got true" },
    { { ping_timeout = -1 }, "ping_timeout: expected seconds (a number above 0), got -1" },
    { { ping_timeout = false }, "ping_timeout: expected seconds (a number above 0), got false" },
    { { ping_timeout = "1" }, 'ping_timeout: expected seconds (a number above 0), got "1"' },
    { { ping_intervall = 1 }, 'options: unknown option "ping_intervall"; did you mean "ping_interval"?' },
  }
  for index, case in ipairs(REFUSED) do
    it(("are refused by name (%d)"):format(index), function()
      case[1].url = "ws://127.0.0.1:1/"
      local ok, err = pcall(function()
        local session = aui.session(case[1])
        return session
      end)
      assert.is_false(ok)
      local words = err:match "^spec/liveness_spec%.lua:%d+: (.*)$"
      assert.equal(case[2], words)
    end)
  end
end)
