-- The table that a failure returns: what failed, whether the message may have reached the agent, whether to try again.

local json = require "aui.json"

---@class aui.Error
---@field kind "auth"|"application"|"rate_limit"|"server"|"transport"|"timeout"|"protocol"|"canceled"|"overflow"
---@field message string what failed, in one line
---@field retryable boolean whether the same call, made again later, has a chance
---@field delivered "no"|"maybe"|"yes" whether the user's message reached the agent
---@field status_code? integer of an error payload or of an HTTP answer
---@field description? string of an error payload
---@field extra_data? table of an error payload
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

local error_module = {}

--- An error made in Lua.
---@param fields table kind and message at least
---@return aui.Error
function error_module.new(fields)
  fields.delivered = fields.delivered or "no"
  if fields.retryable == nil then fields.retryable = false end
  return setmetatable(fields, Error)
end

-- The first line of a body that is no JSON, such as a proxy's page.
local function first_words(body)
  local line = body:gsub("<[^>]*>", " "):gsub("%s+", " "):match "^%s*(.-)%s*$"
  if #line > 200 then line = line:sub(1, 200):gsub("[\128-\255]*$", "") .. "..." end
  return line
end

-- A number of JSON as an integer where it is whole: on Lua 5.4 lua-cjson makes a float of every number.
local function whole(number)
  local rounded = math.floor(number)
  return rounded == number and rounded or number
end

-- Where a validation error is, such as "body.text: ".
local function place_of(loc)
  if type(loc) ~= "table" then return "" end
  local names = {}
  for index, name in ipairs(loc) do
    names[index] = tostring(type(name) == "number" and whole(name) or name)
  end
  return table.concat(names, ".") .. ": "
end

-- A validation error's list: "text: field required; ...".
local function join_details(detail)
  local parts = {}
  for _, item in ipairs(detail) do
    if type(item) == "table" and item.msg then
      parts[#parts + 1] = place_of(item.loc) .. tostring(item.msg)
    end
  end
  return table.concat(parts, "; ")
end

-- A copy of a decoded value with secrets hidden in all of its strings. The JSON text itself may have them escaped.
local function mask_strings(value, mask)
  if type(value) == "string" then return mask(value) end
  if type(value) ~= "table" then return value end
  local masked = {}
  for key, item in pairs(value) do
    masked[mask_strings(key, mask)] = mask_strings(item, mask)
  end
  return masked
end

-- The server's own words, from the three shapes of its error payloads or from a body of another kind.
local function read_payload(err, payload, mask)
  local value = mask_strings(json.decode(payload), mask)
  if type(value) ~= "table" then return first_words(mask(payload)) end
  if type(value.description) == "string" then err.description = value.description end
  if type(value.extra_data) == "table" then
    err.extra_data = value.extra_data
    if type(value.extra_data.retry_after) == "number" then err.retry_after = whole(value.extra_data.retry_after) end
  end
  if type(value.message) == "string" then return value.message end
  if type(value.detail) == "string" then return value.detail end
  if type(value.detail) == "table" then return join_details(value.detail) end
  return err.description or ""
end

--- An error of the C core, whose raw `payload` becomes fields. `mask` hides secrets in what the server says.
---@param raw table
---@param mask fun(text: string): string
---@return aui.Error
function error_module.from_core(raw, mask)
  local payload = raw.payload
  raw.payload = nil
  raw.message = mask(raw.message)
  if payload then
    -- On one line: a server must not be able to begin another one in somebody's log.
    local words = read_payload(raw, payload, mask):gsub("%c+", " ")
    if words ~= "" then raw.message = raw.message .. ": " .. words end
  end
  return setmetatable(raw, Error)
end

return error_module
