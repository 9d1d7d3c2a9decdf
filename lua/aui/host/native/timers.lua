-- Waiters ordered by their deadlines: a binary heap from which any of them can be removed, since most waits end before
-- their time does. An error may be raised between any two instructions, by a debug hook (as Ctrl-C does) or when memory
-- is short: the heap is mended before it is looked at next, and whoever was in it still is.

local timers = {}
timers.__index = timers

-- While the heap changes, `moving` is the waiter for whom a place is being looked for: it may have none, and others
-- two. Whoever is to be in the heap has a `slot`.
function timers.new() return setmetatable({ heap = {}, count = 0, moving = false }, timers) end

local function put(heap, index, waiter)
  heap[index] = waiter
  waiter.slot = index
end

-- Where the waiter is to be put, from a free place on towards the root.
local function rise(heap, waiter, index)
  while index > 1 do
    local parent = math.floor(index / 2)
    if heap[parent].deadline <= waiter.deadline then break end
    put(heap, index, heap[parent])
    index = parent
  end
  return index
end

-- The same, away from the root.
local function sink(heap, count, waiter, index)
  while true do
    local child = index * 2
    if child > count then break end
    if child < count and heap[child + 1].deadline < heap[child].deadline then child = child + 1 end
    if waiter.deadline <= heap[child].deadline then break end
    put(heap, index, heap[child])
    index = child
  end
  return index
end

-- Makes the heap anew. It may itself be interrupted: until it is done, `moving` stays.
local function mend(self)
  local seen, heap, count = {}, {}, 0
  local function take(waiter)
    if not waiter or not waiter.slot or seen[waiter] then return end
    seen[waiter] = true
    count = count + 1
    put(heap, rise(heap, waiter, count), waiter)
  end
  for index = 1, self.count do take(self.heap[index]) end
  take(self.moving)
  self.heap = heap
  self.count = count
  self.moving = false
end

--- Adds a waiter by its field `deadline`; its field `slot`, false at first, is the heap's.
function timers:add(waiter)
  if self.moving then mend(self) end
  self.moving = waiter
  self.count = self.count + 1
  put(self.heap, rise(self.heap, waiter, self.count), waiter)
  self.moving = false
end

--- Removes a waiter, if it is there.
function timers:remove(waiter)
  if self.moving then mend(self) end
  local index = waiter.slot
  if not index then return end
  local heap, last = self.heap, self.heap[self.count]
  self.moving = last
  waiter.slot = false
  heap[self.count] = nil
  self.count = self.count - 1
  if last ~= waiter then
    put(heap, sink(heap, self.count, last, rise(heap, last, index)), last)
  end
  self.moving = false
end

--- The waiter with the earliest deadline, or nil.
function timers:first()
  if self.moving then mend(self) end
  return self.heap[1]
end

return timers
