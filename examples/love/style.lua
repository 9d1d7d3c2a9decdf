-- The colours and fonts of the scene, and brushes that LÖVE does not have.

local style = {}

local graphics = love.graphics

local function hex(code)
  local red, green, blue = code:match "(%x%x)(%x%x)(%x%x)"
  return { tonumber(red, 16) / 255, tonumber(green, 16) / 255, tonumber(blue, 16) / 255 }
end

style.colours = {
  -- the room
  wall_top = hex "4a2632", wall_bottom = hex "a8593f", stripe = hex "ffd9a0", lamp = hex "ffcf87",
  brass = hex "d6a24a", plank = hex "7a4428", plank_dark = hex "522b1c", counter = hex "94552e",
  counter_dark = hex "6b3a20", counter_light = hex "c27b45",
  -- the shopkeeper
  skin = hex "f0bd97", skin_dark = hex "d99a75", hair = hex "4b2a20", blush = hex "e8836b",
  shirt = hex "2f6f6b", shirt_dark = hex "245754", apron = hex "e9b44c", apron_dark = hex "c9922f",
  -- what is written, and where
  paper = hex "fff6e5", paper_dark = hex "ecd9b8", ink = hex "3d2418", faint = hex "785a43",
  accent = hex "b8442e", night = hex "2a1820", white = hex "ffffff",
  -- wares and lights
  leaf = hex "5f8a4c", good = hex "8fc46a", fair = hex "f0b94d", bad = hex "e0604a",
} -- stylua: ignore

style.fonts = {
  speech = graphics.newFont(17),
  name = graphics.newFont(15),
  small = graphics.newFont(14),
}

--- Chooses a colour by its name, for what is drawn next.
function style.use(name, alpha)
  local colour = style.colours[name]
  graphics.setColor(colour[1], colour[2], colour[3], alpha or 1)
end

--- A filled rectangle with round corners.
function style.box(name, x, y, width, height, radius, alpha)
  style.use(name, alpha)
  graphics.rectangle("fill", x, y, width, height, radius or 0)
end

--- A line of text; returns its width.
function style.print(font, name, text, x, y, alpha)
  style.use(name, alpha)
  graphics.setFont(style.fonts[font])
  graphics.print(text, math.floor(x), math.floor(y))
  return style.fonts[font]:getWidth(text)
end

--- The text, with dots in place of what is too wide.
function style.fit(font, text, width)
  local its_font = style.fonts[font]
  if its_font:getWidth(text) <= width then return text end
  local used, bytes = its_font:getWidth "...", 0
  for character in text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
    used = used + its_font:getWidth(character)
    if used > width then break end
    bytes = bytes + #character
  end
  return text:sub(1, bytes) .. "..."
end

--- A rectangle whose colour goes from one at its top to another at its bottom.
function style.fade(top, bottom, x, y, width, height)
  local a, b = style.colours[top], style.colours[bottom]
  local mesh = graphics.newMesh({
    { x, y, 0, 0, a[1], a[2], a[3], 1 },
    { x + width, y, 0, 0, a[1], a[2], a[3], 1 },
    { x + width, y + height, 0, 0, b[1], b[2], b[3], 1 },
    { x, y + height, 0, 0, b[1], b[2], b[3], 1 },
  }, "fan", "static")
  graphics.setColor(1, 1, 1)
  graphics.draw(mesh)
end

--- Light that grows weaker from its centre on.
function style.glow(name, x, y, radius, strength)
  local c = style.colours[name]
  local vertices = { { x, y, 0, 0, c[1], c[2], c[3], strength } }
  for step = 0, 48 do
    local angle = step / 48 * 2 * math.pi
    vertices[#vertices + 1] = { x + math.cos(angle) * radius, y + math.sin(angle) * radius, 0, 0, c[1], c[2], c[3], 0 }
  end
  graphics.setBlendMode "add"
  graphics.setColor(1, 1, 1)
  graphics.draw(graphics.newMesh(vertices, "fan", "static"))
  graphics.setBlendMode "alpha"
end

--- What `paint` draws, as a canvas of the window's size to be shown again and again.
function style.painted(paint)
  local canvas = graphics.newCanvas(graphics.getWidth(), graphics.getHeight(), { msaa = 4 })
  graphics.setCanvas(canvas)
  paint()
  graphics.setCanvas()
  return canvas
end

--- Draws a canvas where it was painted. Its colours hold their opacity already.
function style.show(canvas)
  graphics.setColor(1, 1, 1)
  graphics.setBlendMode("alpha", "premultiplied")
  graphics.draw(canvas)
  graphics.setBlendMode "alpha"
end

return style
