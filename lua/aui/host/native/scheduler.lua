-- Who waits for what: runs the native loop, and the coroutines that wait on top of it. The C core is never entered from
-- a callback: it is stepped, asked who has an event, and their waiters are woken. Where an adapter is attached
-- (lua/aui/adapter), the host's own loop steps it.

local foreign_loop = require "aui.host.native.foreign_loop"
local interrupt = require "aui.host.interrupt"
local log = require "aui.log"
local misuse = require "aui.host.misuse"
local net = require "aui.net"
local runnable = require "aui.host.native.runnable"
local sources = require "aui.host.sources"
local timers = require "aui.host.native.timers"
local yieldable = require "aui.host.native.yieldable"

local scheduler = {
  is_utf8 = net.is_utf8,
  words = net.words,
  status_error = net.status_error,
  backoff = net.backoff,
  has_room = net.has_room,
  is_json = net.is_json,
  plain_json = net.plain_json,
  version = net.version,
  register = sources.register,
}

-- A signal that comes just before the wait begins is noticed when it ends: so no wait is longer than this (seconds).
local LONGEST_WAIT = 0.25

-- A coroutine inside a task, such as a generator, waits by running the loop, in which another one may do so, and so on.
-- Each takes some of the C stack, which is 200 calls deep. In so many loops, one inside the other, no further task goes
-- on but those that sessions need.
local MOST_NESTED = 20

local HANDLER_WAITS = "a handler cannot wait, since the loop itself calls it: aui.spawn a function that does"
local HOST_WAITS = "to wait here would block the host's loop: do it in a coroutine, such as that of aui.spawn, or let "
  .. "handlers be called (reply:on)"
local C_WAITS = "Lua 5.1 cannot wait here: in a coroutine, neither inside pcall nor in the iterator of a for loop "
  .. "(instead of which call reply:next in a while loop)"

local STUCK = "aui.run: a task has called coroutine.yield, and nothing is left that could resume it"

local MAIN = {} -- the main coroutine, which has no value of its own in Lua 5.1

local loop -- made when first needed: a process may fork before
local deadlines = timers.new()
local all = { unfinished = 0 } -- the run of tasks that belong to no other
local background = { unfinished = 0, is_urgent = true } -- the run that nobody waits for but sessions
local tasks = {} -- by coroutine, while they have not ended: { run, coroutine, begun, waiter (false: it does not wait) }
local queue, urgent = runnable.new(), runnable.new() -- the latter of those that belong to urgent runs
local undispatched -- the id of a source whose event could not be dispatched
local failures = {} -- of tasks, for whoever runs the loop: the errors in boxes, the earliest first
local next_burial = 0 -- when to look for tasks that ended unseen
local depth = 0 -- how many of the queues are being called, further down the stack
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

--- Why nothing can be connected to here, or nil.
function scheduler.problem_of_connecting() return (select(2, scheduler.loop())) end

--- Seconds of the loop's monotonic clock.
function scheduler.now() return assert(scheduler.loop()):now() end

--- To be called when the core was asked for something, or has something to run, of which a host's loop may not know.
function scheduler.changed()
  if stepper then return end -- scheduler.step tells it in the end
  for index = #adapters, 1, -1 do -- which may be detached
    adapters[index].changed()
  end
end

--- The session of the C core (src/binding/lua_session.c) that connects for the source of this id; or nil and why not.
--- `options` are those of loop:open.
function scheduler.open(id, options)
  local its_loop, why = scheduler.loop()
  if not its_loop then return nil, why end
  local handle, problem = its_loop:open(id, options)
  scheduler.changed()
  return handle, problem
end

--- An HTTP request for the source of this id, whose `result` can be had when there is an event
--- (src/binding/net/lua_call.c); or nil and why not. To be called where there is no problem of connecting.
function scheduler.start_call(id, options)
  local call, why = loop:call(id, options)
  scheduler.changed()
  return call, why
end

-- ---- Who is to run ----

-- Whether there is a failure to raise here. Inside a task there is not: it is no failure of what that waits for. But an
-- interrupt, which comes first, ends everything.
local function has_failure() return failures[1] and (depth == 0 or interrupt.is(failures[1][1])) end

