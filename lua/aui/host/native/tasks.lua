-- Tasks as coroutines that the native loop resumes, and the handlers that it calls for them.

local interrupt = require "aui.host.interrupt"
local log = require "aui.log"
local task_module = require "aui.host.task"
local turns = require "aui.host.native.turns"
local yieldable = require "aui.host.native.yieldable"

local tasks = {
  under_way = false, -- the run whose caller runs the loop
  reads = {}, -- by coroutine, unless they are canceled: the id of the session whose text one reads, false at first
}

local by_coroutine = {} -- while they have not ended
local reads = tasks.reads
local next_burial = 0 -- when to look for tasks that ended unseen
local handled -- the task for which a handler runs just now

local running = coroutine.running
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

--- The task that calls this, or nil; and its coroutine.
function tasks.current()
  local co = running()
  return by_coroutine[co], co
end

-- A host's loop must go on, unless the program is to end.
local function unheard(failure)
  if turns.adapters[1] and not interrupt.is(failure) then
    log.failure("a task", failure)
  else
    turns.fail(failure)
  end
end

-- ---- Resuming ----

local resume

-- Of a coroutine that has yielded something: what a host knows is awaited there.
local function await_in_host(co, ...)
  if coroutine.status(co) == "dead" then return end -- it has returned that
  local function go_on(...) resume(co, ...) end
  for _, adapter in ipairs(turns.adapters) do
    if adapter.await and adapter.await(co, go_on, ...) then return end
  end
end

-- What resuming a task, or a coroutine of the host's, has come to.
local function resumed(co, ok, failure, ...)
  if ok and failure ~= nil and turns.adapters[1] then await_in_host(co, failure, ...) end
  if ok or coroutine.status(co) ~= "dead" then return end
  local words = type(failure) == "string" and debug.traceback(co, failure) or failure
  local task = by_coroutine[co]
  if task then
    task_module.failed(task, failure, words)
  else
    unheard(words)
  end
end

-- A task's errors come here on PUC Lua 5.1, and when memory is short. Whether it was dead before is asked first: what
-- Lua says of that may be an error of its own, too.
function resume(co, ...)
  if coroutine.status(co) ~= "dead" then return resumed(co, coroutine.resume(co, ...)) end
  local task = by_coroutine[co]
  if task then task_module.given_up(task) end -- closed by somebody else
end

--- Resumes a task, or a coroutine of the host's, unless it has ended.
tasks.resume = resume

--- Looks for tasks that ended unseen.
function tasks.bury_dead()
  for co, task in pairs(by_coroutine) do
    if coroutine.status(co) == "dead" then task_module.given_up(task) end
  end
end

-- PUC Lua 5.1 does not tell of a task that raises while somebody else has resumed it.
local function bury_now_and_then()
  if turns.now() < next_burial then return end
  next_burial = turns.now() + turns.LONGEST_WAIT
  tasks.bury_dead()
end

if not yieldable.in_pcall then turns.at_end = bury_now_and_then end

-- ---- Reading ----

-- A task waits for text again and again: nothing is made for that, and its coroutine stands in turns.readers.

-- Somebody else may have resumed the coroutine since it was woken.
local function read_on(item)
  if turns.readers[item.reads] == item.coroutine then resume(item.coroutine) end
end

local function wake_reader(task, id)
  task.item.reads = id
  turns.make_runnable(task.item)
end

turns.resume_reader = resume

function turns.wake_reader(co, id) wake_reader(by_coroutine[co], id) end

task_module.serve {
  notify = turns.notify,
  changed = turns.changed,
  unheard = unheard,
  wake = function(task)
    local co = task.coroutine
    local id = reads[co]
    reads[co] = nil
    if id and turns.readers[id] == co then wake_reader(task, id) end
    if task.waiter and task.waiter.state == "waiting" then turns.wake(task.waiter, "canceled") end
  end,
  let_go = function(task)
    local co, item = task.coroutine, task.item
    local id = reads[co] or (item and item.reads) -- the latter of one that was canceled
    if id and turns.readers[id] == co then turns.readers[id] = nil end
    reads[co], by_coroutine[co] = nil, nil
    if task.waiter then turns.abandon(task.waiter) end
    if item then item.coroutine = false end
    task.coroutine, task.waiter, task.item = false, false, false -- whoever holds the task holds nothing of these
  end,
}

-- ---- Beginning ----

local Ending = { __close = task_module.given_up }

--- In a `for`, Lua 5.4 calls the metamethod __close of the fourth value however the loop is left, also when the
--- coroutine is closed in it. This is an iterator that comes once.
function tasks.once(_, been) return not been or nil end

-- PUC Lua 5.1 cannot yield inside xpcall.
local function call_bare(task, fn, ...) task_module.done(task, fn(...)) end

local run = yieldable.in_pcall and task_module.call or call_bare

-- What a task's coroutine does. Somebody else may resume it last, or close it: the end is told from inside, where Lua
-- lets that be done.
local function live(task, fn, ...)
  task.has_begun = true
  for _ in tasks.once, nil, nil, task do run(task, fn, ...) end
end

local function begin(task, fn, ...)
  if task.has_begun or task.status ~= "pending" then return end
  if task.is_canceled and not task.always_begins then return task_module.given_up(task) end
  resume(task.coroutine, task, fn, ...)
end

