-- Sessions in Copas, which sees them as one server: it seems to have a connection to accept when there is something to
-- do. What Copas waits with is LuaSocket's select, which knows no timers of ours: each copas.step is given a timeout
-- that ends when the first of them is due. A program that keeps a copas.step from before `attach` has them late.
--
-- Threads of Copas wait as it has them wait. Copas 1 closes the socket of a handler that has returned, but not when it
-- waited for something of aui last: such handlers close their socket themselves.

local copas = require "copas"
local scheduler = require "aui.host.native.scheduler"

local adapter = {}

local running = coroutine.running

local function nothing() end

local server = setmetatable({
  getfd = function() return scheduler.fd() end,
  dirty = function() return scheduler.timeout() == 0 end, -- asked before each select
  settimeout = nothing,
  accept = function() scheduler.step() end,
}, { __tostring = function() return "tcp server: aui" end }) -- by which newer ones tell TCP from UDP

local listening = false

-- The loop of Copas ends when it has no sockets any more; that of Copas 1 never does.
local function look_again()
  local active = scheduler.is_active()
  if active and not listening then
    copas.addserver(server, nothing)
    listening = true
  elseif listening and not active and copas.removeserver then
    copas.removeserver(server, true)
    listening = false
  end
end

local function sooner(a, b) return a and b and math.min(a, b) or a or b end

-- What is to be done though there is no session any more: a pool's connections idle, and are closed.
local function step_inactive()
  if not listening and scheduler.timeout() == 0 then scheduler.step() end
end

local function limit_steps()
  local step = copas.step
  copas.step = function(timeout)
    local listened = listening
    look_again() -- what was collected as garbage has told nobody
    step_inactive()
    if listened and not listening then timeout = 0 end -- so that the loop finds out that it has no sockets
    return step(sooner(timeout, scheduler.timeout()))
  end
end

local pause = copas.pauseforever or function() copas.sleep(-1) end -- the name of Copas 2 and 3

local function waiter()
  local thread = running()
  return pause, function() copas.wakeup(thread) end
end

-- Copas 1 cannot wake anybody, but it puts a thread into any queue that the thread names, and goes on with one that is
-- added to it. What it calls the thread is not the coroutine itself where coxpcall makes coroutines of its own.
local function waiter_of_copas_1()
  local thread = running()
  local queue = { insert = nothing, push = function(_, _, its_thread) thread = its_thread end }
  return function() coroutine.yield(true, queue) end, function() copas.addthread(thread) end
end

-- Copas closes the socket by which it has resumed a thread last when the thread ends.
local function forget_socket()
  if copas.wakeup then return copas.sleep(0) end
  local function push(_, _, thread) copas.addthread(thread) end
  coroutine.yield(true, { insert = nothing, push = push })
end

local stand_ins = setmetatable({}, { __mode = "k" }) -- the threads that wait in a task's place, by its coroutine

-- A task has yielded what threads of Copas yield to it, a socket or a time and a queue: a thread waits in its place.
local function await(co, resume, what, queue)
  if not what or type(queue) ~= "table" or not queue.push then return false end
  local function go_on(...)
    stand_ins[co] = nil
    forget_socket()
    resume(...)
  end
  copas.addthread(function()
    stand_ins[co] = running()
    go_on(coroutine.yield(what, queue))
  end)
  return true
end

-- Who wakes a task means its stand-in.
local function share_wakeup()
  local wakeup = copas.wakeup
  copas.wakeup = wakeup and function(thread) return wakeup(stand_ins[thread] or thread) end
end

--- From now on Copas drives the sessions; there is no way back.
function adapter.attach()
  limit_steps()
  share_wakeup()
  scheduler.attach { changed = look_again, waiter = copas.wakeup and waiter or waiter_of_copas_1, await = await }
end

return adapter
