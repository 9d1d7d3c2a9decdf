-- Messages keep a rate: they are spaced out, never lost, and in order.

local aui = require "aui"
local host = require "aui.host"
local steps = require "spec.steps"
local wire = require "spec.wire"

local RATE = { messages = 2, per = 0.2 }
local GAP = 0.1 - 1e-6 -- seconds are no whole numbers

for _, way in ipairs(wire.ways) do
  describe("the rate of a session over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    it("spaces messages out, which are answered in order", function()
      local session = link:connect(link:start { "--echo" }, { rate = RATE })
      local begin, replies = host.now(), {}
      for i = 1, 5 do replies[i] = session:send("message " .. i) end
      for i = 1, 5 do
        assert.equal("message " .. i, assert(replies[i]:message()).text)
        assert.is_true(host.now() - begin >= (i - 1) * GAP)
      end
    end)

    it("outlasts a connection", function()
      local once = { { receive = true }, { message = { text = "fine" } }, { cut = "fin" } }
      local session = link:connect(link:play(steps.times(3, once)), { rate = RATE, reconnect = { base = 0.001 } })
      local begin = host.now()
      for i = 1, 3 do
        assert.equal("fine", assert(session:ask "question").text)
        assert.is_true(host.now() - begin >= (i - 1) * GAP)
      end
    end)

    it("lets a message that waits be canceled, or run out of time", function()
      local session = link:connect(link:start { "--echo" }, { rate = { messages = 1, per = 3600 } })
      assert.equal("one", assert(session:ask "one").text)
      local two = session:send "two"
      local three = session:send { text = "three", timeout = { total = 0.05 } }
      local _, err = three:message()
      assert.equal("timeout", err.kind)
      assert.equal("no", err.delivered)
      two:cancel()
      _, err = two:message()
      assert.equal("canceled", err.kind)
      assert.equal("no", err.delivered)
    end)
  end)
end

describe("the option rate", function()
  -- Each is { value, what the error says }.
  local REFUSED = {
    { false, "rate: expected a table, got false" },
    { 5, "rate: expected a table, got 5" },
    { {}, "rate.messages: expected a whole number between 1 and 2147483648, got nothing" },
    { { messages = 1 }, "rate.per: expected seconds (a number above 0), got nothing" },
    { { messages = 0, per = 1 }, "rate.messages: expected a whole number between 1 and 2147483648, got 0" },
    { { messages = "1", per = 1 }, "rate.messages: expected a whole number between 1 and 2147483648, got" },
    { { messages = 1, per = 0 }, "rate.per: expected seconds (a number above 0), got 0" },
    { { messages = 1, pro = 1 }, 'rate: unknown option "pro"; did you mean "per"?' },
  }
  for index, case in ipairs(REFUSED) do
    it(("is refused by name (%d)"):format(index), function()
      local ok, err = pcall(function()
        local session = aui.session { url = "ws://127.0.0.1:1/", rate = case[1] }
        return session
      end)
      assert.is_false(ok)
      local words = err:match "^spec/rate_spec%.lua:%d+: (.*)$"
      assert.equal(case[2], words and words:sub(1, #case[2]))
    end)
  end
end)