-- Raises the earliest failure that nobody has been told of.
local function raise_failure()
  if has_failure() then error(table.remove(failures, 1)[1], 0) end
end

local function make_runnable(item, run)
  local its_queue = run and run.is_urgent and urgent or queue
  its_queue:add(item)
end

-- Whether there is something to do that need not be waited for.
local function is_due()
  return undispatched or has_failure() or not urgent:is_empty() or not (depth >= MOST_NESTED or queue:is_empty())
end

local function begin(item, its_queue)
  depth = depth + 1
  its_queue:let_go()
  item:run()
end

-- When memory is short, or in an interrupt, the call itself may fail: it is tried again in the next turn, so that
-- nobody is lost.
local function call(item, its_queue)
  local outer_depth, outer_handling = depth, handling
  local ok, failure = pcall(begin, item, its_queue)
  depth, handling = outer_depth, outer_handling
  if ok then return end
  if failure == "not enough memory" or interrupt.is(failure) then its_queue:add(item) end
  error(failure, 0)
end

-- Runs who is in the queue now; those who are added meanwhile have the next turn. At `stop` nobody more is begun: then
-- false.
local function run_queue(its_queue, stop)
  local count = its_queue.count
  local item = its_queue:take(count)
  while item do
    call(item, its_queue)
    raise_failure()
    if stop and loop:clock() >= stop then return false end
    item = its_queue:take(count)
  end
  return true
end

local function run_runnable(stop)
  if run_queue(urgent, stop) and depth < MOST_NESTED then run_queue(queue, stop) end
end

-- The states of a waiter: "waiting"; "notified" or "late" once it is woken; "over" when it waits no more.
local function new_waiter(source, deadline)
  return {
    source = source, -- nil is not put here, so that all fields have their place when memory gets short
    deadline = deadline,
    state = "waiting",
    run = false, -- how to go on, of one that yields
    coroutine = false,
    slot = false,
    next = false,
    order = false,
  }
end

local function leave_lists(waiter)
  deadlines:remove(waiter)
  if waiter.source then waiter.source.waiters[waiter] = nil end
  waiter.source = false -- whose user may drop it while this waiter's coroutine runs
end

-- In this order: any call may fail when memory is short.
local function wake(waiter, state)
  if waiter.state == "waiting" then
    local task = tasks[waiter.coroutine]
    if waiter.run then make_runnable(waiter, task and task.run) end
    waiter.state = state
  end
  leave_lists(waiter)
end

-- Its coroutine was closed, or has ended otherwise: nobody is to be woken.
local function abandon(waiter)
  waiter.state = "over"
  leave_lists(waiter)
  suspended[waiter] = nil
end

--- Wakes all who wait for `source`.
function scheduler.notify(source)
  source.notices = source.notices + 1
  for waiter in pairs(source.waiters) do wake(waiter, "notified") end
  scheduler.changed()
end

local function end_task(task)
  local run = task.run
  if not tasks[task.coroutine] then return end
  tasks[task.coroutine] = nil
  run.unfinished = run.unfinished - 1
  if task.waiter then abandon(task.waiter) end
  if run.waiters then scheduler.notify(run) end
end

