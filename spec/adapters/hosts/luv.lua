local uv = require "luv"

require("aui.adapter.luv").attach(uv)

local host = { ends = true }

function host.start(fn) coroutine.wrap(fn)() end

function host.every(seconds, fn)
  local timer = uv.new_timer()
  timer:start(seconds * 1000, seconds * 1000, fn)
  return function() timer:close() end
end

function host.turn() uv.run "once" end

function host.loop() uv.run() end

return host
