-- What people type on IRC as plain text in UTF-8: there may be colours in it, and bytes of any encoding.

local text = require "text"

local plain = {}

-- The characters of UTF-8 (RFC 3629, section 4).
local CHARACTERS = {
  "^[%z\1-\127]+", "^[\194-\223][\128-\191]", "^\224[\160-\191][\128-\191]",
  "^[\225-\236\238\239][\128-\191][\128-\191]", "^\237[\128-\159][\128-\191]", "^\240[\144-\191][\128-\191][\128-\191]",
  "^[\241-\243][\128-\191][\128-\191][\128-\191]", "^\244[\128-\143][\128-\191][\128-\191]",
} -- stylua: ignore

local function character_at(bytes, position)
  for _, pattern in ipairs(CHARACTERS) do
    local character = bytes:match(pattern, position)
    if character then return character end
  end
end

-- The bytes in UTF-8: what is not is taken for Latin-1.
local function utf8_of(bytes)
  local parts, position = {}, 1
  while position <= #bytes do
    local character = character_at(bytes, position)
    local code = bytes:byte(position)
    parts[#parts + 1] = character or string.char(192 + math.floor(code / 64), 128 + code % 64)
    position = position + (character and #character or 1)
  end
  return table.concat(parts)
end

--- The text without formatting, in UTF-8, without spaces around it.
function plain.text(said)
  local words = said:gsub("\3%d?%d?,?%d?%d?", "") -- colours; other formatting is one control character
  return text.trim(text.clean(utf8_of(words)))
end

return plain
