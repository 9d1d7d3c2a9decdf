-- An interrupt, which is an error raised in a hook between any two instructions, takes no deadline from anybody but
-- whom it interrupts.

local timers = require "aui.host.native.timers"

local COUNT = 10
local STRIDE = 43 -- of the interrupts while the heap is mended: all of them would take a minute

local function new_waiter(deadline) return { deadline = deadline, slot = false } end

-- A heap of waiters with the deadlines 1 to COUNT, and these by deadline.
local function new_heap()
  local heap, waiters = timers.new(), {}
  for index = 1, COUNT do
    local deadline = index * 7 % (COUNT + 1)
    waiters[deadline] = new_waiter(deadline)
    heap:add(waiters[deadline])
  end
  return heap, waiters
end

-- Takes all out, and returns the deadlines of those who are not `waiter`, as they come.
local function drain(heap, waiter)
  local deadlines = {}
  for _ = 1, COUNT + 1 do
    local first = heap:first()
    if not first then break end
    if first ~= waiter then deadlines[#deadlines + 1] = first.deadline end
    heap:remove(first)
    assert.is_false(first.slot)
  end
  assert.is_nil(heap:first())
  return deadlines
end

-- Calls method(heap, waiter), interrupted after so many instructions; returns whether it was.
local function interrupt(count, method, heap, waiter)
  return not pcall(function()
    debug.sethook(function()
      debug.sethook()
      error "interrupted!"
    end, "", count)
    method(heap, waiter)
    debug.sethook()
  end)
end

-- Interrupts `method` (add or remove) after 1, 2, 3 instructions and so on, and then what mends the heap; `prepare`
-- returns a heap, the waiter concerned, and the deadlines of the others.
local function assert_others_stay(method, prepare)
  local count, interrupted = 0, nil
  repeat
    count = count + 1
    local mending, mended = count % STRIDE, false
    while not mended do
      local heap, waiter, others = prepare()
      interrupted = interrupt(count, method, heap, waiter)
      mending = mending + STRIDE
      mended = not interrupt(mending, heap.first, heap)
      assert.are.same(others, drain(heap, waiter))
    end
  until not interrupted
  assert(count > 10, "the hook was not called")
end

local function deadlines_without(left_out)
  local deadlines = {}
  for deadline = 1, COUNT do
    if deadline ~= left_out then deadlines[#deadlines + 1] = deadline end
  end
  return deadlines
end

describe("#native an interrupt", function()
  if jit then -- luacheck: ignore jit
    setup(function() jit.off() end) -- luacheck: ignore jit
    teardown(function() jit.on() end) -- luacheck: ignore jit
  end

  for _, deadline in ipairs { 0.5, 4.5, COUNT + 0.5 } do
    it(("while a deadline of %g is added lets the others stay"):format(deadline), function()
      assert_others_stay(timers.add, function()
        return (new_heap()), new_waiter(deadline), deadlines_without(nil)
      end)
    end)
  end

  for deadline = 1, COUNT do
    it(("while a deadline of %d is removed lets the others stay"):format(deadline), function()
      assert_others_stay(timers.remove, function()
        local heap, waiters = new_heap()
        return heap, waiters[deadline], deadlines_without(deadline)
      end)
    end)
  end
end)
