-- A pool of open connections: to connect costs three round trips or more, which a session of a pool saves if one before
-- it has left a connection to the same server with the same key, for the same task.

local check = require "aui.option.check"
local session_module = require "aui.session"

---@class aui.Pool
local Pool = {}
Pool.__index = Pool
Pool.__name = "aui.Pool"

---@class (exact) aui.PoolOptions
---@field size? integer how many idle connections to keep for each server, key and task: 16
---@field idle? number seconds after which an idle one is closed: 60; less where tasks are many and short

local pool_module = {}

local DEFAULTS = { size = 16, idle = 60 }
local last_id = 0

--- Raises for a bad option.
---@return aui.Pool
function pool_module.new(options)
  check.type("options", options, "table")
  options = options or {}
  check.names("options", options, DEFAULTS)
  local size, idle = options.size, options.idle
  if size == nil then size = DEFAULTS.size end
  if idle == nil then idle = DEFAULTS.idle end
  check.whole("size", size, 1, 2 ^ 16)
  check.seconds("idle", idle)
  last_id = last_id + 1
  return setmetatable({ id = last_id, size = size, idle = idle }, Pool)
end

--- As aui.connect, but on an idle connection if there is one: to the same server with the same key, opened for the same
--- `task_id` of the options. (Without one, users who must not see each other's answers would share connections: there a
--- server that goes on after an answer's end may be heard by the next.) When the session is closed its connection is
--- left for the next one, unless an answer was pending, had failed or was cancelled on it; in nginx also unless it had
--- replaced another one.
---@param options aui.Options
---@return aui.Session?
---@return aui.Error?
function Pool:connect(options)
  check.colon(self, Pool, "pool:connect")
  return session_module.connect(options, self)
end

function Pool:__tostring() return ("aui.Pool (size %d, idle %g s)"):format(self.size, self.idle) end

return pool_module
