local aui = require "aui"
local copas = require "copas"

require("aui.adapter.copas").attach()

local host = { ends = copas.finished ~= nil }

function host.start(fn) copas.addthread(fn) end

-- Copas 1 has no timers.
function host.every(seconds, fn)
  local socket = require "socket"
  local due, on = socket.gettime() + seconds, true
  local step = copas.step
  copas.step = function(timeout)
    if not on then return step(timeout) end
    local result = step(math.max(0, math.min(timeout or math.huge, due - socket.gettime())))
    if socket.gettime() >= due then
      due = due + seconds
      fn()
    end
    return result
  end
  return function() on = false end
end

-- Copas 1 closes the client of a thread that has ended: a task that goes on may read from it again.
function host.read_line(port)
  local client = assert(require("socket").connect("127.0.0.1", port))
  client:settimeout(0)
  local line = copas.wrap(client):receive "*l"
  aui.sleep(0.001)
  assert(client:getpeername())
  client:close()
  return line
end

function host.turn() copas.step() end

function host.loop(is_over)
  if host.ends then return copas.loop() end
  while not is_over() do host.turn() end
end

return host
