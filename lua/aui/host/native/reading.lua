-- How callers wait for new text: most waits are a task's for text of its session, which no other waits for. Nothing is
-- made for one of these: the task's coroutine stands in turns.readers, and goes on when there is text.

local sources = require "aui.host.sources"
local tasks = require "aui.host.native.tasks"
local turns = require "aui.host.native.turns"
local waiting = require "aui.host.native.waiting"
local yieldable = require "aui.host.native.yieldable"

local reading = {}

local readers, others, reads = turns.readers, turns.others, tasks.reads
local running, yield, is_yieldable = coroutine.running, coroutine.yield, yieldable.now

--- As reply.handle:take(), but when nothing is new of one that is pending waits first, as one waits for anything: until
--- there may be something (nil, "pending"), the deadline has come (nil, "late") or the task is canceled (nil,
--- "canceled").
function reading.take_text(reply, deadline)
  local handle, id, text = reply.handle, reply.source_id, reply.session.text_source
  others[id] = true
  local seen, notified = text.notices, true
  local chunk, rest = handle:take()
  if not chunk and rest == "pending" then notified = waiting.try_wait(text, deadline, seen) end
  if not next(text.waiters) then others[id] = nil end
  if notified == nil then return nil, "canceled" end
  if not notified then return nil, "late" end
  return chunk, rest
end

--- A function that returns a reply's next text, as reply.handle:take() does, where a task reads: at once, or when it
--- has come. In all other cases it returns what `otherwise(reply)` does. All is in one function, since what is on the
--- stack of a task that waits has to be fetched from memory when it goes on, and costs more than what is done then.
function reading.reader(otherwise)
  return function(reply)
    local co = running()
    while reads[co] ~= nil and not reply.handlers and is_yieldable() do
      local handle, id, events = reply.handle, reply.source_id, turns.events
      local chunk, rest = handle:take()
      if chunk then return chunk, rest end
      if rest ~= "pending" or readers[id] then break end
      if reads[co] ~= id then
        reads[co] = id
        sources.keep(reply.session)
      end
      readers[id] = co
      if turns.events == events then yield() end -- else a finalizer has stepped the loop meanwhile
      if readers[id] == co then readers[id] = nil end
    end
    local chunk, rest = otherwise(reply) -- no tail call, which would hide the `for` that has called this
    return chunk, rest
  end
end

return reading
