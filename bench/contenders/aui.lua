-- This module: each chat is a session in a task of its own.

local aui = require "aui"
local meter = require "bench.contenders.meter"

local work = meter.work
local numbers = {}
for index = 1, work.chats do numbers[index] = index end

local client = aui.client {
  url = work.url,
  api_key = not work.streams and "bench" or nil,
  publishable_key = work.streams and "pk_network_bench" or nil,
  tls = not ngx and work.ca_file and { ca_file = work.ca_file } or nil,
  compression = work.compressed,
  timeout = { connect = 60 }, -- all of them at once, on a machine that may do other work
}

local conversation = work.streams and { user_id = "bench" } or { task_id = "bench" }

local function each(n, at_once, fn)
  local _, errors = aui.map(numbers, fn, { at_once = at_once })
  for index = 1, n do
    if errors[index] then error(errors[index], 0) end
  end
end

-- In nginx a session belongs to the light thread that opens it: all of them to this one.
local function open_each(n, _, fn)
  for index = 1, n do fn(index) end
end

local function open()
  return assert(client:connect(conversation))
end

local function stream(session)
  local deltas, bytes, first = 0, 0, nil
  local reply = session:send "go"
  for chunk in reply do
    first = first or meter.now()
    deltas, bytes = deltas + 1, bytes + #chunk
  end
  return deltas, bytes, first, assert(reply:message()).text
end

meter.run { each = each, open_each = ngx and open_each or each, open = open, stream = stream, folds = true }
