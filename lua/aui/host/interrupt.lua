-- What an interpreter's Ctrl-C raises wherever the program happens to be. It is for the whole program: whoever catches
-- the errors of a function of the user's lets it through.

local interrupt = {}

--- Whether it is that of lua and luajit: behind nothing but places in programs, with a traceback or without.
function interrupt.is(failure)
  if type(failure) ~= "string" then return false end
  local first_line = failure:match "^[^\n]*"
  if first_line:sub(-12) ~= "interrupted!" then return false end
  return #first_line == 12 or first_line:find ":%d+: interrupted!$" ~= nil
end

--- What others say, so that a program that raises it is not taken for interrupted.
function interrupt.unlike(words) return (words:gsub("interrupted!$", "interrupted")) end

--- As pcall, but lets an interrupt through.
local function pass(ok, ...)
  if not ok and interrupt.is((...)) then error((...), 0) end
  return ok, ...
end

function interrupt.pcall(fn, ...) return pass(pcall(fn, ...)) end

return interrupt
