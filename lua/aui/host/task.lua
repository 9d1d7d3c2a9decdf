-- Tasks and the runs that they belong to, where every host does the same: how a task ends, who hears of its failure,
-- whom that cancels. Where tasks end or are canceled nothing is allocated, so that nobody is lost when memory is short.

local class = require "aui.error.class"
local interrupt = require "aui.host.interrupt"
local log = require "aui.log"

local task_module = {}

-- What differs, of the host that this process has: notify(source) and changed(), as in lua/aui/host; wake(task) ends
-- the wait that the task is in, if any; let_go(task) forgets one that has ended; unheard(failure) tells of a failure
-- that nobody waits for.
local host

--- To be called once, by the host.
function task_module.serve(its_host) host = its_host end

--- A run: a call of aui.run by the calling coroutine, and those who wait for its end.
function task_module.new_run()
  return {
    tasks = {}, -- that have not ended, as keys
    unfinished = 0, -- how many those are
    waiters = {},
    notices = 0,
    caller = coroutine.running(),
    has_failed = false,
    failure = nil,
    is_over = false, -- whether nobody waits for it any more
  }
end

--- The run of tasks that belong to no other. Nobody waits for it, and it does not hold its tasks.
task_module.none = task_module.new_run()
task_module.none.is_over, task_module.none.tasks = true, false

--- The run that a new task belongs to: that of the task that spawns it, if there is one. A handler's is `under_way` if
--- it is called for a task of no run.
function task_module.run_of(spawner, under_way)
  if not spawner or (spawner.always_begins and spawner.run == task_module.none) then return under_way end
  return spawner.run
end

--- A task of a run. Who joins it waits for it as for any source.
function task_module.new(run)
  return {
    waiters = {},
    notices = 0,
    run = run,
    status = "pending", -- then "done", "failed" or "canceled"
    results = false, -- of one that is done,
    n = 0, -- and how many
    failure = nil, -- of any other
    is_canceled = run.has_failed, -- whether it is to end
    cancellation = false, -- the error that its waits raise then
    always_begins = false, -- even if it is canceled before
    is_urgent = false, -- whether a session needs it; then nobody waits for its end
    request = false, -- in which it runs, in nginx
    owner = false, -- the task that alone hears of its failure, and takes it along when it ends
    children = false, -- whose owner it is, as keys
    unfinished = 0, -- how many those are
    has_begun = false,
    coroutine = false,
    waiter = false, -- by which it waits just now
    item = false, -- by which the native loop runs it
  }
end

--- A task whose failure its owner looks for, and which is canceled with the owner. The owner is notified of its end.
function task_module.new_child(owner)
  local task = task_module.new(owner.run)
  task.owner, task.is_urgent, task.is_canceled = owner, owner.is_urgent, owner.is_canceled
  owner.children = owner.children or {}
  return task
end

local function count_in(group, key, task)
  if not group[key] then return end
  group[key][task] = true
  group.unfinished = group.unfinished + 1
end

local function count_out(group, key, task)
  if not (group[key] and group[key][task]) then return end
  group[key][task] = nil
  group.unfinished = group.unfinished - 1
end

--- It will run, and is waited for.
function task_module.add(task)
  if task.owner then count_in(task.owner, "children", task) end
  count_in(task.run, "tasks", task)
end

local function mark_canceled(task)
  if task.status ~= "pending" or task.is_canceled then return end
  task.is_canceled = true
  host.wake(task)
  for child in pairs(task.children or {}) do mark_canceled(child) end
end

--- Ends its wait, and all that it begins later, by an error; one that has not begun ends without running. Does nothing
--- to one that has ended.
function task_module.cancel(task)
  mark_canceled(task)
  host.changed()
end

--- The error that the waits of a canceled task raise.
function task_module.cancellation(task)
  if not task.cancellation then
    local fields = { kind = "canceled", message = "the task was canceled", delivered = "maybe" }
    task.cancellation = class.new(fields)
  end
  return task.cancellation
end

--- Whether the task is to end instead of waiting.
function task_module.is_canceled(task) return task and task.is_canceled end

--- Whether there is somebody who waits for the run; its coroutine may have been killed.
function task_module.is_awaited(run)
  return not run.is_over and not (run.caller and coroutine.status(run.caller) == "dead")
end

--- The first failure of a run is what it raises, and cancels all of its tasks.
function task_module.fail_run(run, failure)
  if run.has_failed then return end
  run.has_failed, run.failure = true, failure
  for task in pairs(run.tasks) do mark_canceled(task) end
  host.changed()
end

-- Everything is in its place before anybody is told, since what tells a host's loop may fail.
local function finish(task, status)
  local run, owner = task.run, task.owner
  count_out(run, "tasks", task)
  if owner then count_out(owner, "children", task) end
  task.status = status
  for child in pairs(task.children or {}) do mark_canceled(child) end
  host.let_go(task)
  host.notify(task)
  host.notify(run)
  if owner then host.notify(owner) end
end

--- It has returned.
function task_module.done(task, ...)
  if task.status ~= "pending" then return end
  task.results, task.n = { ... }, select("#", ...)
  finish(task, "done")
end

--- It has raised `failure`; `words` is that with a traceback, if it is words. Those who join it are told, and its run;
--- if it has none that is awaited, and nobody joins it, the host. Nobody need be told of what a canceled one raises.
function task_module.failed(task, failure, words)
  if task.status ~= "pending" then return end
  local run, is_joined = task.run, next(task.waiters) ~= nil
  task.failure = failure
  finish(task, task.cancellation and rawequal(failure, task.cancellation) and "canceled" or "failed")
  local is_interrupt = interrupt.is(failure)
  if task.owner or (task.is_canceled and not is_interrupt) then return end
  if task_module.is_awaited(run) then
    task_module.fail_run(run, words)
  elseif is_interrupt or not is_joined then
    host.unheard(words)
  end
end

--- It will not run any more, since it was canceled before it began, or its coroutine was closed.
function task_module.given_up(task)
  if task.status ~= "pending" then return end
  task.failure = task_module.cancellation(task)
  finish(task, "canceled")
end

local function settle(task, raised, ok, ...)
  if ok then return task_module.done(task, ...) end
  local words = ...
  if raised[1] then return task_module.failed(task, raised[2], words) end
  task_module.failed(task, words, words) -- not even a traceback could be made
end

--- Calls `fn(...)`, which is what the task does to its end.
function task_module.call(task, fn, ...)
  local raised = { false, nil }
  local function trace(failure)
    raised[1], raised[2] = true, failure
    return log.traceback(failure)
  end
  settle(task, raised, xpcall(fn, trace, ...))
end

return task_module
