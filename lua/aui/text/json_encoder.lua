-- Writes JSON (RFC 8259) with errors that name the culprit. lua-cjson's encoder does not do: it obeys a locale that is
-- set after it was loaded, and cuts numbers to 14 digits.

local cjson = require("aui.host.dependency").load "cjson"
local host = require "aui.host"

local encoder = {}

local MAX_DEPTH = 1000

-- Up to here a double, which is what most readers make of a number (RFC 8259, 6), has every whole number. Beyond, it
-- has those of 15 digits; one with more may have lost some before it came here.
local LARGEST_WHOLE, SAFE_DIGITS, MOST_DIGITS = 2 ^ 53, 15, 17

-- Marks of some lua-cjson for tables that are arrays though they are empty.
local ARRAYS = {}
for _, name in ipairs { "array_mt", "empty_array_mt" } do
  if cjson[name] then ARRAYS[cjson[name]] = true end
end

local function is_small(number) return number <= LARGEST_WHOLE and number >= -LARGEST_WHOLE end

local function is_integer(number) return math.type ~= nil and math.type(number) == "integer" end -- luacheck: ignore

-- A number in so many digits, and whether that reads back as the same.
local function in_digits(number, digits)
  local text = ("%%.%dg"):format(digits):format(number)
  return text, tonumber(text) == number
end

-- The shortest text that reads back as the same number, with a point whatever the locale.
local function number_text(number)
  if number % 1 == 0 and (is_small(number) or is_integer(number)) then return ("%d"):format(number) end
  for digits = SAFE_DIGITS, MOST_DIGITS do
    local text, same = in_digits(number, digits)
    if same then return (text:gsub("[^0-9e+-]+", ".")) end
  end
end

-- While a value is written: the pieces of its JSON, the keys that lead to where it is written, and the tables on that
-- way. What cannot be written is told by a problem, and the keys say where that is.
local Writer = {}
Writer.__index = Writer

function Writer:add(piece) self.pieces[#self.pieces + 1] = piece end

function Writer:path()
  local parts = { self.name }
  for index = 1, self.depth do
    local key = self.keys[index]
    parts[index + 1] = type(key) == "string" and "." .. key or ("[%s]"):format(key)
  end
  return table.concat(parts)
end

-- How many keys a table has, if they are those of an array, or nil and what is wrong with them. Those of an object are
-- strings; those of an array the numbers from 1 on.
local function keys_of(value)
  local count, kind = 0, nil -- `kind` is that of those so far
  for key in pairs(value) do
    local this = type(key)
    if this ~= "string" and this ~= "number" then
      return nil, ("expected string keys or an array, got a key of type %s"):format(this)
    end
    if kind and this ~= kind then return nil, "expected an object or an array, got a mixture of both" end
    kind, count = this, count + 1
  end
  if kind ~= "number" then return "object", nil, count end
  for index = 1, count do
    if value[index] == nil then return nil, ("expected an array without holes, [%d] is nil"):format(index) end
  end
  return "array", nil, count
end

function Writer:item(key, value)
  self.depth = self.depth + 1
  self.keys[self.depth] = key
  local problem = self:value(value)
  if not problem then self.depth = self.depth - 1 end
  return problem
end

function Writer:array(value, count)
  self:add "["
  for index = 1, count do
    if index > 1 then self:add "," end
    local problem = self:item(index, value[index])
    if problem then return problem end
  end
  self:add "]"
end

function Writer:object(value)
  local opening = "{"
  for key, item in pairs(value) do
    local name = host.json_string(key)
    if not name then return "a key is not valid UTF-8" end
    self:add(opening)
    self:add(name)
    self:add ":"
    local problem = self:item(key, item)
    if problem then return problem end
    opening = ","
  end
  self:add(opening == "{" and "{}" or "}")
end

function Writer:table(value)
  if self.open[value] then return "a table that contains itself" end
  if self.depth >= MAX_DEPTH then
    self.depth = 0 -- the way there is of no use to anybody
    return ("nested deeper than %d levels"):format(MAX_DEPTH)
  end
  local kind, problem, count = keys_of(value)
  if not kind then return problem end
  self.open[value] = true
  if kind == "array" or (count == 0 and ARRAYS[getmetatable(value)]) then
    problem = self:array(value, count)
  else
    problem = self:object(value)
  end
  self.open[value] = nil
  return problem
end

function Writer:number(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return ("expected a finite number, got %s"):format(value)
  end
  if value % 1 == 0 and not is_small(value) and not select(2, in_digits(value, SAFE_DIGITS)) then
    return ("%s is beyond 2^53, where numbers lose digits; pass it as a string"):format(value)
  end
  self:add(number_text(value))
end

-- Returns what is wrong with it, if anything.
function Writer:value(value)
  local kind = type(value)
  if kind == "table" then return self:table(value) end
  if kind == "number" then return self:number(value) end
  if kind == "string" then
    local text = host.json_string(value)
    if not text then return "expected valid UTF-8" end
    self:add(text)
  elseif kind == "boolean" then
    self:add(tostring(value))
  elseif value == cjson.null then
    self:add "null"
  else
    return ("expected a value that JSON can hold, got a %s"):format(kind)
  end
end

--- The JSON of a value, in which cjson.null is null; or nil, the culprit's name, which begins with `name`, and what is
--- wrong with it.
---@param name string
---@return string? json
---@return string? culprit
---@return string? problem
function encoder.encode(name, value)
  local text = type(value) == "string" and host.json_string(value)
  if text then return text end -- of most values; what is wrong with one finds the writer, as it does deeper down
  local writer = setmetatable({ name = name, pieces = {}, keys = {}, depth = 0, open = {} }, Writer)
  local problem = writer:value(value)
  if problem then return nil, writer:path(), problem end
  return table.concat(writer.pieces)
end

return encoder
