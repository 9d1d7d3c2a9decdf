-- Whether the running coroutine can yield. Lua 5.1 and 5.2 do not tell; of what PUC Lua 5.1 cannot yield through (C
-- functions such as pcall, the iterator of a generic `for`, metamethods) only a metamethod is not seen here.

local running = coroutine.running

local yieldable = {}

--- Whether a coroutine can yield inside pcall, and inside the iterator of a generic `for`: not on PUC Lua 5.1.
yieldable.in_pcall = _VERSION ~= "Lua 5.1" or rawget(_G, "jit") ~= nil

local passable = yieldable.in_pcall and { [pcall] = true, [xpcall] = true, [dofile] = true } or {}

local function stops_yield(frame)
  if frame.what == "C" then return not passable[frame.func] end
  return frame.name == "(for generator)" and not yieldable.in_pcall
end

local function look_at_stack()
  local co, is_main = running()
  if not co or is_main then return false end
  local level = 2
  local frame = debug.getinfo(level, "Snf")
  while frame and not stops_yield(frame) do
    level = level + 1
    frame = debug.getinfo(level, "Snf")
  end
  return not frame
end

--- Whether the running coroutine can yield.
yieldable.now = coroutine.isyieldable or look_at_stack -- luacheck: ignore (absent in Lua 5.1 and 5.2)

return yieldable
