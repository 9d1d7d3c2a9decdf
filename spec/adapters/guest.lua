-- For programs that are guests in a host's loop: `HOST URL` are their arguments, `over` is printed when the host's loop
-- has ended. A loop that never ends by itself is left when there is nothing to do for aui any more.

local aui = require "aui"
local scheduler = require "aui.host.native.scheduler"

local guest = { host = require("spec.adapters.hosts." .. arg[1]) }

--- Options of a session with the server, with patience for a slow machine but not for ever.
function guest.options(changes)
  local options = { url = arg[2], task_id = "task", reconnect = false, timeout = { first = 20, idle = 20, total = 60 } }
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end

function guest.connect() return assert(aui.connect(guest.options())) end

--- Runs the functions, each in a coroutine of the host's, and the host's loop.
function guest.run(...)
  local unfinished = select("#", ...)
  for _, fn in ipairs { ... } do
    guest.host.start(function()
      fn()
      unfinished = unfinished - 1
    end)
  end
  guest.host.loop(function() return unfinished == 0 and not scheduler.is_active() end)
  assert(unfinished == 0, "the loop ended too early")
  print "over"
end

return guest
