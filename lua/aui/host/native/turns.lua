-- The turns of the native loop: in each the C core is stepped, never entered from a callback, and asked who has an
-- event; whom that concerns is woken, and runs. Where an adapter is attached (lua/aui/adapter), the host's own loop
-- steps it.

local interrupt = require "aui.host.interrupt"
local net = require "aui.net"
local runnable = require "aui.host.native.runnable"
local sources = require "aui.host.sources"
local timers = require "aui.host.native.timers"

-- A signal that comes while the loop waits is noticed when that ends: so no wait is longer than this (seconds).
local LONGEST_WAIT = 0.25

-- A coroutine inside a task, such as a generator, waits by running the loop, in which another one may do so, and so on.
-- Each takes some of the C stack, which is 200 calls deep. In so many loops, one inside the other, no further task goes
-- on but those that sessions need.
local MOST_NESTED = 20

local turns = {
  LONGEST_WAIT = LONGEST_WAIT,
  MAIN = {}, -- the main coroutine, which has no value of its own in Lua 5.1
  depth = 0, -- how many of those who are runnable are being called, further down the stack
  handling = false, -- the coroutine on which a handler runs just now
  stepper = false, -- the coroutine that has called turns.step, which has not returned yet
  was_stepped = false, -- whether turns.step was called
  events = 0, -- how many there were, and notices
  readers = {}, -- the coroutine of the task that waits for text of the session of an id, as a rule the only one
  others = {}, -- true for a session for whose text others wait, too
  -- What lua/aui/host/native/tasks.lua does:
  resume_reader = false, -- lets such a coroutine go on
  wake_reader = false, -- has it go on in the next turn; and which session's text that is
  at_end = false, -- at the end of each turn, if anything
  adapters = {}, -- of the hosts whose loops step ours
}

local loop -- made when first needed: a process may fork before
local deadlines = timers.new()
local readers, others = turns.readers, turns.others
local queue, urgent = runnable.new(), runnable.new() -- of those who are runnable; the latter of those who are urgent
local calls = runnable.new() -- of handlers that are to be called
local dispatching -- the id of the source whose event is being dispatched in this turn
local undispatched -- one whose event could not be dispatched
local under_way -- of those who are runnable, who is being called in this turn
local failures = {} -- for whoever runs the loop: the errors in boxes, the earliest first

--- The native loop, or nil and why it cannot be had.
function turns.loop()
  if loop then return loop end
  local why
  loop, why = net.loop()
  return loop, why
end

--- Seconds of the loop's monotonic clock.
function turns.now() return assert(turns.loop()):now() end

--- To be called when the core was asked for something, or has something to run, of which a host's loop may not know.
function turns.changed()
  if turns.stepper or not turns.adapters[1] then return end -- turns.step tells it in the end
  for index = #turns.adapters, 1, -1 do -- which may be detached
    turns.adapters[index].changed()
  end
end

-- ---- Failures ----

