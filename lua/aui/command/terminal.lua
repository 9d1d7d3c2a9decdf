-- The terminal that a command may have: whether it is there, and the sign in it that something takes its time.

local aui = require "aui"

local terminal = {}

local SIGNS = { "|", "/", "-", "\\" }
local TICK = 0.1 -- seconds

local function succeeds(command)
  local status = os.execute(command)
  return status == true or status == 0 -- Lua 5.1 returns the status itself
end

--- Whether the descriptor of this number is one.
function terminal.is_there(descriptor) return succeeds("test -t " .. descriptor) end

--- Calls fn(...) as a task, and returns its results; what it raises is raised. Meanwhile a sign turns in the terminal
--- of standard error, if there is one.
function terminal.wait_for(fn, ...)
  local is_shown, turn = terminal.is_there(2), 0
  local function clear()
    if is_shown then io.stderr:write "\r \r" end
  end
  local task = aui.spawn(fn, ...)
  local ok, result, more, further
  repeat
    turn = turn % #SIGNS + 1
    if is_shown then io.stderr:write("\r", SIGNS[turn]) end
    ok, result, more, further = pcall(task.join, task, TICK)
  until not ok or task:status() ~= "pending"
  clear()
  if not ok then error(result, 0) end
  if task:status() == "failed" then error(more, 0) end
  return result, more, further
end

return terminal
