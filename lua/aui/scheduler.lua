-- Who waits for what: runs the native loop, and the coroutines that wait on top of it. The C core is never entered from
-- a callback: it is stepped, asked who has news, and their waiters are woken. Where an adapter is attached
-- (lua/aui/adapter), the host's own loop steps it.

local log = require "aui.log"
local net = require "aui.net"
local sources = require "aui.sources"
local timers = require "aui.timers"
local yieldable = require "aui.yieldable"

local scheduler = {
  is_utf8 = net.is_utf8,
  words = net.words,
  is_retryable = net.is_retryable,
  version = net.version,
  register = sources.register,
}

-- A signal that comes just before the wait begins is noticed when it ends: so no wait is longer than this (seconds).
local LONGEST_WAIT = 0.25

local HANDLER_WAITS = "a handler cannot wait, since the loop itself calls it: aui.spawn a function that does"
local HOST_WAITS = "to wait here would block the host's loop: do it in a coroutine, such as that of aui.spawn, or let "
  .. "handlers be called (reply:on)"
local C_WAITS = "Lua 5.1 cannot wait here: in a coroutine, neither inside pcall nor in the iterator of a for loop "
  .. "(instead of which call reply:next in a while loop)"

local OWN_SOURCE = debug.getinfo(1, "S").source:match "^(.*)scheduler%.lua$" or "\0"
local MAIN = {} -- the main coroutine, which has no value of its own in Lua 5.1

local loop -- made when first needed: a process may fork before
local deadlines = timers.new()
local all = { unfinished = 0 } -- the run of tasks that belong to no other
local background = { unfinished = 0 } -- the run that nobody waits for
local tasks = {} -- by coroutine, while it has not ended: its run
local runnable = { first = 1, last = 0 } -- a queue of those whose method `run` is to be called
local resumed = 0 -- how many tasks run just now: more than one when a coroutine of one of them runs the loop
local handling -- the coroutine on which a handler runs just now
local stepper -- the coroutine that has called scheduler.step, which has not returned yet
local adapters = {} -- of the hosts whose loops step ours
local suspended = {} -- how to resume the hosts' coroutines that wait, by waiter: nobody else need hold them

local running = coroutine.running
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)
local can_yield = yieldable.now

--- The native loop, or nil and why it cannot be had.
function scheduler.loop()
  if loop then return loop end
  local why
  loop, why = net.loop()
  return loop, why
end

--- Seconds of the loop's monotonic clock.
function scheduler.now() return assert(scheduler.loop()):now() end

--- To be called when the core was asked for something, or has something to run, of which a host's loop may not know.
function scheduler.changed()
  if stepper then return end -- scheduler.step tells it in the end
  for _, adapter in ipairs(adapters) do
    adapter.changed()
  end
end

--- The session of the C core (src/binding/session.c) that connects for the source of this id; or nil and why not.
--- `options` are those of loop:open.
function scheduler.open(id, options)
  local its_loop, why = scheduler.loop()
  if not its_loop then return nil, why end
  local handle, problem = its_loop:open(id, options)
  scheduler.changed()
  return handle, problem
end

--- An HTTP request for the source of this id, whose `result` can be had when there is news (src/binding/net/fetch.c);
--- or nil and why not. Only tasks make them.
function scheduler.fetch(id, options) return loop:fetch(id, options) end

-- ---- Who is to run ----

local function enqueue(item)
  runnable.last = runnable.last + 1
  runnable[runnable.last] = item
end

local function is_idle() return runnable.first > runnable.last end

-- Runs who is in the queue now; those who are added meanwhile have the next turn. At `stop` nobody more is begun.
local function run_runnable(stop)
  local last = runnable.last
  while runnable.first <= last do
    local item = runnable[runnable.first]
    runnable[runnable.first] = nil
    runnable.first = runnable.first + 1
    item:run()
    if stop and loop:clock() >= stop then return end
  end
end

local function wake(waiter, notified)
  if waiter.woken then return end
  waiter.woken, waiter.notified = true, notified
  deadlines:remove(waiter)
  if waiter.source then waiter.source.waiters[waiter] = nil end
  waiter.source = nil -- whose user may drop it while this waiter's coroutine runs
  if waiter.run then enqueue(waiter) end
end

--- Wakes all who wait for `source`.
function scheduler.notify(source)
  for waiter in pairs(source.waiters) do wake(waiter, true) end
  scheduler.changed()
end

-- A task has no caller who could look at its error: aui.run gets it, else whoever runs the loop; but a host's loop must
-- go on.
local function tell_failure(run, failure)
  if run.waiters and not run.over then
    run.failure = run.failure or { failure }
  elseif adapters[1] then
    log.failure("a task", failure)
  else
    error(failure, 0)
  end
end

local function end_task(co)
  local run = tasks[co]
  tasks[co] = nil
  run.unfinished = run.unfinished - 1
  if run.waiters then scheduler.notify(run) end
