-- While something takes its time: a sign moves, what is typed is kept for later, and Ctrl-C stops it.

local aui = require "aui"
local keyboard = require "aui.command.chat.keyboard"
local screen = require "aui.command.screen"

local busy = {}

local TICK = 0.1 -- seconds

local function await(task)
  repeat
    screen.think()
    if keyboard.is_stopped() then task:cancel() end
    local result, err = task:join(TICK)
    if task:status() ~= "pending" then return result, err end
  until false
end

--- Calls fn(...) as a task, and returns what it does: one value. What it raises is raised, and so is the error that it
--- returns after nil; that of Ctrl-C is of kind `canceled`.
function busy.get(fn, ...)
  local task = aui.spawn(fn, ...)
  local ok, result, err = pcall(await, task)
  if not ok then task:cancel() end -- the signal of Ctrl-C, where keys are not read
  if not ok or result == nil then error(ok and err or result, 0) end
  return result
end

return busy
