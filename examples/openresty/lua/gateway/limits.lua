-- Who counts as one client, and how many calls it may make in a minute, over all workers of this machine.

local aui = require "resty.aui"
local config = require "gateway.config"
local refusal = require "gateway.refusal"

local limits = {}

local dictionary = ngx.shared.gateway_limits
local WINDOW = 60 -- seconds

local IPV4_MAPPED = ("\0"):rep(10) .. "\255\255" -- RFC 4291, 2.5.5.2

--- The client that asks: an IPv4 address, or a /64 of IPv6, since who has one address there has them all. In bytes. A
--- socket that listens on both shows IPv4 addresses as IPv6 ones.
function limits.client()
  local address = ngx.var.binary_remote_addr
  if address:sub(1, 12) == IPV4_MAPPED then return address:sub(13) end
  return address:sub(1, 8)
end

--- Counts a call: nil; or, when it is one too many or cannot be counted, a status and an error. A full dictionary
--- forgets nobody's count to make room for another's.
function limits.take()
  local time = aui.now() -- by a clock that nobody sets
  local window = math.floor(time / WINDOW)
  local key = limits.client() .. window
  dictionary:safe_add(key, 0, WINDOW)
  local count = dictionary:incr(key, 1)
  if count and count <= config.rate then return nil end
  local error = refusal.too_many(math.ceil((window + 1) * WINDOW - time))
  return count and 429 or 503, error
end

--- For access_by_lua: counts the request, and answers it if it may not go on.
function limits.enforce()
  local status, error = limits.take()
  if not status then return end
  refusal.send(status, error)
  ngx.exit(ngx.HTTP_OK)
end

return limits
