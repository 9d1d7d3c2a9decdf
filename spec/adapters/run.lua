-- Runs busted in a coroutine of a host whose loop drives aui, so that what waits in a spec yields to that host:
-- lua spec/adapters/run.lua HOST ARGUMENTS..., where HOST is one of spec/adapters/hosts.

local host = require("spec.adapters.hosts." .. table.remove(arg, 1))

-- Luacheck knows that programs have an exit status, which here goes around the host.
local status
local exit = os.exit
os.exit = function(code) -- luacheck: ignore
  status = (code == nil or code == true or code == 0) and 0 or 1
  error("exit", 0)
end

host.start(function()
  local ok, failure = xpcall(function() require "busted.runner" { standalone = false } end, function(failure)
    return status and failure or debug.traceback(tostring(failure))
  end)
  if not ok and failure and not status then print("busted failed: " .. failure) end
  status = status or (ok and 0 or 1)
end)
while not status do host.turn() end -- specs may leave sessions that are not closed, which would keep the loop going
exit(status, true)
