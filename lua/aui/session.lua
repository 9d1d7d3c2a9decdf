-- A conversation with an agent: sends messages, follows the connection's state.

local call = require "aui.api.call"
local check = require "aui.option.check"
local endpoint = require "aui.api.endpoint"
local errors = require "aui.error"
local handlers = require "aui.notify.handlers"
local host = require "aui.host"
local journal = require "aui.notify.journal"
local log = require "aui.log"
local options_module = require "aui.option"
local record = require "aui.record"
local recovery = require "aui.recovery"
local reply_module = require "aui.reply"
local retry = require "aui.api.retry"

---@class (exact) aui.Message what session:send takes; task_id and context are of the tasks API, user_id, image_url and
---runtime_version of the threads API
---@field text string
---@field task_id? string default: the session's
---@field context? table<string, any> passed on to the agent, such as { url = ..., lead_details = { ... } }
---@field user_id? string default: the session's
---@field image_url? string
---@field runtime_version? string of the agent
---@field agent_variables? table<string, any> of which newer agents know
---@field fields? table<string, any> further fields, sent as they are; none that has a name above
---@field timeout? aui.Timeouts default: the session's; `connect` and `call` have no meaning here

---@class (exact) aui.AskOptions
---@field retries? integer how often a message that surely was not acted on is sent again: 0

---@class aui.SessionStats numbers, of a session's whole life
---@field bytes_received integer from its connections, inside of TLS: the answers to handshakes, and frames
---@field bytes_sent integer likewise
---@field frames_received integer of its WebSockets: parts of messages, pings, pongs and close frames
---@field frames_sent integer likewise, those that have left whole
---@field updates_folded integer how often new text of the agent joined text that nobody had read yet
---@field reconnects integer how often there was a connection again after one that was lost or closed
---@field first_chunk? number seconds from session:send of the newest message to the first text of its answer
---@field message? number likewise to the whole message, behind which a stream may go on for a while; both are nil until
---there is that

---@class aui.Session
---@field task? aui.AgentTask the task that was made for it, by the option user_id
---@field thread_id? string of the threads API, as soon as it is known
local Session = {
  __name = "aui.Session",
  handlers = false, -- those that follow its state
  is_early = false, -- whether there was an event before there was a handle
  connecting_since = false, -- when the attempt to connect that is traced began
  asking = false, -- the task that finds out what the next request says
  sent_headers = false, -- gives those of the latest request that was asked for
}
Session.__index = Session

local session_module = {}

local SHORTEST = 0.001 -- seconds

-- How the core finds connections that may serve the session: those with the same name. A server that says more when an
-- answer has ended must not be heard by another task: not every update says to which it belongs.
local function pool_options(pool, service, task_id)
  local place, credentials = endpoint.identity(service.endpoint), service.credentials.identity()
  local name = { pool.id, place, credentials, task_id or "", tostring(service.compression) }
  return { name = table.concat(name, "\n"), size = pool.size, idle = pool.idle }
end

-- As session_module.open, with checked options.
local function open(checked, pool)
  local service = checked.service
  local self = setmetatable({
    service = service,
    task_id = checked.task_id,
    thread_id = checked.thread_id,
    user_id = checked.user_id,
    waiters = {},
    notices = 0, -- how often those who wait were woken
    text_source = { waiters = {}, notices = 0, whole = false }, -- of those who wait for text, too
    reported = "connecting",
    retry_at = nil,
    id = nil,
    sent = nil, -- see lua/aui/recovery
    tape = record.is_on() and record.tape(service) or nil,
    handle = nil,
  }, Session)
  self.id, self.text_source.whole = host.register(self), self
  local target, headers, why
  if not service.credentials.asks then
    target, headers = service.credentials.request()
  end
  self.handle, why = host.open(self.id, service.core_options {
    target = target,
    headers = headers,
    thread_id = checked.thread_id,
    records = self.tape ~= nil,
    pool = pool and pool_options(pool, service, checked.task_id),
  })
  if not self.handle then return nil, errors.new { kind = "transport", message = why } end
  journal.connects(self)
  if self.is_early then self:on_event() end
  return self
end

-- The API that it speaks.
local function api_of(self) return self.service.endpoint.api end

-- Whether one is to be made, for the user; the API of threads has none.
local function needs_task(checked)
  return checked.service.endpoint.api.create_task and checked.user_id and not checked.task_id
end

--- A session that connects in the background; or nil and why the options cannot be used. `known`: see
--- options_module.read.
---@return aui.Session?
---@return aui.Error?
function session_module.open(options, known)
  local checked = options_module.read(options, known)
  if needs_task(checked) then
    check.fail("user_id", "aui.session does not wait, as making a task does: give a task_id, or use aui.connect")
  end
  return open(checked)
end

local function connection_error(self)
  local raw = self.handle:error()
  return raw and self.service.credentials.failure(raw)
end

-- Whether the session tries once more by itself, with another token or key: the server may have found the last one too
-- old.
local function is_renewing(self, state, err)
  local is_trying = state == "connecting" or self.handle:retry_at() ~= nil
  return err ~= nil and err.status_code == 401 and err.retryable and is_trying
