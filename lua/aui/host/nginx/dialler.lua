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

-- nginx says "handshake failed" of whatever it was, and leaves the cause to its log.
local HANDSHAKE_FAILED = "the handshake failed: the server ended it or refused it, has no version in common with "
  .. "lua_ssl_protocols, or speaks no TLS here (an unencrypted one needs ws://); nginx's error log may tell more"

-- The number in front is that of a certificate's failure, but resty.core 0.1.25 puts it before the next failures too.
local function tls_failure(name, err)
  local number, words = err:match "^(%d+): (.*)$"
  words = words or err
  if words == "closed" then return "TLS handshake: the server ended the connection", true end
  if words == "handshake failed" then return "TLS: " .. HANDSHAKE_FAILED, true end
  if words == "certificate host mismatch" then words, number = "hostname mismatch", 0 end
  if number then return ("TLS: certificate of %s not accepted: %s"):format(name, words), false end
  return "TLS: " .. words .. " (nginx's error log may tell more)", true
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
  local verify = place.tls.verify ~= false
  local name = place.host:match "^(.+)%.$" or place.host -- the final dot is the resolver's (RFC 6066, 3)
  local is_address = dialler.is_address(name)
  if is_address and verify then
    local words = "TLS: certificate of %s not accepted: nginx can verify names only, not addresses"
    return nil, words:format(name), false
  end
  local ok, err = shake_hands(socket, nil, not is_address and name or nil, verify) -- addresses are not sent (there too)
  if ok then return true end
  return nil, tls_failure(name, err)
end

return dialler
