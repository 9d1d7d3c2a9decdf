-- nginx in the place of the native loop, for the specs of calls: the part of its interface that they use.

local host = require "aui.host"

local Loop = {}
Loop.__index = Loop

function Loop:now() return host.now() end -- luacheck: ignore self
function Loop:step() host.step() end -- luacheck: ignore self

function Loop:call(id, options)
  local source = { waiters = {}, notices = 0, on_event = function() table.insert(self.told, id) end }
  table.insert(self.sources, source)
  return host.start_call(host.register(source), options)
end

function Loop:ready() return table.remove(self.told, 1) end

return function() return setmetatable({ told = {}, sources = {} }, Loop) end
