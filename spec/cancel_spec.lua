-- Giving answers up, and what is sent after that: no text of one answer in another.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

for _, way in ipairs(wire.ways) do
  describe("a reply over " .. way, function()
    local link, session = wire.new(way), nil
    after_each(function() link:stop() end)

    local function play(scenario) session = assert(link:connect(link:play(scenario))) end

    -- Two answers of the built-in agent that do not look alike.
    local FIRST, SECOND = "thank you", "which microwaves do you have?"

    -- The options of the server, whose updates say whose they are in the full spelling alone. In the tasks API each
    -- question is in a task of its own.
    local function check_next_one(options)
      session = assert(link:connect(link:start(options)))
      local function ask(text, task_id) return { text = text, task_id = not link.carrier and task_id or nil } end
      local expected = assert(session:ask(ask(SECOND, "0"))).text
      for round = 1, 20 do
        local first = session:send(ask(FIRST, "first"))
        for _ = 1, round % 20 do
          if not first:next() then break end
        end
        first:cancel()
        local shown = ""
        local second = session:send(ask(SECOND, tostring(round)))
        for chunk, keep in second do
          shown = shown:sub(1, keep) .. chunk
          assert.are.equal(expected:sub(1, #shown), shown)
        end
        assert.are.equal(expected, shown)
        assert.are.equal(expected, assert(second:message()).text)
      end
    end

    it("canceled at any moment leaves nothing in the next one, sent at once", function()
      check_next_one { "--pace", "0.0005" }
    end)

    if link.carrier ~= "websocket" then -- which knows no other
      it("canceled at any moment leaves nothing in the next one, in the full spelling", function()
        check_next_one { "--pace", "0.0005", "--envelope", "full", "--lifecycle" }
      end)
    end

    it("canceled in mid-answer keeps what it had, and says so", function()
      play { { receive = true }, { update = "Let me" }, { wait = 3600 } }
      local reply = session:send "question"
      assert.are.equal("Let me", (reply:next()))
      reply:cancel()
      local message, err = reply:message()
      assert.is_nil(message)
      assert.are.equal("canceled", err.kind)
      assert.are.equal("Let me", err.text)
      assert.are.equal("Let me", reply:text())
      assert.are_not.equal("no", err.delivered)
      assert.is_false(err.retryable)
      assert.are.equal("aui.Reply (failed)", tostring(reply))
    end)

    it("canceled before the end of its answer does not show the rest to the one sent when that has come", function()
      local rest = { { receive = true }, { update = "of the second" }, { message = { text = "of the second" } } }
      play {
        connections = {
          {
            { receive = true },
            { update = "of the first" },
            { heard = true },
            { update = "of the first, more" },
            { message = { text = "of the first, all" } },
            rest[1],
            rest[2],
            rest[3],
          },
          rest,
        },
      }
      local first = session:send "one"
      first:next()
      first:cancel()
      local second = session:send "two"
      assert.are.equal("of the second", (support.read(second)))
      assert.are.equal("of the second", assert(second:message()).text)
    end)

    it("may be canceled again, without effect", function()
      play { { receive = true }, { wait = 3600 } }
      local reply = session:send "question"
      reply:cancel()
      local _, err = reply:message()
      reply:cancel()
      assert.are.equal(err, select(2, reply:message()))
    end)

    it("may be canceled after its end, without effect", function()
      play { { receive = true }, { message = { text = "whole" } }, { receive = true }, { message = { text = "next" } } }
      local reply = session:send "question"
      assert.are.equal("whole", assert(reply:message()).text)
      reply:cancel()
      assert.are.equal("whole", assert(reply:message()).text)
      assert.are.equal("whole", (support.read(reply)))
      assert.are.equal("next", assert(session:ask "another").text)
      assert.are.equal("open", session:state())
    end)

    it("follows the one sent before it", function()
      play {
        { receive = true },
        { update = "first" },
        { message = { text = "first answer" } },
        { receive = true },
        { update = "second" },
        { message = { text = "second answer" } },
      }
      local first, second = session:send "one", session:send "two"
      assert.are.equal("second answer", (support.read(second)))
      assert.are.equal("first answer", (support.read(first)))
    end)

    it("may be canceled while it waits for its turn: it is never sent, and the others are", function()
      play { { receive = true }, { message = { text = "one" } }, { receive = true }, { message = { text = "three" } } }
      local first, second, third = session:send "1", session:send "2", session:send "3"
      second:cancel()
      local _, err = second:message()
      assert.are.equal("canceled", err.kind)
      assert.are.equal("no", err.delivered)
      assert.are.equal("one", assert(first:message()).text)
      assert.are.equal("three", assert(third:message()).text)
      assert.are.equal("open", session:state())
    end)

    it("wakes who waits for it when another task cancels it", function()
      play { { receive = true }, { update = "begun" }, { wait = 3600 } }
      local err = aui.run(function()
        local reply = session:send "question"
        aui.spawn(function()
          support.wait_until(function() return reply:text() == "begun" end)
          reply:cancel()
        end)
        local _, err = reply:message()
        return err
      end)
      assert.are.equal("canceled", err.kind)
      assert.are.equal("begun", err.text)
    end)
  end)
end

describe("a reply canceled before there is a connection", function()
  it("is never sent; the next one is the first that the server hears of", function()
    local server = support.mirror()
    local session = assert(aui.session(server:options()))
    local first = session:send "never sent"
    first:cancel()
    local _, err = first:message()
    assert.are.equal("canceled", err.kind)
    assert.are.equal("no", err.delivered)
    local said = support.said(assert(session:ask "sent"))
    assert.are.equal(1, said.count)
    assert.are.equal("sent", said.message.text)
    session:close()
    server:stop()
  end)
end)
