-- A plot of lines over two logarithmic axes, as SVG.

local numbers = require "bench.numbers"

local plot = {}

local WIDTH, HEIGHT = 800, 460
local LEFT, RIGHT, TOP, BOTTOM = 80, 600, 50, 400 -- of the axes' frame
local STEPS = 40 -- of a line that is straight on other axes
local COLOURS = { "#555555", "#d62728", "#ff7f0e", "#9467bd", "#1f77b4", "#17becf", "#2ca02c", "#8c564b" }

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

local function all(lines, place)
  local values = {}
  for _, points in pairs(lines) do
    for _, point in ipairs(points) do values[#values + 1] = point[place] end
  end
  return values
end

local function range(values)
  local least, most = math.huge, 0
  for _, value in ipairs(values) do least, most = math.min(least, value), math.max(most, value) end
  return least, most
end

-- From a value to its place between `from` and `to`; the ends of the axis are the least and the most of `values`.
local function scale(values, from, to)
  local least, most = range(values)
  local span = math.max(math.log(most / least), 1e-9)
  return function(value) return from + math.log(value / least) / span * (to - from) end
end

-- The steps 1, 2 and 5 of each power of ten between the least and the most value.
local function ticks(values)
  local least, most = range(values)
  local list = {}
  for power = math.floor(math.log(least, 10)), math.ceil(math.log(most, 10)) do
    for _, step in ipairs { 1, 2, 5 } do
      local value = step * 10.0 ^ power
      if value >= least and value <= most then list[#list + 1] = value end
    end
  end
  return list
end

local function text(x, y, words, anchor, more)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>'):format(x, y, anchor, more or "", escape(words))
end

local function line(x1, y1, x2, y2, colour)
  return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>'):format(x1, y1, x2, y2, colour)
end

local function tick_words(value)
  return value >= 1000 and ("%dk"):format(value / 1000) or ("%g"):format(value)
end

local function draw_axes(out, titles, lines, x_of, y_of)
  for _, value in ipairs(ticks(all(lines, 1))) do
    out[#out + 1] = line(x_of(value), TOP, x_of(value), BOTTOM, "#e0e0e0")
    out[#out + 1] = text(x_of(value), BOTTOM + 18, tick_words(value), "middle")
  end
  for _, value in ipairs(ticks(all(lines, 2))) do
    out[#out + 1] = line(LEFT, y_of(value), RIGHT, y_of(value), "#e0e0e0")
    out[#out + 1] = text(LEFT - 8, y_of(value) + 4, tick_words(value), "end")
  end
  out[#out + 1] = text((LEFT + RIGHT) / 2, BOTTOM + 42, titles.x, "middle")
  out[#out + 1] = text(LEFT, TOP - 10, titles.y, "start")
  out[#out + 1] = text(LEFT, TOP - 30, titles.plot, "start", ' font-weight="bold"')
end

local function draw_points(out, points, colour, x_of, y_of)
  for _, point in ipairs(points) do
    local circle = '<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>'
    out[#out + 1] = circle:format(x_of(point[1]), y_of(point[2]), colour)
  end
end

-- The line that fits the points, from the first to the last, as far as it has a logarithm.
local function draw_fit(out, points, colour, x_of, y_of)
  local a, b = numbers.fit(points)
  local first, last, corners = points[1][1], points[#points][1], {}
  for step = 0, STEPS do
    local x = first * (last / first) ^ (step / STEPS)
    local y = a + b * x
    if y > 0 then corners[#corners + 1] = ("%.1f,%.1f"):format(x_of(x), y_of(y)) end
  end
  local path = '<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>'
  out[#out + 1] = path:format(table.concat(corners, " "), colour)
end

--- The SVG of lists of points { x, y } by name, and of the line that fits each. `titles` has x, y and plot; the legend
--- has the lists in the order of `names`.
function plot.draw(titles, names, lines)
  local x_of = scale(all(lines, 1), LEFT, RIGHT)
  local y_of = scale(all(lines, 2), BOTTOM, TOP)
  local head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">'
  local out, row = { head:format(WIDTH, HEIGHT), '<rect width="100%" height="100%" fill="white"/>' }, TOP + 8
  draw_axes(out, titles, lines, x_of, y_of)
  for index, name in ipairs(names) do
    local colour = COLOURS[(index - 1) % #COLOURS + 1]
    if lines[name] then
      draw_points(out, lines[name], colour, x_of, y_of)
      draw_fit(out, lines[name], colour, x_of, y_of)
      out[#out + 1] = line(RIGHT + 12, row - 4, RIGHT + 30, row - 4, colour)
      out[#out + 1] = text(RIGHT + 36, row, name, "start", ' font-weight="bold"')
      out[#out + 1] = text(RIGHT + 36, row + 15, numbers.fit_in_words(lines[name]), "start")
      row = row + 36
    end
  end
  out[#out + 1] = "</svg>\n"
  return table.concat(out, "\n")
end

return plot
