-- One run of a contender, and whether it did what the workload asks.

local cjson = require "cjson"
local workload = require "bench.workload"

local SKIPPED = 77 -- the status of who cannot take part,
local NOT_FOUND = { [126] = true, [127] = true } -- and the shell's when it has no interpreter
local PATIENCE = 120 -- seconds for a run, after which it fails

local function expect(run, what, seen, wanted)
  if seen ~= wanted then
    error(("%s, %s: %s: %s, expected %s"):format(run.workload, run.contender, what, seen, wanted), 0)
  end
end

-- Every delta was read and every message decoded, or the figures mean nothing. The floor has counted its bytes itself.
local function check(run, work)
  local replies = work.chats * work.replies
  expect(run, "replies sent", run.server.answered, work.chats * (work.warm_up + work.replies))
  if run.contender == "floor" then return end
  expect(run, "replies read", run.replies, replies)
  expect(run, "bytes of deltas", run.delta_bytes, replies * work.updates * work.growth)
  expect(run, "bytes of messages", run.text_bytes, run.delta_bytes)
  if run.folds then return end
  expect(run, "deltas", run.deltas, replies * work.updates)
end

-- Seconds from when the first text of a reply was written to when it was there: the median.
local function latency(run, work)
  local waits, wrote = {}, run.server.wrote
  if #wrote == 0 then return nil end -- of many chats it is not known which reply was whose
  for index, first in ipairs(run.firsts) do waits[index] = tonumber(first) - wrote[work.warm_up + index] end
  table.sort(waits)
  return waits[math.ceil(#waits / 2)]
end

--- Runs it: the contender's report, with the load server's in `server`; or nil and why it takes no part. Raises when it
--- fails, or when a count is wrong.
return function(work, contender, tls_dir)
  local command = "env " .. workload.environment(work, tls_dir)
    .. (" timeout %d bench/trial %s"):format(PATIENCE, contender)
  local pipe = assert(io.popen(command))
  local report, server = pipe:read "l", pipe:read "l"
  local ok, how, status = pipe:close()
  if status == SKIPPED then return nil, report or "?" end
  if NOT_FOUND[status] then return nil, "its interpreter is not installed" end
  if not (ok and report and server) then
    error(("%s, %s: ended with %s %d: %s"):format(work.name, contender, how, status, command), 0)
  end
  local run = cjson.decode(report)
  run.server, run.workload, run.contender = cjson.decode(server), work.name, contender
  check(run, work)
  run.latency = latency(run, work)
  run.firsts, run.server.wrote = nil, nil
  return run
end
