-- Text that comes in bursts and appears letter by letter: on a page, never more than a moment behind what has come.

local Typewriter = {}
Typewriter.__index = Typewriter

local typewriter = {}

local PACE = 45 -- bytes a second, when no more is to be done
local MOMENT = 0.25 -- seconds in which all that has come is typed

--- One that types on the page (page.lua).
function typewriter.new(page)
  return setmetatable({
    page = page,
    text = "", -- all that has come
    typed = 0, -- bytes of it that are on the page
    rate = PACE, -- bytes a second
    due = 0, -- the part of a byte that is left over from frame to frame
  }, Typewriter)
end

--- Keeps the first `keep` bytes of the text and puts `chunk` after them: what was typed beyond that is taken back.
function Typewriter:write(chunk, keep)
  self.text = self.text:sub(1, keep) .. chunk
  if keep < self.typed then
    self.typed = keep
    self.page:cut(keep)
  end
  self.rate = math.max(PACE, (#self.text - self.typed) / MOMENT)
end

function Typewriter:is_typing() return self.typed < #self.text end

-- The end of the character that the byte is in.
local function end_of_character(text, byte)
  while (text:byte(byte + 1) or 0) >= 0x80 and text:byte(byte + 1) < 0xC0 do
    byte = byte + 1
  end
  return byte
end

--- Types what is due after `dt` seconds more.
function Typewriter:update(dt)
  if not self:is_typing() then return end
  self.due = self.due + self.rate * dt
  local bytes = math.floor(self.due)
  if bytes == 0 then return end
  self.due = self.due - bytes
  local last = end_of_character(self.text, math.min(self.typed + bytes, #self.text))
  self.page:add(self.text:sub(self.typed + 1, last))
  self.typed = last
end

return typewriter
