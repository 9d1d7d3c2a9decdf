-- GET /healthz: whether requests can be served here, for balancers.

local refusal = require "gateway.refusal"
local store = require "gateway.store" "conversations"

local health = {}

function health.serve()
  local ok, problem = pcall(store.get, store, "health")
  if not ok then
    ngx.log(ngx.ERR, tostring(problem))
    return refusal.page(503)
  end
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print '{"status":"ok"}'
end

return health
