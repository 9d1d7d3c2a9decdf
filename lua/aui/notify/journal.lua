-- What sessions have to tell to aui.log.

local host = require "aui.host"
local log = require "aui.log"
local reply_module = require "aui.reply"

local journal = {}

-- `session`, or what has its id and service.
local function write(level, event, session, fields)
  log.write(level, event, { id = session.id, url = session.service.endpoint.public_url }, fields)
end

-- What tells conversations apart, "task_id" or "thread_id".
local function name_of_conversation(session) return session.service.endpoint.api.CONVERSATION end

--- The session's state has changed, or the time of its next attempt; as for its handlers.
function journal.state(session, state, err, delay)
  local level = err and "warn" or "info"
  if not log.wants(level) then return end
  local words = state .. (delay and (" for %.3g s"):format(delay) or "") .. (err and ", " .. tostring(err) or "")
  write(level, "state", session, { state = state, err = err, delay = delay, message = words })
end

--- A message was accepted. Of those of which there was a listener to tell the session has the list `logged`.
function journal.sent(session, reply, conversation, bytes)
  if not log.wants "warn" then return end
  local entry = { reply = reply, conversation = conversation, at = host.now() }
  session.logged = session.logged or {}
  session.logged[#session.logged + 1] = setmetatable(entry, { __mode = "v" }) -- one that its user drops is cancelled
  local message = ("send %d bytes"):format(bytes)
  write("debug", "send", session, { [name_of_conversation(session)] = conversation, bytes = bytes, message = message })
end

local function log_end(session, entry, reply, status)
  local seconds = host.now() - entry.at
  local fields = { [name_of_conversation(session)] = entry.conversation, seconds = seconds }
  if status == "done" then
    fields.bytes = #reply:text()
    fields.message = ("answer of %d bytes after %.3g s"):format(fields.bytes, seconds)
    write("debug", "answer", session, fields)
  else
    fields.err = reply_module.failure(reply)
    fields.message = ("failure after %.3g s, %s"):format(seconds, tostring(fields.err))
    write(fields.err.kind == "canceled" and "debug" or "warn", "failure", session, fields)
  end
end

--- Some of the replies may have ended.
function journal.replies(session)
  local index, logged = 1, session.logged
  while logged and logged[index] do
    local entry = logged[index]
    local reply = entry.reply -- held from here on
    local status = reply and reply.handle:status()
    if status == "pending" then
      index = index + 1
    else
      table.remove(logged, index)
      if status then log_end(session, entry, reply, status) end
    end
  end
end

--- What the history says about a message whose answer was cut off; `source` has the id and the service of its session.
function journal.verdict(source, verdict, conversation)
  local words = "the history says of the answer that was cut off: " .. verdict
  local fields = { verdict = verdict, [name_of_conversation(source)] = conversation, message = words }
  write("info", "recovery", source, fields)
end

return journal
