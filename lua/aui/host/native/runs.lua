-- aui.run on the native loop; and what stands in for pcall where Lua cannot wait inside it.

local foreign_loop = require "aui.host.native.foreign_loop"
local interrupt = require "aui.host.interrupt"
local misuse = require "aui.host.misuse"
local task_module = require "aui.host.task"
local tasks = require "aui.host.native.tasks"
local turns = require "aui.host.native.turns"
local waiting = require "aui.host.native.waiting"
local yieldable = require "aui.host.native.yieldable"

local STUCK = "aui.run: a task has called coroutine.yield, or tasks join each other, and nothing is left that could "
  .. "resume them"

local runs = {}

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

-- Whether nothing can come to pass any more in which somebody resumes the run's tasks.
local function is_stuck(run)
  if turns.is_active() then return false end
  tasks.bury_dead()
  return run.unfinished > 0
end

-- Runs the loop until the run's tasks have ended: true; false if they are stuck.
local function finish(run)
  while run.unfinished > 0 do
    turns.turn(math.huge)
    if run.unfinished > 0 and is_stuck(run) then return false end
  end
  return true
end

local function give_up(run)
  for task in pairs(run.tasks) do task_module.given_up(task) end
end

-- Whatever the loop itself raises, such as Ctrl-C or the failure of a task of no run, cancels the run. What it raises
-- after that leaves the run's tasks to whoever runs the loop next, in which they end.
local function drive(run)
  local outer = tasks.under_way
  tasks.under_way = run
  local ok, result = pcall(finish, run)
  if not ok then
    task_module.fail_run(run, result)
    ok, result = pcall(finish, run)
  end
  tasks.under_way, run.is_over = outer, true
  if not ok then error(result, 0) end
  if result then return end
  give_up(run)
  if not run.has_failed then misuse.raise(STUCK) end
end

-- Under an adapter the host's loop runs. PUC Lua 5.1 must look for tasks that end unseen.
local function await(run)
  while true do
    local seen = run.notices
    if run.unfinished == 0 then break end
    waiting.wait(run, not yieldable.in_pcall and turns.now() + turns.LONGEST_WAIT or nil, seen)
  end
  run.is_over = true
end

--- Calls `fn(...)` as a task, and returns its results when it and every task that was spawned meanwhile have ended:
--- none, if somebody has closed its coroutine. If one of them fails, the others are canceled, and its error is raised.
function runs.run(fn, ...)
  if not turns.adapters[1] then foreign_loop.check() end
  local run = task_module.new_run()
  local main = tasks.start(task_module.new(run), fn, ...)
  if turns.adapters[1] then
    await(run)
  else
    drive(run)
  end
  if run.has_failed then error(run.failure, 0) end
  return unpack(main.results or {}, 1, main.n)
end

--- Why the caller cannot use `run`, or nil.
function runs.problem_of_running()
  if turns.handling and not turns.adapters[1] then return waiting.HANDLER_WAITS end
  -- Or in a coroutine of a task, or a finalizer, below which somebody is being called who could not go on.
  local in_task = tasks.current() or (turns.depth > 0 and not turns.adapters[1])
  if in_task then return "called inside a task; use aui.spawn" end
  return waiting.problem()
end

-- Stands in for pcall: a task of its own lets `fn` wait.
local function call_protected(fn)
  local owner = tasks.owner()
  local child = tasks.spawn_child(owner, fn)
  while true do
    local seen = owner.notices
    if child.status ~= "pending" then break end
    waiting.wait(owner, turns.now() + turns.LONGEST_WAIT, seen)
  end
  if child.status == "done" then return true, unpack(child.results, 1, child.n) end
  if interrupt.is(child.failure) then error(child.failure, 0) end
  return false, child.failure
end

--- As pcall(fn), but `fn` may wait on Lua 5.1 too, and an interrupt is not caught.
runs.pcall = yieldable.in_pcall and interrupt.pcall or call_protected

return runs
