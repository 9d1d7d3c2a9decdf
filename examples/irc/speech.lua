-- An answer that grows, as lines that can be said: a line is ready as soon as a sentence is complete, and what the
-- agent rewrites after it was said is said again, corrected.

local text = require "text"

local Speech = {}
Speech.__index = Speech

local speech = {}

local CORRECTION = "(corrected) "
local WITHDRAWAL = "(taken back)"
local ENDS = { "[.!?]+[\"')%]]*()%s+[^%l%d%s]", "\n()", "\227\128\130()", "\239\188[\129\159]()" } -- the last ones: 。！？

--- An answer of which nothing has come yet; lines have `room` bytes.
function speech.new(room)
  return setmetatable({
    raw = "", -- the answer so far
    said = "", -- what was said of it: a beginning of it, or of what it was then
    room = room,
  }, Speech)
end

--- Keeps the first `keep` bytes of the answer and puts `chunk` after them.
function Speech:add(chunk, keep) self.raw = self.raw:sub(1, keep) .. chunk end

-- Where sentences and lines end that lie within the first `limit` bytes: the last such end, or 0. A full stop is one if
-- what follows looks like the next sentence, unlike that of "e.g. this" or "No. 7".
local function last_end(raw, limit)
  local last = 0
  for _, pattern in ipairs(ENDS) do
    for position in raw:gmatch(pattern) do
      if position - 1 > limit then break end
      last = math.max(last, position - 1)
    end
  end
  return last
end

local function common_length(one, other)
  for index = 1, math.min(#one, #other) do
    if one:byte(index) ~= other:byte(index) then return index - 1 end
  end
  return math.min(#one, #other)
end

--- The first bytes of a line, `room` at most: up to the end of a sentence, else of a word, else of a character.
function speech.cut(line, room)
  if #line <= room then return line end
  local sentence = last_end(line, room)
  if sentence > room / 2 then return line:sub(1, sentence) end
  local words = line:sub(1, room + 1):match "^(.*%S)%s"
  if words then return words end
  while line:find("^[\128-\191]", room + 1) do
    room = room - 1
  end
  return line:sub(1, room)
end

-- Takes back what was said from the sentence on that is not so any more; returns whether there is such a thing.
local function take_back(self, complete)
  local common = common_length(self.said, complete)
  if common == #self.said then return false end
  self.said = self.raw:sub(1, last_end(self.raw, common))
  return true
end

--- The next line to say, or nil if none is complete. `final`: whether the answer will not grow any more.
function Speech:next(final)
  local complete = final and self.raw or self.raw:sub(1, last_end(self.raw, #self.raw))
  if not final and self.said:sub(1, #complete) == complete then return nil end
  local corrected = take_back(self, complete)
  local first = complete:find("%S", #self.said + 1)
  if not first then return corrected and WITHDRAWAL or nil end
  local mark = corrected and CORRECTION or ""
  local line = speech.cut(text.trim(complete:match("^[^\n]*", first)), self.room - #mark)
  self.said = complete:sub(1, first - 1 + #line)
  return mark .. text.clean(line)
end

return speech
