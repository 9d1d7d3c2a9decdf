-- Finds in a text what a list of strings says, in one pass whose cost is bounded by the text's length, however many
-- strings there are, however long they are, and however much the text looks like them: a server may have chosen both.
--
-- Long strings are cut into pieces, which have few lengths: all strings with the same beginning are looked up at once,
-- by a length each. Where a text has a whole string it has all of its pieces, which together are the string. A piece of
-- a string that stands there alone is found, too.

local finder = {}

local sub = string.sub -- called for each byte

local WINDOW = 8 -- bytes by which a piece is looked up first; no piece is shorter
local GRAM = 4 -- bytes at a window's end; most tell that no piece begins near
local FARTHEST = WINDOW - GRAM + 1 -- bytes from a window to the next, if no piece has its gram
local PIECE = 64 -- bytes, of the longest piece
local MOST_COMPARED = 8 -- pieces that begin alike and are compared one by one; of more the window itself is enough

finder.SHORTEST = WINDOW

-- How long the pieces of a string are. Short strings stay whole; of others a piece is two thirds at least.
local function piece_size(length)
  if length <= 2 * WINDOW then return length end
  return math.min(PIECE, length - length % WINDOW)
end

-- What a string's beginning at the end of a text must have: less may be any word.
local function may_be_cut(text) return #text >= 2 * WINDOW end

local Finder = {}
Finder.__index = Finder

function Finder:add_window(window)
  for at = 1, FARTHEST do
    local gram, shift = window:sub(at, at + GRAM - 1), math.max(1, FARTHEST - at)
    self.shifts[gram] = math.min(self.shifts[gram] or shift, shift)
  end
  local group = { lengths = {}, cut = {} } -- the pieces' lengths, longest first; those of which a beginning is enough
  self.groups[window] = group
  return group
end

local function add_length(lengths, length)
  local at = 1
  while lengths[at] and lengths[at] > length do at = at + 1 end
  if lengths[at] ~= length then table.insert(lengths, at, length) end
end

-- `goes_on`: whether what follows it in its string begins with less than a window that another piece covers.
function Finder:add_piece(piece, goes_on, is_cut)
  local window = piece:sub(1, WINDOW)
  local group = self.groups[window] or self:add_window(window)
  if self.pieces[piece] == nil then
    add_length(group.lengths, #piece)
    if is_cut then group.cut[#group.cut + 1] = piece end
  end
  self.pieces[piece] = goes_on or self.pieces[piece] or false
end

function Finder:add(text)
  local size = piece_size(#text)
  local is_cut = may_be_cut(text)
  for at = 1, #text - size + 1, size do
    local left = #text - (at + size - 1)
    self:add_piece(text:sub(at, at + size - 1), left > PIECE - WINDOW, is_cut)
  end
  if #text % size ~= 0 then self:add_piece(text:sub(-size), false, is_cut) end
end

--- Of these strings, each of which has SHORTEST bytes at least.
function finder.new(list)
  local self = setmetatable({ shifts = {}, groups = {}, pieces = {} }, Finder)
  for _, text in ipairs(list) do self:add(text) end
  return self
end

-- Whether these last words of a text are the beginning of a piece.
local function is_beginning(group, words)
  if #group.cut > MOST_COMPARED then return true end
  for _, piece in ipairs(group.cut) do
    if piece:sub(1, #words) == words then return true end
  end
  return false
end

-- Where the longest piece of the group ends that begins at `at`; nil: none does.
local function match(self, group, text, at)
  local left, lengths, pieces = #text - at + 1, group.lengths, self.pieces
  if left < PIECE and is_beginning(group, sub(text, at)) then return #text end
  for index = 1, #lengths do
    local length = lengths[index]
    local goes_on = pieces[sub(text, at, at + length - 1)]
    if goes_on ~= nil and length <= left then
      local is_last = left - length < WINDOW -- the text ends before the next piece could be told
      return goes_on and is_last and #text or at + length - 1
    end
  end
end

--- Where in the text these strings, pieces of them, or at its end their beginnings are: lists of the first bytes and of
--- the last ones of what is to be hidden, from left to right.
---@return integer[] froms
---@return integer[] tos
function Finder:find(text)
  local froms, tos, count, behind = {}, {}, 0, 0 -- `behind` the last of these places
  local at, last, shifts, groups = 1, #text - WINDOW + 1, self.shifts, self.groups
  local to_gram, to_end = WINDOW - GRAM, WINDOW - 1
  while at <= last do
    local group = groups[sub(text, at, at + to_end)]
    local to = group and match(self, group, text, at)
    if to and to >= behind then
      if at > behind or count == 0 then
        count = count + 1
        froms[count] = at
      end
      tos[count], behind = to, to + 1
    end
    at = at + (group and 1 or shifts[sub(text, at + to_gram, at + to_end)] or FARTHEST)
  end
  return froms, tos
end

return finder