end

-- Waits until the session is open: true, or nil and why it is not. Nil alone if the waiting task is canceled.
local function wait_open(self)
  while true do
    local seen = self.notices
    local state = self.handle:state()
    if state == "open" then return true end
    local err = connection_error(self) -- the next attempt may be under way already
    local is_over = err or state ~= "connecting"
    if is_over and not is_renewing(self, state, err) then return nil, err end
    if host.try_wait(self, nil, seen) == nil then return nil end
  end
end

-- The task of a user who has none yet; nil, and the error if there is one.
local function new_task(checked)
  if not needs_task(checked) then return nil end
  local service = checked.service
  call.check(service.rest)
  return call.run(service.rest, service.endpoint.api.create_task { user_id = checked.user_id })
end

--- Raises where a pool has no meaning, by the API: what `place` is, see endpoint.resolve.
function session_module.check_shares(place)
  if place.api.SHARES then return end
  local words = "has no meaning in a pool: a connection serves its thread alone; keep the thread's session open instead"
  check.fail(place.api.KEY, words)
end

--- As session_module.open, but waits for the connection, after making a task for the option user_id, and takes one of
--- the pool, if there is a pool and it has one: on failure nil and the error.
function session_module.connect(options, known, pool)
  host.check_wait()
  local checked = options_module.read(options, known)
  if pool then session_module.check_shares(checked.service.endpoint) end
  local task, failure = new_task(checked)
  if failure then return nil, failure end
  checked.task_id = task and task.id or checked.task_id
  local session, err = open(checked, pool)
  if not session then return nil, err end
  session.task = task
  local ok, why = wait_open(session)
  if ok then
    session:on_event() -- on a pool's connection there was no step of the loop that could tell it
    return session
  end
  session:close()
  host.check_wait() -- raises if it is canceled
  return nil, why
end

-- The message as it is to be sent: its JSON, its timeouts, its text and its conversation. Raises for a bad one.
local function read_message(self, message)
  if type(message) == "string" then message = { text = message } end
  if type(message) ~= "table" then
    check.fail("message", "expected a string or a table, got " .. check.describe(message))
  end
  check.names("message", message, api_of(self).SESSION_MESSAGE)
  local text = message.text
  check.given("text", text, "string")
  check.text("text", text)
  local json, conversation = api_of(self).session_message(message, self)
  local timeout = options_module.timeouts(message.timeout, self.service.timeout)
  return { json = json, timeout = timeout, text = text, conversation = conversation }
end

