-- What nginx does once, before it serves: reads the settings, so that a mistake in them is told at once, lets the
-- module's events go to nginx's log and its spans to the metrics, and has its workers' memory collected in time.

local aui = require "resty.aui"
local metrics = require "gateway.metrics"

local LEVELS = { error = ngx.ERR, warn = ngx.WARN, info = ngx.INFO, debug = ngx.DEBUG }

-- These check the settings.
require "gateway.agent"
require "gateway.store"

aui.log(function(event) ngx.log(LEVELS[event.level], event.message) end, "info")
aui.trace(metrics.count_span)

-- Of thousands of answers much lives for long: at the usual 200, as much again would be garbage.
collectgarbage("setpause", 120)
