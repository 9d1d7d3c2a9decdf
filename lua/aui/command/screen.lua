-- Where a conversation appears: labels in a left margin, everything else to the right of it. On a terminal in colour
-- (unless NO_COLOR is set) and with lines broken between words; elsewhere, such as in a pipe, plain.

local terminal = require "aui.command.terminal"
local text = require "aui.command.text"

local screen = {}

local MARGIN = 7 -- columns
local HANG = "  " -- in front of the rest of a line that was broken
local WIDEST = 100 -- columns: longer lines are hard to read
local SIGNS = { "⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏" }
local STYLES = { You = "1;32", Agent = "1;35", Error = "1;31", heading = "1", note = "2" }

local is_terminal = os.getenv "TERM" ~= "dumb" and terminal.is_there(1)
local has_colour = is_terminal and (os.getenv "NO_COLOR" or "") == ""
local has_coloured_errors = has_colour and terminal.is_there(2)
local growing = false -- whether the last line belongs to a paragraph that grows
local sign = 0 -- which of SIGNS stands in the last line, if any

io.stdout:setvbuf "no" -- text is to be seen as it arrives

local function styled(style, words)
  return has_colour and ("\27[%sm%s\27[0m"):format(STYLES[style], words) or words
end

local function label(name) return styled(name, text.pad(name, MARGIN)) end

local function indented(line) return line == "" and "" or (" "):rep(MARGIN) .. line end

--- A sign that moves with each call, until something else is shown. Only on a terminal, and not while text grows there.
function screen.think()
  if growing or not is_terminal then return end
  local start = sign == 0 and "\n" or "\r"
  sign = sign % #SIGNS + 1
  io.write(start, styled("note", indented(SIGNS[sign])))
end

--- Ends what grows, so that something else can be shown below.
function screen.finish()
  if growing then io.write "\n" end
  if sign > 0 then io.write "\r\27[J\27[A" end
  growing, sign = false, 0
end

-- Rows and columns of the terminal; some do not know, and say 0.
local function size()
  local pipe = io.popen "{ stty size </dev/tty; } 2>/dev/null"
  local rows, columns = pipe:read("*n", "*n")
  pipe:close()
  local function or_usual(number, usual) return number and number > 0 and number or usual end
  return or_usual(rows, 24), or_usual(columns, 80)
end

--- How many columns there are to the right of the margin.
function screen.width()
  local columns = 80
  if is_terminal then columns = select(2, size()) end
  return math.max(20, math.min(columns, WIDEST) - MARGIN - 1)
end

-- Where lines are broken.
local function line_width() return is_terminal and screen.width() or math.huge end

--- A paragraph in one piece.
function screen.say(name, words)
  screen.finish()
  for index, line in ipairs(text.wrap(text.clean(words), line_width())) do
    io.write(index == 1 and label(name) .. line or indented(line), "\n")
  end
end

--- What went wrong: a line on standard error, without the place in the program that Lua puts in front.
function screen.complain(problem)
  screen.finish()
  local words = text.line(tostring(problem)):gsub("^[^:]+:%d+: ", "")
  io.stderr:write(has_coloured_errors and label "Error" or text.pad("Error", MARGIN), words, "\n")
end

local function write_hanging(line)
  local width = line_width()
  if text.width(line) <= width then return io.write(indented(line), "\n") end
  for index, part in ipairs(text.wrap(line, width - #HANG)) do
    io.write(indented(index == 1 and part or HANG .. part), "\n")
  end
end

--- An empty line, a heading, and lines under it; without lines nothing of that.
function screen.block(heading, lines)
  screen.finish()
  if not lines or #lines == 0 then return end
  io.write("\n", styled("heading", indented(heading)), "\n")
  for _, line in ipairs(lines) do
    write_hanging(text.line(line))
  end
end

--- A remark of the program itself.
function screen.note(words)
  screen.finish()
  for _, line in ipairs(text.wrap(text.line(words), line_width())) do
    io.write(styled("note", line), "\n")
  end
end

--- Where the user is to type.
function screen.prompt(name)
  screen.finish()
  io.write("\n", label(name))
end

local Paragraph = {}
Paragraph.__index = Paragraph

--- Begins a paragraph that grows, until something else is shown.
function screen.paragraph(name)
  screen.finish()
  growing = true
  io.write("\n", label(name))
  local rows = is_terminal and size()
  return setmetatable({
    raw = "", -- the text, whose bytes `keep` counts
    lines = { "" }, -- as they are shown
    rows = rows,
    width = line_width(),
  }, Paragraph)
end

-- Erases the last lines, from the one with this index on. Returns the index of the line where writing is to go on:
-- a later one where lines have left the screen, out of reach. In a pipe nothing can be erased: the paragraph is
-- written again below.
function Paragraph:go_back(index)
  if not is_terminal then
    io.write("\n", (" "):rep(MARGIN))
    return 1
  end
  local up = math.min(#self.lines - index, self.rows - 1)
  if up > 0 then io.write(("\27[%dA"):format(up)) end
  io.write(("\r\27[%dC\27[J"):format(MARGIN))
  return #self.lines - up
end

function Paragraph:show(lines)
  local old, index, shown = self.lines, 1, ""
  while index < #old and index < #lines and lines[index] == old[index] do
    index = index + 1
  end
  if index == #old and lines[index]:sub(1, #old[index]) == old[index] then
    shown = old[index]
  else
    index = self:go_back(index)
  end
  io.write((lines[index] or ""):sub(#shown + 1))
  for later = index + 1, #lines do
    io.write("\n", indented(lines[later]))
  end
  self.lines = lines
end

--- Keeps the first `keep` bytes of the text and puts `chunk` after them.
function Paragraph:add(chunk, keep)
  self.raw = self.raw:sub(1, keep) .. chunk
  self:show(text.wrap(text.clean(self.raw), self.width))
end

return screen