local function send(self, message)
  local timeout = message.timeout
  local handle, refusal = self.handle:send(message.json, timeout.first, timeout.idle, timeout.total)
  if not handle then return reply_module.refused(self, refusal) end
  local reply = reply_module.new(self, handle)
  if self.service.recovers then recovery.sent(self, reply, message.conversation, message.text) end
  journal.sent(self, reply, self.thread_id or message.conversation, #message.json)
  host.changed()
  return reply
end

--- Takes a message for the agent and returns at once. Messages are sent in order, each when the answer to the one
--- before has ended. Raises for a bad argument. The reply to a message that a closed session (kind canceled) or a full
--- queue (kind overflow) refuses has ended already.
---@param message string|aui.Message
---@return aui.Reply reply call it, or use it in a `for`, to stream the text
---@return nil
---@return nil
---@return aui.Reply? closing makes leaving a `for` early cancel the reply (Lua 5.4)
function Session:send(message)
  check.colon(self, Session, "session:send")
  local reply = send(self, read_message(self, message))
  return reply, nil, nil, reply
end

local function read_retries(options)
  check.type("options", options, "table")
  check.names("options", options or {}, { retries = true })
  local retries = options and options.retries or 0
  check.whole("retries", retries, 0, 2 ^ 31)
  return retries
end

--- Sends a message and waits for the whole answer. With `retries`, a message that failed, and surely was not acted on
--- (delivered "no"), is sent again where that has a chance (retryable): after the pauses of a session that reconnects,
--- or when the server asks for it (Retry-After). All of it takes `timeout.total` at most.
---@param message string|aui.Message
---@param options? aui.AskOptions
---@return aui.AgentMessage? message
---@return aui.Error? err of the last attempt
function Session:ask(message, options)
  check.colon(self, Session, "session:ask")
  host.check_wait()
  local retries, ready = read_retries(options), read_message(self, message)
  local timeout = ready.timeout
  local deadline = host.now() + timeout.total
  local policy = { times = retries, backoff = self.service.rest.backoff, deadline = deadline, is_safe = false }
  return retry.run(policy, function(failures)
    if failures > 0 then
      local left = math.max(deadline - host.now(), SHORTEST)
      ready.timeout = { first = timeout.first, idle = timeout.idle, total = left }
    end
    return send(self, ready):message()
  end)
end

--- Ends the session: pending replies end as canceled, and the server's answer to our close frame is awaited a second
--- at most; a handler, and what must not block a host's loop, goes on before that. The connection of a pool is given
--- back instead, if it may serve another session.
function Session:close()
  check.colon(self, Session, "session:close")
  if not self.handle:give_back() then self.handle:close() end
  host.notify(self)
  local seen = self.notices
  while host.may_wait() and not self.handle:finished() do
    host.wait(self, nil, seen)
    seen = self.notices
  end
  self:on_event() -- as in connect; and its user may drop the session now
end

Session.__close = Session.close

--- The messages of the session's task or thread, oldest first; waits for them. Those of a thread that is not made yet
--- are none.
---@return aui.AgentMessage[]? messages
---@return aui.Error? err
function Session:history()
  check.colon(self, Session, "session:history")
  local request = api_of(self).history(self, self.task_id)
  call.check(self.service.rest)
  if not request then return {} end
  return call.run(self.service.rest, request)
end

--- "connecting", "open", "waiting" (no connection; one is tried later, or for the next message) or "closed".
---@return string
function Session:state()
  check.colon(self, Session, "session:state")
  return self.handle:state()
end

--- What the session has moved and met so far, also of one that is closed. A message that is refused counts for nothing.
---@return aui.SessionStats
function Session:stats()
  check.colon(self, Session, "session:stats")
  return self.handle:stats()
end

--- Calls `handler(state, err, delay)` from now on whenever the state has changed, or the time of the next attempt. Of
--- "waiting", err is why a connection was lost or not made, and delay in how many seconds the next one is tried: nil
--- when only a message asks for it. Of "connecting" that follows "open", err is why the connection was lost.
--- The loop calls the handlers, which cannot wait (in nginx a light thread does, where they may): aui.spawn a function
--- that does. The first error in one is told to aui.log, and ends nothing; one that fails three times in a row is
--- taken away. Several may follow one event.
---@param event "state"
---@param handler fun(state: string, err?: aui.Error, delay?: number)
---@return fun() off stops the calls
function Session:on(event, handler)
  check.colon(self, Session, "session:on")
  if not self.handlers then self.handlers = handlers.new "state" end
  return self.handlers:add(event, handler)
end

-- Finds out what the request of the next connection says. Only `weak` leads to the session: its user may drop it while
-- the functions that are asked wait for something.
local function ask_for_request(weak, credentials, refused_headers)
  if refused_headers then credentials.refused(refused_headers) end
  local finished, ok, why, retryable, err = host.pcall(credentials.refresh)
  if not finished then -- memory is short
    ok, why, retryable, err = nil, tostring(ok), true, nil
  end
  local self = weak.session
  if not self then return end
  self.asking = false
  if ok then
    local target, headers, agent_id = credentials.request()
    self.sent_headers = function() return headers end -- they are secret: see aui.api.credentials
    self.handle:give_request(self.service.endpoint.request_host, target, headers, agent_id)
  else
    self.handle:refuse_request(err or { kind = "auth", message = why, retryable = retryable })
  end
end

-- The headers of the latest request, if the server has not let in who sent them.
local function refused_headers(self)
  local raw = self.handle:error()
  return raw and raw.status_code == 401 and self.sent_headers and self.sent_headers() or nil
end

-- A task that memory was too short for has ended without a word.
local function is_asking(self) return self.asking and self.asking.status == "pending" end

-- Called by the host when the C core has an event of this session; and whether that is of text alone.
function Session:on_event(is_text)
  if not self.handle then -- a finalizer steps the loop while the session is being made
    self.is_early = true
    return
  end
  if is_text then return host.notify(self.text_source) end
  host.notify(self)
  if self.tape then self.tape:take(self.handle) end
  if api_of(self).CONVERSATION == "thread_id" then self.thread_id = self.handle:thread_id() end
  if self.handle:asks() and not is_asking(self) then
    local weak = setmetatable({ session = self }, { __mode = "v" })
    self.asking = host.spawn_background(ask_for_request, weak, self.service.credentials, refused_headers(self))
  end
  journal.replies(self)
  local state, retry_at = self.handle:state(), self.handle:retry_at()
  recovery.on_event(self, state)
  if state == self.reported and retry_at == self.retry_at then return end
  local lost = state == "waiting" or (state == "connecting" and self.reported == "open")
  local has_handlers = self.handlers and self.handlers:has "state"
  local is_heard = has_handlers or log.wants "warn" -- else nobody needs the error, which may be long
  local err = lost and is_heard and connection_error(self) or nil
  local delay = retry_at and math.max(0, retry_at - host.now())
  if has_handlers then
    host.spawn_notifier(self.handlers.emit, self.handlers, "state", state, err, delay)
  end
  self.reported, self.retry_at = state, retry_at -- once all of that has had the memory for it
  local problem = state ~= "open" and self.connecting_since and connection_error(self) or nil -- of what is traced
  journal.state(self, state, err, delay, problem) -- the last thing here, since who listens may close the session
end

function Session:__tostring()
  return ("aui.Session (%s, %s)"):format(self.handle:state(), self.service.endpoint.public_url)
end

return session_module
