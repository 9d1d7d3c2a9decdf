-- Opens cosockets, through a proxy and over TLS where asked, and says what went wrong in the words that the native
-- driver uses.

local ascii = require "aui.text.ascii"
local base = require "resty.core.base"
local engine = require "aui.engine"
local ffi = require "ffi"
local tls_sessions = require "aui.host.nginx.tls_sessions"

local dialler = {}

local READ_SIZE = 4096 -- bytes of a proxy's answer

-- Whether it is an address, and no name.
local function is_address(host) return host:find "^[%d.]+$" ~= nil or host:find(":", 1, true) ~= nil end

-- Why there is no connection, from nginx's words, and whether to try again.
local function connect_failure(place, err)
  if err:find "^no resolver defined" then
    return ("name %s not resolved: nginx has no resolver (directive resolver)"):format(place.host), false
  end
  if err:find("(3: Host not found)", 1, true) then return "name not found: " .. place.host, true end
  local trouble = err:match "could not be resolved %(%d+: (.*)%)$"
  if trouble then return ("name %s not resolved: %s"):format(place.host, ascii.lower(trouble)), true end
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

--- The place that the fields host, port, tls and proxy of loop:open's or loop:call's options say.
function dialler.place(options)
  local place, proxy = { host = options.host, port = options.port, tls = options.tls }, options.proxy
  if proxy then
    place.proxy = { host = proxy.host, port = proxy.port, credentials = function() return proxy.credentials end }
  end
  return place
end

--- What a pool's name must have of the place's proxy, and hides, since nginx may write the name to a log: whose
--- connections are tunnels.
function dialler.proxy_of_pool(place)
  local proxy = place.proxy
  if not proxy then return "" end
  return ":" .. ngx.md5(("%s\n%d\n%s"):format(proxy.host, proxy.port, proxy.credentials() or ""))
end

--- Connects the cosocket to place.host and place.port, or to the proxy that leads there; `pool` are options of connect,
--- nil for a new connection. True, or nil, why not and whether to try again.
function dialler.connect(socket, place, pool)
  local peer = place.proxy or place
  local host = peer.host:find(":", 1, true) and "[" .. peer.host .. "]" or peer.host
  local ok, err = socket:connect(host, peer.port, pool or EMPTY_POOL)
  if ok then return true end
  local words, retryable = connect_failure(peer, err)
  return nil, (place.proxy and "proxy: " or "") .. words, retryable
end

-- What of the server has come through the tunnel already; or false, why there is none and whether to try again.
local function open_tunnel(socket, place)
  local proxy = place.proxy
  local tunnel = engine.tunnel {
    proxy_host = proxy.host,
    proxy_port = proxy.port,
    credentials = proxy.credentials(),
    host = place.host,
    port = place.port,
  }
  socket:send(tunnel:output()) -- if that fails, the answer may be there all the same
  while true do
    local bytes, err = socket:receiveany(READ_SIZE)
    if not bytes and err ~= "timeout" then return tunnel:cut(err ~= "closed" and err or nil) end
    local early, why, retryable = tunnel:receive(bytes or "")
    if early ~= nil then return early, why, retryable end
  end
end

-- resty.core 0.1.25 raises what it has to say of a certificate, if the handshake ends without waiting; the reason is
-- where its functions leave their errors.
local function shake_hands(socket, ...)
  local finished, ok, err = pcall(socket.sslhandshake, socket, ...)
  if finished then return ok, err end
  local reason = base.get_errmsg_ptr()[0]
  return nil, "0: " .. (reason ~= nil and ffi.string(reason) or "no reason given")
end

-- The TLS handshake with the server, as place.tls asks. True, or nil, why not and whether to try again.
local function start_tls(socket, place)
  local verify = place.tls.verify ~= false
  local name = place.host:match "^(.+)%.$" or place.host -- the final dot is the resolver's (RFC 6066, 3)
  local by_address = is_address(name)
  if by_address and verify then
    local words = "TLS: certificate of %s not accepted: nginx can verify names only, not addresses"
    return nil, words:format(name), false
  end
  local session = tls_sessions.take(place)
  local ok, err = shake_hands(socket, session, not by_address and name or nil, verify) -- addresses are not sent there
  if ok then return true end
  if session then tls_sessions.forget(place) end
  return nil, tls_failure(name, err)
end

--- What is to be done on a new connection before the server is spoken to: the tunnel, if there is a proxy, and TLS, if
--- place.tls asks for it. `begin(phase)` is told what comes. What of the server has come already, "" as a rule; or nil,
--- why it failed and whether to try again.
function dialler.prepare(socket, place, begin)
  local early, why, retryable = "", nil, nil
  if place.proxy then
    begin "proxy"
    early, why, retryable = open_tunnel(socket, place)
  end
  if not early then return nil, why, retryable end
  if not place.tls then return early end
  if early ~= "" then return nil, "TLS: the server does not speak TLS here (without it: ws://)", false end
  begin "tls"
  local ok
  ok, why, retryable = start_tls(socket, place)
  if not ok then return nil, why, retryable end
  return early
end

return dialler
