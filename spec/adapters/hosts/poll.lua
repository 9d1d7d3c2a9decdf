-- A host that polls by itself, here with LuaSocket's select.

local aui = require "aui"
local socket = require "socket"

require("aui.adapter.poll").attach()

return function(main)
  local finished = false
  local descriptor = { getfd = function() return aui.fd() end, dirty = function() return false end }
  coroutine.wrap(function()
    main()
    finished = true
  end)()
  while not finished do
    socket.select({ descriptor }, nil, aui.timeout())
    aui.step()
  end
end
