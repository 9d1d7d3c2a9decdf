-- Lines of a text that grows and shrinks at its end, broken between words. However long the text, only the lines that
-- may have changed are broken again.

local Page = {}
Page.__index = Page

local page = {}

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

--- An empty page. `measure(text)` is the width of a text without newlines, in the same unit as `width`.
function page.new(width, measure)
  return setmetatable({
    width = width,
    measure = measure,
    lines = {}, -- joined they are the text: spaces and newlines are at the ends of lines
    length = 0, -- bytes
  }, Page)
end

-- Adds lines of a word that is wider than a line; returns what begins the next line, and its width.
local function split(self, word)
  local first, used = 1, 0
  for at, character in word:gmatch("()(" .. CHARACTER .. ")") do
    local width = character == "\n" and 0 or self.measure(character)
    if used + width > self.width and at > first then
      self.lines[#self.lines + 1] = word:sub(first, at - 1)
      first, used = at, 0
    end
    used = used + width
  end
  return word:sub(first), used
end

-- Adds the lines of `raw`, which begins a line.
local function break_up(self, raw)
  local lines, line, used = self.lines, "", 0
  for spaces, word, stop in raw:gmatch "( *)([^ \n]*)(\n?)" do
    local space, width = self.measure(spaces), self.measure(word)
    line = line .. spaces
    if word ~= "" and used + space + width > self.width and line ~= "" then
      lines[#lines + 1] = line
      line, used, space = "", 0, 0
    end
    if width > self.width then
      word, width = split(self, word)
    end
    line, used = line .. word .. stop, used + space + width
    if stop ~= "" then
      lines[#lines + 1] = line
      line, used = "", 0
    end
  end
  if line ~= "" then lines[#lines + 1] = line end
end

--- Puts `text` at the end.
function Page:add(text)
  local last = table.remove(self.lines) or "" -- it may go on
  self.length = self.length + #text
  break_up(self, last .. text:gsub("[%z\1-\9\11-\31\127]", " "))
end

--- Keeps the first `length` bytes.
function Page:cut(length)
  local lines, tail = self.lines, ""
  while self.length > length do
    tail = table.remove(lines)
    self.length = self.length - #tail
  end
  tail = tail:sub(1, length - self.length)
  self.length = length
  -- What is left of its first word may fit into the line above.
  break_up(self, (table.remove(lines) or "") .. tail)
end

--- All of it.
function Page:text() return table.concat(self.lines) end

return page
