-- A queue of those whose method `run` is to be called. Nothing is allocated to put somebody in, so that nobody who is
-- woken is lost when memory is short. Its items have the fields `next` and `order`, which are the queue's.

local runnable = {}
runnable.__index = runnable

function runnable.new() return setmetatable({ first = false, last = false, count = 0 }, runnable) end

function runnable:is_empty() return not self.first end

--- Adds an item, which must not be in a queue.
function runnable:add(item)
  self.count = self.count + 1
  item.next, item.order = false, self.count
  if self.last then
    self.last.next = item
  else
    self.first = item
  end
  self.last = item
end

--- Takes out the first item that is not behind the `count`th that was ever added; or nil.
function runnable:take(count)
  local item = self.first
  if not item or item.order > count then return nil end
  self.first = item.next
  if not self.first then self.last = false end
  return item
end

return runnable
