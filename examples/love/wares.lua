-- The wares on the shelves. Each is drawn standing on (0, 0), some 60 wide and 60 high.

local style = require "style"

local wares = {}

local graphics = love.graphics
local box = style.box

local draw = {}

function draw.microwave()
  box("night", -40, -46, 80, 46, 6)
  box("faint", -38, -44, 76, 42, 5)
  box("night", -33, -38, 48, 30, 4)
  style.use("lamp", 0.55)
  graphics.ellipse("fill", -9, -17, 16, 6)
  box("paper", 20, -38, 13, 8, 2, 0.8)
  for row = 0, 2 do box("night", 20, -26 + row * 7, 13, 4, 1) end
end

function draw.laptop()
  box("night", -34, -50, 68, 44, 5)
  box("shirt", -30, -46, 60, 36, 2)
  box("white", -24, -40, 30, 4, 2, 0.5)
  box("white", -24, -32, 42, 4, 2, 0.35)
  box("white", -24, -24, 22, 4, 2, 0.35)
  box("paper_dark", -42, -7, 84, 7, 3)
end

function draw.headphones()
  box("plank_dark", -3, -30, 6, 30)
  box("plank_dark", -16, -5, 32, 5, 2)
  style.use "accent"
  graphics.setLineWidth(6)
  graphics.arc("line", "open", 0, -36, 22, math.pi, 2 * math.pi)
  box("accent", -29, -40, 13, 26, 6)
  box("accent", 16, -40, 13, 26, 6)
  box("night", -20, -38, 5, 22, 2)
  box("night", 15, -38, 5, 22, 2)
end

function draw.books()
  for index, name in ipairs { "accent", "shirt", "apron", "leaf" } do
    local x, height = -30 + (index - 1) * 14, 46 + index * 7 % 16
    box(name, x, -height, 13, height, 2)
    box("paper", x + 2, -height + 8, 9, 4, 0, 0.7)
    box("paper", x + 2, -12, 9, 2, 0, 0.5)
  end
  graphics.push()
  graphics.translate(28, 0)
  graphics.rotate(-0.16)
  box("faint", 0, -44, 11, 44, 2)
  graphics.pop()
end

function draw.jar()
  box("white", -17, -46, 34, 46, 9, 0.28)
  for index = 0, 11 do
    style.use(({ "accent", "apron", "leaf", "blush" })[index % 4 + 1])
    graphics.circle("fill", -10 + index % 4 * 6.5, -7 - math.floor(index / 4) * 8, 4.5)
  end
  box("brass", -15, -54, 30, 9, 3)
  box("white", -12, -40, 4, 28, 2, 0.4)
end

function draw.plant()
  style.use "leaf"
  for _, leaf in ipairs { { -0.9, 26 }, { -0.4, 34 }, { 0.05, 38 }, { 0.5, 33 }, { 1, 25 } } do
    graphics.push()
    graphics.translate(0, -22)
    graphics.rotate(leaf[1])
    graphics.ellipse("fill", 0, -leaf[2] / 2, 6.5, leaf[2] / 2)
    graphics.pop()
  end
  style.use "accent"
  graphics.polygon("fill", -17, -26, 17, -26, 12, 0, -12, 0)
  box("blush", -19, -30, 38, 8, 3)
end

function draw.radio()
  style.use "brass"
  graphics.setLineWidth(2)
  graphics.line(18, -40, 34, -66)
  box("apron_dark", -36, -42, 72, 42, 8)
  style.use "night"
  graphics.circle("fill", -15, -21, 14)
  style.use "faint"
  graphics.circle("line", -15, -21, 9)
  box("paper", 6, -34, 24, 11, 2)
  style.use "accent"
  graphics.circle("fill", 12, -12, 4)
  graphics.circle("fill", 25, -12, 4)
end

function draw.box()
  box("counter_light", -28, -40, 56, 40, 3)
  box("paper_dark", -6, -40, 12, 40, 0, 0.6)
  box("accent", 8, -22, 14, 10, 2)
end

--- Puts wares, by their names, on the shelf with this height: evenly, all along it.
function wares.arrange(y, names)
  local step = graphics.getWidth() / #names
  for index, name in ipairs(names) do
    graphics.push()
    graphics.translate((index - 0.5) * step, y)
    draw[name]()
    graphics.pop()
  end
end

return wares
