-- GET /healthz: whether requests can be served here, for balancers. Anybody may ask as often as he likes: the store is
-- asked once in a while, and what changes is logged.

local aui = require "aui"
local refusal = require "gateway.refusal"
local store = require "gateway.store" "conversations"

local health = {}

local LASTS = 1 -- seconds, of what was found out

local is_well, known_until = true, 0

local function look()
  known_until = aui.now() + LASTS
  local ok, problem = pcall(store.get, store, "health")
  if not ok and is_well then ngx.log(ngx.ERR, tostring(problem)) end
  is_well = ok
end

function health.serve()
  if aui.now() >= known_until then look() end
  if not is_well then return refusal.page(503) end
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print '{"status":"ok"}'
end

return health
