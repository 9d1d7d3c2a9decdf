-- The rounds of the benchmark; script/bench starts it in the root of the checkout.
--
-- usage: main.lua ROUNDS RESULTS TLS_DIR CONTENDERS WORKLOADS WANTED...
-- RESULTS is a file for JSON lines, or empty; CONTENDERS and WORKLOADS are names between spaces.

local cjson = require "cjson"
local report = require "bench.report"
local run = require "bench.run"
local workload = require "bench.workload"

local function words(list)
  local names = {}
  for name in list:gmatch "%S+" do names[#names + 1] = name end
  return names
end

local rounds, tls_dir, contenders = tonumber(arg[1]), arg[3], words(arg[4])
local results = arg[2] ~= "" and assert(io.open(arg[2], "a"))

local function record(result, round)
  if not results then return end
  result.round = round
  results:write(cjson.encode(result), "\n")
  results:flush()
end

-- The contenders take turns, so that a disturbance of the machine meets all of them.
local function measure(work)
  local runs, skipped = {}, {}
  for round = 1, rounds do
    for _, contender in ipairs(contenders) do
      local result, why
      if not skipped[contender] then
        result, why = run(work, contender, tls_dir)
        skipped[contender] = why
      end
      if result then
        record(result, round)
        runs[contender] = runs[contender] or {}
        table.insert(runs[contender], result)
      end
    end
  end
  report.print(work, contenders, runs, skipped)
end

local wanted = {}
for index = 6, #arg do wanted[#wanted + 1] = arg[index] end
local chosen, unknown = workload.choose(words(arg[5]), wanted)
if not chosen then
  io.stderr:write(("script/bench: '%s': expected some of %s\n"):format(unknown, arg[5]))
  os.exit(1)
end
for _, work in ipairs(chosen) do measure(work) end
