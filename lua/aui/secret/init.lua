-- Hides secrets in what others say: a server may repeat what it was sent. They are held by closures and in no table, so
-- that no dump of an object shows them.

local host = require "aui.host"

local secrets = {}

local MOST_GENERATIONS = 32 -- of what was used; what was used before them has long gone out of use
local SHORT = 8 -- bytes; a shorter secret may be part of many a word, and is hidden only where it stands alone
local BEGINNING = 8 -- bytes of a longer secret that give it away, where the words were cut

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function percent(byte) return ("%%%02X"):format(byte:byte()) end

local function percent_lower(byte) return ("%%%02x"):format(byte:byte()) end

-- What an encoder leaves alone, besides letters and digits: only what is unreserved (RFC 3986, 2.3), or as much as
-- encodeURI does. As a byte's range and not by %w, which obeys the locale.
local RESERVED, RESERVED_IN_URI = "[^0-9A-Za-z._~-]", "[^0-9A-Za-z._~!$&'()*+,/:;=?@#-]"

local function unicode_escape(byte) return ("\\u%04x"):format(byte:byte()) end

local function unicode_escape_upper(byte) return ("\\u%04X"):format(byte:byte()) end

-- How a server that repeats it may spell it: as it is, on one line, percent-encoded, inside a string of JSON, in HTML.
local function spellings_of(secret)
  local escaped = secret:gsub('["\\]', "\\%0")
  local list = { secret, host.words(secret), escaped, (escaped:gsub("/", "\\/")), (secret:gsub("[&<>\"']", HTML)) }
  for _, reserved in ipairs { RESERVED, RESERVED_IN_URI } do
    for _, encode in ipairs { percent, percent_lower } do
      local encoded = secret:gsub(reserved, encode)
      list[#list + 1] = encoded
      list[#list + 1] = encoded:gsub("%%20", "+")
    end
  end
  for _, escape in ipairs { unicode_escape, unicode_escape_upper } do
    list[#list + 1] = secret:gsub("[\"\\/<>&'\127]", escape)
  end
  return list
end

local function is_word(byte) return byte ~= "" and byte:find "^[0-9A-Za-z_\128-\255]" ~= nil end

local function stands_alone(text, from, to)
  local before, after = text:sub(from - 1, from - 1), text:sub(to + 1, to + 1)
  return not (is_word(text:sub(from, from)) and from > 1 and is_word(before))
    and not (is_word(text:sub(to, to)) and is_word(after))
end

local function hide(text, secret)
  local from, to = text:find(secret, 1, true)
  if not from then return text end
  local pieces, rest = {}, 1
  while from do
    if #secret >= SHORT or stands_alone(text, from, to) then
      pieces[#pieces + 1] = text:sub(rest, from - 1)
      rest = to + 1
    end
    from, to = text:find(secret, to + 1, true)
  end
  pieces[#pieces + 1] = text:sub(rest)
  return table.concat(pieces, "***")
end

-- A secret may have been cut in two with the words, such as by the length of a close frame.
local function hide_beginning(text, secret)
  if #secret < 2 * BEGINNING then return text end
  local beginning, at = secret:sub(1, BEGINNING), math.max(1, #text - #secret + 2)
  local from = text:find(beginning, at, true)
  while from do
    local tail = text:sub(from)
    if secret:sub(1, #tail) == tail then return text:sub(1, from - 1) .. "***" end
    from = text:find(beginning, from + 1, true)
  end
  return text
end

---@class aui.Secrets
---@field add fun(list: string[]) these are in use from now on
---@field each fun(visit: fun(spelling: string)) visits all spellings of those that were added of late
---@field changes fun(): integer how often something was added

---@return aui.Secrets
function secrets.new()
  local generations, latest, changes = {}, nil, 0 -- newest last: each a set of spellings
  local function add(list)
    local joined = table.concat(list, "\n")
    if joined == latest then return end
    latest, changes = joined, changes + 1
    local spellings = {}
    for _, secret in ipairs(list) do
      for _, spelling in ipairs(spellings_of(secret)) do spellings[spelling] = true end
    end
    generations[#generations + 1] = spellings
    if #generations > MOST_GENERATIONS then table.remove(generations, 1) end
  end
  local function each(visit)
    for _, spellings in ipairs(generations) do
      for spelling in pairs(spellings) do visit(spelling) end
    end
  end
  return { add = add, each = each, changes = function() return changes end }
end

-- The spellings of all holders, the longest first, since one may begin another.
local function list_spellings(holders)
  local list, known = {}, { [""] = true }
  for _, holder in ipairs(holders) do
    holder.each(function(spelling)
      if not known[spelling] then list[#list + 1] = spelling end
      known[spelling] = true
    end)
  end
  table.sort(list, function(a, b) return #a > #b end)
  return list
end

--- A function that hides in a text what all of these hold: "***" stands for it.
---@param holders aui.Secrets[]
---@return fun(text: string): string
function secrets.mask(holders)
  local list, listed_at = {}, 0
  return function(text)
    local changes = 0
    for _, holder in ipairs(holders) do changes = changes + holder.changes() end
    if changes > listed_at then
      list, listed_at = list_spellings(holders), changes
    end
    for _, spelling in ipairs(list) do text = hide(text, spelling) end
    for _, spelling in ipairs(list) do text = hide_beginning(text, spelling) end
    return text
  end
end

return secrets
