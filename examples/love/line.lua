-- The line that the player types.

local Line = {}
Line.__index = Line

local line = {}

function line.new() return setmetatable({ text = "" }, Line) end

--- Adds what was typed, UTF-8.
function Line:type(text) self.text = self.text .. text end

--- Takes the last character away.
function Line:erase() self.text = self.text:gsub("[%z\1-\127\194-\244][\128-\191]*$", "") end

--- The words of the line, which is empty then; nil if there are none.
function Line:take()
  local words = self.text:match "^%s*(.-)%s*$"
  if words == "" then return nil end
  self.text = ""
  return words
end

return line
