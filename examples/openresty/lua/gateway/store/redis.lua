-- The store in Redis: for several machines. Connections are kept open, up to 32 in each worker.

local config = require "gateway.config"
local redis = require "gateway.library" "redis"

local PREFIX = "aui-gateway:"
local TIMEOUT, IDLE, CONNECTIONS = 2000, 30000, 32 -- milliseconds, milliseconds, in each worker

local host, port = config.redis:match "^(.+):(%d+)$"
if not host or tonumber(port) < 1 or tonumber(port) > 65535 then
  error(("AUI_REDIS: expected host:port, got %q"):format(config.redis), 0)
end

local Shelf = {}
Shelf.__index = Shelf

local function call(self, command, key, ...)
  local client = redis:new()
  client:set_timeout(TIMEOUT)
  local ok, err = client:connect(host, tonumber(port))
  if not ok then error("redis: " .. err, 0) end
  local result
  result, err = client[command](client, self.prefix .. key, ...)
  if err then
    client:close()
    error("redis: " .. err, 0)
  end
  client:set_keepalive(IDLE, CONNECTIONS)
  return result ~= ngx.null and result or nil
end

function Shelf:get(key) return call(self, "get", key) end

function Shelf:set(key, value, seconds) call(self, "set", key, value, "EX", seconds) end

function Shelf:add(key, value, seconds) return call(self, "set", key, value, "EX", seconds, "NX") == "OK" end

function Shelf:delete(key) call(self, "del", key) end

return function(name) return setmetatable({ prefix = PREFIX .. name .. ":" }, Shelf) end
