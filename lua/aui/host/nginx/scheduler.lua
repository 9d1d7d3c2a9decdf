-- The host inside nginx (OpenResty, or nginx with lua-nginx-module): sessions on cosockets, waiting by semaphores. What
-- is kept here is per worker; sessions belong to the request or timer that made them, as cosockets do.

local call = require "aui.host.nginx.call"
local cosocket = require "aui.host.nginx.cosocket"
local engine = require "aui.engine"
local log = require "aui.log"
local misuse = require "aui.host.misuse"
local semaphore = require "ngx.semaphore"
local sources = require "aui.host.sources"
local threads = require "aui.host.nginx.light_threads"

local openresty = {
  is_utf8 = engine.is_utf8,
  words = engine.words,
  status_error = engine.status_error,
  backoff = engine.backoff,
  has_room = engine.has_room,
  is_json = engine.is_json,
  plain_json = engine.plain_json,
  version = engine.version,
  now = engine.now,
  register = sources.register,
  start_call = call.start,
}

local FOREVER = 3600 -- seconds; a wait that has no limit is begun anew then
local LONGEST_REST = 0.5 -- so soon a task that has not begun looks whether its caller has been killed
local SHORTEST_WAIT = 0.001 -- whoever asks again and again lets nginx do its work in between

-- Those in which cosockets and semaphores may wait.
local PHASES = { rewrite = true, server_rewrite = true, access = true, content = true, timer = true }

local tasks = setmetatable({}, { __mode = "k" }) -- the coroutines of aui.run and aui.spawn

-- What tells requests and timers apart; `runs` are the calls of aui.run that have not ended, the latest at the end.
local function current_request()
  local context = ngx.ctx
  if not context.aui then context.aui = { runs = {} } end
  return context.aui
end

--- Why nothing can be connected to here, or nil.
function openresty.problem_of_connecting()
  local phase = ngx.get_phase()
  if PHASES[phase] then return nil end
  local words = "nothing can wait in nginx's %s phase: sessions are for the content, access and rewrite phases, and "
    .. "for timers (ngx.timer.at)"
  return words:format(phase)
end

-- Raises where a session may not be used: it lives by threads of its own request.
local function check_owner(request)
  local problem = openresty.problem_of_connecting()
  if not problem and request ~= current_request() then
    problem = "the session belongs to another request: it can be used in the request (or timer) that opened it"
  end
  if problem then misuse.raise(problem) end
end

function openresty.open(id, options)
  local problem = openresty.problem_of_connecting()
  if problem then return nil, problem end
  local request = current_request()
  sources.find(id).request = request
  return cosocket.open(id, options, function() check_owner(request) end)
end

local function time_left(deadline)
  if not deadline then return FOREVER end
  return math.max(SHORTEST_WAIT, math.min(deadline - engine.now(), FOREVER))
end

function openresty.wait(source, deadline, seen)
  if source and source.request then
    check_owner(source.request)
  else
    local problem = openresty.problem_of_connecting()
    if problem then misuse.raise(problem) end
  end
  local waiter = source and source.spare or semaphore.new()
  if source then
    source.spare = nil
    source.waiters[waiter] = true
    if source.notices ~= seen then
      source.waiters[waiter] = nil
      return true
    end
  end
  local notified
  repeat
    notified = waiter:wait(time_left(deadline))
  until notified or (deadline and deadline <= engine.now())
  if source then
    source.waiters[waiter] = nil
    source.spare = notified and waiter or nil -- one that was not may yet be posted
  end
  return notified and true or false
end

function openresty.notify(source)
  source.notices = source.notices + 1
  for waiter in pairs(source.waiters) do
    source.waiters[waiter] = nil
    waiter:post(1)
  end
end

-- Whether the thread that called aui.run waits for it; it may have been killed.
local function is_awaited(run) return not run.over and coroutine.status(run.caller) ~= "dead" end

-- A task has no caller who could look at its error: aui.run gets it, else aui.log.
local function report_failure(run, failure)
  if run and is_awaited(run) then
    run.failure = run.failure or { failure }
  else
    log.failure("a task", failure)
  end
end

local function live(task, run, fn, ...)
  tasks[task] = true
  local ok, failure = xpcall(fn, log.traceback, ...)
  tasks[task] = nil
  if not ok then report_failure(run, failure) end
end

-- Returns the task's coroutine. A caller that is killed meanwhile opens no gate.
local function start(run, fn, ...)
  if run then run.unfinished = run.unfinished + 1 end
  local caller, gate, task = coroutine.running(), semaphore.new(), nil
  threads.start(function(...)
    task = coroutine.running()
    local is_open
    repeat
      is_open = gate:wait(LONGEST_REST)
    until is_open or coroutine.status(caller) == "dead"
    if is_open then live(task, run, fn, ...) end
    if not run then return end
    run.unfinished = run.unfinished - 1
    run.progress:post(1)
  end, ...)
  gate:post(1)
  return task
end

--- A light thread of the request, which begins when its caller waits; nginx ends the request when all have ended.
function openresty.spawn(fn, ...)
  local runs = current_request().runs
  start(runs[#runs], fn, ...)
end

--- As spawn, but aui.run does not wait for its end.
function openresty.spawn_background(fn, ...) return start(nil, fn, ...) end

openresty.pcall = pcall -- inside which LuaJIT can wait

local function remove(list, item)
  for index, candidate in ipairs(list) do
    if candidate == item then return table.remove(list, index) end
  end
end

--- Calls `fn(...)` as a task; returns its results when it and those that were spawned in the request meanwhile have
--- ended.
function openresty.run(fn, ...)
  local runs = current_request().runs
  local run = {
    caller = coroutine.running(),
    unfinished = 0,
    progress = semaphore.new(),
    failure = nil,
    over = false,
  }
  runs[#runs + 1] = run
  local results, n
  local function keep(...) results, n = { ... }, select("#", ...) end
  start(run, function(...) keep(fn(...)) end, ...)
  while run.unfinished > 0 and not run.failure do run.progress:wait(FOREVER) end
  run.over = true
  remove(runs, run)
  if run.failure then error(run.failure[1], 0) end
  return unpack(results, 1, n)
end

--- Lets all that is due happen, also that which lets nginx look at its sockets first (threads.catch_up).
function openresty.step()
  threads.turn()
  threads.turn()
end

--- Why the caller cannot use `run`, or nil.
function openresty.problem_of_running()
  return tasks[coroutine.running()] and "called inside a task; use aui.spawn" or nil
end

--- Whoever can call anything here may wait, handlers too: they have a light thread.
function openresty.may_wait() return true end

--- Whoever cannot is told by `wait`, or has no session.
function openresty.check_wait() end

--- For tasks, which here are what calls handlers.
function openresty.call(fn, ...) fn(...) end

--- nginx's own loop needs not be told.
function openresty.changed() end

local function no_foreign_loop()
  misuse.raise "nginx's own loop drives the sessions: nothing is left to do for another"
end

openresty.fd, openresty.timeout = no_foreign_loop, no_foreign_loop

return openresty
