-- Loaded before busted, it stresses the garbage collector: each allocation inside a call of aui.net collects all
-- garbage, finalizers included, and so does the end of the call. What is alive by luck alone is gone then.

local net = require "aui.net"

-- A cycle, once begun, goes on to its end, and the next allocation begins another. Lua 5.1 takes a multiplier of 0 for
-- no limit; Lua 5.4 wants the exponent of a step's bytes.
collectgarbage("setpause", 0)
if _VERSION == "Lua 5.4" then
  collectgarbage("incremental", 0, 1000, 30)
else
  collectgarbage("setstepmul", 0)
end
collectgarbage "stop"
if jit then jit.off() end -- luacheck: ignore jit (compiled code that finds a collection due for ever never gets on)

local function leave(ok, ...)
  collectgarbage()
  collectgarbage "stop" -- in Lua 5.1 a full collection has started it again
  if not ok then error(..., 0) end
  return ...
end

local function stressed(fn)
  return function(...)
    collectgarbage "restart"
    return leave(pcall(fn, ...))
  end
end

local function stress(functions)
  for name, fn in pairs(functions) do
    if type(fn) == "function" then functions[name] = stressed(fn) end
  end
end

stress(net)
for _, class in ipairs { "Loop", "Session", "Reply", "Call" } do
  stress(debug.getregistry()["aui.net." .. class].__index)
end