end

-- Resumes a task, or a coroutine of the host's.
local function resume(co)
  resumed = resumed + 1
  local ok, failure = coroutine.resume(co)
  resumed = resumed - 1
  if ok or coroutine.status(co) ~= "dead" then return end
  local run = tasks[co] or background
  if type(failure) == "string" and not run.is_protected then failure = debug.traceback(co, failure) end
  if tasks[co] then end_task(co) end
  tell_failure(run, failure)
end

-- Somebody else may have resumed the coroutine since it was woken, so that it waits no more.
local function resume_waiter(waiter)
  if not waiter.over then resume(waiter.coroutine) end
end

-- ---- Turns of the loop ----

local function wait_time(deadline)
  if not is_idle() then return 0 end
  local first = deadlines:first()
  if first and first.deadline < deadline then deadline = first.deadline end
  return math.max(0, math.min(deadline - loop:now(), LONGEST_WAIT))
end

local function tell_news(stop)
  for id in loop.ready, loop do
    sources.tell(id)
    if stop and loop:clock() >= stop then return end
  end
end

local function wake_late()
  local now = loop:now()
  local first = deadlines:first()
  while first and first.deadline <= now do
    wake(first, false)
    first = deadlines:first()
  end
end

-- Waits for news until `deadline` at most, and resumes whom they concern; what is left when it is `stop` by the finer
-- clock has the next turn.
local function turn(deadline, stop)
  loop:step(wait_time(deadline))
  tell_news(stop)
  wake_late()
  run_runnable(stop)
end

local function turns_without_waiting(stop)
  repeat
    turn(0, stop)
  until not stop or scheduler.timeout() ~= 0 or loop:clock() >= stop
end

--- Deals with what is due, without waiting. With a budget in seconds, goes on until nothing is due any more, and begins
--- nothing when the budget is used up.
function scheduler.step(budget)
  if not loop then return end
  local outer = stepper
  stepper = running() or MAIN
  local ok, failure = pcall(turns_without_waiting, budget and loop:clock() + budget)
  stepper = outer
  scheduler.changed() -- it need not have been the host that called this
  if not ok then error(failure, 0) end
end

-- ---- Waiting ----

local function run_until_woken(waiter)
  repeat turn(waiter.deadline) until waiter.woken
end

-- As resume_waiter; and a host may have killed its coroutine.
local function resume_suspended(waiter)
  local its_resume = suspended[waiter]
  suspended[waiter] = nil
  if its_resume and coroutine.status(waiter.coroutine) ~= "dead" then its_resume(waiter) end
end

local function wait_in_task(waiter)
  waiter.run, waiter.coroutine = resume_waiter, running()
  repeat coroutine.yield() until waiter.woken
  waiter.over = true
end

-- A coroutine of the host's waits as its adapter says; one that no adapter knows is resumed by us.
local function wait_in_host(waiter)
  local suspend, its_resume = coroutine.yield, resume_waiter
  for _, adapter in ipairs(adapters) do
    local a, b = adapter.waiter()
    if a then suspend, its_resume = a, b end
  end
  waiter.run, waiter.coroutine = resume_suspended, running()
  suspended[waiter] = its_resume
  scheduler.changed()
  repeat suspend() until waiter.woken
  suspended[waiter] = nil
end

-- Why the caller cannot wait, or nil; then also whether it waits by yielding, as tasks and hosts' coroutines do.
local function problem_of_waiting()
  local co = running()
  if handling and handling == (co or MAIN) then return HANDLER_WAITS end
  if adapters[1] and stepper == (co or MAIN) then return HOST_WAITS end -- a listener of aui.log, which the loop calls
  if not (adapters[1] or tasks[co]) then return nil, false end
  if can_yield() then return nil, true end
  if co and not yieldable.in_pcall then return C_WAITS end
  return adapters[1] and HOST_WAITS or nil, false
end

--- Whether the caller may wait: handlers may not, nor may what would block a host's loop.
function scheduler.may_wait() return not problem_of_waiting() end

