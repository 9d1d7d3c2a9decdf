-- The table of a workload that people read.

local metrics = require "bench.metrics"
local numbers = require "bench.numbers"

local report = {}

local figure, spread = numbers.figure, numbers.spread

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
      local middle, least, most = spread(own, function(run) return metric.of(run, work) end)
      if contender == "floor" then floor = middle end
      local busy = spread(own, function(run) return run.server.busy end)
      local peak = spread(own, function(run) return run.peak end)
      local range, beside = figure(least) .. " .. " .. figure(most), beside_floor(metric, middle, floor)
      local share = ("%.0f %%"):format(100 * busy)
      io.write(ROW:format(contender, figure(middle), range, beside, share, figure(peak / 1000), chunks(own[#own])))
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
