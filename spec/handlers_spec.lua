-- reply:on: the events of a reply for those who do not wait.

local aui = require "aui"
local steps = require "spec.steps"
local support = require "spec.support"
local wire = require "spec.wire"

for _, way in ipairs(wire.apis) do
  describe("reply:on over " .. way, function()
    local link, session = wire.new(way), nil

    local function play(scenario, changes) session = assert(link:connect(link:play(scenario), changes)) end

    after_each(function()
      aui.log(nil)
      link:stop()
      session = nil
    end)

    -- All that a reply tells from now on, in a list that grows.
    local function follow(reply)
      local told = { text = "" }
      reply:on("chunk", function(chunk, keep)
        told.text = told.text:sub(1, keep) .. chunk
        told[#told + 1] = "chunk"
      end)
      reply:on("message", function(message)
        told.message = message
        told[#told + 1] = "message"
      end)
      reply:on("error", function(err)
        told.err = err
        told[#told + 1] = "error"
      end)
      return told
    end

    it("tells the text as it comes, then the message, and no error", function()
      play {
        { receive = true },
        { update = "A micro" },
        { update = "A microwave" },
        { wait = 0.05 },
        { message = { text = "A microwave." } },
      }
      local reply = session:send "hello"
      local told = follow(reply)
      support.wait_until(function() return told.message ~= nil end)
      assert.are.equal("A microwave.", told.text)
      assert.are.equal("A microwave.", told.message.text)
      assert.are.equal("message", table.remove(told))
      assert.is_true(#told >= 2)
      for _, what in ipairs(told) do assert.are.equal("chunk", what) end
      assert.are.equal(told.message, assert(reply:message()))
    end)

    it("tells why it failed, after the text that had come", function()
      play { { receive = true }, { update = "A micro" }, { cut = "fin" } }
      local told = follow(session:send "hello")
      support.wait_until(function() return told.err ~= nil end)
      assert.are.equal("A micro", told.text)
      assert.are.equal("transport", told.err.kind)
      assert.are.equal("A micro", told.err.text)
      assert.is_nil(told.message)
    end)

    it("keeps a reply alive whose user has dropped it, and its session", function()
      play { { receive = true }, { wait = 0.05 }, { message = { text = "still here" } } }
      local told = follow(session:send "hello")
      session, link.sessions = nil, {}
      support.collect()
      support.wait_until(function() return told.message ~= nil end)
      assert.are.equal("still here", told.text)
    end)

    it("tells of what is over already, once for each handler", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local reply = session:send "hello"
      assert(reply:message())
      for _ = 1, 2 do
        local messages, texts = 0, {}
        reply:on("message", function() messages = messages + 1 end)
        reply:on("chunk", function(chunk) texts[#texts + 1] = chunk end)
        support.wait_until(function() return messages == 1 end)
        aui.sleep(0.01)
        assert.are.equal(1, messages)
      end
    end)

    it("tells every handler in order, but not one that was taken off", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local reply, log = session:send "hello", {}
      local off = {}
      for index = 1, 4 do
        off[index] = reply:on("message", function()
          log[#log + 1] = index
          off[3]()
        end)
      end
      off[2]()
      support.wait_until(function() return log[#log] == 4 end)
      assert.are.same({ 1, 4 }, log)
    end)

    it("tells more handlers than a call can have arguments", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local reply, told, count = session:send "hello", 0, 20000
      for _ = 1, count do
        reply:on("message", function() told = told + 1 end)
      end
      support.wait_until(function() return told == count end)
    end)

    it("goes on after the error of a handler, of which aui.log is told", function()
      play { { receive = true }, { update = "A" }, { message = { text = "AB" } } }
      local events, text, message = {}, "", nil
      aui.log(function(event) events[#events + 1] = event end, "error")
      local reply = session:send "hello"
      reply:on("chunk", function() error "oops" end)
      reply:on("chunk", function(chunk, keep) text = text:sub(1, keep) .. chunk end)
      reply:on("message", function() error { "a table" } end)
      reply:on("message", function(it) message = it end)
      support.wait_until(function() return message ~= nil end)
      assert.are.equal("AB", text)
      assert.is_truthy(events[1].message:find "^a handler of aui failed: spec/handlers_spec.lua:%d+: oops\n")
      assert.are.same({ "a table" }, events[#events].err)
      assert.are.equal("open", session:state())
    end)

    it("#native refuses aui.run in a handler, and in a coroutine of it: its own task could not end", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local results
      local function run() return pcall(aui.run, function() end) end
      session:send("hello"):on("message", function()
        results = { select(2, run()), (select(2, coroutine.wrap(run)())) }
      end)
      support.wait_until(function() return results end)
      for _, err in ipairs(results) do assert.matches("aui.run: a handler cannot wait", err) end
      assert.are.equal(2, #results)
    end)

    it("tells the first error of each handler and calls it on, but not one that fails three times in a row", function()
      play(steps.times(10, { { receive = true }, { message = { text = "fine" } }, { cut = "fin" } }))
      local told, sometimes, always = {}, 0, 0
      aui.log(function(event) told[#told + 1] = event.message:match "^[^\n]*" end, "error")
      session:on("state", function()
        sometimes = sometimes + 1
        if sometimes % 3 > 0 then error("sometimes", 0) end
      end)
      session:on("state", function()
        always = always + 1
        error("always", 0)
      end)
      while sometimes < 9 do
        assert(session:ask "hello") -- which the connection does not survive: the next one makes another
        support.wait_until(function() return session:state() == "waiting" end)
      end
      assert.are.equal(3, always)
      assert.are.same({
        "a handler of aui failed: sometimes",
        "a handler of aui failed: always",
        "a handler of aui failed for the third time in a row, and is not called any more: always",
      }, told)
    end)

    it("goes on after the error of a handler that cannot be shown", function()
      play { { receive = true }, { message = { text = "fine" } }, { receive = true }, { message = { text = "again" } } }
      local events, told = {}, false
      aui.log(function(event) events[#events + 1] = event end, "error")
      local mute = setmetatable({}, { __tostring = function() error "no words" end })
      local reply = session:send "hello"
      reply:on("message", function() error(mute) end)
      reply:on("message", function() told = true end)
      support.wait_until(function() return told end)
      assert.are.equal(mute, events[1].err)
      assert.are.equal("a handler of aui failed: a table that cannot be shown", events[1].message)
      assert.are.equal("again", assert(session:ask "hello").text)
    end)

    it("tells everything in order though a handler calls aui.step", function()
      local scenario, text = { { receive = true } }, ""
      for _ = 1, 20 do
        text = text .. "A"
        scenario[#scenario + 1] = { update = text }
        scenario[#scenario + 1] = { wait = 0.005 }
      end
      scenario[#scenario + 1] = { message = { text = text } }
      play(scenario)
      local reply, shown, message = session:send "hello", "", nil
      reply:on("chunk", function()
        local length, limit = #reply:text(), os.time() + 20
        while #reply:text() == length and not reply:json() and os.time() <= limit do aui.step() end
        aui.step()
        aui.step()
      end)
      reply:on("chunk", function(chunk, keep)
        shown = shown:sub(1, keep) .. chunk
      end)
      reply:on("message", function(it) message = it end)
      support.wait_until(function() return message ~= nil end)
      assert.are.equal(text, shown)
    end)

    it("tells one who comes later what has come, though nothing more comes", function()
      local patient = { ping_interval = false, timeout = { idle = false } }
      play({ { receive = true }, { update = "A" }, { wait = 3600 } }, patient)
      local reply, told = session:send "hello", nil
      reply:on("message", print)
      support.wait_until(function() return reply:text() == "A" end)
      aui.sleep(0.01)
      reply:on("chunk", function(chunk) told = chunk end)
      support.wait_until(function() return told == "A" end)
    end)

    it("may cancel, send and close in a handler", function()
      play { connections = {
        { { receive = true }, { update = "A" }, { wait = 3600 } },
        { { receive = true }, { message = { text = "second" } } },
      } }
      local first, kind, answer = session:send "hello", nil, nil
      first:on("chunk", function() first:cancel() end)
      first:on("error", function(err)
        kind = err.kind
        session:send("again"):on("message", function(message)
          answer = message.text
          session:close()
        end)
      end)
      support.wait_until(function() return answer ~= nil end)
      assert.are.equal("canceled", kind)
      assert.are.equal("second", answer)
      assert.are.equal("closed", session:state())
    end)

    it("leaves the text to reply:next where only the end is followed", function()
      play { { receive = true }, { update = "A" }, { message = { text = "AB" } } }
      local reply, message = session:send "hello", nil
      reply:on("message", function(it) message = it end)
      assert.are.equal("AB", (support.read(reply)))
      support.wait_until(function() return message ~= nil end)
    end)

    it("refuses to read text in two ways", function()
      play { { receive = true }, { wait = 3600 } }
      local reply = session:send "hello"
      local off = reply:on("chunk", print)
      local ok, err = pcall(function() reply:next() end)
      assert.is_false(ok)
      assert.is_truthy(err:find "^spec/handlers_spec.lua:%d+: reply:next: the text goes to the handlers")
      off()
      local _, late = reply:next(0)
      assert.are.equal("pending", late.kind)
    end)

    it("refuses the text to whoever waits for it when chunks are followed", function()
      play { { receive = true }, { wait = 3600 } }
      local reply = session:send "hello"
      local ok, err = pcall(aui.run, function()
        aui.spawn(reply.on, reply, "chunk", print)
        reply:next()
      end)
      assert.is_false(ok)
      assert.is_truthy(err:find("reply:next: the text goes to the handlers", 1, true))
    end)

    it("#native cannot wait in a handler, and says what to do", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local events, told, answered = {}, false, nil
      aui.log(function(event) events[#events + 1] = event end, "error")
      local reply = session:send "hello"
      reply:on("message", function()
        answered = reply:message(0) -- asks, and does not wait
        aui.sleep(0)
        aui.sleep(60) -- which raises
      end)
      reply:on("message", function() told = true end)
      support.wait_until(function() return told end)
      assert.is_truthy(answered)
      assert.is_truthy(events[1].message:find("a handler cannot wait", 1, true))
      assert.is_truthy(events[1].message:find("aui.spawn", 1, true))
    end)

    it("#native cannot yield in a handler: that is its error, and no value for the resumer below it", function()
      play { { receive = true }, { message = { text = "fine" } } }
      local events = {}
      aui.log(function(event) events[#events + 1] = event end, "error")
      local co = coroutine.create(function()
        local reply = session:send "hello"
        local told = false
        reply:on("chunk", function() coroutine.yield "not for you" end)
        reply:on("message", function() told = true end)
        support.wait_until(function() return told end)
        return reply:text()
      end)
      assert.are.same({ true, "fine" }, { coroutine.resume(co) })
      assert.matches("attempt to yield", events[1].message)
      assert.are.equal("run", aui.run(function() return "run" end))
    end)
  end)
end

describe("reply:on", function()
  it("says which events there are, and that a handler is a function", function()
    local server = support.start { "--pace", "0" }
    local session = server:connect()
    local reply = session:send "hello"
    local refused = {
      ['event: expected "chunk" or "message" or "error", got "end"'] = function() reply:on("end", print) end,
      ["handler: expected a function, got "] = function() reply:on "chunk" end,
      ["reply:on"] = function() reply.on("chunk", print) end,
    }
    for expected, call in pairs(refused) do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(err:find "^spec/handlers_spec.lua:%d+: " and err:find(expected, 1, true), err)
    end
    session:close()
    server:stop()
  end)
end)