-- Raises at the line of the module's user, through however many functions of it the call has come.
local function refuse(problem)
  local level = 2
  local function is_own()
    local info = debug.getinfo(level + 1, "S")
    return info and info.source:sub(1, #OWN_SOURCE) == OWN_SOURCE
  end
  while is_own() do level = level + 1 end
  error(problem, level)
end

--- Raises where the caller may not wait: for those who would have done something before they do.
function scheduler.check_wait()
  local problem = problem_of_waiting()
  if problem then refuse(problem) end
end

--- Waits until `source` is notified (then true) or `deadline` on the loop's clock has come (then false). A task yields,
--- and so does a coroutine under an adapter; anybody else runs the loop. A `source` of nil is never notified. Raises
--- where that is not possible.
function scheduler.wait(source, deadline)
  local problem, yields = problem_of_waiting()
  if problem then
    if deadline and deadline <= scheduler.now() then return false end
    refuse(problem)
  end
  local waiter = { source = source, deadline = deadline or math.huge }
  if source then
    source.waiters[waiter] = true
    if source.id then sources.keep(source) end
  end
  if deadline then deadlines:add(waiter) end
  if not yields then
    run_until_woken(waiter)
  elseif tasks[running()] then
    wait_in_task(waiter)
  else
    wait_in_host(waiter)
  end
  return waiter.notified
end

-- ---- Tasks and handlers ----

local function start(run, fn, ...)
  assert(scheduler.loop())
  local arguments, n = { ... }, select("#", ...)
  local co
  co = coroutine.create(function()
    fn(unpack(arguments, 1, n))
    end_task(co) -- here, since it may be somebody else who resumed it last
  end)
  tasks[co] = run
  run.unfinished = run.unfinished + 1
  enqueue { run = resume_waiter, coroutine = co }
  scheduler.changed()
end

--- Calls `fn(...)` as a task of its own, which begins in the loop's next turn.
function scheduler.spawn(fn, ...) start(tasks[running()] or all, fn, ...) end

--- As spawn, but aui.run does not wait for the task's end: of use only to those who wait for something themselves.
function scheduler.spawn_background(fn, ...) start(background, fn, ...) end

local function run_handler(item)
  local outer = handling
  handling = running() or MAIN
  item.fn(unpack(item, 1, item.n))
  handling = outer
  resume(item.coroutine) -- not before: a handler may call aui.step, which must not come to what the task tells next
end

--- For tasks: `fn(...)`, which must not raise, is called by the loop, where it cannot wait; returns when it has been.
function scheduler.call(fn, ...)
  enqueue { run = run_handler, coroutine = running(), fn = fn, n = select("#", ...), ... }
  coroutine.yield()
end

-- Under an adapter many may call aui.run at the same time: each waits for what its own tasks have spawned.
local function run_in_host(main)
  local run = { unfinished = 0, waiters = {} }
  start(run, main)
  repeat scheduler.wait(run) until run.unfinished == 0 or run.failure
  run.over = true
  if run.failure then error(run.failure[1], 0) end
end

--- Calls `fn(...)` as a task, and returns its results when it and every task that was spawned meanwhile have ended.
function scheduler.run(fn, ...)
  local arguments, given = { ... }, select("#", ...)
  local results, n
  local function keep(...) results, n = { ... }, select("#", ...) end
  local function main() keep(fn(unpack(arguments, 1, given))) end
  if adapters[1] then
    run_in_host(main)
  else
    start(all, main)
    while all.unfinished > 0 do turn(math.huge) end
  end
  return unpack(results, 1, n)
end

-- Stands in for pcall in tasks: a task of its own lets `fn` wait.
local function call_protected(fn)
  local run, results, n = { unfinished = 0, waiters = {}, is_protected = true }, nil, nil
  local function keep(...) results, n = { ... }, select("#", ...) end
  start(run, function() keep(fn()) end)
  repeat scheduler.wait(run) until results or run.failure
  run.over = true
  if run.failure then return false, run.failure[1] end
  return true, unpack(results, 1, n)
end

--- For tasks: as pcall(fn), but `fn` may wait on Lua 5.1 too.
scheduler.pcall = yieldable.in_pcall and pcall or call_protected

--- Why the caller cannot use `run`, or nil.
function scheduler.problem_of_running()
  local in_task = tasks[running()] or (resumed > 0 and not adapters[1]) -- a coroutine may have been resumed by a task
  return in_task and "called inside a task; use aui.spawn" or (problem_of_waiting())
end

-- ---- Foreign loops ----

--- From now on the host's loop calls `step`. Of an adapter, `changed()` makes it look at `timeout` and `is_active`
--- again, and `waiter()` returns two functions if the calling coroutine is one that waits in the host's own way: the
--- first suspends it, and may return too early; the second lets it go on.
function scheduler.attach(adapter)
  adapters[#adapters + 1] = adapter
  if loop then adapter.changed() end
end

--- The descriptor to poll for reading; the same from the first call on.
function scheduler.fd() return assert(scheduler.loop()):fd() end

--- For how many seconds at most to poll it before the next `step`; nil for no limit.
function scheduler.timeout()
  if not loop then return nil end
  if not is_idle() then return 0 end
  local core, first = loop:timeout(), deadlines:first()
  local own = first and math.max(0, first.deadline - loop:now())
  return core and own and math.min(core, own) or core or own
end

--- Whether there is anything left to step for: sessions that are not closed, or somebody who waits for a time.
function scheduler.is_active()
  return loop ~= nil and (not is_idle() or deadlines:first() ~= nil or loop:is_active())
end

return scheduler
