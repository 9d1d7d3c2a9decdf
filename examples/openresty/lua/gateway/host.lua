-- By which names the gateway may be called. Who owns another name can let it lead here, and so make a page of its own
-- one of the same origin, whose requests browsers let through (DNS rebinding).

local config = require "gateway.config"

local host = {}

local THIS_MACHINE = { localhost = true, ["127.0.0.1"] = true, ["[::1]"] = true }

--- Whether to answer the request. Balancers ask for its health by any name.
function host.is_ours()
  local name = ngx.var.host
  return THIS_MACHINE[name] or name == config.host or ngx.var.uri == "/healthz" or ngx.req.is_internal()
end

return host
