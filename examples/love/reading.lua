-- What the player reads in the bubble: the answer that is given now, or an earlier one, and how far it is scrolled.

local Reading = {}
Reading.__index = Reading

local reading = {}

--- Reads a conversation, on pages that `new_page` makes.
function reading.new(conversation, new_page)
  return setmetatable({
    conversation = conversation,
    new_page = new_page,
    page = new_page(), -- where the answer is typed that is given now
    past = nil, -- the earlier answer that is read: its `index`, `question`, `message`, and its `page`
    turn = conversation.turn,
    top = 0, -- how many lines it is scrolled
    follows = true, -- whether it keeps to the end of the page
  }, Reading)
end

--- The lines of what is read, as page.lua has them.
function Reading:lines() return (self.past or self).page.lines end

--- What the player said before it, if anything.
function Reading:question() return (self.past or self.conversation).question end

--- The message with its products, if it has come.
function Reading:message() return (self.past or self.conversation).message end

-- Which of all answers it is.
local function place(self) return self.past and self.past.index or #self.conversation.earlier + 1 end

--- Where else there is something to read, in words; nil: nowhere.
function Reading:sign()
  if self.past then return ("%d of %d - Page Down: later"):format(place(self), #self.conversation.earlier + 1) end
  if place(self) > 1 then return "Page Up: earlier" end
end

local function furthest(self, room) return math.max(0, #self:lines() - room) end

local function scroll_to(self, top, room)
  self.top = math.max(0, math.min(top, furthest(self, room)))
  self.follows = self.top > furthest(self, room) - 0.5
end

local function read_now(self)
  self.past, self.top, self.follows = nil, 0, true
end

-- Goes to the answer that is so many later, negative: earlier.
local function go(self, step)
  local index = place(self) + step
  local answer = self.conversation.earlier[index]
  self.past = nil
  if not answer then return end
  local page = self.new_page()
  page:add(answer.text)
  self.past = { index = index, question = answer.question, message = answer.message, page = page }
end

--- Shows the beginning of the answer that is given now, and then its end, unless an earlier one is read.
function Reading:rewind()
  if not self.past then read_now(self) end
end

--- Once a frame: there is room for so many lines. When the player speaks, or leaves, earlier answers are done with.
function Reading:update(dt, room)
  local its = self.conversation
  if its.leaving or its.turn ~= self.turn then read_now(self) end
  self.turn = its.turn
  local last = furthest(self, room)
  if self.follows then self.top = self.top + (last - self.top) * math.min(1, dt * 12) end
  self.top = math.min(self.top, last)
end

--- Scrolls by so many lines: up where positive. At its beginning that leads to the end of the answer before, at its end
--- to the beginning of the next.
function Reading:scroll(lines, room)
  if lines > 0 and self.top == 0 and place(self) > 1 then
    go(self, -1)
    return scroll_to(self, math.huge, room)
  end
  if lines < 0 and self.past and self.top > furthest(self, room) - 0.5 then
    go(self, 1)
    return scroll_to(self, 0, room)
  end
  scroll_to(self, self.top - lines, room)
end

return reading
