-- The table of a workload that people read.

local metrics = require "bench.metrics"

local report = {}

local function median(values)
  local middle = (#values + 1) / 2
  return (values[math.floor(middle)] + values[math.ceil(middle)]) / 2
end

local function sorted(runs, fn)
  local values = {}
  for index, run in ipairs(runs) do values[index] = fn(run) end
  table.sort(values)
  return values
end

-- Three digits that count.
local function figure(value)
  local digits = math.abs(value) >= 100 and 0 or math.abs(value) >= 10 and 1 or math.abs(value) >= 1 and 2 or 3
  return ("%." .. digits .. "f"):format(value)
end

-- How the value stands to the floor's.
local function beside_floor(metric, value, floor)
  if not floor then return "" end
  if metric.is_beside then return (value < floor and "" or "+") .. figure(value - floor) end
  return figure(value / floor) .. " x"
end

local function chunks(run)
  return run.deltas and run.replies > 0 and figure(run.deltas / run.replies) or ""
end

local ROW = "  %-20s %10s %21s %10s %10s %10s %10s\n"

local function print_metric(work, contenders, runs, name)
  local metric, floor = metrics[name], nil
  io.write("\n  ", metric.title, "\n", ROW:format("", "median", "range", "floor", "server", "peak, MB", "chunks"))
  for _, contender in ipairs(contenders) do
    local own = runs[contender]
    if own then
      local values = sorted(own, function(run) return metric.of(run, work) end)
      local middle = median(values)
      if contender == "floor" then floor = middle end
      io.write(
        ROW:format(
          contender,
          figure(middle),
          figure(values[1]) .. " .. " .. figure(values[#values]),
          beside_floor(metric, middle, floor),
          ("%.0f %%"):format(100 * median(sorted(own, function(run) return run.server.busy end))),
          figure(median(sorted(own, function(run) return run.peak end)) / 1000),
          chunks(own[#own])
        )
      )
    end
  end
end

-- How many bytes a reply has.
local function wire(contenders, runs)
  for _, contender in ipairs(contenders) do
    local server = runs[contender] and runs[contender][1].server
    if server and server.answered > 0 then
      return ("; %s kB over the wire a reply"):format(figure(server.sent / server.answered / 1000))
    end
  end
  return ""
end

--- Prints what the runs of a workload, lists by contender, have brought, and why `skipped` took no part.
function report.print(work, contenders, runs, skipped)
  io.write("\n", work.name, ": ", work.title, wire(contenders, runs), "\n")
  for _, name in ipairs(work.metrics) do
    print_metric(work, contenders, runs, name)
  end
  for _, contender in ipairs(contenders) do
    if skipped[contender] then io.write("  ", contender, " takes no part: ", skipped[contender], "\n") end
  end
  io.flush()
end

return report
