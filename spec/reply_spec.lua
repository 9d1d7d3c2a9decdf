-- A reply in its reader's hands: streaming it, waiting for it with and without patience, leaving it.

local support = require "spec.support"
local wire = require "spec.wire"

local load = loadstring or load -- luacheck: ignore (Lua 5.1)

-- Waits until the reply's text is this one, without taking any of it.
local function wait_for_text(reply, text)
  support.wait_until(function() return reply:text() == text end)
end

for _, way in ipairs(wire.ways) do
  describe("a reply over " .. way, function()
    local link, session = wire.new(way), nil
    after_each(function() link:stop() end)

    local function play(scenario) session = assert(link:connect(link:play(scenario))) end

    it("is called for its next chunk, and gives nil after the last one, again and again", function()
      play { { receive = true }, { update = "one" }, { message = { text = "one two" } } }
      local reply = session:send "question"
      reply:message()
      local chunk, keep = reply()
      assert.are.equal("one two", chunk)
      assert.are.equal(0, keep)
      assert.is_nil(reply())
      assert.is_nil(reply())
      assert.is_nil((reply:next()))
      assert.is_nil((select(2, reply:next())))
    end)

    it("gives a slow reader all that came meanwhile as one chunk", function()
      play { { receive = true }, { update = "I" }, { update = "I found" }, { update = "I found it" }, { wait = 3600 } }
      local reply = session:send "question"
      wait_for_text(reply, "I found it")
      local chunk, keep = reply:next()
      assert.are.equal("I found it", chunk)
      assert.are.equal(0, keep)
    end)

    if way == "ws" then -- the threads API takes nothing back
      it("folds rewrites, too: what is kept is what has stood all the time", function()
        play {
          { receive = true },
          { update = "The price is 100" },
          { ping = "1" },
          { await_pong = true },
          { wait = 0.1 },
          { update = "The cost" },
          { update = "The price is 99" },
          { wait = 3600 },
        }
        local reply = session:send "question"
        assert.are.equal("The price is 100", (reply:next()))
        wait_for_text(reply, "The price is 99")
        local chunk, keep = reply:next()
        assert.are.equal(4, keep)
        assert.are.equal("price is 99", chunk)
      end)
    end

    it("is impatient on demand: next(timeout) ends in an error, and the reply goes on", function()
      play { { receive = true }, { update = "slow" }, { wait = 1 }, { message = { text = "slow end" } } }
      local reply = session:send "question"
      assert.are.equal("slow", (reply:next(20)))
      local chunk, err = reply:next(0.01)
      assert.is_nil(chunk)
      assert.are.equal("pending", err.kind)
      assert.are.equal("slow", err.text)
      assert.are.equal("maybe", err.delivered)
      assert.is_true(err.retryable)
      assert.are.equal("no new text within 0.01 s; the reply goes on", err.message)
      assert.are.equal("pending", reply:status())
      assert.are.equal(" end", (reply:next(20)))
      assert.is_nil(reply:next(20))
      assert.are.equal("slow end", assert(reply:message()).text)
    end)

    it("may be looked at without waiting: next(0) and message(0)", function()
      play { { receive = true }, { update = "now" }, { wait = 3600 } }
      local reply = session:send "question"
      wait_for_text(reply, "now")
      assert.are.equal("now", (reply:next(0)))
      local chunk, err = reply:next(0)
      assert.is_nil(chunk)
      assert.are.equal("pending", err.kind)
      local message
      message, err = reply:message(0)
      assert.is_nil(message)
      assert.are.equal("pending", err.kind)
      assert.are.equal("no complete answer within 0 s; the reply goes on", err.message)
      assert.are.equal("now", err.text)
      assert.are_not.equal("no", err.delivered)
      assert.is_nil(err.status_code)
    end)

    it("has its message whether its text is read or not, and its text after that", function()
      play { { receive = true }, { update = "un" }, { message = { text = "unread" } } }
      local reply = session:send "question"
      assert.are.equal("unread", assert(reply:message(20)).text)
      assert.are.equal("unread", reply:text())
      assert.are.equal("unread", (support.read(reply)))
    end)

    it("raises its error from a for loop, after the text that had come", function()
      play { { receive = true }, { update = "partial" }, { fail = 500 } }
      local reply = session:send "question"
      local shown = ""
      local ok, err = pcall(function()
        for chunk, keep in reply do shown = shown:sub(1, keep) .. chunk end
      end)
      assert.is_false(ok)
      assert.are.equal("partial", shown)
      assert.are.equal("server", err.kind)
      assert.are.equal(err, select(2, reply:message()))
      assert.are.equal(err, select(2, reply:next()))
      assert.are.equal(err, select(2, pcall(reply)))
    end)

    it("that is refused has ended: each way to read it gives the reason, and no handler misses it", function()
      play { { receive = true }, { wait = 3600 } }
      session:close()
      local reply, second, third, closing = session:send "late"
      assert.is_nil(second)
      assert.is_nil(third)
      assert.are.equal(reply, closing)
      local _, err = reply:message()
      assert.are.equal("canceled: the session is closed", tostring(err))
      assert.are.equal("no", err.delivered)
      assert.are.equal(err, select(2, reply:next()))
      local ok, raised = pcall(function()
        for _ in session:send "late" do error "there is no text" end
      end)
      assert.is_false(ok)
      assert.are.equal("canceled: the session is closed", tostring(raised))
      assert.are.equal("", reply:text())
      assert.are.equal("failed", reply:status())
      assert.is_nil(reply.id)
      assert.is_nil(reply:json())
      reply:cancel()
      local told
      reply:on("chunk", error)
      reply:on("message", error)
      reply:on("error", function(reason) told = reason end)
      support.wait_until(function() return told end)
      assert.are.equal(err, told)
    end)

    it("is pending until it fails, whoever has lost patience with it, and has no id then", function()
      play { { receive = true }, { update = "now" }, { wait = 3600 } }
      local reply = session:send "question"
      wait_for_text(reply, "now")
      reply:message(0)
      reply:next()
      reply:next(0)
      assert.are.equal("pending", reply:status())
      assert.is_nil(reply.id)
      reply:cancel()
      assert.are.equal("failed", reply:status())
      assert.is_nil(reply.id)
    end)

    it("is done once its message has come, read or not, and has the message's id then", function()
      local id = "68e78d9bfc27ae64cb81c5c3"
      play { { receive = true }, { message = { text = "whole", id = id } } }
      local reply = session:send "question"
      support.wait_until(function() return reply:status() ~= "pending" end)
      assert.are.equal("done", reply:status())
      assert.are.equal(id, reply.id)
      assert.are.equal(id, assert(reply:message()).id)
      assert.are.equal("whole", (reply:next()))
      assert.are.equal("done", reply:status())
    end)

    it("says what it is", function()
      play { { receive = true }, { message = { text = "said" } }, { receive = true }, { cut = "fin" } }
      local reply = session:send "question"
      assert.are.equal("aui.Reply (pending)", tostring(reply))
      reply:message()
      assert.are.equal("aui.Reply (done)", tostring(reply))
      local failed = session:send "another"
      local _, err = failed:message()
      assert.are.equal("aui.Reply (failed)", tostring(failed))
      assert.are.equal(err.kind .. ": " .. err.message, tostring(err))
    end)

    it("blames the caller for a bad timeout", function()
      play { { receive = true }, { wait = 3600 } }
      local reply = session:send "question"
      for _, method in ipairs { "next", "message" } do
        for _, bad in ipairs { -1, "1", 0 / 0, true } do
          local ok, err = pcall(function() return reply[method](reply, bad), nil end)
          assert.is_false(ok)
          assert.is_truthy(err:find "^spec/reply_spec.lua:%d+: timeout: expected seconds", err)
        end
      end
    end)

    if _VERSION == "Lua 5.4" then
      it("is canceled by leaving its for loop early", function()
        play { { receive = true }, { update = "begun" }, { wait = 3600 } }
        local leave = load [[
          local session = ...
          for chunk in session:send "question" do return chunk end
        ]]
        local reply
        local sender = {
          send = function(_, text)
            local results = { session:send(text) }
            reply = results[1]
            return results[1], results[2], results[3], results[4]
          end,
        }
        assert.are.equal("begun", leave(sender))
        local _, err = reply:message()
        assert.are.equal("canceled", err.kind)
        assert.are.equal("begun", err.text)
      end)

      it("is canceled by the end of its <close> variable, and so is a session closed", function()
        play { { receive = true }, { wait = 3600 } }
        local use = load [[
          local session = ...
          local reply <close> = session:send "question"
          return reply
        ]]
        local _, err = use(session):message()
        assert.are.equal("canceled", err.kind)
        load "local session <close> = ..."(session)
        assert.are.equal("closed", session:state())
      end)

      it("ends by itself in a for loop that runs to the end: closing it changes nothing", function()
        play { { receive = true }, { message = { text = "whole" } } }
        local stream = load [[
          local session = ...
          local shown = ""
          for chunk, keep in session:send "question" do shown = shown:sub(1, keep) .. chunk end
          return shown
        ]]
        assert.are.equal("whole", stream(session))
      end)
    end
  end)
end
