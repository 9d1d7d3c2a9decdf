-- aui.map: one function for all items of a list, some at a time.

local check = require "aui.option.check"
local host = require "aui.host"
local interrupt = require "aui.host.interrupt"

local AT_ONCE = 10 -- by default
local MOST = 2 ^ 31 - 1

-- Waits until no more than so many children of this task, which alone can wait for them, go on.
local function await_children(owner, most)
  while true do
    local seen = owner.notices
    if owner.unfinished <= most then return end
    host.wait(owner, nil, seen)
  end
end

local function map_in_task(list, n, fn, at_once)
  local owner, children, results, errors = host.current(), {}, {}, {}
  for index = 1, n do
    await_children(owner, at_once - 1)
    children[index] = host.spawn_child(owner, fn, list[index], index)
  end
  await_children(owner, 0)
  for index, child in ipairs(children) do
    if child.status == "done" then
      results[index] = child.results[1]
    else
      if interrupt.is(child.failure) then error(child.failure, 0) end
      errors[index] = child.failure == nil and "raised nil" or child.failure
    end
  end
  return results, errors
end

local map = {}

--- The option at_once. Raises for a bad option.
function map.at_once(options)
  check.type("options", options, "table")
  local at_once = options and options.at_once
  if options then check.names("options", options, { at_once = true }) end
  if at_once == nil then return AT_ONCE end
  check.whole("at_once", at_once, 1, MOST)
  return at_once
end

--- As aui.map; what may be run outside of a task is for the caller to check.
function map.call(list, fn, at_once)
  if host.current() then return map_in_task(list, #list, fn, at_once) end
  return host.run(map_in_task, list, #list, fn, at_once)
end

return map
