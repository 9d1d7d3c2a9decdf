-- A session's life: its states and who is told of them, closing it in each of them, and what it does when closed.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local function is_open(session)
  return function() return session:state() == "open" end
end

for _, way in ipairs(wire.ways) do
  describe("a session over " .. way, function()
    local link, server = wire.new(way), nil
    after_each(function() link:stop() end)

    local function play(scenario) server = link:play(scenario) end

    it("tells its handlers of each state, and why a connection was lost", function()
      local first = { { receive = true }, { cut = "fin" } }
      local second = { { receive = true }, { message = { text = "fine" } } }
      play { connections = { first, second } }
      local session = link:session(server)
      assert.are.equal("connecting", session:state())
      local states, errs = {}, {}
      session:on("state", function(state, err)
        states[#states + 1] = state
        errs[#states] = err
      end)
      support.wait_until(is_open(session))
      session:ask "one"
      support.wait_until(function() return states[#states] == "waiting" end)
      assert.are.equal("waiting", session:state())
      assert.are.equal("fine", assert(session:ask "two").text)
      session:close()
      support.wait_until(function() return states[#states] == "closed" end)
      assert.are.same({ "open", "waiting", "connecting", "open", "closed" }, states)
      assert.are.equal("transport", errs[2].kind)
      assert.are.equal(not link.by_stream and 1006 or nil, errs[2].close_code)
      for _, index in ipairs { 1, 3, 4, 5 } do assert.is_nil(errs[index]) end
    end)

    it("has any number of handlers, called in the order in which they came, until they are off", function()
      play { { receive = true }, { wait = 3600 } }
      local session = link:session(server)
      local log = {}
      local function logger(name)
        return function(state) log[#log + 1] = name .. " " .. state end
      end
      session:on("state", logger "a")
      local off = session:on("state", logger "b")
      session:on("state", logger "c")
      support.wait_until(function() return #log == 3 end)
      assert.are.same({ "a open", "b open", "c open" }, log)
      off()
      off()
      session:close()
      support.wait_until(function() return #log == 5 end)
      assert.are.same({ "a closed", "c closed" }, { log[4], log[5] })
    end)

    it("may be used by a handler, which leaves waiting to a task", function()
      play { { receive = true }, { wait = 0.01 }, { message = { text = "to the handler" } } }
      local session = link:session(server)
      local answer
      session:on("state", function(state)
        if state ~= "open" then return end
        aui.spawn(function() answer = assert(session:ask "from the handler").text end)
      end)
      support.wait_until(function() return answer ~= nil end)
      assert.are.equal("to the handler", answer)
    end)

    it("tells aui.log of a handler's error, and goes on", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local told, states = {}, {}
      aui.log(function(event) told[#told + 1] = event end, "error")
      local session = link:session(server)
      local off = session:on("state", function() error "in the handler" end)
      session:on("state", function(state) states[#states + 1] = state end)
      assert.are.equal("fine", assert(session:ask "question").text)
      support.wait_until(function() return states[1] == "open" end)
      off()
      aui.log(nil)
      assert.are.equal(1, #told)
      assert.are.equal("raised", told[1].event)
      assert.is_truthy(told[1].err:find "^spec/session_spec.lua:%d+: in the handler\n")
      assert.are.equal("a handler of aui failed: " .. told[1].err, told[1].message)
    end)

    it("takes handlers off while they are called", function()
      play { { receive = true }, { wait = 3600 } }
      local session = link:session(server)
      local calls, off = 0, nil
      off = session:on("state", function()
        calls = calls + 1
        off()
      end)
      local others = 0
      session:on("state", function() others = others + 1 end)
      support.wait_until(function() return others == 1 end)
      session:close()
      support.wait_until(function() return others == 2 end)
      assert.are.equal(1, calls)
    end)

    it("may be closed before it was ever connected", function()
      play { { receive = true } }
      local session = link:session(server)
      local reply = session:send "never"
      session:close()
      assert.are.equal("closed", session:state())
      local _, err = reply:message()
      assert.are.equal("canceled", err.kind)
      assert.are.equal("no", err.delivered)
    end)

    it("may be closed at any moment of connecting", function()
      play { { receive = true } }
      for turns = 1, 12 do
        local connecting = link:session(server)
        for _ = 1, turns do aui.step() end
        connecting:close()
        assert.are.equal("closed", connecting:state())
      end
    end)

    it("may be closed while open, and again", function()
      play { { receive = true } }
      local session = assert(link:connect(server))
      assert.are.equal("open", session:state())
      session:close()
      assert.are.equal("closed", session:state())
      session:close()
      assert.are.equal("closed", session:state())
    end)

    it("may be closed while it waits for a reason to connect again", function()
      play { { receive = true }, { cut = "fin" } }
      local session = assert(link:connect(server))
      session:ask "question"
      support.wait_until(function() return session:state() == "waiting" end)
      session:close()
      assert.are.equal("closed", session:state())
    end)

    it("closed in mid-answer ends every reply as canceled, with the text that had come", function()
      play { { receive = true }, { update = "Let me" }, { wait = 3600 } }
      local session = assert(link:connect(server))
      local first, second = session:send "one", session:send "two"
      assert.are.equal("Let me", (first:next()))
      session:close()
      local _, err = first:message()
      assert.are.equal("canceled", err.kind)
      assert.are.equal("Let me", err.text)
      assert.are_not.equal("no", err.delivered)
      _, err = second:message()
      assert.are.equal("canceled", err.kind)
      assert.are.equal("no", err.delivered)
    end)

    it("closed by one task wakes those who wait for its replies", function()
      play { { receive = true }, { wait = 3600 } }
      local session = assert(link:connect(server))
      local errs = {}
      aui.run(function()
        local reply = session:send "question"
        aui.spawn(function() errs[1] = select(2, reply:message()) end)
        aui.spawn(function() errs[2] = select(2, reply:next()) end)
        aui.sleep(0) -- until they wait
        session:close()
      end)
      assert.are.equal("canceled", errs[1].kind)
      assert.are.equal("canceled", errs[2].kind)
    end)

    it("that is closed accepts nothing, and says so", function()
      play { { receive = true } }
      local session = assert(link:connect(server))
      session:close()
      local reply = session:send "late"
      assert.are.equal("aui.Reply (failed)", tostring(reply))
      local _, err = reply:message()
      assert.are.equal("canceled", err.kind)
      assert.are.equal("no", err.delivered)
      local message
      message, err = session:ask "late"
      assert.is_nil(message)
      assert.are.equal("canceled: the session is closed", tostring(err))
      assert.are.equal("function", type(session:on("state", print)))
      assert.are.equal(("aui.Session (closed, %s)"):format(wire.options(server).url), tostring(session))
    end)
  end)
end
