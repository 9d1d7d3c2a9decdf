-- The host inside nginx (OpenResty, or nginx with lua-nginx-module): sessions on cosockets, waiting by semaphores. What
-- is kept here is per worker; sessions belong to the request or timer that made them, as cosockets do.

local call = require "aui.host.nginx.call"
local cosocket = require "aui.host.nginx.cosocket"
local engine = require "aui.engine"
local log = require "aui.log"
local misuse = require "aui.host.misuse"
local requests = require "aui.host.nginx.requests"
local semaphore = require "ngx.semaphore"
local sources = require "aui.host.sources"
local task_module = require "aui.host.task"
local tasks = require "aui.host.nginx.tasks"
local threads = require "aui.host.nginx.light_threads"

local openresty = {
  is_utf8 = engine.is_utf8,
  words = engine.words,
  date = engine.date,
  status_error = engine.status_error,
  backoff = engine.backoff,
  has_room = engine.has_room,
  is_json = engine.is_json,
  plain_json = engine.plain_json,
  json_string = engine.json_string,
  strip_nulls = engine.strip_nulls,
  version = engine.version,
  now = engine.now,
  register = sources.register,
  start_call = call.start,
  current = tasks.current,
  spawn = tasks.spawn,
  spawn_notifier = tasks.spawn_notifier,
  spawn_background = tasks.spawn_background,
  spawn_apart = tasks.spawn_apart,
  spawn_child = tasks.spawn_child,
  cancel = task_module.cancel,
  pcall = pcall, -- inside which LuaJIT can wait
}

local FOREVER = 3600 -- seconds; a wait that has no limit is begun anew then
local SHORTEST_WAIT = 0.001 -- whoever asks again and again lets nginx do its work in between

-- Those in which cosockets and semaphores may wait.
local PHASES = { rewrite = true, server_rewrite = true, access = true, content = true, timer = true }

--- Why nothing can be connected to here, or nil.
function openresty.problem_of_connecting()
  local phase = ngx.get_phase()
  if PHASES[phase] then return nil end
  local words = "nothing can wait in nginx's %s phase: sessions are for the content, access and rewrite phases, and "
    .. "for timers (ngx.timer.at)"
  return words:format(phase)
end

local SESSION = "the session belongs to another request: it can be used in the request (or timer) that opened it"
local TASK = "the task belongs to another request: it can be joined in the request (or timer) that it runs in"

-- Raises where what lives by threads of its own request may not be used.
local function check_owner(request, words)
  local problem = openresty.problem_of_connecting()
  if not problem and request ~= requests.current() then problem = words end
  if problem then misuse.raise(problem) end
end

function openresty.open(id, options)
  local problem = openresty.problem_of_connecting()
  if problem then return nil, problem end
  local request = requests.current()
  sources.find(id).request = request
  return cosocket.open(id, options, function() check_owner(request, SESSION) end)
end

local function time_left(deadline)
  if not deadline then return FOREVER end
  return math.max(SHORTEST_WAIT, math.min(deadline - engine.now(), FOREVER))
end

local function check_place(source)
  source = source and source.whole or source
  if source and source.request then return check_owner(source.request, source.run and TASK or SESSION) end
  local problem = openresty.problem_of_connecting()
  if problem then misuse.raise(problem) end
end

-- Waits until the semaphore is posted, as a notice or a cancel does: whether it was.
local function await_post(waiter, task, deadline)
  if task then task.waiter = waiter end
  local posted
  repeat
    posted = waiter:wait(time_left(deadline))
  until posted or (deadline and deadline <= engine.now())
  if task then task.waiter = false end
  return posted
end

local function await_notice(source, task, deadline, seen)
  local waiter = source.spare or semaphore.new()
  source.spare = nil
  source.waiters[waiter] = true
  local posted = source.notices == seen and await_post(waiter, task, deadline)
  source.waiters[waiter] = nil
  -- One that was not posted may yet be, and one that a cancel has posted may have been so twice.
  source.spare = posted and not task_module.is_canceled(task) and waiter or nil
  if source.notices ~= seen then return true end
  if posted then return nil end -- by a cancel
  return false
end

function openresty.try_wait(source, deadline, seen)
  check_place(source)
  local task = tasks.current()
  if task_module.is_canceled(task) then
    threads.turn() -- others go on first: it may try again and again
    return nil
  end
  if source then return await_notice(source, task, deadline, seen) end
  if await_post(semaphore.new(), task, deadline) then return nil end -- by a cancel
  return false
end

local function raise_cancellation(task) error(task_module.cancellation(task), 0) end

function openresty.wait(source, deadline, seen)
  local notified = openresty.try_wait(source, deadline, seen)
  if notified == nil then raise_cancellation(tasks.current()) end
  return notified
end

function openresty.take_text(reply, deadline)
  local text = reply.session.text_source
  local seen = text.notices
  local chunk, rest = reply.handle:take()
  if chunk or rest ~= "pending" then return chunk, rest end
  local notified = openresty.try_wait(text, deadline, seen)
  if notified then return nil, "pending" end
  return nil, notified == nil and "canceled" or "late"
end

--- Here all who read do so in the same way.
function openresty.reader(otherwise) return otherwise end

function openresty.notify(source)
  source.notices = source.notices + 1
  for waiter in pairs(source.waiters) do
    source.waiters[waiter] = nil
    waiter:post(1)
  end
  if source.text_source then openresty.notify(source.text_source) end
end

task_module.serve {
  notify = openresty.notify,
  changed = function() end, -- nginx's own loop needs not be told
  unheard = function(failure) log.failure("a task", failure) end,
  wake = function(task)
    if task.waiter then task.waiter:post(1) end
  end,
  let_go = tasks.let_go,
}

--- Calls `fn(...)` as a task; returns its results when it and those that were spawned in the request meanwhile have
--- ended. If one of them fails, the others are canceled, and its error is raised.
function openresty.run(fn, ...)
  local run = task_module.new_run()
  local main = tasks.start(task_module.new(run), fn, ...)
  requests.add_run(run)
  while true do
    local seen = run.notices
    if run.unfinished == 0 then break end
    openresty.wait(run, nil, seen)
  end
  run.is_over = true
  if run.has_failed then error(run.failure, 0) end
  return unpack(main.results or {}, 1, main.n)
end

--- Lets all that is due happen, also that which lets nginx look at its sockets first (threads.catch_up).
function openresty.step()
  threads.turn()
  threads.turn()
end

--- Why the caller cannot use `run`, or nil.
function openresty.problem_of_running()
  return tasks.current() and "called inside a task; use aui.spawn" or nil
end

--- Whoever can call anything here may wait, handlers too, which have a light thread; but no canceled task.
function openresty.may_wait() return not task_module.is_canceled(tasks.current()) end

--- Whoever else cannot is told by `wait`, or has no session.
function openresty.check_wait()
  local task = tasks.current()
  if task_module.is_canceled(task) then raise_cancellation(task) end
end

--- For tasks, which here are what calls handlers.
function openresty.call(fn, ...) fn(...) end

--- nginx's own loop needs not be told.
function openresty.changed() end

local function no_foreign_loop()
  misuse.raise "nginx's own loop drives the sessions: nothing is left to do for another"
end

openresty.fd, openresty.timeout = no_foreign_loop, no_foreign_loop

return openresty
