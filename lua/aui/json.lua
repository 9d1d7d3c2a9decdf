-- JSON as the protocol needs it, on lua-cjson: messages out with errors that name the culprit, messages in without
-- nulls.

local cjson = require("cjson").new()
local host = require "aui.host"

local MAX_DEPTH = 1000 -- of what is sent

-- What the engine lets through may nest as deep as its own limit.
cjson.decode_max_depth(1024)
cjson.encode_max_depth(MAX_DEPTH)
pcall(cjson.encode_number_precision, 16) -- some versions refuse more than the default of 14 digits
cjson.encode_invalid_numbers(false)

local json = {}

-- An absent field and a null one mean the same; in an array a null keeps its place.
local function strip_nulls(value)
  for key, item in pairs(value) do
    if item == cjson.null then
      if type(key) == "string" then value[key] = nil end
    elseif type(item) == "table" then
      strip_nulls(item)
    end
  end
  return value
end

--- The value of a JSON text; JSON null is nil in an object and `cjson.null` in an array. Or nil and why not.
---@param text string
function json.decode(text)
  local ok, value = pcall(cjson.decode, text)
  if not ok then return nil, tostring(value) end
  if type(value) == "table" then return strip_nulls(value) end
  return value
end

-- Where the string ends whose opening quote is at `at`.
local function string_end(text, at)
  repeat
    at = text:find('["\\]', at + 1)
    local escape = text:byte(at) == 92
    if escape then at = at + 1 end
  until not escape
  return at
end

--- The JSON texts of an array's items, as they are written there.
---@param array string valid JSON
---@return string[]
function json.items(array)
  local items, depth, at = {}, 0, 0
  local start
  while true do
    at = array:find('[%[%]{},"]', at + 1)
    local char = array:sub(at, at)
    if char == '"' then
      at = string_end(array, at)
    elseif char == "[" or char == "{" then
      depth = depth + 1
      if depth == 1 then start = at + 1 end
    else
      if depth == 1 then
        local item = array:sub(start, at - 1):match "^%s*(.-)%s*$"
        if item ~= "" then items[#items + 1] = item end
        start = at + 1
      end
      if char ~= "," then depth = depth - 1 end
      if depth == 0 then return items end
    end
  end
end

local check_value

-- What is wrong with the keys: those of an object are strings, those of an array the numbers from 1 on.
local function check_keys(value, path)
  local count, keys = 0, nil -- `keys` is the type of those so far
  for key in pairs(value) do
    local kind = type(key)
    if kind ~= "string" and kind ~= "number" then
      return ("%s: expected string keys or an array, got a key of type %s"):format(path, kind)
    end
    if keys and kind ~= keys then return ("%s: expected an object or an array, got a mixture of both"):format(path) end
    if kind == "string" and not host.is_utf8(key) then return ("%s: a key is not valid UTF-8"):format(path) end
    keys, count = kind, count + 1
  end
  if keys ~= "number" then return nil end
  for index = 1, count do
    if value[index] == nil then return ("%s: expected an array without holes, [%d] is nil"):format(path, index) end
  end
end

local function check_table(value, path, seen, depth)
  if seen[value] then return ("%s: a table that contains itself"):format(path) end
  if depth > MAX_DEPTH then return ("context: nested deeper than %d levels"):format(MAX_DEPTH) end
  local problem = check_keys(value, path)
  if problem then return problem end
  seen[value] = true
  for key, item in pairs(value) do
    local at = type(key) == "string" and path .. "." .. key or ("%s[%s]"):format(path, key)
    problem = check_value(item, at, seen, depth + 1)
    if problem then return problem end
  end
  seen[value] = nil
end

local function check_number(number, path)
  if number ~= number or number == math.huge or number == -math.huge then
    return ("%s: expected a finite number, got %s"):format(path, number)
  end
  if number % 1 == 0 and tonumber(cjson.encode(number)) ~= number then
    return ("%s: %s has more digits than JSON carries safely; pass it as a string"):format(path, number)
  end
end

function check_value(value, path, seen, depth)
  local kind = type(value)
  if kind == "table" then return check_table(value, path, seen, depth) end
  if kind == "string" then
    return not host.is_utf8(value) and ("%s: expected valid UTF-8"):format(path) or nil
  end
  if kind == "number" then return check_number(value, path) end
  if kind == "boolean" or value == cjson.null then return nil end
  return ("%s: expected a value that JSON can hold, got a %s"):format(path, kind)
end

--- The JSON of a message to the agent, or nil and what is wrong with which argument.
---@param message { task_id: string, text: string, context?: table }
function json.encode_message(message)
  local context = message.context
  local problem = context and check_value(context, "context", {}, 1)
  if problem then return nil, problem end
  local parts = { '{"task_id":', cjson.encode(message.task_id), ',"text":', cjson.encode(message.text) }
  if context then
    local ok, encoded = pcall(cjson.encode, context)
    if not ok then return nil, "context: " .. tostring(encoded) end
    parts[#parts + 1] = ',"context":' .. encoded
  end
  parts[#parts + 1] = "}"
  return table.concat(parts)
end

return json
