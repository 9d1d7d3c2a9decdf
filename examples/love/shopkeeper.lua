-- The shopkeeper: breathes, blinks, looks up while thinking, moves the mouth while talking, and waves good-bye.

local style = require "style"

local shopkeeper = {}

local graphics = love.graphics
local X, Y = 182, 452 -- the middle of the body, where the counter hides the rest

local time = 0
local mood = "listening" -- or "thinking", "talking", "sorry", "leaving"
local next_blink, blink = 2, 0 -- seconds
local mouth = 0 -- how far it is open: 0 to 1

--- Once a frame.
function shopkeeper.update(dt, its_mood)
  time, mood = time + dt, its_mood
  next_blink, blink = next_blink - dt, math.max(0, blink - dt)
  if next_blink < 0 then
    next_blink, blink = 1.5 + love.math.random() * 3, 0.14
  end
  local wanted = mood == "talking" and 0.25 + 0.75 * math.abs(math.sin(time * 9) * math.cos(time * 3.7)) or 0
  mouth = mouth + (wanted - mouth) * math.min(1, dt * 18)
end

local function ellipse(name, x, y, a, b, alpha)
  style.use(name, alpha)
  graphics.ellipse("fill", x, y, a, b)
end

-- A thick line with round ends.
local function limb(name, width, ...)
  local points = { ... }
  style.use(name)
  graphics.setLineWidth(width)
  graphics.setLineJoin "bevel"
  graphics.line(points)
  for index = 1, #points, 2 do
    graphics.circle("fill", points[index], points[index + 1], width / 2)
  end
end

local function draw_body()
  style.use "shirt"
  graphics.polygon("fill", -34, -142, 34, -142, 74, -112, 82, 6, -82, 6, -74, -112)
  graphics.circle("fill", -56, -112, 23)
  graphics.circle("fill", 56, -112, 23)
  style.box("skin_dark", -15, -164, 30, 34, 12)
  style.use "paper"
  graphics.polygon("fill", -26, -144, -4, -142, -16, -122)
  graphics.polygon("fill", 26, -144, 4, -142, 16, -122)
  limb("apron_dark", 7, -30, -140, -38, -92)
  limb("apron_dark", 7, 30, -140, 38, -92)
  style.box("apron", -46, -98, 92, 110, 12)
  style.box("apron_dark", -26, -56, 52, 34, 7)
  style.box("paper", -25, -87, 50, 20, 4)
  style.print("small", "accent", "MIRA", -style.fonts.small:getWidth "MIRA" / 2, -86)
end

local function draw_arms()
  limb("shirt_dark", 30, -66, -104, -92, -40)
  limb("skin", 22, -92, -34, -62, -6)
  ellipse("skin", -54, -5, 17, 12)
  if mood == "leaving" then
    local swing = math.sin(time * 9) * 12
    limb("shirt_dark", 30, 66, -104, 102, -78)
    limb("skin", 22, 104, -84, 112 + swing / 2, -142)
    return ellipse("skin", 114 + swing, -158, 15, 18)
  end
  limb("shirt_dark", 30, 66, -104, 92, -40)
  limb("skin", 22, 92, -34, 62, -6)
  ellipse("skin", 54, -5, 17, 12)
end

local function draw_hair_behind()
  ellipse("hair", 0, -282, 26, 24)
  ellipse("hair", 0, -212, 66, 68)
  ellipse("hair", -46, -178, 22, 34)
  ellipse("hair", 46, -178, 22, 34)
end

local function draw_face()
  ellipse("skin_dark", -54, -198, 11, 15)
  ellipse("skin_dark", 54, -198, 11, 15)
  ellipse("brass", -55, -181, 4, 4)
  ellipse("brass", 55, -181, 4, 4)
  ellipse("skin", 0, -202, 54, 58)
  ellipse("blush", -32, -182, 13, 8, 0.5)
  ellipse("blush", 32, -182, 13, 8, 0.5)
  style.use "skin_dark"
  graphics.setLineWidth(3)
  graphics.arc("line", "open", 1, -190, 7, 0.2 * math.pi, 0.8 * math.pi)
end

local function draw_fringe()
  ellipse("hair", -24, -254, 34, 20)
  ellipse("hair", 26, -256, 31, 19)
  ellipse("hair", -55, -226, 9, 22)
  ellipse("hair", 55, -226, 9, 22)
end

-- Which way the pupils look.
local function gaze()
  if mood == "thinking" then return 3 + math.sin(time * 1.3) * 2, -4 end
  if mood == "talking" then return math.sin(time * 0.9) * 2, 0 end
  return 2, 1
end

local function draw_eye(x)
  local open = blink > 0 and math.abs(blink - 0.07) / 0.07 or 1
  local look_x, look_y = gaze()
  local brow = mood == "sorry" and (x < 0 and -4 or 4) or 0
  local brow_y = mood == "thinking" and -233 or -229
  limb("hair", 4, x - 11, brow_y - brow, x + 11, brow_y + brow)
  if open < 0.25 then return limb("hair", 3, x - 10, -204, x + 10, -204) end
  ellipse("white", x, -204, 12, 12 * open)
  ellipse("hair", x + look_x, -204 + look_y * open, 7, math.min(7, 11 * open))
  ellipse("white", x + look_x + 2, -207 + look_y * open, 2.4, 2.4 * open)
end

local function draw_glasses()
  style.use "brass"
  graphics.setLineWidth(2.5)
  graphics.circle("line", -23, -204, 18)
  graphics.circle("line", 23, -204, 18)
  graphics.arc("line", "open", 0, -203, 6, 1.15 * math.pi, 1.85 * math.pi)
end

local function draw_mouth()
  if mouth > 0.12 then
    ellipse("night", 0, -166, 13, 2 + 9 * mouth)
    return ellipse("blush", 0, -163 + 4 * mouth, 7, 3 * mouth)
  end
  style.use "accent"
  graphics.setLineWidth(3.5)
  if mood == "sorry" then return graphics.arc("line", "open", 0, -155, 12, 1.2 * math.pi, 1.8 * math.pi) end
  graphics.arc("line", "open", 0, -176, 15, 0.15 * math.pi, 0.85 * math.pi)
end

--- Draws the shopkeeper, to be hidden by the counter from the waist down.
function shopkeeper.draw()
  local breath = math.sin(time * 1.8)
  graphics.push()
  graphics.translate(X, Y)
  draw_body()
  graphics.translate(0, breath * 1.5 - 8 + (mood == "talking" and math.sin(time * 5) * 1.5 or 0))
  draw_hair_behind()
  draw_face()
  draw_fringe()
  draw_eye(-23)
  draw_eye(23)
  draw_glasses()
  draw_mouth()
  graphics.pop()
end

--- Draws the arms, which lie on the counter.
function shopkeeper.draw_arms()
  graphics.push()
  graphics.translate(X, Y)
  draw_arms()
  graphics.pop()
end

return shopkeeper
