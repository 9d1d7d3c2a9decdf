-- A terminal, as far as the examples use one: characters, line feeds, cursor movement, erasing, styles. Each cell
-- remembers when it was last written.

local terminal = {}

local CHARACTER = "^[%z\1-\127\194-\244][\128-\191]*"

local Terminal = {}
Terminal.__index = Terminal

--- `lines` holds everything since the start, cells by column from 0; the last `rows` of them are on the screen.
function terminal.new(rows)
  return setmetatable({ rows = rows, lines = { {} }, line = 1, column = 0, style = "", pending = "" }, Terminal)
end

local control = {}

function control.A(self, count)
  local top = math.max(1, #self.lines - self.rows + 1)
  self.line = math.max(top, self.line - count)
end

function control.C(self, count) self.column = self.column + count end

function control.J(self)
  for index = #self.lines, self.line + 1, -1 do
    self.lines[index] = nil
  end
  local line = self.lines[self.line]
  for column in pairs(line) do
    if column >= self.column then line[column] = nil end
  end
end

function control.m(self, _, codes) self.style = codes == "0" and "" or codes end

function Terminal:put(character, time)
  if character == "\r" then
    self.column = 0
  elseif character == "\b" then
    self.column = self.column - 1
  elseif character == "\n" then
    self.line = self.line + 1
    self.lines[self.line] = self.lines[self.line] or {}
  else
    self.lines[self.line][self.column] = { character = character, style = self.style, time = time }
    self.column = self.column + 1
  end
end

--- Shows the output of a program, which may end within a character or a control sequence. Fails for a sequence it does
--- not know.
function Terminal:feed(bytes, time)
  local rest = self.pending .. bytes
  while true do
    local argument, name, length = rest:match "^\27%[([%d;]*)(%a)()"
    if name then
      assert(control[name], "unknown control sequence " .. name)(self, tonumber(argument) or 1, argument)
      rest = rest:sub(length)
    else
      local character = rest:match(CHARACTER)
      if not character or rest:find "^\27%[?[%d;]*$" or (#rest < 4 and rest:find "^[\194-\244]") then break end
      self:put(character, time)
      rest = rest:sub(#character + 1)
    end
  end
  self.pending = rest
end

--- All lines since the start, without spaces at their ends.
function Terminal:text()
  local texts = {}
  for index, line in ipairs(self.lines) do
    local last = -1
    for column in pairs(line) do
      last = math.max(last, column)
    end
    local characters = {}
    for column = 0, last do
      characters[#characters + 1] = line[column] and line[column].character or " "
    end
    texts[index] = table.concat(characters):gsub(" +$", "")
  end
  return table.concat(texts, "\n")
end

return terminal
