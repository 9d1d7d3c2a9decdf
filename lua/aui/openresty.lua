-- The host inside nginx (OpenResty, or nginx with lua-nginx-module): sessions on cosockets, waiting by semaphores. What
-- is kept here is per worker; sessions belong to the request or timer that made them, as cosockets do.

local cosocket = require "aui.cosocket"
local engine = require "aui.engine"
local http = require "aui.http"
local semaphore = require "ngx.semaphore"

local openresty = { is_utf8 = engine.is_utf8, version = engine.version, now = engine.now }

local FOREVER = 3600 -- seconds; a wait that has no limit is begun anew then

-- Those in which cosockets and semaphores may wait.
local PHASES = { rewrite = true, server_rewrite = true, access = true, content = true, timer = true }

local sources = setmetatable({}, { __mode = "v" }) -- by id; only their users keep them alive
local last_id = 0

function openresty.register(source)
  last_id = last_id + 1
  sources[last_id] = source
  return last_id
end

local function find_source(id) return sources[id] end

-- What tells requests and timers apart.
local function current_request()
  local context = ngx.ctx
  if not context.aui then context.aui = {} end
  return context.aui
end

local function check_phase()
  local phase = ngx.get_phase()
  if PHASES[phase] then return true end
  local words = "sessions cannot be had in nginx's %s phase, which cannot wait: use the content, access or rewrite "
    .. "phase, or a timer (ngx.timer.at)"
  return nil, words:format(phase)
end

function openresty.open(id, options)
  local ok, why = check_phase()
  if not ok then return nil, why end
  local link
  link, why = cosocket.open(id, options, find_source, current_request)
  return link, why
end

function openresty.fetch(id, request) return http.fetch(id, request, find_source) end

function openresty.wait(source, deadline)
  local waiter = semaphore.new()
  if source then source.waiters[waiter] = true end
  local notified
  repeat
    local patience = deadline and math.max(0, deadline - engine.now()) or FOREVER
    notified = waiter:wait(patience)
  until notified or deadline
  if source then source.waiters[waiter] = nil end
  return notified and true or false
end

function openresty.notify(source)
  for waiter in pairs(source.waiters) do
    source.waiters[waiter] = nil
    waiter:post(1)
  end
end

--- A light thread of the request; nginx ends the request when all of them have ended.
function openresty.spawn(fn, ...) ngx.thread.spawn(fn, ...) end

openresty.spawn_background = openresty.spawn

--- Calls `fn(...)`: every handler is a task here.
function openresty.run(fn, ...) return fn(...) end

function openresty.in_task() return false end

return openresty
