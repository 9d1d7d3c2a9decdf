-- What a cosocket has not sent yet when it is closed. The kernel goes on sending it for minutes, unless the connection
-- is reset, for which nginx has no directive.

local descriptor = require "aui.host.nginx.descriptor"
local engine = require "aui.engine"

local unsent = {}

--- Says whether the kernel is to throw it away when the connected cosocket is closed. Returns whether it will do so.
function unsent.discard(socket, wanted)
  local number = descriptor.of(socket)
  return number ~= nil and engine.discard_unsent(number, wanted)
end

return unsent
