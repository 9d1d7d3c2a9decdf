-- Light threads of nginx that nobody waits for, and how they catch up with a worker that was busy. nginx keeps what is
-- left of an ended one until its parent has ended, too: a program that runs for long must not be the parent of many.

local engine = require "aui.engine"

local threads = {}

local LATE = 0.002 -- seconds
local TURN = 0.001 -- the shortest time to sleep without a warning of nginx

local least_ahead = math.huge -- of engine.now before nginx's time, which stands still while the worker is busy

-- Its own parent ends at once.
local function grandchild(fn, ...)
  return ngx.thread.spawn(function(...) ngx.thread.spawn(fn, ...) end, ...)
end

--- Calls `fn(...)` in a light thread.
function threads.start(fn, ...) ngx.thread.wait(grandchild(fn, ...)) end

--- The same; the result serves threads.is_alive and threads.release.
function threads.start_watching(fn, ...) return grandchild(fn, ...) end

--- Whether the thread that called start_watching, and got this, still runs. The thread itself cannot be asked: nginx
--- uses those of ended requests again.
function threads.is_alive(witness) return coroutine.status(witness) == "zombie" end

--- To be called by the same thread when it has no use for it any more.
function threads.release(witness) ngx.thread.kill(witness) end

--- Lets nginx look at all sockets once.
function threads.turn() ngx.sleep(TURN) end

--- If the worker was busy, lets the readers of sockets first have what came meanwhile.
function threads.catch_up()
  local ahead = engine.now() - ngx.now()
  least_ahead = math.min(least_ahead, ahead)
  if ahead - least_ahead > LATE then threads.turn() end
end

return threads
