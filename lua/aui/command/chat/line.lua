-- The line that the user types: at a terminal with a history, and with the keys that erase; else it is just read.

local keyboard = require "aui.command.chat.keyboard"
local screen = require "aui.command.screen"
local text = require "aui.command.text"

local line = {}

local history = {}
local words, place -- what is typed just now, and which line of the history it was; beyond the last: none

-- As the terminal itself does it, this does not reach beyond the beginning of a row.
local function erase_from(first)
  io.write(("\b \b"):rep(text.width(words:sub(first))))
  words = words:sub(1, first - 1)
end

local function type_in(more)
  io.write(more)
  words = words .. more
end

local function recall(step)
  if place + step < 1 or place + step > #history + 1 then return end
  place = place + step
  erase_from(1)
  type_in(history[place] or "")
end

local keys = {}

keys["\127"] = function() erase_from(words:find "[^\128-\191][\128-\191]*$" or 1) end
keys["\8"] = keys["\127"]
keys["\21"] = function() erase_from(1) end -- Ctrl-U
keys["\23"] = function() erase_from(words:find "%S*%s*$") end -- Ctrl-W
keys["\27[A"] = function() recall(-1) end
keys["\27[B"] = function() recall(1) end
keys["\27OA"], keys["\27OB"] = keys["\27[A"], keys["\27[B"]
keys["\3"] = function() error("interrupted!", 0) end -- as Lua's interpreter calls it
keys["\n"] = function() return true end

-- Ctrl-D ends the input where nothing is typed.
keys["\4"] = function()
  if words ~= "" then return false end
  words = nil
  return true
end

-- Whether it was the last.
local function handle(key)
  if keys[key] then return keys[key]() end
  if not key:find "%c" then type_in(key) end
  return false
end

local function edit()
  words, place = "", #history + 1
  if not keyboard.each(handle) then return nil end
  if words and words ~= "" then history[#history + 1] = words end
  return words
end

local function copy()
  local read = io.read "*l"
  io.write(read or "")
  return read
end

--- Asks for a line, and returns it; nil at the end of the input. Raises at Ctrl-C.
function line.read(name)
  screen.prompt(name)
  local typed = (keyboard.is_there and edit or copy)()
  io.write "\n"
  return typed
end

return line
