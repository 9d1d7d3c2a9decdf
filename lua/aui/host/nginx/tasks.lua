-- Tasks as light threads of nginx, which nobody can end from outside while they wait.

local requests = require "aui.host.nginx.requests"
local semaphore = require "ngx.semaphore"
local task_module = require "aui.host.task"
local threads = require "aui.host.nginx.light_threads"

local LONGEST_REST = 0.5 -- seconds; so soon a task that has not begun looks whether its caller has been killed

local tasks = {}

local by_coroutine = setmetatable({}, { __mode = "k" }) -- by which the tasks must not lead to their coroutines

--- The task that calls this, or nil. nginx may use the coroutine of one that was killed with its request again.
function tasks.current()
  local task = by_coroutine[coroutine.running()]
  return task and task.request == requests.current() and task or nil
end

--- It has ended, as only its own coroutine can tell.
function tasks.let_go() by_coroutine[coroutine.running()] = nil end

local function live(task, fn, ...)
  if task.is_canceled and not task.always_begins then return task_module.given_up(task) end
  task_module.call(task, fn, ...)
end

--- Calls `fn(...)` as this task, which begins when its caller waits; nginx ends the request when all have ended. A
--- caller that is killed meanwhile opens no gate.
function tasks.start(task, fn, ...)
  local caller, gate = coroutine.running(), semaphore.new()
  task.request = requests.current()
  threads.start(function(...)
    by_coroutine[coroutine.running()] = task
    task_module.add(task)
    local is_open
    repeat
      is_open = gate:wait(LONGEST_REST)
    until is_open or coroutine.status(caller) == "dead"
    if not is_open then return task_module.given_up(task) end
    live(task, fn, ...)
  end, ...)
  gate:post(1)
  return task
end

-- The run that the caller's tasks belong to. Handlers are called in the task that they belong to.
local function current_run() return task_module.run_of(tasks.current(), requests.run_under_way()) end

function tasks.spawn(fn, ...) return tasks.start(task_module.new(current_run()), fn, ...) end

function tasks.spawn_notifier(fn, ...)
  local task = task_module.new(current_run())
  task.always_begins = true
  return tasks.start(task, fn, ...)
end

function tasks.spawn_background(fn, ...) return tasks.start(task_module.new(task_module.none), fn, ...) end

--- In a timer: a request that ends takes its threads with it.
function tasks.spawn_apart(fn, ...)
  return ngx.timer.at(0, function(_, ...) fn(...) end, ...)
end

function tasks.spawn_child(owner, fn, ...) return tasks.start(task_module.new_child(owner), fn, ...) end

return tasks
