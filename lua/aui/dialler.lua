-- Opens cosockets, over TLS where asked, and says what went wrong in the words that the native driver uses.

local base = require "resty.core.base"
local ffi = require "ffi"

local dialler = {}

--- Whether it is an address, and no name.
function dialler.is_address(host) return host:find "^[%d.]+$" ~= nil or host:find(":", 1, true) ~= nil end

-- Why there is no connection, from nginx's words, and whether to try again.
local function connect_failure(place, err)
  if err:find "^no resolver defined" then
    return ("name %s not resolved: nginx has no resolver (directive resolver)"):format(place.host), false
  end
  if err:find("(3: Host not found)", 1, true) then return "name not found: " .. place.host, true end
  local trouble = err:match "could not be resolved %(%d+: (.*)%)$"
  if trouble then return ("name %s not resolved: %s"):format(place.host, trouble:lower()), true end
  local how = err == "connection refused" and "refused" or "failed: " .. err
  return ("connection to %s port %d %s"):format(place.host, place.port, how), true
end

local function tls_failure(place, err)
  if err == "closed" then return "TLS handshake: the server ended the connection", true end
  local why = err:match "^%d+: (.*)$" or err:match "^certificate host mismatch$"
  if why then
    why = why == "certificate host mismatch" and "hostname mismatch" or why
    return ("TLS: certificate of %s not accepted: %s"):format(place.host, why), false
  end
  return "TLS: " .. err .. " (nginx's error log may tell more)", true
end

-- Nobody leaves a connection there. In nginx's default pool, which all code of the worker shares, may lie one that
-- speaks something else by now, or whose certificate was not verified.
local EMPTY_POOL = { pool = "aui" }

--- Connects the cosocket to place.host and place.port; `pool` are options of connect, nil for a new connection. True,
--- or nil, why not and whether to try again.
function dialler.connect(socket, place, pool)
  local host = place.host:find(":", 1, true) and "[" .. place.host .. "]" or place.host
  local ok, err = socket:connect(host, place.port, pool or EMPTY_POOL)
  if ok then return true end
  return nil, connect_failure(place, err)
end

-- resty.core 0.1.25 raises what it has to say of a certificate, if the handshake ends without waiting; the reason is
-- where its functions leave their errors.
local function shake_hands(socket, ...)
  local finished, ok, err = pcall(socket.sslhandshake, socket, ...)
  if finished then return ok, err end
  local reason = base.get_errmsg_ptr()[0]
  return nil, "0: " .. (reason ~= nil and ffi.string(reason) or "no reason given")
end

--- The TLS handshake with the server, as place.tls asks; results as above.
function dialler.start_tls(socket, place)
  local verify, name = place.tls.verify ~= false, place.host
  if dialler.is_address(name) then
    if verify then
      local words = "TLS: certificate of %s not accepted: nginx can verify names only, not addresses"
      return nil, words:format(name), false
    end
    name = nil -- RFC 6066, 3: no address is sent as a server's name
  end
  local ok, err = shake_hands(socket, nil, name, verify)
  if ok then return true end
  return nil, tls_failure(place, err)
end

return dialler
