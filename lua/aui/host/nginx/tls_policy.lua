-- By what nginx judges a server's certificate, and which one it shows itself: directives, which may differ by location
-- though locations share a worker.

local base = require "resty.core.base"
local ffi = require "ffi"

local LOC_CONF = 5 -- where nginx's request has the pointers to its location's configurations, in pointers

--- In a word that tells apart what must not be shared between connections to a place; nil without TLS.
local function policy_of(place)
  if not place.tls then return nil end
  local location = ffi.cast("void **", base.get_request())[LOC_CONF]
  return (place.tls.verify == false and "unverified " or "verified ") .. tostring(location)
end

return policy_of
