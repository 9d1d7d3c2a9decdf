-- Hides secrets in JSON that stays JSON: what is recorded is to be played again.

local host = require "aui.host"
local json = require "aui.text.json"

local json_text = {}

local HIDDEN = '"***"'

-- A string with its quotes, or a number, without secrets.
local function mask_scalar(scalar, mask)
  local number = tonumber(scalar)
  if number and mask(number) ~= number then return HIDDEN end
  local masked = mask(scalar)
  return (masked == scalar or host.is_json(masked)) and masked or HIDDEN
end

-- One by one, so that a number becomes a string.
local function mask_scalars(text, mask)
  local parts, rest = {}, 1
  local from = text:find '["0-9-]'
  while from do
    local is_string = text:byte(from) == 34
    local to = is_string and json.string_end(text, from) or select(2, text:find("^[0-9.eE+-]+", from))
    parts[#parts + 1] = text:sub(rest, from - 1)
    parts[#parts + 1] = mask_scalar(text:sub(from, to), mask)
    rest = to + 1
    from = text:find('["0-9-]', rest)
  end
  parts[#parts + 1] = text:sub(rest)
  return table.concat(parts)
end

-- Whether it may have a secret as a number that is written in another way.
local function has_other_number(text, mask)
  for digits in text:gmatch "%f[0-9][0-9]+[.eE][0-9.eE+-]*" do
    local number = tonumber(digits)
    if number and mask(number) ~= number then return true end
  end
  return false
end

--- What `mask` (see aui.secret) makes of a text; of JSON it is JSON again.
---@param text string
---@param mask fun(value: string|number): string|number
---@return string
function json_text.mask(text, mask)
  local masked, has_other = mask(text), has_other_number(text, mask)
  if (masked == text and not has_other) or not host.is_json(text) then return masked end
  if not has_other and host.is_json(masked) then return masked end
  masked = mask(mask_scalars(text, mask))
  return host.is_json(masked) and masked or "{}" -- a secret that JSON itself looks like
end

return json_text
