-- Who waits for what: runs the native loop, and the coroutines of aui.run and aui.spawn on top of it. The C core is
-- never entered from a callback: it is stepped, asked who has news, and their waiters are woken.

local net = require "aui.net"
local sources = require "aui.sources"
local timers = require "aui.timers"

local scheduler = { is_utf8 = net.is_utf8, version = net.version, register = sources.register }

-- A signal that comes just before the wait begins is noticed when it ends: so no wait is longer than this (seconds).
local LONGEST_WAIT = 0.25

local loop -- made when first needed
local deadlines = timers.new()
local tasks = {} -- by coroutine, while it has not ended: how much it adds to `unfinished`, 1 or in the background 0
local runnable = {} -- waiters whose coroutines are to be resumed, oldest first
local unfinished = 0 -- how many tasks that aui.run waits for have not ended
local resumed = 0 -- how many tasks run just now: more than one when a coroutine of one of them runs the loop

local running = coroutine.running
local can_yield = coroutine.isyieldable or function() return true end -- luacheck: ignore (absent in Lua 5.1)
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

--- The native loop, or nil and why it cannot be had.
function scheduler.loop()
  if loop then return loop end
  local why
  loop, why = net.loop()
  return loop, why
end

--- Seconds of the loop's monotonic clock.
function scheduler.now() return assert(scheduler.loop()):now() end

--- The session of the C core (src/binding/session.c) that connects for the source of this id; or nil and why not.
--- `options` are those of loop:open.
function scheduler.open(id, options)
  local its_loop, why = scheduler.loop()
  if not its_loop then return nil, why end
  return its_loop:open(id, options)
end

--- An HTTP request for the source of this id, whose `result` can be had when there is news (src/binding/net/fetch.c);
--- or nil and why not.
function scheduler.fetch(id, options) return loop:fetch(id, options) end

local function wake(waiter, notified)
  if waiter.woken then return end
  waiter.woken, waiter.notified = true, notified
  deadlines:remove(waiter)
  if waiter.source then waiter.source.waiters[waiter] = nil end
  if waiter.coroutine then runnable[#runnable + 1] = waiter end
end

--- Wakes all who wait for `source`.
function scheduler.notify(source)
  for waiter in pairs(source.waiters) do wake(waiter, true) end
end

local function resume(co, ...)
  resumed = resumed + 1
  local ok, failure = coroutine.resume(co, ...)
  resumed = resumed - 1
  if coroutine.status(co) ~= "dead" then return end
  unfinished = unfinished - tasks[co]
  tasks[co] = nil
  if not ok then
    -- A task has no caller who could look at its error: whoever runs the loop gets it.
    if type(failure) == "string" then failure = debug.traceback(co, failure) end
    error(failure, 0)
  end
end

local function wait_time(deadline)
  if #runnable > 0 then return 0 end
  local first = deadlines:first()
  if first and first.deadline < deadline then deadline = first.deadline end
  return math.max(0, math.min(deadline - loop:now(), LONGEST_WAIT))
end

local function run_runnable()
  local batch = runnable
  runnable = {}
  for index, waiter in ipairs(batch) do
    local ok, failure = pcall(resume, waiter.coroutine, waiter.notified)
    if not ok then
      -- The rest of the batch must not be lost with the one that failed.
      for rest = #batch, index + 1, -1 do table.insert(runnable, 1, batch[rest]) end
      error(failure, 0)
    end
  end
end

-- One turn: waits for news until `deadline` at most, and resumes whom they concern.
local function turn(deadline)
  loop:step(wait_time(deadline))
  for id in loop.ready, loop do
    sources.tell(id)
  end
  local now = loop:now()
  local first = deadlines:first()
  while first and first.deadline <= now do
    wake(first, false)
    first = deadlines:first()
  end
  run_runnable()
end

local function run_until_woken(waiter)
  repeat turn(waiter.deadline) until waiter.woken
end

--- Waits until `source` is notified (then true) or `deadline` on the loop's clock has come (then false). A task yields;
--- anybody else runs the loop. A `source` of nil is never notified.
function scheduler.wait(source, deadline)
  local waiter = { source = source, deadline = deadline or math.huge }
  if source then source.waiters[waiter] = true end
  if deadline then deadlines:add(waiter) end
  local co = running()
  if tasks[co] and can_yield() then
    waiter.coroutine = co
    return coroutine.yield()
  end
  run_until_woken(waiter)
  return waiter.notified
end

local function start(weight, fn, ...)
  assert(scheduler.loop())
  local arguments, n = { ... }, select("#", ...)
  local co = coroutine.create(function() fn(unpack(arguments, 1, n)) end)
  tasks[co] = weight
  unfinished = unfinished + weight
  runnable[#runnable + 1] = { coroutine = co }
end

--- Calls `fn(...)` as a task of its own, which begins in the loop's next turn.
function scheduler.spawn(fn, ...) start(1, fn, ...) end

--- As spawn, but aui.run does not wait for the task's end: of use only to those who wait for something themselves.
function scheduler.spawn_background(fn, ...) start(0, fn, ...) end

--- Calls `fn(...)` as a task, runs the loop until it and every other task have ended, and returns its results.
function scheduler.run(fn, ...)
  local results, n
  local function main(...)
    local function keep(...) results, n = { ... }, select("#", ...) end
    keep(fn(...))
  end
  scheduler.spawn(main, ...)
  while unfinished > 0 do turn(math.huge) end
  return unpack(results, 1, n)
end

--- Deals with all that is due, without waiting.
function scheduler.step()
  if loop then turn(0) end
end

--- Whether the caller is a task, or a coroutine that a task resumed.
function scheduler.in_task() return resumed > 0 end

return scheduler
