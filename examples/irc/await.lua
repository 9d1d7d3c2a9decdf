-- Waiting for a callback, in a coroutine.

--- Calls `start(done)`, and returns what `done` is called with, at once or later.
return function(start)
  local co = coroutine.running()
  local results, waiting
  start(function(...)
    results = { ... }
    if waiting then coroutine.resume(co) end
  end)
  if not results then
    waiting = true
    coroutine.yield()
  end
  return results[1], results[2]
end
