-- What went wrong with a command: a line for people on standard error, and a status for programs.

local error_class = require "aui.error.class"
local interrupt = require "aui.host.interrupt"

local failure = {}

failure.STATUSES = [[
Exit status:
   0  all is well              5  rate_limit      9  protocol
   1  anything else            6  server         10  overflow
   2  the command was wrong    7  transport     130  Ctrl-C
   3  auth                     8  timeout
   4  application]]

local USAGE, OTHER, INTERRUPTED = 2, 1, 130
local STATUS = {
  auth = 3,
  application = 4,
  rate_limit = 5,
  server = 6,
  transport = 7,
  timeout = 8,
  protocol = 9,
  overflow = 10,
  canceled = INTERRUPTED,
}
local DELIVERED = { maybe = "The agent may have got the message.", yes = "The agent has got the message." }

local function is_error(value) return getmetatable(value) == error_class.Error end

--- Ends the command, whose words are wrong in this way.
function failure.usage(words) error({ usage = words }, 0) end

--- As assert, also on Lua 5.1, whose own takes words alone.
function failure.assert(value, problem, ...)
  if not value then error(problem, 0) end
  return value, problem, ...
end

--- For xpcall. Of what our checks raise there is no place in a file; anything else that Lua raises is our fault.
function failure.catch(problem)
  local is_known = type(problem) ~= "string" or interrupt.is(problem) or not problem:find "^[^:\n]+:%d+: "
  return is_known and problem or debug.traceback(problem, 2)
end

local function complain(words) io.stderr:write("aui: ", (tostring(words):gsub("%c", " ")), "\n") end

--- Says what was caught; returns the status to exit with.
function failure.tell(problem)
  if is_error(problem) then
    complain(problem)
    if DELIVERED[problem.delivered] then complain(DELIVERED[problem.delivered]) end
    return STATUS[problem.kind] or OTHER
  end
  if interrupt.is(problem) then
    io.stderr:write "\n"
    return INTERRUPTED
  end
  if type(problem) == "table" then
    local usage = problem.usage:gsub("%s+Did you mean", "; did you mean") -- argparse's words
    complain(usage .. (usage:sub(-1) == "?" and " See aui --help" or "; see aui --help"))
    return USAGE
  end
  if problem:find("stack traceback:", 1, true) then
    io.stderr:write("aui: ", problem, "\n")
    return OTHER
  end
  complain(problem)
  return USAGE
end

return failure
