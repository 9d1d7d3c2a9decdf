-- Workloads: bench/workloads has a file for each, which says what is not as here. The names of bench/README.md.

local workload = {}

local USUAL = {
  warm_up = 0,
  pace = 0,
  envelope = "simple",
  carrier = "websocket",
  compression = false,
  tls = false,
  resumption = true,
  gateway = false,
}

--- The workload that has these fields, and else the usual ones.
function workload.new(name, fields)
  local work = {}
  for key, value in pairs(USUAL) do work[key] = value end
  for key in pairs(USUAL) do
    if fields[key] ~= nil then work[key] = fields[key] end
  end
  for _, key in ipairs { "title", "metrics", "chats", "replies", "updates", "growth" } do work[key] = fields[key] end
  work.name, work.at_once = name, fields.at_once or fields.chats
  return work
end

--- That of bench/workloads.
function workload.by_name(name)
  return workload.new(name, dofile("bench/workloads/" .. name .. ".lua"))
end

--- The workload as load server and contenders read it: "BENCH_NAME=value" for env. `tls_dir` has certificates.
function workload.environment(work, tls_dir)
  local function pair(name) return ("BENCH_%s=%s"):format(name:upper(), work[name]) end
  local pairs_of = { "BENCH_TLS_DIR='" .. (work.tls and tls_dir or "") .. "'" }
  for _, name in ipairs {
    "chats", "at_once", "warm_up", "replies", "updates", "growth", "pace", "envelope", "carrier", "compression",
    "resumption", "gateway",
  } do
    pairs_of[#pairs_of + 1] = pair(name)
  end
  return table.concat(pairs_of, " ")
end

return workload
