-- Who counts as one client, and how many calls it may make in a minute, over all workers of this machine.

local config = require "gateway.config"

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

--- Counts a call: nil, or the seconds to wait when it is one too many.
function limits.take()
  local window = math.floor(ngx.time() / WINDOW)
  local count = dictionary:incr(limits.client() .. window, 1, 0, 2 * WINDOW) or 1
  if count <= config.rate then return nil end
  return (window + 1) * WINDOW - ngx.time()
end

return limits
