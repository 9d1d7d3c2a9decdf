-- How callers wait on top of the native loop: a task yields, and so does a coroutine under an adapter; anybody else
-- runs the loop.

local foreign_loop = require "aui.host.native.foreign_loop"
local misuse = require "aui.host.misuse"
local sources = require "aui.host.sources"
local task_module = require "aui.host.task"
local tasks = require "aui.host.native.tasks"
local turns = require "aui.host.native.turns"
local yieldable = require "aui.host.native.yieldable"

local HOST_WAITS = "to wait here would block the host's loop: do it in a coroutine, such as that of aui.spawn, or let "
  .. "handlers be called (reply:on)"
local C_WAITS = "Lua 5.1 cannot wait here: in a coroutine, neither inside pcall nor in the iterator of a for loop "
  .. "(instead of which call reply:next in a while loop)"
local STUCK = "nothing is left that could end this wait: a task has called coroutine.yield, or tasks join each other"

local waiting = {
  HANDLER_WAITS = "a handler cannot wait, since the loop itself calls it: aui.spawn a function that does",
}

local suspended = {} -- how to resume the hosts' coroutines that wait, by waiter: nobody else need hold them

-- Whether nothing can come to pass any more by which the waiter is woken. Further down the stack there may be more.
local function is_stuck(waiter)
  if turns.depth > 0 or turns.is_active() then return false end
  tasks.bury_dead()
  return waiter.state == "waiting"
end

local function run_until_woken(waiter)
  if waiter.deadline == math.huge or waiter.deadline > turns.now() then foreign_loop.check() end
  while waiter.state == "waiting" do
    turns.turn(waiter.deadline)
    if waiter.state == "waiting" and is_stuck(waiter) then
      turns.abandon(waiter)
      misuse.raise(STUCK)
    end
  end
end

-- Somebody else may have resumed the coroutine since it was woken, so that it waits no more.
local function resume_waiter(waiter)
  if waiter.state ~= "over" then tasks.resume(waiter.coroutine) end
end

-- As resume_waiter; and a host may have killed its coroutine.
local function resume_suspended(waiter)
  local its_resume = suspended[waiter]
  if its_resume and coroutine.status(waiter.coroutine) ~= "dead" then its_resume(waiter) end
  if waiter.state ~= "waiting" then suspended[waiter] = nil end -- else its coroutine has gone on, and waits again
end

local function yield_until_woken(waiter, co)
  waiter.run, waiter.coroutine = resume_waiter, co
  turns.changed() -- somebody else than the loop may have resumed it
  while waiter.state == "waiting" do coroutine.yield() end
end

local Suspension = {}

function Suspension.__close(waiter)
  turns.abandon(waiter)
  suspended[waiter] = nil
end

-- A coroutine of the host's waits as its adapter says; one that no adapter knows is resumed by us.
local function suspend_until_woken(waiter, co)
  local suspend, its_resume = coroutine.yield, resume_waiter
  for _, adapter in ipairs(turns.adapters) do
    local a, b = adapter.waiter()
    if a then suspend, its_resume = a, b end
  end
  waiter.run, waiter.coroutine = resume_suspended, co
  suspended[waiter] = its_resume
  turns.changed()
  local state
  for _ in tasks.once, nil, nil, setmetatable(waiter, Suspension) do
    while waiter.state == "waiting" do suspend() end -- what the adapter makes may run finalizers, and they the loop
    state = waiter.state
  end
  waiter.state = state
  suspended[waiter] = nil
end

-- Why the caller, which is the task, if any, and runs in `co`, cannot wait, or nil; then also whether it waits by
-- yielding, as tasks and hosts' coroutines do.
local function problem_of_waiting(task, co)
  local has_host = turns.adapters[1]
  if turns.handling and turns.handling == (co or turns.MAIN) then return waiting.HANDLER_WAITS end
  -- A listener of aui.log, which the loop calls.
  if has_host and turns.stepper == (co or turns.MAIN) then return HOST_WAITS end
  if not (has_host or task) then return nil, false end
  if yieldable.now() then return nil, true end
  if co and not yieldable.in_pcall then return C_WAITS end
  return has_host and HOST_WAITS or nil, false
end

--- Why the caller cannot wait, or nil.
function waiting.problem() return (problem_of_waiting(tasks.current())) end

--- Whether the caller may wait: handlers may not, nor may a canceled task, or what would block a host's loop.
function waiting.may_wait()
  local task, co = tasks.current()
  return not (problem_of_waiting(task, co) or task_module.is_canceled(task))
end

-- Raises what ends a canceled task.
local function raise_cancellation(task) error(task_module.cancellation(task), 0) end

--- Raises where the caller may not wait: for those who would have done something before they do.
function waiting.check_wait()
  local task, co = tasks.current()
  local problem = problem_of_waiting(task, co)
  if problem then misuse.raise(problem) end
  if task_module.is_canceled(task) then raise_cancellation(task) end
end

-- How the caller waits: by yielding, unless there is a reason to run the loop. Returns how that has ended.
local function wait(waiter, yields, task, co)
  if not yields then
    run_until_woken(waiter)
  elseif task then
    yield_until_woken(waiter, co)
  else
    suspend_until_woken(waiter, co)
  end
  if task then task.waiter = false end
  return waiter.state
end

--- As `wait`, but returns nil when the task that waits is canceled: for those who have something to do then.
function waiting.try_wait(source, deadline, seen)
  local task, co = tasks.current()
  local problem, yields = problem_of_waiting(task, co)
  if problem then
    if deadline and deadline <= turns.now() then return false end
    misuse.raise(problem)
  end
  local was_canceled = task_module.is_canceled(task)
  if was_canceled then source, deadline = nil, turns.now() end -- others run first: it may try again and again
  local waiter = turns.take_waiter(source or false, deadline or math.huge)
  if source then source.waiters[waiter] = true end
  if task then task.waiter, waiter.is_urgent = waiter, task.is_urgent end
  -- Looked at when it hears of everything that comes from now on. One that is canceled by now has been woken.
  if source and source.notices ~= seen then
    turns.abandon(waiter)
    if task then task.waiter = false end
    return true
  end
  if source then sources.keep(source) end
  if deadline and waiter.state == "waiting" then turns.add_deadline(waiter) end
  local state = wait(waiter, yields, task, co)
  turns.give_waiter_back(waiter)
  if was_canceled or state == "canceled" then return nil end
  return state == "notified"
end

--- Waits until `source` is notified (then true) or `deadline` on the loop's clock has come (then false). `seen` is what
--- source.notices was before the caller looked whether it must wait: whatever makes a value may run a finalizer, which
--- may run the loop, and what that told in the meantime is not told again. A `source` of nil is never notified. Raises
--- where waiting is not possible, and in a canceled task.
function waiting.wait(source, deadline, seen)
  local notified = waiting.try_wait(source, deadline, seen)
  if notified == nil then raise_cancellation(tasks.current()) end
  return notified
end

return waiting
