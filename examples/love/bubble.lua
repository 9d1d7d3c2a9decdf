-- The speech bubble: what the player said, and below it the page with the answer, which scrolls; or what went wrong.

local apology = require "apology"
local page = require "page"
local reading = require "reading"
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

local function new_page()
  local font = style.fonts.speech
  return page.new(WIDTH - 2 * MARGIN - 10, function(text) return font:getWidth(text) end)
end

function bubble.new(conversation)
  return setmetatable({ conversation = conversation, reading = reading.new(conversation, new_page) }, Bubble)
end

--- The error to apologise for, if any.
function Bubble:failure()
  local its = self.conversation
  return not its.leaving and not self.reading.past and its.err or nil
end

-- Whether something stands above the answer.
local function has_header(self) return self.reading:question() ~= nil or self.reading:sign() ~= nil end

-- How many lines there is room for, at most.
local function room(self)
  local height = TALLEST - 2 * MARGIN
  if has_header(self) then height = height - HEADER end
  if self:failure() then height = height - FOOTER end
  return math.floor(height / LINE)
end

-- The heights of all that is written, and of what of it can be seen.
local function heights(self)
  local lines = #self.reading:lines()
  if not self:failure() then lines = math.max(1, lines) end
  return lines * LINE, math.min(lines, room(self)) * LINE
end

-- The bubble's upper edge, and its height.
local function extent(self)
  local _, seen = heights(self)
  local height = seen + 2 * MARGIN - 4
  if has_header(self) then height = height + HEADER end
  if self:failure() then height = height + FOOTER end
  return BOTTOM - height, height
end

--- Once a frame.
function Bubble:update(dt) self.reading:update(dt, room(self)) end

--- Scrolls by so many lines: up where positive, away from the end.
function Bubble:scroll(lines) self.reading:scroll(lines, room(self)) end

--- Scrolls by as much as can be seen, but for a line: up where positive.
function Bubble:leaf(times) self:scroll(times * (room(self) - 1)) end

--- Where a button below an apology is: its left and upper edge.
function Bubble.button_place() return X + MARGIN, BOTTOM - MARGIN - 24 end

local function draw_frame(y, height)
  style.box("night", X + 4, y + 6, WIDTH, height, 20, 0.3)
  style.use "paper"
  graphics.polygon("fill", X + 4, BOTTOM - 46, X + 4, BOTTOM - 22, X - 70, BOTTOM - 18)
  style.box("paper", X, y, WIDTH, height, 20)
end

local function draw_lines(self, y, seen)
  local lines, top = self.reading:lines(), self.reading.top
  local first = math.floor(top) + 1
  local last = math.min(#lines, first + math.ceil(seen / LINE))
  graphics.setScissor(X, y, WIDTH, seen)
  for index = first, last do
    local line = lines[index]:gsub("\n$", "")
    style.print("speech", "ink", line, X + MARGIN, y + (index - 1 - top) * LINE)
  end
  graphics.setScissor()
end

local function draw_scroll_bar(self, y, written, seen)
  if written <= seen then return end
  local length = math.max(24, seen * seen / written)
  style.box("paper_dark", X + WIDTH - 18, y, 6, seen, 3)
  style.box("faint", X + WIDTH - 18, y + (seen - length) * self.reading.top * LINE / (written - seen), 6, length, 3)
end

-- What the player said, and where else there is something to read.
local function draw_header(question, sign, y)
  local width = WIDTH - 2 * MARGIN
  if sign then
    local its_width = style.fonts.small:getWidth(sign)
    style.print("small", "accent", sign, X + MARGIN + width - its_width, y)
    width = width - its_width - 16
  end
  if question then style.print("small", "faint", style.fit("small", "You: " .. question, width), X + MARGIN, y) end
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
  draw_frame(y, height)
  y = y + MARGIN - 4
  if has_header(self) then
    draw_header(self.reading:question(), self.reading:sign(), y)
    y = y + HEADER
  end
  draw_lines(self, y, seen)
  draw_scroll_bar(self, y, written, seen)
  if self.conversation:is_waiting() and #self.reading:lines() == 0 then draw_thought(y) end
  if self:failure() then draw_apology(self:failure(), y + seen + 2) end
end

return bubble
