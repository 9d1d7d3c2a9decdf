-- Hundreds of conversations through a proxy that delays, splits, cuts, resets and swallows what they say, at random:
-- what users are told must be true all the same. One run for each carrier; each case looks at it for one promise.
--
-- AUI_FAULT_SEED=N repeats a run: each conversation does the same and meets the same faults, as far as the time that
-- things take allows. AUI_FAULT_ONLY=K holds its K-th conversation alone.

local carriers = require "spec.faults.carriers"
local run = require "spec.faults.run"

local FAULTS = { "delay", "split", "fin", "reset", "blackhole", "half-close", "refuse", "absent", "mute", "late" }

local seed = tonumber(os.getenv "AUI_FAULT_SEED") or os.time() % 1000000
local only = tonumber(os.getenv "AUI_FAULT_ONLY")

-- ---- what must have been -----------------------------------------------------------------------------

-- Calls fn(send, how many log lines say that the agent acted on it, conversation) for each send.
local function each_send(result, fn)
  local acted = {}
  for _, line in ipairs(result.log) do
    if line.event == "message" then acted[line.text] = (acted[line.text] or 0) + 1 end
  end
  for _, each in ipairs(result.conversations) do
    for _, send in ipairs(each.sends) do fn(send, acted[send.text] or 0, each) end
  end
end

-- The sends, as "conversation/number: how it ended", for which fn(send, acted) is true.
local function sends_where(result, fn)
  local list = {}
  each_send(result, function(send, acted, each)
    if not fn(send, acted) then return end
    local ending = send.message and "message" or send.err and send.err.delivered .. ", " .. tostring(send.err) or "?"
    table.insert(list, ("%d/%d (acted on %d times): %s"):format(each.index, send.number, acted, ending))
  end)
  return list
end

local function assert_none(list)
  local shown = table.concat(list, "\n", 1, math.min(#list, 20))
  assert(#list == 0, ("AUI_FAULT_SEED=%d: %d violations\n%s"):format(seed, #list, shown))
end

for _, name in ipairs { "WebSockets", "streams", "threads' WebSockets" } do
  describe("Conversations by " .. name .. " over connections that fail", function()
    local result
    lazy_setup(function()
      print("AUI_FAULT_SEED=" .. seed)
      result = run.hold(carriers[name], { seed = seed, only = only })
    end)

    it("meet enough faults of every kind", function()
      local total = 0
      for _, kind in ipairs(FAULTS) do
        total = total + (result.faults[kind] or 0)
        assert(only or result.faults[kind], "no " .. kind)
      end
      local sends, messages = 0, 0
      each_send(result, function(send)
        sends = sends + 1
        if send.message then messages = messages + 1 end
      end)
      print(("%d faults, %d sends, %d answered, in %d s"):format(total, sends, messages, result.seconds))
      assert(only or total >= carriers[name].least_faults, total .. " faults")
      assert(messages > 0)
    end)

    it("tell every user the truth, once, and recover", function()
      local complaints = {}
      for _, each in ipairs(result.conversations) do
        for _, complaint in ipairs(each.complaints) do table.insert(complaints, complaint) end
      end
      assert_none(complaints)
    end)

    it("never make the agent act twice", function()
      assert_none(sends_where(result, function(_, acted) return acted > 1 end))
    end)

    it("say \"no\" only of what was not delivered", function()
      assert_none(sends_where(result, function(send, acted)
        return send.err and send.err.delivered == "no" and acted > 0
      end))
    end)

    it("say \"yes\", or show an answer, only of what was delivered", function()
      assert_none(sends_where(result, function(send, acted)
        return (send.message or send.err and send.err.delivered == "yes") and acted == 0
      end))
    end)

    it("let the agent hear what was said, in that order, and nothing else", function()
      local sends, violations, last = {}, {}, {}
      each_send(result, function(send) sends[send.text] = send end)
      for _, line in ipairs(result.log) do
        local send = sends[line.text]
        if not send then
          table.insert(violations, "nobody said " .. line.text)
        elseif line.event == "message" then
          local before = last[line.connection] or 0
          if before >= send.number then table.insert(violations, "out of order: " .. line.text) end
          last[line.connection] = send.number
        end
      end
      assert_none(violations)
    end)

    -- A function of its own, so that no register of the caller keeps the result alive.
    local function assert_all_released()
      assert.equal(result.descriptors_before, result.descriptors)
      assert(result.idle, "timers run on")
      assert.equal(0, result.left, "sessions and replies are left")
      return result.kilobytes_before
    end

    it("leave nothing behind", function()
      local before = assert_all_released()
      result = nil
      local growth = run.used_kilobytes() - before
      assert(growth < carriers[name].most_growth, growth .. " kB more than before")
    end)
  end)
end
