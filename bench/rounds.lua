-- The runs of a workload. The contenders take turns, so that a disturbance of the machine meets all of them.

local cjson = require "cjson"
local run = require "bench.run"

local rounds = {}

-- Gateways have browsers; all others are clients.
local function takes_part(contender, work)
  return (contender:find "^gateway%-" ~= nil) == work.gateway
end

--- `plan` has rounds, how many; contenders, a list of names; tls_dir, with certificates; results, a file for a line of
--- JSON of each run, or nil. Lists of runs by contender, and by contender why it took no part.
function rounds.measure(work, plan)
  local runs, skipped = {}, {}
  for round = 1, plan.rounds do
    for _, contender in ipairs(plan.contenders) do
      local result, why
      if takes_part(contender, work) and not skipped[contender] then
        result, why = run(work, contender, plan.tls_dir)
        skipped[contender] = why
      end
      if result then
        result.round = round
        if plan.results then plan.results:write(cjson.encode(result), "\n") end
        runs[contender] = runs[contender] or {}
        table.insert(runs[contender], result)
      end
    end
  end
  return runs, skipped
end

local function words(list)
  local names = {}
  for name in list:gmatch "%S+" do names[#names + 1] = name end
  return names
end

--- The plan that four arguments of a program say: the number of rounds, the results' file or nothing, the directory,
--- names between spaces.
function rounds.plan(number, results, tls_dir, contenders)
  return {
    rounds = tonumber(number),
    results = results ~= "" and assert(io.open(results, "a")) or nil,
    tls_dir = tls_dir,
    contenders = words(contenders),
  }
end

return rounds
