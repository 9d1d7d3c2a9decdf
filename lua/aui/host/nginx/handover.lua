-- What goes with the connections in nginx's pools to the next session: which answers came on them, and how their
-- messages are compressed, without which they cannot be read. It is kept by the connection's descriptor, which no other
-- connection has as long as that lies in its pool. It is per worker, as the pools are.

local descriptor = require "aui.host.nginx.descriptor"
local engine = require "aui.engine"

local handover = {}

local GRACE = 60 -- seconds beyond the time after which nginx closes a connection

-- By the descriptor: { state = what session:detach returned, since = when it was left, until when it is kept }. What
-- nginx has closed meanwhile is dropped when there are twice as many as after the last time.
local left = {}
local count, most = 0, 64

local function drop_old()
  local now = engine.now()
  for number, entry in pairs(left) do
    if entry.until_when < now then
      left[number] = nil
      count = count - 1
    end
  end
  most = math.max(64, 2 * count)
end

--- Leaves an idle cosocket in its pool for `idle` seconds. `detach()` gives what goes with it, nil if the session may
--- not leave it. Whether it was detached, and whether it is in the pool then: else it has ended.
function handover.leave(socket, idle, detach)
  local number = descriptor.of(socket)
  local state = number and detach()
  if not state then return false, false end
  if not socket:setkeepalive(idle * 1000) then return true, false end
  if not left[number] then count = count + 1 end
  left[number] = { state = state, since = engine.now(), until_when = engine.now() + idle + GRACE }
  if count > most then drop_old() end
  return true, true
end

--- What goes with a cosocket that came from a pool, and for how many seconds it has lain there; nil if that is not
--- known, and the connection of no use.
function handover.take(socket)
  local number = descriptor.of(socket)
  local entry = left[number or false]
  if not entry then return nil end
  left[number] = nil
  count = count - 1
  return entry.state, engine.now() - entry.since
end

return handover
