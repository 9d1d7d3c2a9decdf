-- The speech bubble: what the player said, and below it the page that the answer is typed on, which scrolls; or what
-- went wrong.

local apology = require "apology"
local page = require "page"
local style = require "style"

local Bubble = {}
Bubble.__index = Bubble

local bubble = {}

local graphics = love.graphics
local X, BOTTOM, WIDTH = 340, 290, 596
local TALLEST = 256
local MARGIN = 22
local HEADER = 24 -- the height of the player's words
local LINE = 23 -- the height of a line
local FOOTER = 66 -- the height of an apology

function bubble.new(conversation)
  local font = style.fonts.speech
  return setmetatable({
    conversation = conversation,
    page = page.new(WIDTH - 2 * MARGIN - 10, function(text) return font:getWidth(text) end),
    top = 0, -- how far it is scrolled
    follows = true, -- whether it keeps to the end of the page
  }, Bubble)
end

--- The error to apologise for, if any.
function Bubble:failure()
  local its = self.conversation
  return not its.leaving and its.err or nil
end

-- The heights of all that is written, and of what of it can be seen.
local function heights(self)
  local written = math.max(1, #self.page.lines) * LINE
  local room = TALLEST - 2 * MARGIN
  if self.conversation.question then room = room - HEADER end
  if self:failure() then
    room = room - FOOTER
    written = #self.page.lines * LINE
  end
  return written, math.min(written, math.floor(room / LINE) * LINE)
end

-- The bubble's upper edge, and its height.
local function extent(self)
  local _, seen = heights(self)
  local height = seen + 2 * MARGIN - 4
  if self.conversation.question then height = height + HEADER end
  if self:failure() then height = height + FOOTER end
  return BOTTOM - height, height
end

--- Once a frame.
function Bubble:update(dt)
  local written, seen = heights(self)
  local furthest = written - seen
  if self.follows then self.top = self.top + (furthest - self.top) * math.min(1, dt * 12) end
  self.top = math.max(0, math.min(self.top, furthest))
end

--- Scrolls by so many lines: up where positive, away from the end.
function Bubble:scroll(lines)
  local written, seen = heights(self)
  local furthest = written - seen
  self.top = math.max(0, math.min(self.top - lines * LINE, furthest))
  self.follows = self.top > furthest - LINE / 2
end

--- Shows the beginning of a new answer, and then its end.
function Bubble:rewind() self.top, self.follows = 0, true end

--- Where a button below an apology is: its left and upper edge.
function Bubble.button_place() return X + MARGIN, BOTTOM - MARGIN - 24 end

local function draw_frame(y, height)
  style.box("night", X + 4, y + 6, WIDTH, height, 20, 0.3)
  style.use "paper"
  graphics.polygon("fill", X + 4, BOTTOM - 46, X + 4, BOTTOM - 22, X - 70, BOTTOM - 18)
  style.box("paper", X, y, WIDTH, height, 20)
end

local function draw_lines(self, y, seen)
  local first = math.floor(self.top / LINE) + 1
  local last = math.min(#self.page.lines, first + math.ceil(seen / LINE))
  graphics.setScissor(X, y, WIDTH, seen)
  for index = first, last do
    local line = self.page.lines[index]:gsub("\n$", "")
    style.print("speech", "ink", line, X + MARGIN, y + (index - 1) * LINE - self.top)
  end
  graphics.setScissor()
end

local function draw_scroll_bar(self, y, written, seen)
  if written <= seen then return end
  local length = math.max(24, seen * seen / written)
  style.box("paper_dark", X + WIDTH - 18, y, 6, seen, 3)
  style.box("faint", X + WIDTH - 18, y + (seen - length) * self.top / (written - seen), 6, length, 3)
end

-- Dots that come and go, until the answer begins.
local function draw_thought(y)
  for dot = 0, 2 do
    style.use("faint", 0.35 + 0.65 * math.max(0, math.sin(love.timer.getTime() * 5 - dot)))
    graphics.circle("fill", X + MARGIN + 6 + dot * 17, y + 12, 5)
  end
end

local function draw_apology(err, y)
  style.print("speech", "accent", apology(err), X + MARGIN, y)
  local detail = style.fit("small", tostring(err):gsub("%c", " "), WIDTH - 2 * MARGIN - 150)
  style.print("small", "faint", detail, X + WIDTH - MARGIN - style.fonts.small:getWidth(detail), BOTTOM - MARGIN - 17)
end

function Bubble:draw()
  local written, seen = heights(self)
  local y, height = extent(self)
  local its = self.conversation
  draw_frame(y, height)
  y = y + MARGIN - 4
  if its.question then
    style.print("small", "faint", style.fit("small", "You: " .. its.question, WIDTH - 2 * MARGIN), X + MARGIN, y)
    y = y + HEADER
  end
  draw_lines(self, y, seen)
  draw_scroll_bar(self, y, written, seen)
  if its:is_waiting() and #self.page.lines == 0 then draw_thought(y) end
  if self:failure() then draw_apology(self:failure(), y + seen + 2) end
end

return bubble
