-- The shop itself: wall, lamp, shelves with wares and the counter. It never changes, so it is drawn once, on canvases.

local style = require "style"
local wares = require "wares"

local room = {}

local graphics = love.graphics
local WIDTH, HEIGHT = graphics.getDimensions()
local COUNTER = 452 -- the height at which its top begins
local LAMPS = { 196, 640 }

local function draw_wall()
  style.fade("wall_top", "wall_bottom", 0, 0, WIDTH, HEIGHT)
  for x = 0, WIDTH, 48 do
    style.box("stripe", x, 0, 24, HEIGHT, 0, 0.035)
  end
end

local function draw_lamp(x)
  style.box("night", x - 1, 0, 3, 30)
  style.use "brass"
  graphics.polygon("fill", x - 14, 28, x + 14, 28, x + 36, 56, x - 36, 56)
  style.use "lamp"
  graphics.ellipse("fill", x, 57, 30, 6)
  style.glow("lamp", x, 60, 250, 0.30)
end

local function draw_shelf(y)
  style.box("night", 0, y + 12, WIDTH, 10, 0, 0.25)
  style.box("plank", 0, y, WIDTH, 13)
  style.box("counter_light", 0, y, WIDTH, 3, 0, 0.5)
  for x = 60, WIDTH, 240 do
    style.box("plank_dark", x, y + 13, 10, 16, 3)
  end
end

local function draw_counter()
  style.box("night", 0, COUNTER - 6, WIDTH, 8, 0, 0.25)
  style.box("counter_light", 0, COUNTER, WIDTH, 16)
  style.box("counter_dark", 0, COUNTER + 16, WIDTH, 6)
  style.fade("counter", "counter_dark", 0, COUNTER + 22, WIDTH, HEIGHT - COUNTER - 22)
  for x = 0, WIDTH, 160 do
    style.box("plank_dark", x - 2, COUNTER + 22, 4, HEIGHT, 0, 0.35)
  end
end

local function draw_shelves()
  for _, y in ipairs { 178, 318 } do
    draw_shelf(y)
  end
  wares.arrange(178, { "radio", "books", "jar", "microwave", "plant", "laptop", "books", "headphones", "jar", "box" })
  wares.arrange(318, { "box", "headphones", "laptop", "jar", "books", "microwave", "box", "radio", "plant", "books" })
end

--- Two canvases: what is behind the shopkeeper, and what is in front.
function room.paint()
  local back = style.painted(function()
    draw_wall()
    draw_shelves()
    for _, x in ipairs(LAMPS) do
      draw_lamp(x)
    end
  end)
  return back, style.painted(draw_counter)
end

return room
