-- The table that a failure returns or raises. It is made here, of what is known in Lua; aui.error makes it of what the
-- C core and servers say. The host, which aui.error needs, raises such tables, too.

---@alias aui.ErrorKind
---| "auth"|"application"|"rate_limit"|"server"|"transport"|"timeout"|"protocol"|"canceled"|"overflow"|"pending"

-- Of kind `pending` is what a wait returns whose caller has limited it (reply:next, reply:message, task:join): nothing
-- has failed, and the same wait may be repeated. `timeout` is a failure: it has ended what took too long.

---@class aui.Error
---@field kind aui.ErrorKind
---@field message string what failed, in one line of UTF-8, of 500 bytes at most
---@field retryable boolean whether the same call, made again later, has a chance
---@field delivered "no"|"maybe"|"yes" whether the user's message reached the agent
---@field status_code? integer of an error payload or of an HTTP answer
---@field code? string|integer of an error payload: what a program can tell kinds of errors apart by
---@field request_id? string of an error payload: by which the server's operators find the request
---@field description? string of an error payload, in one line as above
---@field extra_data? table<string, any> of an error payload: its extra_data, or its details
---@field close_code? integer of the WebSocket; 1006: the connection was cut
---@field retry_after? number seconds the server asked to wait, an integer where whole
---@field text? string what had arrived of the answer
local Error = {}
Error.__index = Error
Error.__name = "aui.Error"

function Error:__tostring() return self.kind .. ": " .. self.message end

-- An error becomes its line; anything else is as it was, so that concatenating nil is still refused.
local function line_of(value) return getmetatable(value) == Error and tostring(value) or value end

function Error.__concat(left, right) return line_of(left) .. line_of(right) end

local class = { Error = Error }

--- An error made in Lua: the table itself, which has the class from now on.
---@param fields table<string, any> kind and message at least
---@return aui.Error
function class.new(fields)
  fields.delivered = fields.delivered or "no"
  if fields.retryable == nil then fields.retryable = false end
  return setmetatable(fields, Error)
end

return class
