-- What a text says that a page of HTML has escaped, by name or by number, and where in the text that is: pages differ
-- in which characters they escape, and in how, so that there are too many spellings to look for each.

local html = {}

local NAMES = {
  amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", sol = "/", plus = "+", equals = "=", grave = "`",
} -- stylua: ignore

-- The character that a reference such as "amp", "#34" or "#x22" stands for, as far as it is one of ASCII. So many
-- digits that they are negative are none.
local function character(reference)
  local digits = reference:match "^#([0-9]+)$"
  local hex_digits = not digits and reference:match "^#[xX]([0-9A-Fa-f]+)$"
  local code = digits and tonumber(digits) or hex_digits and tonumber(hex_digits:match "^0*(.-)$", 16)
  if code and code >= 0 and code < 128 then return string.char(code) end
  return NAMES[reference]
end

-- Positions of a decoded text as those of the text itself, if they are asked for from left to right. `ends` has where
-- the references stand in the decoded text, by how many bytes the text is ahead of it behind each, and where each is.
local function locator(places, aheads)
  local index = 0
  return function(at, is_end)
    while places[index + 1] and places[index + 1] < at do index = index + 1 end
    local is_reference = places[index + 1] == at
    return at + (aheads[is_reference and is_end and index + 1 or index] or 0)
  end
end

--- The decoded text, and a function that makes of where something begins, or ends, in it where that does in the text:
--- locate(at, is_end), to be asked from left to right. Nil if nothing is escaped.
---@return string? decoded
---@return fun(at: integer, is_end: boolean): integer locate
function html.decode(text)
  local parts, places, aheads, ahead, rest = {}, {}, {}, 0, 1
  for from, reference, behind in text:gmatch "()&(#?[0-9A-Za-z]+);()" do
    local char = character(reference)
    if char then
      parts[#parts + 1] = text:sub(rest, from - 1) .. char
      places[#places + 1] = from - ahead
      ahead, rest = ahead + behind - from - 1, behind
      aheads[#aheads + 1] = ahead
    end
  end
  local left = text:sub(rest)
  local cut = left:sub(-12):match "&#?[0-9A-Za-z]*$" -- a reference may have been cut in two with the words
  if not parts[1] and not cut then return nil end
  parts[#parts + 1] = left:sub(1, #left - #(cut or ""))
  local decoded = table.concat(parts)
  local locate = locator(places, aheads)
  return decoded,
    function(at, is_end) return is_end and at == #decoded and #text or locate(at, is_end) end
end

return html
