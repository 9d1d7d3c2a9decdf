-- A pool of open connections: to connect costs three round trips or more, which a session of a pool saves if one before
-- it has left a connection to the same server with the same key, for the same task.

local check = require "aui.option.check"
local options_module = require "aui.option"
local session_module = require "aui.session"

---@class aui.Pool
local Pool = {}
Pool.__index = Pool
Pool.__name = "aui.Pool"

local pool_module = {}

local last_id = 0

local function itself(options) return options end

--- `options_with` makes of what `connect` is given the options of a session, and says which service they are known to
--- lead to; without it they are what is given. Raises for a bad option.
---@return aui.Pool
function pool_module.new(options, options_with)
  local values = options_module.pool(options)
  last_id = last_id + 1
  return setmetatable({
    id = last_id,
    size = values.size,
    idle = values.idle,
    options_with = options_with or itself,
  }, Pool)
end

--- As aui.connect, but on an idle connection if there is one: to the same server with the same key, opened for the same
--- `task_id` of the options. (Without one, users who must not see each other's answers would share connections: there a
--- server that goes on after an answer's end may be heard by the next.) When the session is closed its connection is
--- left for the next one, unless an answer was pending, had failed or was cancelled on it; in nginx also unless it had
--- replaced another one. Of a client's pool, the options are added to the client's or take their places.
--- Raises with options of the threads API, of which a connection serves one thread alone.
---@param options? aui.Options
---@return aui.Session?
---@return aui.Error?
function Pool:connect(options)
  check.colon(self, Pool, "pool:connect")
  local its_options, known = self.options_with(options)
  return session_module.connect(its_options, known, self)
end

function Pool:__tostring() return ("aui.Pool (size %d, idle %g s)"):format(self.size, self.idle) end

return pool_module
