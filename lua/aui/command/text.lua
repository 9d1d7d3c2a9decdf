-- Text as a terminal shows it: how wide it is there, where its lines break, and what must not get there.

local text = {}

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

-- Code points from which on the given number of columns holds: the blocks of Unicode that are common in
-- answers, not the whole standard.
local WIDTHS = {
  { 0x0300, 0 }, { 0x0370, 1 }, -- combining marks
  { 0x1100, 2 }, { 0x1160, 1 }, -- Hangul
  { 0x200B, 0 }, { 0x2010, 1 }, -- joiners and direction marks
  { 0x20D0, 0 }, { 0x2100, 1 }, -- combining marks for symbols
  { 0x2E80, 2 }, { 0xA4D0, 1 }, -- Chinese, Japanese
  { 0xAC00, 2 }, { 0xD7A4, 1 }, -- Hangul
  { 0xF900, 2 }, { 0xFB00, 1 }, -- Chinese
  { 0xFE00, 0 }, { 0xFE10, 1 }, -- variation selectors
  { 0xFE30, 2 }, { 0xFE70, 1 }, { 0xFF00, 2 }, { 0xFF61, 1 }, { 0xFFE0, 2 }, { 0xFFE7, 1 }, -- full width
  { 0x1F300, 2 }, { 0x1F650, 1 }, { 0x1F680, 2 }, { 0x1F700, 1 }, { 0x1F900, 2 }, { 0x1FB00, 1 }, -- emoji
  { 0x20000, 2 }, { 0x3FFFE, 1 }, -- rare Chinese
} -- stylua: ignore

local function code_point(character)
  local first, second, third, fourth = character:byte(1, 4)
  if not second then return first end
  if not third then return first % 32 * 64 + second % 64 end
  if not fourth then return (first % 16 * 64 + second % 64) * 64 + third % 64 end
  return ((first % 8 * 64 + second % 64) * 64 + third % 64) * 64 + fourth % 64
end

local function width_of_character(character)
  local code, width = code_point(character), 1
  for _, range in ipairs(WIDTHS) do
    if code < range[1] then break end
    width = range[2]
  end
  return width
end

--- How many columns a line of UTF-8 takes.
function text.width(line)
  if not line:find "[\128-\255]" then return #line end
  local width = 0
  for character in line:gmatch(CHARACTER) do
    width = width + width_of_character(character)
  end
  return width
end

-- Control characters beyond ASCII, which some terminals obey, too, and JSON has as they are.
local C1 = "\194[\128-\159]"

--- What somebody else wrote without what a terminal would obey instead of showing it: control characters other than
--- newlines. Nothing of what is no text, which a server may send in its place.
---@param dirty any
---@return string
function text.clean(dirty)
  if type(dirty) == "number" then return tostring(dirty) end
  if type(dirty) ~= "string" then return "" end
  return (dirty:gsub("\t", " "):gsub("[%z\1-\9\11-\31\127]", ""):gsub(C1, ""))
end

--- The same in one line, where another one might be taken for somebody else's words.
---@param dirty any
---@return string
function text.line(dirty) return (text.clean(dirty):gsub("\n", " ")) end

--- What there is of text in a server's list, as lines.
---@param list any[]
---@return string[]
function text.lines(list)
  local lines = {}
  for _, item in ipairs(list) do
    if type(item) == "string" then lines[#lines + 1] = text.line(item) end
  end
  return lines
end

local function escape_c1(character) return ("\\u%04x"):format(character:byte(2)) end

--- JSON that a terminal shows and does not obey: the same values.
---@param json string
---@return string
function text.json(json) return (json:gsub("\127", "\\u007f"):gsub(C1, escape_c1)) end

--- The text without spaces around it.
function text.trim(line)
  local first = line:find "%S"
  return first and line:match("^.*%S", first) or ""
end

--- The line with spaces after it, or before it where `numeric`, up to `width` columns.
function text.pad(line, width, numeric)
  local spaces = (" "):rep(width - text.width(line))
  return numeric and spaces .. line or line .. spaces
end

-- How much of the line fits from `first` on into `width` columns, one character at least: its bytes and its columns.
local function fitting(line, first, width)
  local columns, at = 0, first
  while at <= #line do
    local character = line:match(CHARACTER, at) or line:sub(at, at)
    local more = width_of_character(character)
    if columns + more > width and at > first then break end
    columns, at = columns + more, at + #character
  end
  return at - first, columns
end

-- Adds the lines of one paragraph to `lines`.
local function wrap_paragraph(lines, paragraph, width)
  local first, last, used = 1, 0, 0 -- the line's bytes, and its columns
  paragraph = paragraph:match "^.*[^ ]" or ""
  for space, word, stop in paragraph:gmatch "( *)([^ ]+)()" do
    local needed = text.width(word)
    used = used + #space + needed
    if used > width and used > #space + needed and needed <= width then
      lines[#lines + 1] = paragraph:sub(first, last)
      first, used = stop - #word, needed
    end
    last = stop - 1
    while used > width and first < last do
      local bytes, columns = fitting(paragraph, first, width)
      lines[#lines + 1] = paragraph:sub(first, first + bytes - 1)
      first, used = first + bytes, used - columns
    end
  end
  lines[#lines + 1] = paragraph:sub(first, last)
end

--- The text as lines of `width` columns at most, one line at least: broken between words, and within a word
--- that is wider than that.
function text.wrap(whole, width)
  local lines = {}
  for paragraph in (whole .. "\n"):gmatch "(.-)\n" do
    wrap_paragraph(lines, paragraph, width)
  end
  return lines
end

return text
