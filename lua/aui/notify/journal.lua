-- What one session has to tell to aui.log.

local host = require "aui.host"
local log = require "aui.log"
local reply_module = require "aui.reply"

local journal = {}
journal.__index = journal

--- `name`: of what tells conversations apart, "task_id" or "thread_id".
function journal.new(id, url, name)
  return setmetatable({ id = id, url = url, name = name, pending = nil }, journal) -- `pending` once there is a listener
end

--- The session's state has changed, or the time of its next attempt; as for its handlers.
function journal:state(state, err, delay)
  local level = err and "warn" or "info"
  if not log.wants(level) then return end
  local words = state .. (delay and (" for %.3g s"):format(delay) or "") .. (err and ", " .. tostring(err) or "")
  log.write(level, "state", self, { state = state, err = err, delay = delay, message = words })
end

--- A message was accepted.
function journal:sent(reply, conversation, bytes)
  if not log.wants "warn" then return end
  local entry = { reply = reply, conversation = conversation, at = host.now() }
  self.pending = self.pending or {}
  self.pending[#self.pending + 1] = setmetatable(entry, { __mode = "v" }) -- one that its user drops is cancelled
  local message = ("send %d bytes"):format(bytes)
  log.write("debug", "send", self, { [self.name] = conversation, bytes = bytes, message = message })
end

local function log_end(self, entry, reply, status)
  local seconds = host.now() - entry.at
  local fields = { [self.name] = entry.conversation, seconds = seconds }
  if status == "done" then
    fields.bytes = #reply:text()
    fields.message = ("answer of %d bytes after %.3g s"):format(fields.bytes, seconds)
    log.write("debug", "answer", self, fields)
  else
    fields.err = reply_module.failure(reply)
    fields.message = ("failure after %.3g s, %s"):format(seconds, tostring(fields.err))
    log.write(fields.err.kind == "canceled" and "debug" or "warn", "failure", self, fields)
  end
end

--- Some of the replies may have ended.
function journal:replies()
  local index, pending = 1, self.pending
  while pending and pending[index] do
    local entry = pending[index]
    local reply = entry.reply -- held from here on
    local status = reply and reply.handle:status()
    if status == "pending" then
      index = index + 1
    else
      table.remove(pending, index)
      if status then log_end(self, entry, reply, status) end
    end
  end
end

--- What the history says about a message whose answer was cut off.
function journal:verdict(verdict, conversation)
  local words = "the history says of the answer that was cut off: " .. verdict
  log.write("info", "recovery", self, { verdict = verdict, [self.name] = conversation, message = words })
end

return journal
