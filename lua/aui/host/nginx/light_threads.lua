-- Light threads of nginx that nobody waits for, and how they catch up with a worker that was busy. nginx keeps what is
-- left of an ended one until its parent has ended, too: a program that runs for long must not be the parent of many.
--
-- nginx holds every light thread until it ends (lua-nginx-module 0.10.23: ngx_http_lua_new_cached_thread keeps it in
-- the registry, ngx_http_lua_del_thread alone lets go of it), but not the semaphore that it waits for. If that is
-- collected, its waiter is never woken, and the next user of its memory may lose one (ngx_http_lua_ffi_sema_gc,
-- ngx_http_lua_sema_cleanup). The `wait` of ngx.semaphore has it on its stack, but compiled code leaves out what is not
-- used any more: so whoever waits must hold it by something that is used after the wait, or by the running function.

local engine = require "aui.engine"

local threads = {}

local LATE = 0.002 -- seconds
local TURN = 0.001 -- the shortest time to sleep without a warning of nginx

local least_ahead = math.huge -- of engine.now before nginx's time, which stands still while the worker is busy

local WEAK = { __mode = "v" } -- one that nobody can resume must be collected: it may hold a session

local function nothing() end

--- Calls `fn(...)` in a light thread, whose own parent ends at once.
function threads.start(fn, ...)
  ngx.thread.wait(ngx.thread.spawn(function(...) ngx.thread.spawn(fn, ...) end, ...))
end

-- What kind of function a coroutine began with.
local function kind_of_base(thread)
  local level = 0
  while debug.getinfo(thread, level + 1, "l") do level = level + 1 end -- "l": what costs least
  return debug.getinfo(thread, level, "S").what
end

-- Whether this is a light thread or the handler of a phase. Other coroutines may stay suspended for ever, and no
-- request ends before the threads that they have spawned are gone.
local function is_thread(thread)
  local _, why = ngx.thread.kill(thread)
  return why == "killer not parent" or kind_of_base(thread) == "main"
end

--- For threads.is_alive, which tells by it whether the caller of this function has ended. A handler's own coroutine
--- serves the next request when it has ended, so that it cannot be asked; but an ended light thread is a zombie as long
--- as its parent lives.
function threads.watch()
  local thread = coroutine.running()
  if is_thread(thread) then return { witness = ngx.thread.spawn(nothing) } end
  return setmetatable({ thread = thread }, WEAK)
end

function threads.is_alive(user)
  if user.witness then return coroutine.status(user.witness) == "zombie" end
  user.ended = user.ended or not user.thread or coroutine.status(user.thread) == "dead"
  return not user.ended
end

--- To be called by the same thread when it need not be watched any more.
function threads.unwatch(user)
  if user.witness then ngx.thread.kill(user.witness) end
end

--- Lets nginx look at all sockets once.
function threads.turn() ngx.sleep(TURN) end

--- If the worker was busy, lets the readers of sockets first have what came meanwhile.
function threads.catch_up()
  local ahead = engine.now() - ngx.now()
  least_ahead = math.min(least_ahead, ahead)
  if ahead - least_ahead > LATE then threads.turn() end
end

return threads
