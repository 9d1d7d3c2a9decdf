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
}

local function by_name(name)
  local work = setmetatable(dofile("bench/workloads/" .. name .. ".lua"), { __index = USUAL })
  work.name, work.at_once = name, work.at_once or work.chats
  return work
end

-- Whether the name is the wanted one or a variant of it: w7-paced is one of w7.
local function is_wanted(name, wanted)
  return name == wanted or name:sub(1, #wanted + 1) == wanted .. "-"
end

--- Those of these names that are wanted, or all of them if nothing is; nil and a name that is unknown.
function workload.choose(names, wanted)
  local chosen, seen = {}, {}
  for _, want in ipairs(#wanted > 0 and wanted or names) do
    local before = #chosen
    for _, name in ipairs(names) do
      if is_wanted(name, want) and not seen[name] then
        chosen[#chosen + 1] = by_name(name)
      end
      if is_wanted(name, want) then seen[name], seen[want] = true, true end
    end
    if #chosen == before and not seen[want] then return nil, want end
  end
  return chosen
end

--- The workload as load server and contenders read it: "BENCH_NAME=value" for env. `tls_dir` has certificates.
function workload.environment(work, tls_dir)
  local function pair(name) return ("BENCH_%s=%s"):format(name:upper(), work[name]) end
  local pairs_of = { "BENCH_TLS_DIR='" .. (work.tls and tls_dir or "") .. "'" }
  for _, name in ipairs {
    "chats", "at_once", "warm_up", "replies", "updates", "growth", "pace", "envelope", "carrier", "compression",
    "resumption",
  } do
    pairs_of[#pairs_of + 1] = pair(name)
  end
  return table.concat(pairs_of, " ")
end

return workload
