-- Hides secrets in what others say: a server may repeat what it was sent. They are held by closures and in no table, so
-- that no dump of an object shows them.

local finder = require "aui.secret.finder"
local host = require "aui.host"
local html = require "aui.secret.html"

local secrets = {}

-- Of what was used: what was used before them has long gone out of use. If it is long there are fewer, as a server
-- chooses tokens, though not so few that what the latest requests had is not hidden.
local MOST_GENERATIONS, LEAST_GENERATIONS = 32, 4
local MOST_BYTES = 1024 * 1024 -- of all spellings, for more generations than the least

local SHORT = finder.SHORTEST -- bytes; a shorter secret may be part of many a word: it is hidden where it stands alone

local HTML = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

local function html_decimal(byte) return ("&#%d;"):format(byte:byte()) end

local function html_hexadecimal(byte) return ("&#x%x;"):format(byte:byte()) end

local function html_hexadecimal_upper(byte) return ("&#x%X;"):format(byte:byte()) end

local function percent(byte) return ("%%%02X"):format(byte:byte()) end

local function percent_lower(byte) return ("%%%02x"):format(byte:byte()) end

-- What an encoder leaves alone, besides letters and digits: only what is unreserved (RFC 3986, 2.3), or as much as
-- encodeURI does. As a byte's range and not by %w, which obeys the locale.
local RESERVED, RESERVED_IN_URI = "[^0-9A-Za-z._~-]", "[^0-9A-Za-z._~!$&'()*+,/:;=?@#-]"

local function unicode_escape(byte) return ("\\u%04x"):format(byte:byte()) end

local function unicode_escape_upper(byte) return ("\\u%04X"):format(byte:byte()) end

