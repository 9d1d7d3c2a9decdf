-- Waiters ordered by their deadlines: a binary heap from which any of them can be removed, since
-- most waits end before their time does.

local timers = {}
timers.__index = timers

function timers.new()
  return setmetatable({ count = 0 }, timers)
end

local function put(heap, index, waiter)
  heap[index] = waiter
  waiter.slot = index
end

local function rise(heap, waiter, index)
  while index > 1 do
    local parent = math.floor(index / 2)
    if heap[parent].deadline <= waiter.deadline then break end
    put(heap, index, heap[parent])
    index = parent
  end
  put(heap, index, waiter)
end

local function sink(heap, waiter, index)
  while true do
    local child = index * 2
    if child > heap.count then break end
    if child < heap.count and heap[child + 1].deadline < heap[child].deadline then child = child + 1 end
    if waiter.deadline <= heap[child].deadline then break end
    put(heap, index, heap[child])
    index = child
  end
  put(heap, index, waiter)
end

-- Whatever call fails in these two when memory is short, everybody keeps a slot, though perhaps not in the best order.

--- Adds a waiter by its field `deadline`; its field `slot`, false at first, is the heap's.
function timers:add(waiter)
  local count = self.count + 1
  self[count] = waiter
  self.count, waiter.slot = count, count
  rise(self, waiter, count)
end

--- Removes a waiter, if it is there.
function timers:remove(waiter)
  local index = waiter.slot
  if not index then return end
  waiter.slot = false
  local last = self[self.count]
  self[self.count] = nil
  self.count = self.count - 1
  if last == waiter then return end
  self[index], last.slot = last, index
  rise(self, last, index)
  sink(self, last, last.slot)
end

--- The waiter with the earliest deadline, or nil.
function timers:first()
  return self[1]
end

return timers
