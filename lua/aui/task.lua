-- The handle of a task that aui.spawn has begun: waits for its end, cancels it, tells how it stands.

local check = require "aui.option.check"
local errors = require "aui.error"
local host = require "aui.host"

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

---@class aui.Task
local Task = {}
Task.__index = Task
Task.__name = "aui.Task"

local task_module = {}

--- `record` is the host's (lua/aui/host/task.lua).
---@return aui.Task
function task_module.new(record) return setmetatable({ record = record }, Task) end

local function still_pending(timeout)
  return errors.new {
    kind = "pending",
    message = ("the task has not ended within %g s; it goes on"):format(timeout),
    retryable = true,
    delivered = "maybe",
  }
end

-- What it has come to. An error may be nil, too.
local function outcome(record)
  if record.status == "done" then return unpack(record.results, 1, record.n) end
  if record.failure == nil then return nil, "the task has raised nil" end
  return nil, record.failure
end

--- Waits for the task's end, and returns its results. If it has failed, nil and what it has raised; if it was canceled,
--- nil and the error of kind `canceled`. In the same aui.run a failure cancels the joining task, too: it gets the error
--- if it waits for that when the task fails, and is canceled at its next wait. Raises in the task itself.
---@param timeout? number seconds to wait at most; after them nil and an error of kind `pending`
---@return any ...
function Task:join(timeout)
  check.colon(self, Task, "task:join")
  local record, deadline = self.record, check.deadline(timeout)
  if host.current() == record then check.fail("task:join", "called in the task itself, which could never end") end
  while true do
    local seen = record.notices
    if record.status ~= "pending" then return outcome(record) end
    if not host.wait(record, deadline, seen) and record.status == "pending" then
      return nil, still_pending(timeout)
    end
  end
end

--- Ends what the task waits for, and each wait that it begins later, by an error of kind `canceled`: a task that goes
--- on in spite of it keeps its aui.run from returning. One that has not begun ends without running; one that has ended
--- is left as it is. A wait for what is not aui's, such as a socket of the host's, ends first, and so does one of
--- another coroutine inside the task.
function Task:cancel()
  check.colon(self, Task, "task:cancel")
  host.cancel(self.record)
end

--- "pending"; then "done" (it has returned), "failed" (raised) or "canceled" (raised what canceled it, or was closed).
---@return "pending"|"done"|"failed"|"canceled"
function Task:status()
  check.colon(self, Task, "task:status")
  return self.record.status
end

function Task:__tostring() return ("aui.Task (%s)"):format(self.record.status) end

return task_module