-- How a server that repeats it may spell it: as it is, on one line, percent-encoded, inside a string of JSON, in HTML.
-- Of HTML these are some of many spellings, which do for short secrets: for others see html.decode.
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
  if #secret < SHORT then
    for _, escape in ipairs { html_decimal, html_hexadecimal, html_hexadecimal_upper } do
      list[#list + 1] = secret:gsub("[\"&'<>+=/]", escape)
    end
  end
  return list
end

local function is_word(byte) return byte ~= "" and byte:find "^[0-9A-Za-z_\128-\255]" ~= nil end

local function stands_alone(text, from, to)
  local before, after = text:sub(from - 1, from - 1), text:sub(to + 1, to + 1)
  return not (is_word(text:sub(from, from)) and from > 1 and is_word(before))
    and not (is_word(text:sub(to, to)) and is_word(after))
end

-- Hides a short secret.
local function hide_alone(text, secret)
  local from, to = text:find(secret, 1, true)
  if not from then return text end
  local pieces, rest = {}, 1
  while from do
    if stands_alone(text, from, to) then
      pieces[#pieces + 1] = text:sub(rest, from - 1)
      rest = to + 1
    end
    from, to = text:find(secret, to + 1, true)
  end
  pieces[#pieces + 1] = text:sub(rest)
  return table.concat(pieces, "***")
end

local function is_continuation(byte) return byte ~= nil and byte >= 128 and byte < 192 end

-- The same place without halves of characters of UTF-8, which have four bytes at most.
local function whole_characters(text, from, to)
  local first, last = math.max(1, from - 3), to + 3
  while from > first and is_continuation(text:byte(from)) do from = from - 1 end
  while to < last and is_continuation(text:byte(to + 1)) do to = to + 1 end
  return from, to
end

-- Hides what is at these places, which are in order of where they begin and may overlap.
local function hide_places(text, froms, tos)
  local pieces, rest, hidden_to = {}, 1, 0
  for index, at in ipairs(froms) do
    local from, to = whole_characters(text, at, tos[index])
    if from > hidden_to + 1 or hidden_to == 0 then
      pieces[#pieces + 1] = text:sub(rest, from - 1)
    end
    hidden_to = math.max(hidden_to, to)
    rest = hidden_to + 1
  end
  pieces[#pieces + 1] = text:sub(rest)
  return table.concat(pieces, "***")
end

-- The places of two lists in order. Not by table.sort, which may take the square of their number.
local function merge(froms, tos, more_froms, more_tos)
  local all_froms, all_tos, at = {}, {}, 1
  local function take(from, to)
    all_froms[#all_froms + 1], all_tos[#all_tos + 1] = from, to
  end
  for index, from in ipairs(froms) do
    while more_froms[at] and more_froms[at] < from do
      take(more_froms[at], more_tos[at])
      at = at + 1
    end
    take(from, tos[index])
  end
  for index = at, #more_froms do take(more_froms[index], more_tos[index]) end
  return all_froms, all_tos
end

-- Hides what the finder finds: in the text as it is, and in what it says if it is HTML.
local function hide_long(text, found)
  local froms, tos = found:find(text)
  local decoded, locate
  if text:find("&", 1, true) then
    decoded, locate = html.decode(text)
  end
  if decoded then
    local more_froms, more_tos = found:find(decoded)
    for index = 1, #more_froms do
      more_froms[index], more_tos[index] = locate(more_froms[index], false), locate(more_tos[index], true)
    end
    froms, tos = merge(froms, tos, more_froms, more_tos)
  end
  return froms[1] and hide_places(text, froms, tos) or text
end

---@class aui.Secrets
---@field add fun(list: string[]) these are in use from now on
---@field each fun(visit: fun(spelling: string)) visits all spellings of those that were added of late
---@field changes fun(): integer how often something was added

-- What is in use: the spellings of each secret, of which those that were not in use before are made now; and how many
-- bytes these are.
local function new_generation(list, before)
  local spellings, bytes = {}, 0
  for _, secret in ipairs(list) do
    spellings[secret] = spellings[secret] or before[secret]
    if not spellings[secret] then
      spellings[secret] = spellings_of(secret)
      for _, spelling in ipairs(spellings[secret]) do bytes = bytes + #spelling end
    end
  end
  return { spellings = spellings, bytes = bytes }
end

---@return aui.Secrets
function secrets.new()
  local generations, latest, changes, bytes = {}, nil, 0, 0 -- newest last
  local function is_too_much()
    return #generations > MOST_GENERATIONS or (#generations > LEAST_GENERATIONS and bytes > MOST_BYTES)
  end
  local function add(list)
    local joined = table.concat(list, "\n")
    if joined == latest then return end
    latest, changes = joined, changes + 1
    local newest = generations[#generations]
    local generation = new_generation(list, newest and newest.spellings or {})
    generations[#generations + 1] = generation
    bytes = bytes + generation.bytes
    while is_too_much() do bytes = bytes - table.remove(generations, 1).bytes end
  end
  local function each(visit)
    for _, generation in ipairs(generations) do
      for _, spellings in pairs(generation.spellings) do
        for _, spelling in ipairs(spellings) do visit(spelling) end
      end
    end
  end
  return { add = add, each = each, changes = function() return changes end }
end

-- What to look for of all holders' secrets: `long` has a finder, `short` a list, the longest first, since one may begin
-- another; `numbers` is a set, nil: none is a number; a text of less than `shortest` bytes, or a number of less than
-- `fewest` digits, has none of them.
local function look_for(holders)
  local long, short, known, numbers = {}, {}, { [""] = true }, nil
  local shortest, fewest = math.huge, math.huge
  local function visit(spelling)
    if known[spelling] then return end
    known[spelling] = true
    local list = #spelling < SHORT and short or long
    list[#list + 1] = spelling
    shortest = math.min(shortest, #spelling, SHORT) -- the beginning of a long one may be all that there is
    local number = spelling:find "^%-?[0-9][0-9.eE+-]*$" and tonumber(spelling)
    if number then
      numbers = numbers or {}
      numbers[number], fewest = true, math.min(fewest, #spelling)
    end
  end
  for _, holder in ipairs(holders) do holder.each(visit) end
  table.sort(short, function(a, b) return #a > #b end)
  return { long = finder.new(long), short = short, numbers = numbers, shortest = shortest, fewest = fewest }
end

local function mask_text(text, wanted)
  if #text < wanted.shortest then return text end
  if #text >= SHORT then text = hide_long(text, wanted.long) end
  for _, secret in ipairs(wanted.short) do
    if #text >= #secret then text = hide_alone(text, secret) end
  end
  return text
end

-- A server may repeat a secret of digits as a number.
local function mask_number(number, wanted)
  if not wanted.numbers then return number end
  if wanted.numbers[number] then return "***" end
  local digits = (number % 1 == 0 and "%.0f" or "%.17g"):format(number)
  return (#digits < wanted.fewest or mask_text(digits, wanted) == digits) and number or "***"
end

--- A function that hides in a text what all of these hold: "***" stands for it, as it does for a number that is one of
--- them. And a function that returns another number when there is more to hide.
---@param holders aui.Secrets[]
---@return fun(value: string|number): string|number mask
---@return fun(): integer changes
function secrets.mask(holders)
  local wanted, listed_at
  local function changes()
    local sum = 0
    for _, holder in ipairs(holders) do sum = sum + holder.changes() end
    return sum
  end
  local function mask(value)
    local now = changes()
    if now ~= listed_at then
      wanted, listed_at = look_for(holders), now
    end
    if type(value) == "number" then return mask_number(value, wanted) end
    return mask_text(value, wanted)
  end
  return mask, changes
end

return secrets
