-- The host: what makes connections where this runs, and lets callers wait there. nginx has its own; anywhere else it is
-- the native loop.
--
-- A host is a table of functions: now, register, problem_of_connecting, open, start_call, wait, try_wait, take_text,
-- reader, may_wait, check_wait, notify, changed, spawn, spawn_notifier, spawn_background, spawn_apart, spawn_child,
-- current, cancel, call, pcall, run, problem_of_running, step, fd and timeout; with is_utf8, words, date, status_error,
-- backoff, has_room, is_json, json_string, plain_json, strip_nulls and version of its C module. They are documented in
-- native/, task.lua and sources.lua.

local dependency = require "aui.host.dependency"
local nginx = require "aui.host.ngx_api"

dependency.load(nginx and "aui.engine" or "aui.net")

return require(nginx and "aui.host.nginx.scheduler" or "aui.host.native.scheduler")
