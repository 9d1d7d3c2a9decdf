-- The field in which the player's line is seen.

local style = require "style"

local field = {}

local X, Y, WIDTH, HEIGHT = 24, 546, 912, 38

local function hint(conversation)
  if conversation.leaving then return "" end
  if conversation:is_busy() then return "Mira answers..." end
  return "Say something to Mira, and press Enter. Esc leaves the shop."
end

-- Draws the text, of which the end is seen if it is too long; returns where it ends.
local function draw_text(text, x, y)
  local over = math.max(0, style.fonts.name:getWidth(text) - (WIDTH - 40))
  love.graphics.setScissor(X + 8, Y, WIDTH - 16, HEIGHT)
  local width = style.print("name", "paper", text, x - over, y)
  love.graphics.setScissor()
  return x - over + width
end

function field.draw(line, conversation)
  style.box("night", X, Y, WIDTH, HEIGHT, 12, 0.75)
  local x, y = X + 16, Y + 10
  if line.text == "" then
    style.print("name", "paper_dark", hint(conversation), x + 6, y)
  else
    x = draw_text(line.text, x, y)
  end
  if love.timer.getTime() % 1 < 0.6 then style.box("lamp", x + 1, y - 1, 2, 20) end
end

return field
