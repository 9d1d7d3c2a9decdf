-- The module `aui`: streaming conversations with AUI agents. What makes connections, half of the code, is loaded when
-- the first is asked for: editors and games start with modules that they may not use.

local check = require "aui.option.check"
local dependency = require "aui.host.dependency"
local errors = require "aui.error"
local host = require "aui.host"
local log = require "aui.log"
local map = require "aui.map"
local misuse = require "aui.host.misuse"
local task_module = require "aui.task"
local trace = require "aui.trace"

misuse.own()
dependency.load "cjson" -- that it is missing is told at once

---@class aui
---@field _VERSION string such as "1.2.3"
local aui = { _VERSION = host.version }

-- A module of ours; or nil and an error where the system opens no more files for us, of which Lua says that the module
-- is not to be found.
local function load_module(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  local file, why = io.open "/dev/null"
  if file then
    file:close()
    error(module, 0)
  end
  local words = why:match "[^:]*$":gsub("^ ", ""):lower()
  return nil, errors.new { kind = "transport", message = words, delivered = "no", retryable = false }
end

-- The same for whoever has no other way to tell of it.
local function need_module(name)
  local module, err = load_module(name)
  if not module then error(err, 0) end
  return module
end

--- A client, for which the options are given once: its `connect`, `session` and `pool` are as the functions here, and
--- it makes REST calls. It makes no connection. Raises for a bad option.
---@param options aui.Options
---@return aui.Client
function aui.client(options) return (need_module("aui.client").new(options)) end

--- A session whose first connection is made: waits for it, and with the option user_id first for a new task,
--- which is in `session.task`. On failure nil and the error; nothing is tried again but as REST calls are (aui.client).
--- Raises for a bad option.
---@param options aui.Options
---@return aui.Session?
---@return aui.Error?
function aui.connect(options)
  local sessions, err = load_module "aui.session"
  if not sessions then return nil, err end
  return sessions.connect(options)
end

--- A session that connects in the background; what is sent meanwhile waits. For games and callbacks. Raises for a bad
--- option; nil and an error when a certificate or key file cannot be used.
---@param options aui.Options
---@return aui.Session?
---@return aui.Error?
function aui.session(options)
  local sessions, err = load_module "aui.session"
  if not sessions then return nil, err end
  return sessions.open(options)
end

--- A pool of open connections, whose `connect` makes sessions: for programs that talk to one server again and again, in
--- short conversations. In nginx, a pool is its worker's. Raises for a bad option.
---@param options? aui.PoolOptions
---@return aui.Pool
function aui.pool(options)
  return need_module("aui.pool").new(options)
end

local function check_function(fn)
  if type(fn) ~= "function" then check.fail("fn", "expected a function, got " .. check.describe(fn)) end
end

local function check_running(name)
  local problem = host.problem_of_running()
  if problem then check.fail(name, problem) end
end

--- Calls `fn(...)` as a task, in which waiting lets other tasks run; returns its results when it and every task that it
--- has spawned, and they, have ended. If one of them fails, the others are canceled, and when all have ended its error
--- is raised here; that of a canceled one is not. The same goes for handlers of `on` that it adds: their replies are
--- waited for, and cancelled. Raises inside a task; and natively where nothing is left that could resume a task.
---@param fn function
---@return any ...
function aui.run(fn, ...)
  check_function(fn)
  check_running "aui.run"
  return host.run(fn, ...)
end

--- Calls `fn(...)` as a task of its own, as soon as the loop runs: in aui.run, aui.step, or while the main program
--- waits. It belongs to the aui.run of the task that spawns it, or whose handler does, or else to the one that is under
--- way (in nginx: in the request; under an adapter: none). What a task of no run raises is told to whoever joins it
--- then, or else raised by whoever runs the loop; under an adapter and in nginx aui.log is told.
---@param fn function
---@return aui.Task
function aui.spawn(fn, ...)
  check_function(fn)
  return task_module.new(host.spawn(fn, ...))
end

--- Calls `fn(item, index)` for each item of the list, as tasks, at most so many at a time; returns what they return
--- (the first result) and raise, in two tables by the item's index, when all have ended: where there is no error the
--- task has returned. When the caller is canceled, so are they. Outside of a task it is as in aui.run. Raises for a bad
--- argument.
---@param list any[]
---@param fn fun(item: any, index: integer): any
---@param options? { at_once?: integer } default: 10
---@return table<integer, any> results
---@return table<integer, any> errors
function aui.map(list, fn, options)
  if type(list) ~= "table" then check.fail("list", "expected a list, got " .. check.describe(list)) end
  check_function(fn)
  local at_once = map.at_once(options)
  if not host.current() then check_running "aui.map" end
  return map.call(list, fn, at_once)
end

local function check_seconds(name, value)
  if type(value) ~= "number" or not (value >= 0) then
    check.fail(name, "expected a number, 0 or more, got " .. check.describe(value))
  end
end

--- Waits; in a task, others run meanwhile. Raises, as every wait does, an error of kind `canceled` in a task that is
--- canceled.
---@param seconds number
function aui.sleep(seconds)
  check_seconds("seconds", seconds)
  host.wait(nil, host.now() + seconds)
end

--- What time it is by a clock that nobody sets: seconds, from an unknown moment on.
---@return number
function aui.now() return host.now() end

--- Calls `fn(event)` from now on for what sessions do, in structured events (aui.Event in lua/aui/log.lua) that hold no
--- key and none of what user and agent say. It must not wait. There is one such function: the next call replaces it,
--- aui.log(nil) takes it away.
---@param fn? fun(event: aui.Event)
---@param level? "error"|"warn"|"info"|"debug" the least grave events to tell: "info"
function aui.log(fn, level)
  if fn ~= nil then check_function(fn) end
  if level == nil then level = "info" end
  if not log.is_level(level) then
    check.fail("level", 'expected "error", "warn", "info" or "debug", got ' .. check.describe(level))
  end
  log.listen(fn, level)
end

--- Calls `fn(span)` from now on for each connection, message and REST call that has ended, with its times and ids and
--- none of what user and agent say (aui.Span): what a tracing system asks for. It must not wait. There is one such
--- function: the next call replaces it, aui.trace(nil) takes it away. What began before is not told.
---@param fn? fun(span: aui.Span)
function aui.trace(fn)
  if fn ~= nil then check_function(fn) end
  trace.listen(fn)
end

--- Writes what passes between the program and agents into this file, which is emptied first, for `aui sim --replay`:
--- messages, events of streams, answers of calls, and how connections end. The words of the conversation are in it;
--- keys, tokens and headers are not. It is about sessions that are opened, and calls that are made, from now on. The
--- next call replaces it, aui.record(nil) ends it; so does a file that takes no more, with a word to aui.log. In nginx
--- each worker needs a file of its own.
---@param path? string
---@return true? ok
---@return aui.Error? err of a file that cannot be written
function aui.record(path)
  check.type("path", path, "string")
  local record, err = load_module "aui.record"
  if not record then return nil, err end
  if path then return record.start(path) end
  record.stop()
  return true
end

--- Deals with what is due, without waiting: for a game to call each frame, or for a host's loop. With a budget it goes
--- on until nothing is due any more, and begins nothing when so many seconds are over; what is not interrupted is a
--- coroutine or handler that runs, and a look at the sockets, at 64 KiB of each at most. In nginx it takes some
--- milliseconds, in which others run.
---@param budget? number seconds
function aui.step(budget)
  if budget ~= nil then check_seconds("budget", budget) end
  host.step(budget)
end

--- For a loop that is not of aui: the descriptor to poll for reading, for aui.timeout seconds at most, before aui.step
--- is called. lua/aui/adapter has that for common loops. Raises in nginx.
---@return integer
function aui.fd() return host.fd() end

--- For how many seconds at most to poll aui.fd; nil when there is no limit. Holds until the next call of anything here.
--- Raises in nginx.
---@return number?
function aui.timeout() return host.timeout() end

return aui
