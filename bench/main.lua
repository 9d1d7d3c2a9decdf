-- Measures workloads and prints a table of each; script/bench starts it in the root of the checkout.
--
-- usage: main.lua ROUNDS RESULTS TLS_DIR CONTENDERS WORKLOAD..., see bench/rounds.lua

local report = require "bench.report"
local rounds = require "bench.rounds"
local workload = require "bench.workload"

local plan = rounds.plan(arg[1], arg[2], arg[3], arg[4])
for index = 5, #arg do
  local work = workload.by_name(arg[index])
  report.print(work, plan.contenders, rounds.measure(work, plan))
end
