-- Buttons with a key in front: where they are, what they look like, which of them is meant by a click.

local style = require "style"

local buttons = {}

local HEIGHT = 26
local KEY = 26 -- the width of the key's field
local GAP = 8

--- A button at this place: its label is cut to `widest`. `press` is called with no argument.
function buttons.new(x, y, key, label, widest, press)
  local shown = style.fit("small", label, widest - KEY - 24)
  local width = KEY + style.fonts.small:getWidth(shown) + 24
  return { x = x, y = y, width = width, height = HEIGHT, key = key, label = label, shown = shown, press = press }
end

--- Moves the buttons side by side into rows from (x, y) on, `room` wide. Those beyond the given number of rows are left
--- out.
function buttons.arrange(list, x, y, room, rows)
  local arranged, at, row = {}, x, 1
  for _, button in ipairs(list) do
    if at > x and at + button.width > x + room then
      at, row = x, row + 1
    end
    if row > rows then break end
    button.x, button.y = at, y + (row - 1) * (HEIGHT + 4)
    at = at + button.width + GAP
    arranged[#arranged + 1] = button
  end
  return arranged
end

--- The one of the list that is at this place.
function buttons.at(list, x, y)
  for _, button in ipairs(list) do
    local inside = x >= button.x and x < button.x + button.width and y >= button.y and y < button.y + button.height
    if inside then return button end
  end
end

--- Draws it; bright if `touched`.
function buttons.draw(button, touched)
  local x, y = button.x, button.y
  style.box("night", x + 1, y + 3, button.width, HEIGHT, 13, 0.3)
  style.box(touched and "white" or "paper", x, y, button.width, HEIGHT, 13)
  style.box("accent", x + 3, y + 3, KEY - 6, KEY - 6, 10)
  style.print("small", "paper", button.key, x + KEY / 2 - style.fonts.small:getWidth(button.key) / 2, y + 4)
  style.print("small", "ink", button.shown, x + KEY + 6, y + 4)
end

return buttons
