-- What every contender in Lua measures and reports, however it waits and whatever it talks through.

local cjson = require "cjson"
local gettime = require("socket").gettime

local meter = {}

local function value(name)
  return (assert(os.getenv("BENCH_" .. name), name))
end

local function number(name)
  return tonumber(value(name))
end

--- The workload, see bench/README.md.
meter.work = {
  chats = number "CHATS",
  at_once = number "AT_ONCE",
  warm_up = number "WARM_UP",
  replies = number "REPLIES",
  url = value "URL",
  streams = value "CARRIER" == "stream",
  compressed = value "COMPRESSION" == "true",
  ca_file = value "TLS_DIR" ~= "" and value "TLS_DIR" .. "/ca.pem" or nil,
}

--- Seconds since 1970.
meter.now = gettime

-- kB, by its name in /proc/self/status.
local function memory(name)
  local file = assert(io.open "/proc/self/status")
  local status = file:read "*a"
  file:close()
  return tonumber(status:match(name .. ":%s+(%d+)"))
end

-- What two calls take, in seconds of the wall and of CPU.
local function timed(fn)
  local wall, cpu = gettime(), os.clock()
  fn()
  return gettime() - wall, os.clock() - cpu
end

local function collect()
  collectgarbage()
  collectgarbage()
end

-- Streams so many replies in each chat; what came in all of them.
local function stream_all(contender, chats, replies)
  local sum = { replies = 0, deltas = 0, delta_bytes = 0, text_bytes = 0, firsts = {} }
  contender.each(#chats, meter.work.at_once, function(index)
    for _ = 1, replies do
      local deltas, bytes, first, text = contender.stream(chats[index])
      sum.replies, sum.deltas = sum.replies + 1, sum.deltas + deltas
      sum.delta_bytes, sum.text_bytes = sum.delta_bytes + bytes, sum.text_bytes + #text
      sum.firsts[sum.replies] = first
    end
  end)
  return sum
end

--- Runs the workload and prints the report. `contender` has
--- each(n, at_once, fn), which calls fn(1..n), so many of them at the same time, and returns when all have returned;
--- open_each, which does that for fn that open chats;
--- open(index), which connects and returns a chat;
--- stream(chat), which asks, and returns how many deltas came, their bytes, when the first one came, and the text of
--- the final message;
--- folds: whether deltas that nobody has read yet may come as one.
function meter.run(contender)
  local work, chats, sum = meter.work, {}, nil
  collect()
  local resident = memory "VmRSS"
  local connect_wall, connect_cpu = timed(function()
    contender.open_each(work.chats, work.at_once, function(index) chats[index] = contender.open(index) end)
  end)
  if work.warm_up > 0 then stream_all(contender, chats, work.warm_up) end
  local wall, cpu = timed(function() sum = stream_all(contender, chats, work.replies) end)
  collect()
  sum.connect_wall, sum.connect_cpu, sum.wall, sum.cpu = connect_wall, connect_cpu, wall, cpu
  sum.folds = contender.folds
  sum.resident, sum.peak = memory "VmRSS" - resident, memory "VmHWM"
  for index, first in ipairs(sum.firsts) do sum.firsts[index] = ("%.6f"):format(first) end -- cjson rounds numbers
  io.write(cjson.encode(sum), "\n") -- print is a log in nginx
end

return meter
