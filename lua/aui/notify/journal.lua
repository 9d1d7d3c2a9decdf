-- What sessions and calls have to tell to aui.log and aui.trace.

local host = require "aui.host"
local log = require "aui.log"
local reply_module = require "aui.reply"
local trace = require "aui.trace"

local journal = {}

local CANCELED = { kind = "canceled" } -- of what its user has given up

-- `session`, or what has its id and service.
local function write(level, event, session, fields)
  log.write(level, event, { id = session.id, url = session.service.endpoint.public_url }, fields)
end

-- What tells conversations apart, "task_id" or "thread_id".
local function name_of_conversation(session) return session.service.endpoint.api.CONVERSATION end

-- What all spans of a session say.
local function span_of(session, conversation)
  return {
    url = session.service.endpoint.public_url,
    session = session.id,
    [name_of_conversation(session)] = conversation,
  }
end

-- ---- Connections ----

--- The session begins to connect.
function journal.connects(session) session.connecting_since = trace.is_on() and host.now() end

local function trace_connection(session, state, err)
  local since = session.connecting_since
  if state == "connecting" then return journal.connects(session) end
  session.connecting_since = false
  if not since then return end
  if state == "closed" and not err then err = CANCELED end
  trace.write("connect", since, span_of(session, session.thread_id or session.task_id), err)
end

--- The session's state has changed, or the time of its next attempt; as for its handlers. `problem`: why there is no
--- connection.
function journal.state(session, state, err, delay, problem)
  local level = err and "warn" or "info"
  if log.wants(level) then
    local words = state .. (delay and (" for %.3g s"):format(delay) or "") .. (err and ", " .. tostring(err) or "")
    write(level, "state", session, { state = state, err = err, delay = delay, message = words })
  end
  trace_connection(session, state, problem)
end

-- ---- Messages ----

--- A message was accepted. Of those of which there was a listener to tell the session has the list `logged`.
function journal.sent(session, reply, conversation, bytes)
  if not log.wants "warn" and not trace.is_on() then return end
  local entry = { reply = reply, conversation = conversation, bytes = bytes, at = host.now(), traced = trace.is_on() }
  session.logged = session.logged or {}
  session.logged[#session.logged + 1] = setmetatable(entry, { __mode = "v" }) -- one that its user drops is cancelled
  if not log.wants "debug" then return end
  local message = ("send %d bytes"):format(bytes)
  write("debug", "send", session, { [name_of_conversation(session)] = conversation, bytes = bytes, message = message })
end

-- The error of an answer without what had arrived of that.
local function without_text(err)
  local copy = {}
  for name, value in pairs(err) do copy[name] = value end
  copy.text = nil
  return setmetatable(copy, getmetatable(err))
end

local function log_end(session, entry, reply, err)
  local seconds = host.now() - entry.at
  local fields = { [name_of_conversation(session)] = entry.conversation, seconds = seconds }
  if err then
    fields.err = without_text(err)
    fields.message = ("failure after %.3g s, %s"):format(seconds, tostring(err))
    write(err.kind == "canceled" and "debug" or "warn", "failure", session, fields)
  else
    fields.bytes = #reply:text()
    fields.message = ("answer of %d bytes after %.3g s"):format(fields.bytes, seconds)
    write("debug", "answer", session, fields)
  end
end

local function seconds_between(since, when) return when and when - since end

-- `reply` is nil when its user has dropped it.
local function trace_end(session, entry, reply, err)
  local span, since = span_of(session, session.thread_id or entry.conversation), entry.at
  span.bytes_sent = entry.bytes
  if reply then
    local accepted, departed, first_text, resends = reply.handle:times()
    since = accepted or since
    span.departed, span.first_text = seconds_between(since, departed), seconds_between(since, first_text)
    span.resends, span.bytes_received = resends, #reply:text()
    span.message_id = reply.id and session.service.credentials.mask(reply.id)
  end
  trace.write("send", since, span, err)
end

local function ended(session, entry, reply, status)
  local err = status == "failed" and reply_module.failure(reply) or nil
  if status then log_end(session, entry, reply, err) end
  if entry.traced then trace_end(session, entry, reply, not status and CANCELED or err) end
end

-- What has become of the reply: "pending", another status or, if its user has dropped it, nil; and the reply.
local function look_at(entry)
  local reply = entry.reply -- held from here on
  return reply and reply.handle:status(), reply
end

local function all_pending(logged)
  for _, entry in ipairs(logged) do
    if look_at(entry) ~= "pending" then return false end
  end
  return true
end

--- Some of the replies may have ended. They are parted from the others in one pass: a session that is closed may end
--- thousands. Whoever is told may send; and a finalizer that comes here meanwhile tells of none again.
function journal.replies(session)
  local logged = session.logged
  if not logged or all_pending(logged) then return end
  session.logged = {}
  for _, entry in ipairs(logged) do
    local status, reply = look_at(entry)
    if status == "pending" then
      local pending = session.logged
      pending[#pending + 1] = entry
    else
      ended(session, entry, reply, status)
    end
  end
end

--- What the history says about a message whose answer was cut off; `source` has the id and the service of its session.
function journal.verdict(source, verdict, conversation)
  local words = "the history says of the answer that was cut off: " .. verdict
  local fields = { verdict = verdict, [name_of_conversation(source)] = conversation, message = words }
  write("info", "recovery", source, fields)
end

--- A REST call has ended, which began at `since` of host.now.
function journal.called(rest, request, since, err)
  local path = request.path:match "^[^?]*"
  trace.write("call", since, { url = rest.endpoint.public_url, method = request.method, path = path }, err)
end

return journal
