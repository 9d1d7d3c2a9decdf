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

-- By a waiter, as one waits for anything.
local function take_with_others(reply, deadline)
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

--- As reply.handle:take(), but when nothing is new of one that is pending waits first: until there may be something
--- (nil, "pending"), the deadline has come (nil, "late") or the task is canceled (nil, "canceled").
function reading.take_text(reply, deadline)
  local co = running()
  local last = reads[co]
  if deadline or last == nil or not is_yieldable() then return take_with_others(reply, deadline) end
  local events = turns.events
  local chunk, rest = reply.handle:take()
  if chunk or rest ~= "pending" then return chunk, rest end
  local id = reply.source_id
  if readers[id] then return take_with_others(reply) end
  if last ~= id then
    reads[co] = id
    sources.keep(reply.session)
  end
  readers[id] = co
  if turns.events == events then yield() end -- else a finalizer has stepped the loop meanwhile
  if readers[id] == co then readers[id] = nil end
  if reply.handlers then return nil, rest end -- whoever follows it may want no text any more
  return reply.handle:take()
end

return reading
