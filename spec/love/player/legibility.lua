-- How legible what the game writes is, by the pixels of a frame: the sizes of its texts, and their contrast as WCAG 2
-- defines it. To be required before the game makes its fonts.

local legibility = {}

local graphics = love.graphics
local new_font, print_text = graphics.newFont, graphics.print
local sizes = {} -- in pixels, by the font

function graphics.newFont(size)
  local font = new_font(size)
  sizes[font] = size
  return font
end

-- The pixels of a frame in which `print` stands in for LÖVE's own.
local function drawn(print)
  local canvas = graphics.newCanvas()
  graphics.print = print
  graphics.setCanvas(canvas)
  love.draw()
  graphics.setCanvas()
  graphics.print = print_text
  return canvas:newImageData()
end

local function linear(value) return value <= 0.03928 and value / 12.92 or ((value + 0.055) / 1.055) ^ 2.4 end

local function luminance(red, green, blue)
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
end

local function contrast(one, other) return (math.max(one, other) + 0.05) / (math.min(one, other) + 0.05) end

-- The contrast of a colour with what it is laid on.
local function contrast_on(colour, red, green, blue)
  local alpha = colour[4]
  local function mixed(index, below) return colour[index] * alpha + below * (1 - alpha) end
  return contrast(luminance(mixed(1, red), mixed(2, green), mixed(3, blue)), luminance(red, green, blue))
end

-- The lowest contrast of a text, over all pixels that it changes; nil if there are none, as it is out of sight.
local function lowest_contrast(text, written, blank)
  local lowest
  local right = math.min(text.x + text.width, blank:getWidth())
  local bottom = math.min(text.y + text.height, blank:getHeight())
  for y = math.max(0, text.y), bottom - 1 do
    for x = math.max(0, text.x), right - 1 do
      local red, green, blue = blank:getPixel(x, y)
      local its_red, its_green, its_blue = written:getPixel(x, y)
      if red ~= its_red or green ~= its_green or blue ~= its_blue then
        local its = contrast_on(text.colour, red, green, blue)
        lowest = math.min(lowest or its, its)
      end
    end
  end
  return lowest
end

--- A list of the texts that can be seen in a frame: the `words` of each, its `size` in pixels, its `contrast`.
function legibility.texts()
  local printed, seen = {}, {}
  local written = drawn(function(words, x, y)
    local font = graphics.getFont()
    x, y = graphics.transformPoint(x, y)
    printed[#printed + 1] = {
      words = words, size = sizes[font], colour = { graphics.getColor() },
      x = math.floor(x), y = math.floor(y), width = font:getWidth(words), height = font:getHeight(),
    } -- stylua: ignore
    print_text(words, graphics.inverseTransformPoint(x, y))
  end)
  local blank = drawn(function() end)
  for _, text in ipairs(printed) do
    text.contrast = lowest_contrast(text, written, blank)
    if text.contrast then seen[#seen + 1] = text end
  end
  return seen
end

return legibility
