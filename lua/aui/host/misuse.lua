-- Raises what the module's user has done wrong, at the user's own line. That is found on the stack, through however
-- many functions of ours the call has come: in the innermost function that stands in no file of ours.

local misuse = {}

local folders = {} -- the beginnings of the names of our chunks
local files = {} -- the names of those that are found elsewhere

-- A chunk that was loaded from a file is named after it. Stripped ones have no names, those of a bundle may have any:
-- then nobody can be blamed.
local OWN_FOLDER = debug.getinfo(1, "S").source:match "^(.*[/\\])host[/\\]misuse%.lua$"
if OWN_FOLDER then folders[OWN_FOLDER] = true end

--- For a file that a search path may find elsewhere than this one, as it finds init.lua by another pattern: the chunk
--- that calls this is ours, and so are all beside and below an init.lua.
function misuse.own()
  local source = debug.getinfo(2, "S").source
  local folder = source:match "^(.*[/\\]aui[/\\])init%.lua$"
  if folder then
    folders[folder] = true
  else
    files[source] = true
  end
end

local function is_own(source)
  for folder in pairs(folders) do
    if source:sub(1, #folder) == folder then return true end
  end
  return files[source] ~= nil
end

-- The user's function that has called ours, as debug.getinfo tells of it. There is none on the stack where a function
-- of ours is a coroutine's first, or was itself given to us to be called, as a handler or a task.
local function user()
  local level, in_c = 3, false
  local info = debug.getinfo(level, "Sl")
  while info do
    local is_lua = info.what == "Lua" or info.what == "main" -- else it is C's, or in Lua 5.1 the trace of a tail call
    if is_lua and not is_own(info.source) then return info end
    if is_lua and in_c then return nil end
    in_c = in_c or info.what == "C"
    level = level + 1
    info = debug.getinfo(level, "Sl")
  end
end

local function place()
  local info = OWN_FOLDER and user()
  return info and info.currentline > 0 and ("%s:%d: "):format(info.short_src, info.currentline) or ""
end

--- Raises these words, with the place in front of them as `error` has it where that is known.
function misuse.raise(words) error(place() .. words, 0) end

return misuse
