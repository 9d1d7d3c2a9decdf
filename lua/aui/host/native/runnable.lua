-- A queue of those whose method `run` is to be called. Nothing is allocated to put somebody in, so that nobody who is
-- woken is lost when memory is short; nor is anybody by an error of a debug hook (as Ctrl-C raises one), which may come
-- between any two instructions. Its items have the fields `next` and `order`, false at first, which are the queue's.

local runnable = {}
runnable.__index = runnable

-- `moving` is on its way in or out. Where both `first` and `moving` are false, nobody is there.
function runnable.new() return setmetatable({ first = false, last = false, count = 0, moving = false }, runnable) end

local function link(self, item)
  self.count = self.count + 1
  item.next, item.order = false, self.count
  if self.last then
    self.last.next = item
  else
    self.first = item
  end
  self.last = item
end

-- After such an error: whoever was on its way is in.
local function mend(self)
  local is_in, last, item = false, false, self.first
  while item do
    is_in = is_in or item == self.moving
    last, item = item, item.next
  end
  self.last = last
  if not is_in then link(self, self.moving) end
  self.moving = false
end

--- Adds an item, unless it is in the queue.
function runnable:add(item)
  if self.moving then mend(self) end
  if item.order then return end
  self.moving = item
  link(self, item)
  self.moving = false
end

--- Takes out the first item that is not behind the `count`th that was ever added; or nil. Until `let_go` is called, an
--- error brings it back.
function runnable:take(count)
  if self.moving then mend(self) end
  local item = self.first
  if not item or item.order > count then return nil end
  self.moving = item
  self.first = item.next
  if not self.first then self.last = false end
  item.next = false -- it may be kept for long, and what was behind it must not be
  item.order = false
  return item
end

--- The item that was taken is its taker's.
function runnable:let_go() self.moving = false end

return runnable
