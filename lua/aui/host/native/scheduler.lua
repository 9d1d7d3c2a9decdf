-- The native host: the loop of lua/aui/host/native/turns.lua, on which callers wait and tasks run.

local net = require "aui.net"
local reading = require "aui.host.native.reading"
local runs = require "aui.host.native.runs"
local sources = require "aui.host.sources"
local task_module = require "aui.host.task"
local tasks = require "aui.host.native.tasks"
local turns = require "aui.host.native.turns"
local waiting = require "aui.host.native.waiting"

local scheduler = {
  is_utf8 = net.is_utf8,
  words = net.words,
  date = net.date,
  status_error = net.status_error,
  backoff = net.backoff,
  has_room = net.has_room,
  is_json = net.is_json,
  plain_json = net.plain_json,
  json_string = net.json_string,
  strip_nulls = net.strip_nulls,
  version = net.version,
  register = sources.register,
  loop = turns.loop,
  now = turns.now,
  changed = turns.changed,
  notify = turns.notify,
  step = turns.step,
  pump = turns.pump,
  attach = turns.attach,
  detach = turns.detach,
  fd = turns.fd,
  timeout = turns.timeout,
  is_active = turns.is_active,
  wait = waiting.wait,
  try_wait = waiting.try_wait,
  take_text = reading.take_text,
  reader = reading.reader,
  may_wait = waiting.may_wait,
  check_wait = waiting.check_wait,
  spawn = tasks.spawn,
  spawn_notifier = tasks.spawn_notifier,
  spawn_background = tasks.spawn_background,
  spawn_apart = tasks.spawn_apart,
  spawn_child = tasks.spawn_child,
  current = tasks.current,
  cancel = task_module.cancel,
  call = tasks.call,
  run = runs.run,
  problem_of_running = runs.problem_of_running,
  pcall = runs.pcall,
}

--- The session of the C core (src/binding/lua_session.c) that connects for the source of this id; or nil and why not.
--- `options` are those of loop:open.
function scheduler.open(id, options)
  local its_loop, why = turns.loop()
  if not its_loop then return nil, why end
  local handle, problem = its_loop:open(id, options)
  turns.changed()
  return handle, problem
end

--- Why nothing can be connected to here, or nil.
function scheduler.problem_of_connecting() return (select(2, turns.loop())) end

--- An HTTP request for the source of this id, whose `result` can be had when there is an event
--- (src/binding/net/lua_call.c); or nil and why not. To be called where there is no problem of connecting.
function scheduler.start_call(id, options)
  local call, why = turns.loop():call(id, options)
  turns.changed()
  return call, why
end

return scheduler
