-- The user's functions that are called when something happens: in the order in which they came, and an error of one
-- harms neither the others nor what it was told of. There may be a chunk every millisecond: of one that fails now and
-- then only the first failure is told, and one that fails every time is taken away.

local check = require "aui.option.check"
local host = require "aui.host"
local interrupt = require "aui.host.interrupt"
local log = require "aui.log"

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

local MOST_FAILURES = 3 -- in a row
local TAKEN_AWAY = " for the third time in a row, and is not called any more"

local handlers = {}
handlers.__index = handlers

--- An empty list for each event; `...` are their names.
function handlers.new(...)
  local lists, quoted = {}, {}
  for index, event in ipairs { ... } do
    lists[event] = {}
    quoted[index] = ('"%s"'):format(event)
  end
  return setmetatable({ lists = lists, expected = table.concat(quoted, " or ") }, handlers)
end

--- Whether the event has any.
function handlers:has(event) return self.lists[event][1] ~= nil end

local function take_away(list, handler)
  handler.off = true
  for index, candidate in ipairs(list) do
    if candidate == handler then return table.remove(list, index) end
  end
end

--- Adds one; the result takes it away again. Raises for an unknown event or what is no function.
function handlers:add(event, fn)
  local list = self.lists[event]
  if not list then
    check.fail("event", ("expected %s, got %s"):format(self.expected, check.describe(event)))
  end
  if type(fn) ~= "function" then
    check.fail("handler", "expected a function, got " .. check.describe(fn))
  end
  local handler = { fn = fn, failures = 0, is_known = false }
  list[#list + 1] = handler
  return function() take_away(list, handler) end
end

local function failed(list, handler, failure)
  if interrupt.is(failure) then error(failure, 0) end
  handler.failures = handler.failures + 1
  if handler.failures == MOST_FAILURES then
    take_away(list, handler)
    log.failure("a handler", failure, TAKEN_AWAY)
  elseif not handler.is_known then
    log.failure("a handler", failure)
  end
  handler.is_known = true
end

local function call_each(list, n, ...)
  local arguments, now, handler = { ... }, {}, nil
  for index = 1, #list do now[index] = list[index] end
  local function call()
    if not handler.off then handler.fn(unpack(arguments, 1, n)) end
  end
  for index = 1, #now do -- which may take each other away
    handler = now[index]
    local ok, failure = xpcall(call, log.traceback)
    if ok then
      handler.failures = 0
    else
      failed(list, handler, failure)
    end
  end
end

--- For tasks: calls the event's handlers with `...`, and returns when they have been called.
function handlers:emit(event, ...)
  if self:has(event) then host.call(call_each, self.lists[event], select("#", ...), ...) end
end

return handlers
