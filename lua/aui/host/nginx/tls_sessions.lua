-- TLS sessions that later cosockets resume: those of the same worker, to the same host and port, whose certificates are
-- judged in the same way. Each is used once, as TLS 1.3 wants it (RFC 8446, C.4); its connection leaves another one.

local engine = require "aui.engine"
local policy_of = require "aui.host.nginx.tls_policy"

local tls_sessions = {}

local MOST = 100 -- of all places
local LIFETIME = 300 -- seconds, as in nginx's own caches: nobody looks at the certificate's date meanwhile

local left = {} -- { key, session, since }, the newest at the end

local function key_of(place) return ("%s %s:%d"):format(policy_of(place), place.host, place.port) end

local function is_over(entry) return engine.now() - entry.since >= LIFETIME end

local function make_room()
  while left[1] and (#left >= MOST or is_over(left[1])) do table.remove(left, 1) end
end

--- Takes the newest session for a connection to this place, if there is one.
function tls_sessions.take(place)
  local key = key_of(place)
  for index = #left, 1, -1 do
    if left[index].key == key then
      local entry = table.remove(left, index)
      return not is_over(entry) and entry.session or nil
    end
  end
end

--- Drops those of this place: the server could not bear one.
function tls_sessions.forget(place)
  local key = key_of(place)
  for index = #left, 1, -1 do
    if left[index].key == key then table.remove(left, index) end
  end
end

--- Keeps the session of an open connection from which something has been read: with TLS 1.3 that alone brings a session
--- that can be resumed. Whether that could be done: not while something else waits for the cosocket.
function tls_sessions.keep(place, socket)
  local session = socket:sslhandshake() -- there is none any more: it returns what there is
  if not session then return false end
  make_room()
  left[#left + 1] = { key = key_of(place), session = session, since = engine.now() }
  return true
end

return tls_sessions