-- ---- What a program leaves behind ----

-- How many tasks, and those that call handlers: none where the program has ended in a task, which is by purpose.
local function count_left()
  local left, handlers = 0, 0
  for co, task in pairs(by_coroutine) do
    local status = coroutine.status(co)
    if status == "running" or status == "normal" then return 0, 0 end
    if not task.is_urgent and status == "suspended" then
      if task.always_begins then
        handlers = handlers + 1
      else
        left = left + 1
      end
    end
  end
  return left, handlers
end

local LEFT = "aui: the program has ended before %s had: %s\n"
local REMEDY = "aui.run waits for its tasks and handlers, task:join for one task"
local REMEDY_IN_HOST = "the loop of the host, in which they go on, never ran"

-- A host's loop that has run is left by purpose.
local function tell_what_is_left()
  local in_host = turns.adapters[1] ~= nil
  if in_host and turns.was_stepped then return end
  local left, handlers = count_left()
  local parts = {}
  if left > 0 then parts[1] = ("%d of its tasks (aui.spawn)"):format(left) end
  if handlers > 0 then
    parts[#parts + 1] = ("the handlers of %d replies or sessions (reply:on, session:on)"):format(handlers)
  end
  if not parts[1] then return end
  io.stderr:write(LEFT:format(table.concat(parts, " and "), in_host and REMEDY_IN_HOST or REMEDY))
end

-- Calls the function when the program's Lua state is closed.
local function at_exit(fn)
  local newproxy = rawget(_G, "newproxy") -- of Lua 5.1, where tables have no finalizers
  if not newproxy then return setmetatable({}, { __gc = fn }) end
  local guard = newproxy(true)
  getmetatable(guard).__gc = fn
  return guard
end

local function watch_exit() tasks.guard = tasks.guard or at_exit(tell_what_is_left) end

--- Calls `fn(...)` as this task, in the loop's next turn.
function tasks.start(task, fn, ...)
  assert(turns.loop())
  watch_exit()
  task.coroutine = coroutine.create(live)
  local co = task.coroutine
  local item = { run = false, next = false, order = false, is_urgent = task.is_urgent, coroutine = co, reads = false }
  local arguments, n = { ... }, select("#", ...)
  function item.run()
    begin(task, fn, unpack(arguments, 1, n))
    item.run = read_on
    item:run() -- if this was tried again, it may have been woken meanwhile
  end
  task.item = item
  if not task.is_canceled then reads[co] = false end
  by_coroutine[co] = setmetatable(task, Ending)
  task_module.add(task)
  turns.make_runnable(item)
  turns.changed()
  return task
end

-- The run that is under way when a handler or the main program spawns a task. Under an adapter many may be.
local function outer_run()
  local its_run = tasks.under_way
  return its_run and not its_run.is_over and its_run.unfinished > 0 and its_run or task_module.none
end

-- The run that the caller's tasks belong to: a handler's are those of the task for which it is called.
local function current_run()
  local co = running()
  local task = by_coroutine[co] or (turns.handling == (co or turns.MAIN) and handled)
  return task_module.run_of(task, outer_run())
end

--- Calls `fn(...)` as a task of its own.
function tasks.spawn(fn, ...) return tasks.start(task_module.new(current_run()), fn, ...) end

--- As spawn, for what calls handlers: it begins though its run is canceled before, and need not be told by an error.
function tasks.spawn_notifier(fn, ...)
  local task = task_module.new(current_run())
  task.always_begins = true
  return tasks.start(task, fn, ...)
end

--- As spawn, but the task belongs to no run, and nobody waits for its end: for what sessions need.
function tasks.spawn_background(fn, ...)
  local task = task_module.new(task_module.none)
  task.is_urgent = true
  return tasks.start(task, fn, ...)
end

--- The same for what must go on when who asked for it is gone; or nil and why not.
function tasks.spawn_apart(fn, ...) return tasks.spawn_background(fn, ...) end

--- As spawn, but the new task's failure is nobody's business but its owner's: a task with which it is canceled, and
--- that is notified of its end.
function tasks.spawn_child(owner, fn, ...) return tasks.start(task_module.new_child(owner), fn, ...) end

--- The task that calls this; or what owns tasks in its place where it is none.
function tasks.owner() return tasks.current() or task_module.new(current_run()) end

-- ---- Handlers ----

local function run_handler(item)
  local outer_handling, outer_handled, ok, failure = turns.handling, handled, true, nil
  if not item.is_over then
    turns.handling, handled = running() or turns.MAIN, item.task
    ok, failure = pcall(item.fn, unpack(item, 1, item.n))
    turns.handling, handled = outer_handling, outer_handled
    item.is_over = true
  end
  resume(item.coroutine) -- not before: a handler may call aui.step, which must not come to what the task tells next
  if not ok then error(failure, 0) end
end

--- For tasks: `fn(...)` is called by the loop, where it cannot wait; returns when it has been. What it raises is for
--- whoever runs the loop.
function tasks.call(fn, ...)
  local task = tasks.current()
  local item = { run = run_handler, task = task, coroutine = running(), fn = fn, n = select("#", ...), ... }
  item.next, item.order, item.is_over, item.is_urgent, item.is_call = false, false, false, task.is_urgent, true
  turns.make_runnable(item)
  repeat coroutine.yield() until item.is_over
end

return tasks
