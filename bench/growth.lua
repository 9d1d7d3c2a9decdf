-- Measures how cost grows, along each series of bench/series: prints a table, and draws a plot, of each; script/bench
-- starts it in the root of the checkout.
--
-- usage: growth.lua ROUNDS RESULTS TLS_DIR CONTENDERS DIRECTORY SERIES..., see bench/rounds.lua; plots go to DIRECTORY

local metrics = require "bench.metrics"
local numbers = require "bench.numbers"
local plot = require "bench.plot"
local rounds = require "bench.rounds"
local workload = require "bench.workload"

local plan = rounds.plan(arg[1], arg[2], arg[3], arg[4])
local directory = arg[5]

-- By contender a list of points { x, median }.
local function measure(series)
  local lines = {}
  for _, step in ipairs(series.steps) do
    local work = workload.new(series.name, setmetatable(step, { __index = series.work }))
    io.stderr:write(("%s: %d %s\n"):format(series.name, series.x(work), series.x_title)) -- it takes minutes
    for contender, runs in pairs(rounds.measure(work, plan)) do
      local y = numbers.spread(runs, function(run) return metrics[series.metric].of(run, work) end)
      lines[contender] = lines[contender] or {}
      table.insert(lines[contender], { series.x(work), y })
    end
  end
  return lines
end

local function print_row(name, values, last)
  io.write(("  %-32s"):format(name))
  for _, value in ipairs(values) do io.write(("%10s"):format(value)) end
  io.write(("%20s\n"):format(last))
end

local function column(points, place)
  local values = {}
  for index, point in ipairs(points) do values[index] = numbers.figure(point[place]) end
  return values
end

local function print_table(series, lines)
  local title = metrics[series.metric].title
  io.write(("\n%s: %s; %s\n\n"):format(series.name, series.title, title))
  print_row(series.x_title, lines.floor and column(lines.floor, 1) or {}, "fit")
  for _, contender in ipairs(plan.contenders) do
    local points = lines[contender]
    if points then print_row(contender, column(points, 2), numbers.fit_in_words(points)) end
  end
  io.flush()
end

local function draw(series, lines)
  local file = assert(io.open(("%s/growth-%s.svg"):format(directory, series.name), "w"))
  local titles = { x = series.x_title, y = metrics[series.metric].title, plot = series.title }
  file:write(plot.draw(titles, plan.contenders, lines))
  file:close()
end

for index = 6, #arg do
  local series = dofile("bench/series/" .. arg[index] .. ".lua")
  series.name = arg[index]
  local lines = measure(series)
  print_table(series, lines)
  draw(series, lines)
end
