-- A host that polls by itself, here with LuaSocket's select.

local aui = require "aui"
local socket = require "socket"

require("aui.adapter.poll").attach()

local host = {}

local timers = {}

function host.start(fn) coroutine.wrap(fn)() end

function host.every(seconds, fn)
  timers[fn] = { period = seconds, due = socket.gettime() + seconds }
  return function() timers[fn] = nil end
end

local function call_timers()
  local now, first = socket.gettime(), math.huge
  for fn, timer in pairs(timers) do
    if timer.due <= now then
      timer.due = now + timer.period
      fn()
    end
    first = math.min(first, timer.due)
  end
  return first < math.huge and math.max(0, first - socket.gettime()) or nil
end

local descriptor = { getfd = function() return aui.fd() end, dirty = function() return false end }

function host.turn()
  local own, timeout = call_timers(), aui.timeout()
  socket.select({ descriptor }, nil, own and timeout and math.min(own, timeout) or own or timeout)
  aui.step()
end

function host.loop(is_over)
  while not is_over() do host.turn() end
end

return host
