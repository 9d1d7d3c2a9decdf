-- What may wait to be sent is bounded: a message too many is refused at once, and nothing else is lost.

local aui = require "aui"
local wire = require "spec.wire"

local FAST = { base = 0.01, max = 0.05 }

for _, way in ipairs(wire.ways) do
  describe("the queue of a session over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    -- A session whose server is not there yet.
    local function start(queue)
      local server = link:start { "--echo" }
      server:kill()
      return link:session(server, { reconnect = FAST, queue = queue }), server
    end

    local function assert_refused(words, message, err)
      assert.is_nil(message)
      assert.equal("overflow", err.kind)
      assert.equal("no", err.delivered)
      assert.equal(words, err.message)
      assert.is_true(err.retryable)
    end

    it("refuses one message too many at once, and delivers the others in order", function()
      local session, server = start { messages = 2 }
      local replies = { session:send "one", session:send "two" }
      local words = "2 messages wait to be sent already (queue.messages)"
      assert_refused(words, session:send("three"):message())
      assert_refused(words, session:ask "three")
      server:restart()
      assert.equal("one", assert(replies[1]:message()).text)
      assert.equal("two", assert(replies[2]:message()).text)
      assert.equal("three", assert(session:ask "three").text)
    end)

    it("refuses one byte too many at once", function()
      local session, server = start { bytes = 200 }
      local words = "more than 200 bytes would wait to be sent (queue.bytes)"
      local _, err = session:send(("x"):rep(200)):message()
      assert.equal("overflow", err.kind)
      assert.is_false(err.retryable) -- it will never be shorter
      assert.is_truthy(err.message:find "^the message has %d+ bytes, more than the 200 that may wait %(queue%.bytes%)$")
      local reply = session:send(("x"):rep(120))
      assert_refused(words, session:send(("x"):rep(80)):message())
      server:restart()
      assert.equal(("x"):rep(120), assert(reply:message()).text)
      assert.equal("fine", assert(session:ask "fine").text)
    end)

    it("has room again when a message is canceled", function()
      local session, server = start { messages = 1 }
      local one = session:send "one"
      assert.equal("aui.Reply (failed)", tostring((session:send "two")))
      one:cancel()
      local two = session:send "two"
      server:restart()
      assert.equal("two", assert(two:message()).text)
    end)

    it("does not count the message that is being answered", function()
      local server = link:start { "--echo", "--pace", "0.05" }
      local session = link:connect(server, { queue = { messages = 1 } })
      local one = session:send(("a long story "):rep(200))
      assert(one:next())
      local two = session:send "two"
      assert.equal("aui.Reply (failed)", tostring((session:send "three")))
      one:cancel()
      assert.equal("two", assert(two:message()).text)
    end)

    it("takes 64 messages if nothing else is said", function()
      local session, server = start(nil)
      local replies = {}
      for i = 1, 64 do replies[i] = session:send("message " .. i) end
      assert_refused("64 messages wait to be sent already (queue.messages)", session:send("one more"):message())
      server:restart()
      for i = 1, 64 do assert.equal("message " .. i, assert(replies[i]:message()).text) end
    end)
  end)
end

describe("the option queue", function()
  -- Each is { value, what the error says }.
  local REFUSED = {
    { false, "queue: expected a table, got false" },
    { 64, "queue: expected a table, got 64" },
    { { message = 1 }, 'queue: unknown option "message"; did you mean "messages"?' },
    { { messages = 0 }, "queue.messages: expected a whole number between 1 and 2147483648, got 0" },
    { { messages = 1 / 0 }, "queue.messages: expected a whole number" },
    { { bytes = 0.5 }, "queue.bytes: expected a whole number between 1 and 4503599627370496, got 0.5" },
    { { bytes = "1" }, 'queue.bytes: expected a whole number between 1 and 4503599627370496, got "1"' },
  }
  for index, case in ipairs(REFUSED) do
    it(("is refused by name (%d)"):format(index), function()
      local ok, err = pcall(function()
        local session = aui.session { url = "ws://127.0.0.1:1/", queue = case[1] }
        return session
      end)
      assert.is_false(ok)
      local words = err:match "^spec/queue_spec%.lua:%d+: (.*)$"
      assert.equal(case[2], words and words:sub(1, #case[2]))
    end)
  end
end)
