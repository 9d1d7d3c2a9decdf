-- Whether a request comes from our own page: a page elsewhere could make browsers send one, cookie included.

local config = require "gateway.config"

local origin = {}

-- A page that came in plain text may be anybody's, also under our name: over https it is not ours.
local function is_ours(value)
  if config.origin then return value == config.origin end
  local scheme, host = value:match "^(https?)://(.+)$"
  return host ~= nil and host == ngx.var.http_host and (scheme == "https" or ngx.var.scheme == "http")
end

--- Browsers name the origin of what may change something, but not of their own GET requests: those say where they come
--- from in Sec-Fetch-Site. Whoever sends neither is no browser, and has nobody's cookie.
function origin.is_allowed()
  local value, site = ngx.var.http_origin, ngx.var.http_sec_fetch_site
  if value then return is_ours(value) end
  return site == nil or site == "same-origin" or site == "none"
end

--- Every browser names the origin of a WebSocket.
function origin.is_allowed_socket()
  local value = ngx.var.http_origin
  return value ~= nil and is_ours(value)
end

return origin