--- Has whoever runs the loop raise it; an interrupt before anything else.
function turns.fail(failure) table.insert(failures, interrupt.is(failure) and 1 or #failures + 1, { failure }) end

-- Whether there is a failure to raise here. Inside a task there is not: it is no failure of what that waits for. But an
-- interrupt, which comes first, ends everything.
local function has_failure() return failures[1] and (turns.depth == 0 or interrupt.is(failures[1][1])) end

-- Raises the earliest failure that nobody has been told of.
local function raise_failure()
  if has_failure() then error(table.remove(failures, 1)[1], 0) end
end

-- ---- Who is to run ----

local function queue_of(item) return item.is_urgent and urgent or item.is_call and calls or queue end

--- The item's method `run` is called in the next turn. It has the fields of runnable.lua; and `is_urgent`, whether
--- sessions need it, and `is_call`, whether it calls handlers: then it is called as soon as those who run now have.
function turns.make_runnable(item) queue_of(item):add(item) end

-- Whether there is something to do that need not be waited for.
local function is_due()
  if undispatched or urgent.first or urgent.moving or (failures[1] and has_failure()) then return true end
  return (queue.first or queue.moving or calls.first or calls.moving) ~= false and turns.depth < MOST_NESTED
end

-- Runs who is in the queue now; those who are added meanwhile have the next turn. At `stop` nobody more is begun: then
-- false.
local function run_queue(its_queue, stop)
  if not (its_queue.first or its_queue.moving) then return true end
  local depth, count = turns.depth, its_queue.count
  local item = its_queue:take(count)
  while item do
    turns.depth, under_way = depth + 1, item
    its_queue:let_go()
    item:run()
    turns.depth, under_way = depth, nil
    if failures[1] then raise_failure() end
    if stop and loop:clock() >= stop then return false end
    item = its_queue:take(count)
  end
  return true
end

local function run_runnable(stop)
  if not run_queue(urgent, stop) or turns.depth >= MOST_NESTED then return end
  if run_queue(queue, stop) then run_queue(calls, stop) end
end

-- ---- Who waits ----

-- The states of a waiter: "waiting"; "notified", "late" or "canceled" once it is woken; "over" when it waits no more.
local function new_waiter()
  return {
    source = false, -- nil is not put here, so that all fields have their place when memory gets short
    deadline = false,
    state = "over",
    run = false, -- how to go on, of one that yields
    is_urgent = false,
    is_call = false,
    coroutine = false,
    slot = false,
    next = false,
    order = false,
  }
end

-- Whoever waits does so again and again: what one wait was done by serves the next one. They are chained by `source`.
local MOST_SPARE = 64
local spare, spare_count = false, 0

--- A waiter for a source, or false, and a deadline. One that is in a queue, since somebody else has resumed its
--- coroutine or an interrupt came, is left there.
function turns.take_waiter(source, deadline)
  local waiter = spare
  if waiter then
    spare, spare_count = waiter.source, spare_count - 1
  end
  if not waiter or waiter.order then waiter = new_waiter() end
  waiter.source, waiter.deadline, waiter.state, waiter.run = source, deadline, "waiting", false
  return waiter
end

--- Its wait is over.
function turns.give_waiter_back(waiter)
  waiter.state, waiter.coroutine, waiter.is_urgent = "over", false, false
  if spare_count == MOST_SPARE then return end
  waiter.source = spare
  spare, spare_count = waiter, spare_count + 1
end

--- From now on it is woken at its deadline.
function turns.add_deadline(waiter) deadlines:add(waiter) end

local function leave_lists(waiter)
  if waiter.slot then deadlines:remove(waiter) end
  if waiter.source then waiter.source.waiters[waiter] = nil end
  waiter.source = false -- whose user may drop it while this waiter's coroutine runs
end

--- In this order: any call may fail when memory is short.
function turns.wake(waiter, state)
  if waiter.state == "waiting" then
    if waiter.run then turns.make_runnable(waiter) end
    waiter.state = state
  end
  leave_lists(waiter)
end

--- Its coroutine was closed, or has ended otherwise, or need not wait: nobody is to be woken.
function turns.abandon(waiter)
  waiter.state = "over"
  leave_lists(waiter)
end

--- Wakes all who wait for `source`.
function turns.notify(source)
  source.notices = source.notices + 1
  turns.events = turns.events + 1
  for waiter in pairs(source.waiters) do turns.wake(waiter, "notified") end
  if source.text_source then
    local reader = readers[source.id]
    if reader then turns.wake_reader(reader, source.id) end
    return turns.notify(source.text_source)
  end
  turns.changed()
end

-- ---- Turns ----

local function wait_time(deadline)
  if is_due() then return 0 end
  local first = deadlines:first()
  if first and first.deadline < deadline then deadline = first.deadline end
  if deadline == math.huge then return LONGEST_WAIT end
  return math.max(0, math.min(deadline - loop:now(), LONGEST_WAIT))
end

-- Text comes from the core's step alone: nobody who goes on here at once makes more of it.
local function resume_reader(reader, id)
  local depth = turns.depth
  if depth >= MOST_NESTED then return turns.wake_reader(reader, id) end
  turns.depth = depth + 1
  turns.resume_reader(reader)
  turns.depth = depth
end

local function dispatch(id, is_text)
  turns.events = turns.events + 1
  local reader = is_text and readers[id]
  if not reader or others[id] then sources.dispatch(id, is_text) end
  if reader then resume_reader(reader, id) end
end

local function dispatch_events(stop)
  local id, is_text = undispatched, false
  if not id then id, is_text = loop:ready() end
  while id do
    dispatching, undispatched = id, nil
    dispatch(id, is_text)
    dispatching = nil
    if failures[1] then raise_failure() end
    if stop and loop:clock() >= stop then return end
    id, is_text = loop:ready()
  end
end

local function wake_late()
  local first = deadlines:first()
  if not first then return end
  local now = loop:now()
  while first and first.deadline <= now do
    turns.wake(first, "late")
    first = deadlines:first()
  end
end

local function turn_once(deadline, stop)
  under_way, dispatching = nil, nil
  loop:step(wait_time(deadline))
  dispatch_events(stop)
  wake_late()
  run_runnable(stop)
  if turns.at_end then turns.at_end() end
  if failures[1] then raise_failure() end -- that of a task which somebody else has resumed
end

-- When memory is short, or in an interrupt, the call of whoever was under way may have failed itself: it is tried again
-- in the next turn, so that nobody is lost. The dispatch of an event fails for no other reason.
local function try_again(item, id, failure)
  if id then undispatched = id end
  if item and (failure == "not enough memory" or interrupt.is(failure)) then turns.make_runnable(item) end
end

--- Waits for events until `deadline` at most, and resumes whom they concern; what is left when it is `stop` by the
--- finer clock has the next turn. A handler that yields is told that it cannot: who resumed the coroutine which runs
--- the loop would get that, and need never let it go on.
function turns.turn(deadline, stop)
  local depth, handling, outer_item, outer_id = turns.depth, turns.handling, under_way, dispatching
  local ok, failure = net.pcall(turn_once, deadline, stop)
  local item, id = under_way, dispatching
  -- An interrupt may have come just before they were put back.
  turns.depth, turns.handling, under_way, dispatching = depth, handling, outer_item, outer_id
  if ok then return end
  try_again(item ~= outer_item and item, id, failure) -- memory may have been too short for the turn to begin
  error(failure, 0)
end

local function turns_without_waiting(stop)
  repeat
    turns.turn(0, stop)
  until not stop or turns.timeout() ~= 0 or loop:clock() >= stop
end

--- Deals with what is due, without waiting. With a budget in seconds, goes on until nothing is due any more, and begins
--- nothing when the budget is used up.
function turns.step(budget)
  if not loop then return end
  local outer = turns.stepper
  turns.was_stepped = true
  turns.stepper = coroutine.running() or turns.MAIN
  local ok, failure = pcall(turns_without_waiting, budget and loop:clock() + budget)
  turns.stepper = outer
  turns.changed() -- it need not have been the host that called this
  if not ok then error(failure, 0) end
end

--- Moves bytes between sockets and sessions; whom it concerns hears of it from `step`. For a host that must do nothing
--- else just now.
function turns.pump()
  if loop then loop:step(0) end
end

-- ---- Foreign loops ----

--- From now on the host's loop calls `step`. Of an adapter, `changed()` makes it look at `timeout` and `is_active`
--- again, and `waiter()` returns two functions if the calling coroutine is one that waits in the host's own way: the
--- first suspends it, and may return too early; the second lets it go on. If it has `await(co, resume, ...)`, that is
--- told what a task's coroutine has yielded: false if that is nothing of the host's, else true, and `resume` is called
--- with what the host gives for it.
function turns.attach(adapter)
  turns.adapters[#turns.adapters + 1] = adapter
  if loop then adapter.changed() end
end

--- The host's loop is gone.
function turns.detach(adapter)
  for index = #turns.adapters, 1, -1 do
    if turns.adapters[index] == adapter then table.remove(turns.adapters, index) end
  end
end

--- The descriptor to poll for reading; the same from the first call on.
function turns.fd() return assert(turns.loop()):fd() end

--- For how many seconds at most to poll it before the next `step`; nil for no limit.
function turns.timeout()
  if not loop then return nil end
  if is_due() then return 0 end
  local core, first = loop:timeout(), deadlines:first()
  local own = first and math.max(0, first.deadline - loop:now())
  return core and own and math.min(core, own) or core or own
end

--- Whether there is anything left to step for: sessions that are not closed, or somebody who waits for a time.
function turns.is_active()
  return loop ~= nil and (loop:is_active() or is_due() or deadlines:first() ~= nil)
end

return turns
