-- JSON as the protocol needs it, read by lua-cjson: messages without nulls.

local cjson = require("aui.host.dependency").load "cjson"
local host = require "aui.host"

local MAX_DEPTH = 1024 -- what the engine lets through may nest as deep as its own limit

local SPARE = 64 * 1024 -- bytes that lua-cjson needs beside a buffer as long as the text

local json = {}

json.NO_MEMORY = "not enough memory" -- also what Lua itself says

local reader

-- What lua-cjson has raised of a text, without the line of this file that PUC Lua puts in front, or Lua of too little
-- memory; false or nil of anything else: that came from a debug hook, and is nobody's to catch.
local function problem_of_text(failure)
  if failure == json.NO_MEMORY then return failure end -- first: the rest takes some
  local words = type(failure) == "string" and failure:gsub("^.-json%.lua:%d+: ", "") or ""
  return (words:find " at character %d+$" or words:find "^JSON parser does not support UTF") and words
end

local function pass(ok, value)
  if ok then return true, value end
  local problem = problem_of_text(value)
  if not problem then error(value, 0) end
  return false, problem
end

-- As pcall, for what is about the text alone.
local function try(fn, text) return pass(pcall(fn, text)) end

-- lua-cjson looks at the locale when it is loaded, or copied, and reads no number any more when the decimal point has
-- changed since.
local function is_fit()
  local ok, half = try(reader.decode, "0.5")
  return ok and half == 0.5
end

local function decode(text)
  if not reader or not is_fit() then
    reader = cjson.new()
    reader.decode_max_depth(MAX_DEPTH)
    reader.decode_invalid_numbers(false) -- NaN, and hexadecimal ones
  end
  return reader.decode(host.plain_json(text))
end

--- The value of a JSON text; JSON null is nil in an object and `cjson.null` in an array. Or nil and why not.
---@param text string
function json.decode(text)
  if not host.has_room(#text + SPARE) then return nil, json.NO_MEMORY end
  local ok, value = try(decode, text)
  if not ok then return nil, value end
  return host.strip_nulls(value, cjson.null) -- an absent field and a null one mean the same
end

--- Whether a JSON text is an array.
function json.is_array(text) return text:find "^[\239\187\191%s]*%[" ~= nil end

--- A number of JSON as an integer where it is whole: on Lua 5.4 lua-cjson makes a float of every number. Anything else
--- as it is.
function json.whole(value)
  if type(value) ~= "number" then return value end
  local rounded = math.floor(value)
  return rounded == value and rounded or value
end

--- Where the string ends in valid JSON whose opening quote is at `at`.
---@param text string
---@param at integer
---@return integer
function json.string_end(text, at)
  repeat
    at = text:find('["\\]', at + 1)
    local escape = text:byte(at) == 92
    if escape then at = at + 1 end
  until not escape
  return at
end

local QUOTE, COMMA = ('"'):byte(), (","):byte()
local OPENING = { [("["):byte()] = true, [("{"):byte()] = true }
local CLOSING = { [("]"):byte()] = true, [("}"):byte()] = true }

-- What stands in a text from `first` to `last`, without JSON's blanks around it.
local function trim(text, first, last)
  while first <= last and text:byte(first) <= 32 do first = first + 1 end
  while first <= last and text:byte(last) <= 32 do last = last - 1 end
  return text:sub(first, last)
end

--- The JSON texts of an array's items, as they are written there.
---@param array string valid JSON
---@return string[]
function json.items(array)
  local items, depth, at, start = {}, 0, 0, nil
  repeat
    at = at + 1
    local byte = array:byte(at)
    if byte == QUOTE then
      at = json.string_end(array, at)
    elseif OPENING[byte] then
      depth = depth + 1
      start = start or at + 1
    elseif CLOSING[byte] or byte == COMMA then
      if depth == 1 then
        local item = trim(array, start, at - 1)
        if item ~= "" then items[#items + 1] = item end
        start = at + 1
      end
      if byte ~= COMMA then depth = depth - 1 end
    end
  until depth == 0 and start
  return items
end

return json
