-- How many calls a client may make in a minute, over all workers of this machine.

local config = require "gateway.config"

local limits = {}

local dictionary = ngx.shared.gateway_limits
local WINDOW = 60 -- seconds

-- A client: an IPv4 address, or a /64 of IPv6, since who has one address there has them all.
local function client() return ngx.var.binary_remote_addr:sub(1, 8) end

--- Counts a call: nil, or the seconds to wait when it is one too many.
function limits.take()
  local window = math.floor(ngx.time() / WINDOW)
  local count = dictionary:incr(client() .. window, 1, 0, 2 * WINDOW) or 1
  if count <= config.rate then return nil end
  return (window + 1) * WINDOW - ngx.time()
end

return limits
