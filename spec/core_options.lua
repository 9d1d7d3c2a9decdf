-- The options of engine.session and loop:open as lua/aui makes them where a user gives no more than an address.

local options_module = require "aui.option"

--- `changes` go before them.
return function(changes)
  local shared = getmetatable(options_module.read({ url = "ws://127.0.0.1:1/" }).service.core_options {}).__index
  local options = { records = false }
  for name, value in pairs(shared) do options[name] = value end
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end
