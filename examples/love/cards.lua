-- The products of the answer that is read: cards in a row on the counter, which slide where there are too many.

local goods = require "goods"
local style = require "style"

local Cards = {}
Cards.__index = Cards

local cards = {}

local graphics = love.graphics
local X, Y, ROOM = 340, 304, 596
local WIDTH, HEIGHT, GAP = 190, 144, 13
local FACTS = 5 -- lines that there is room for
local RISE = 0.3 -- seconds until they stand

function cards.new()
  return setmetatable({
    list = {}, -- as goods.of
    message = nil, -- whose they are
    age = 0, -- seconds
    left = 0, -- how far they have slid
  }, Cards)
end

--- Once a frame: those of this message, or none where it is nil.
function Cards:update(dt, message)
  self.age = self.age + dt
  if message == self.message then return end
  self.message, self.list, self.age, self.left = message, message and goods.of(message) or {}, 0, 0
end

--- Whether the point is where cards are.
function Cards:covers(x, y) return #self.list > 0 and x >= X and y >= Y and y <= Y + HEIGHT end

-- How far they can slide.
local function furthest(self) return math.max(0, #self.list * (WIDTH + GAP) - GAP - ROOM) end

--- Slides by so many steps: back where positive.
function Cards:scroll(steps) self.left = math.max(0, math.min(self.left - steps * 60, furthest(self))) end

local function draw_star(x, y, radius)
  local points = {}
  for index = 0, 9 do
    local angle, far = index * math.pi / 5 - math.pi / 2, index % 2 == 0 and radius or radius * 0.45
    points[#points + 1] = x + math.cos(angle) * far
    points[#points + 1] = y + math.sin(angle) * far
  end
  for _, triangle in ipairs(love.math.triangulate(points)) do
    graphics.polygon("fill", triangle)
  end
end

local function draw_facts(card, x, y)
  for index = 1, math.min(FACTS, #card.facts) do
    local fact = card.facts[index]
    local words = style.fit("small", fact.words, WIDTH / 2)
    local room = WIDTH - 32 - style.fonts.small:getWidth(words)
    style.print("small", "faint", style.fit("small", fact.title, room), x + 12, y)
    style.print("small", "ink", words, x + WIDTH - 12 - style.fonts.small:getWidth(words), y)
    y = y + 19
  end
end

local function draw_card(card, x, y)
  style.box("night", x + 3, y + 4, WIDTH, HEIGHT, 10, 0.35)
  style.box("paper", x, y, WIDTH, HEIGHT, 10)
  style.box(card.recommended and "apron" or "paper_dark", x, y, WIDTH, 34, 10)
  style.box(card.recommended and "apron" or "paper_dark", x, y + 20, WIDTH, 14)
  local room = WIDTH - 24
  if card.recommended then
    room = room - 22
    style.use "accent"
    draw_star(x + WIDTH - 19, y + 17, 10)
  end
  style.print("name", "ink", style.fit("name", card.name, room), x + 12, y + 8)
  draw_facts(card, x, y + 43)
end

-- Points to cards that are out of sight.
local function draw_arrow(x, direction)
  local y = Y + HEIGHT / 2
  style.use "accent"
  graphics.circle("fill", x, y, 12)
  style.use "paper"
  graphics.polygon("fill", x - 3 * direction, y - 6, x - 3 * direction, y + 6, x + 6 * direction, y)
end

function Cards:draw()
  local rest = math.max(0, 1 - self.age / RISE)
  local y = Y + rest * rest * HEIGHT
  graphics.setScissor(X - 4, 0, ROOM + 28, Y + HEIGHT + 4)
  for index, card in ipairs(self.list) do
    local x = X + (index - 1) * (WIDTH + GAP) - self.left
    if x > X - WIDTH and x < X + ROOM then draw_card(card, x, y) end
  end
  graphics.setScissor()
  if self.left > 0 then draw_arrow(X, -1) end
  if self.left < furthest(self) then draw_arrow(X + ROOM, 1) end
end

return cards