-- A task has no caller who could look at its error: aui.run gets it, else whoever runs the loop; but a host's loop must
-- go on, unless the program is to end.
local function report_failure(run, failure)
  if run.waiters and not run.over then
    run.failure = run.failure or { failure }
  elseif adapters[1] and not interrupt.is(failure) then
    log.failure("a task", failure)
  else
    table.insert(failures, interrupt.is(failure) and 1 or #failures + 1, { failure })
  end
end

local resume

-- Of a coroutine that has yielded something: what a host knows is awaited there.
local function await_in_host(co, ...)
  if coroutine.status(co) == "dead" then return end -- it has returned that
  local function go_on(...) resume(co, ...) end
  for _, adapter in ipairs(adapters) do
    if adapter.await and adapter.await(co, go_on, ...) then return end
  end
end

-- What resuming a task, or a coroutine of the host's, has come to.
local function resumed(co, ok, failure, ...)
  if ok and failure ~= nil and adapters[1] then await_in_host(co, failure, ...) end
  if ok or coroutine.status(co) ~= "dead" then return end
  local task = tasks[co]
  if task then end_task(task) end
  local run = task and task.run or background
  if type(failure) == "string" and not run.is_protected then failure = debug.traceback(co, failure) end
  report_failure(run, failure)
end

-- Resumes a task, or a coroutine of the host's. A task's errors come here on PUC Lua 5.1, and when memory is short.
function resume(co, ...)
  local task = tasks[co]
  if coroutine.status(co) == "dead" then return task and end_task(task) end -- closed by somebody else
  resumed(co, coroutine.resume(co, ...))
end

-- Somebody else may have resumed the coroutine since it was woken, so that it waits no more.
local function resume_waiter(waiter)
  if waiter.state ~= "over" then resume(waiter.coroutine) end
end

local function bury_dead()
  for co, task in pairs(tasks) do
    if coroutine.status(co) == "dead" then end_task(task) end
  end
end

-- PUC Lua 5.1 does not tell of a task that raises while somebody else has resumed it.
local function bury_unseen()
  if yieldable.in_pcall or loop:now() < next_burial then return end
  next_burial = loop:now() + LONGEST_WAIT
  bury_dead()
end

-- ---- Turns of the loop ----

local function wait_time(deadline)
  if is_due() then return 0 end
  local first = deadlines:first()
  if first and first.deadline < deadline then deadline = first.deadline end
  return math.max(0, math.min(deadline - loop:now(), LONGEST_WAIT))
end

local function dispatch_events(stop)
  local id = undispatched or loop:ready()
  while id do
    undispatched = nil
    local ok, failure = pcall(sources.dispatch, id)
    if not ok then -- memory is short: once more, later
      undispatched = id
      error(failure, 0)
    end
    if stop and loop:clock() >= stop then return end
    id = loop:ready()
  end
end

local function wake_late()
  local now = loop:now()
  local first = deadlines:first()
  while first and first.deadline <= now do
    wake(first, "late")
    first = deadlines:first()
  end
end

local function turn_once(deadline, stop)
  loop:step(wait_time(deadline))
  dispatch_events(stop)
  wake_late()
  run_runnable(stop)
  bury_unseen()
  raise_failure() -- that of a task which somebody else has resumed
end

-- Waits for events until `deadline` at most, and resumes whom they concern; what is left when it is `stop` by the finer
-- clock has the next turn. A handler that yields is told that it cannot: who resumed the coroutine which runs the loop
-- would get that, and need never let it go on.
local function turn(deadline, stop) net.call(turn_once, deadline, stop) end

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

--- Moves bytes between sockets and sessions; whom it concerns hears of it from `step`. For a host that must do nothing
--- else just now.
function scheduler.pump()
  if loop then loop:step(0) end
end

-- ---- Waiting ----

local function run_until_woken(waiter)
  if waiter.deadline > loop:now() then foreign_loop.check() end
  while waiter.state == "waiting" do turn(waiter.deadline) end
end

-- As resume_waiter; and a host may have killed its coroutine.
local function resume_suspended(waiter)
  local its_resume = suspended[waiter]
  if its_resume and coroutine.status(waiter.coroutine) ~= "dead" then its_resume(waiter) end
  suspended[waiter] = nil
end

-- In a `for`, Lua 5.4 calls the metamethod __close of the fourth value however the loop is left, also when the
-- coroutine is closed in it. This is an iterator that comes once.
local function once(_, been) return not been or nil end

local function wait_in_task(waiter)
  local task = tasks[running()]
  waiter.run, waiter.coroutine, task.waiter = resume_waiter, task.coroutine, waiter
  scheduler.changed() -- somebody else than the loop may have resumed it
  while waiter.state == "waiting" do coroutine.yield() end
  task.waiter = false
end

local Suspension = { __close = abandon }

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
  local state
  for _ in once, nil, nil, setmetatable(waiter, Suspension) do
    while waiter.state == "waiting" do suspend() end -- what the adapter makes may run finalizers, and they the loop
    state = waiter.state
  end
  waiter.state = state
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

--- Raises where the caller may not wait: for those who would have done something before they do.
function scheduler.check_wait()
  local problem = problem_of_waiting()
  if problem then misuse.raise(problem) end
end

--- Waits until `source` is notified (then true) or `deadline` on the loop's clock has come (then false). `seen` is what
--- source.notices was before the caller looked whether it must wait: whatever makes a value may run a finalizer, which
--- may run the loop, and what that told in the meantime is not told again. A task yields, and so does a coroutine under
--- an adapter; anybody else runs the loop. A `source` of nil is never notified. Raises where that is not possible.
function scheduler.wait(source, deadline, seen)
  local problem, yields = problem_of_waiting()
  if problem then
    if deadline and deadline <= scheduler.now() then return false end
    misuse.raise(problem)
  end
  local waiter = new_waiter(source or false, deadline or math.huge)
  if source then
    source.waiters[waiter] = true
    if source.notices ~= seen then -- looked at when it hears of everything that comes from now on
      leave_lists(waiter)
      return true
    end
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
  local notified = waiter.state == "notified"
  waiter.state = "over"
  return notified
end

-- ---- Tasks and handlers ----

local ENDING = { __close = end_task }

-- What a task's coroutine does. Somebody else may resume it last, or close it: the end is told from inside, where Lua
-- lets that be done. (PUC Lua 5.1 cannot yield inside xpcall.)
local function live(task, fn, ...)
  task.begun = true
  local ok, failure = true, nil
  for _ in once, nil, nil, task do
    if yieldable.in_pcall then
      ok, failure = xpcall(fn, log.traceback, ...)
    else
      fn(...)
    end
  end
  if not ok then report_failure(task.run, failure) end
  end_task(task)
end

local function start(run, fn, ...)
  assert(scheduler.loop())
  local task = setmetatable({ run = run, coroutine = coroutine.create(live), waiter = false, begun = false }, ENDING)
  local item = { run = false, next = false, order = false }
  local arguments, n = { ... }, select("#", ...)
  function item.run()
    if not task.begun then resume(task.coroutine, task, fn, unpack(arguments, 1, n)) end
  end
  tasks[task.coroutine] = task
  run.unfinished = run.unfinished + 1
  make_runnable(item, run)
  scheduler.changed()
  return task.coroutine
end

-- The run that a coroutine's tasks belong to.
local function current_run()
  local task = tasks[running()]
  return task and task.run or all
end

--- Calls `fn(...)` as a task of its own, which begins in the loop's next turn.
function scheduler.spawn(fn, ...) start(current_run(), fn, ...) end

--- As spawn, but aui.run does not wait for the task's end: of use only to those who wait for something themselves.
--- Returns its coroutine.
function scheduler.spawn_background(fn, ...) return start(background, fn, ...) end

local function run_handler(item)
  local outer, ok, failure = handling, true, nil
  if not item.over then
    handling = running() or MAIN
    ok, failure = pcall(item.fn, unpack(item, 1, item.n))
    handling = outer
    item.over = true
  end
  resume(item.coroutine) -- not before: a handler may call aui.step, which must not come to what the task tells next
  if not ok then error(failure, 0) end
end

--- For tasks: `fn(...)` is called by the loop, where it cannot wait; returns when it has been. What it raises is for
--- whoever runs the loop.
function scheduler.call(fn, ...)
  local item = { run = run_handler, coroutine = running(), fn = fn, n = select("#", ...), ... }
  item.next, item.order, item.over = false, false, false
  make_runnable(item, current_run())
  repeat coroutine.yield() until item.over
end

-- Waits for what a run of its own comes to, until `is_over`, and looks for what ends unseen.
local function await(run, is_over)
  local seen = run.notices
  while not (run.failure or is_over()) do
    scheduler.wait(run, not yieldable.in_pcall and scheduler.now() + LONGEST_WAIT or nil, seen)
    seen = run.notices
  end
  run.over = true
end

-- Under an adapter many may call aui.run at the same time: each waits for what its own tasks have spawned.
local function run_in_host(main)
  local run = { unfinished = 0, waiters = {}, notices = 0 }
  start(run, main)
  await(run, function() return run.unfinished == 0 end)
  if run.failure then error(run.failure[1], 0) end
end

-- Raises if nothing can come to pass any more, in which somebody resumes the tasks that there are. Those are given up.
local function check_stuck()
  if adapters[1] or scheduler.is_active() then return end
  bury_dead()
  if all.unfinished == 0 then return end
  for _, task in pairs(tasks) do
    if task.run == all then end_task(task) end
  end
  misuse.raise(STUCK)
end

--- Calls `fn(...)` as a task, and returns its results when it and every task that was spawned meanwhile have ended:
--- none, if somebody has closed its coroutine.
function scheduler.run(fn, ...)
  local arguments, given = { ... }, select("#", ...)
  local results, n = {}, 0
  local function keep(...) results, n = { ... }, select("#", ...) end
  local function main() keep(fn(unpack(arguments, 1, given))) end
  if adapters[1] then
    run_in_host(main)
  else
    foreign_loop.check()
    start(all, main)
    while all.unfinished > 0 do
      turn(math.huge)
      check_stuck()
    end
  end
  return unpack(results, 1, n)
end

-- Stands in for pcall in tasks: a task of its own lets `fn` wait.
local function call_protected(fn)
  local run, results, n = { unfinished = 0, waiters = {}, notices = 0, is_protected = true }, nil, nil
  run.is_urgent = current_run().is_urgent
  local function keep(...) results, n = { ... }, select("#", ...) end
  start(run, function() keep(fn()) end)
  await(run, function() return results or run.unfinished == 0 end)
  if run.failure and interrupt.is(run.failure[1]) then error(run.failure[1], 0) end
  if run.failure then return false, run.failure[1] end
  if not results then return false, "somebody else has resumed its coroutine" end
  return true, unpack(results, 1, n)
end

--- For tasks: as pcall(fn), but `fn` may wait on Lua 5.1 too, and an interrupt is not caught.
scheduler.pcall = yieldable.in_pcall and interrupt.pcall or call_protected

--- Why the caller cannot use `run`, or nil.
function scheduler.problem_of_running()
  if handling and not adapters[1] then return HANDLER_WAITS end
  -- Or in a coroutine of a task, or a finalizer, below which somebody is being called who could not go on.
  local in_task = tasks[running()] or (depth > 0 and not adapters[1])
  if in_task then return "called inside a task; use aui.spawn" end
  return (problem_of_waiting())
end

-- ---- Foreign loops ----

--- From now on the host's loop calls `step`. Of an adapter, `changed()` makes it look at `timeout` and `is_active`
--- again, and `waiter()` returns two functions if the calling coroutine is one that waits in the host's own way: the
--- first suspends it, and may return too early; the second lets it go on. If it has `await(co, resume, ...)`, that is
--- told what a task's coroutine has yielded: false if that is nothing of the host's, else true, and `resume` is called
--- with what the host gives for it.
function scheduler.attach(adapter)
  adapters[#adapters + 1] = adapter
  if loop then adapter.changed() end
end

--- The host's loop is gone.
function scheduler.detach(adapter)
  for index = #adapters, 1, -1 do
    if adapters[index] == adapter then table.remove(adapters, index) end
  end
end

--- The descriptor to poll for reading; the same from the first call on.
function scheduler.fd() return assert(scheduler.loop()):fd() end

--- For how many seconds at most to poll it before the next `step`; nil for no limit.
function scheduler.timeout()
  if not loop then return nil end
  if is_due() then return 0 end
  local core, first = loop:timeout(), deadlines:first()
  local own = first and math.max(0, first.deadline - loop:now())
  return core and own and math.min(core, own) or core or own
end

--- Whether there is anything left to step for: sessions that are not closed, or somebody who waits for a time.
function scheduler.is_active()
  return loop ~= nil and (is_due() or deadlines:first() ~= nil or loop:is_active())
end

return scheduler
