-- The agent's answer to one message: streams its text, waits for its end, gives it up.

local errors = require "aui.error"
local handlers = require "aui.notify.handlers"
local host = require "aui.host"
local check = require "aui.option.check"
local message_module = require "aui.api.message"

---@class aui.Reply
---@overload fun(): string?, integer?
---@field id? string the message's id, once the reply has ended in a message
local Reply = {}
Reply.__name = "aui.Reply"

local reply_module = {}

local take_text = host.take_text

--- `handle` is the C core's reply, which belongs to a message of `session`.
---@return aui.Reply
function reply_module.new(session, handle)
  return setmetatable({
    session = session,
    source_id = session.id,
    handle = handle,
    handlers = false, -- those that follow it
    err = false, -- what ended it
    decoded = false, -- the message
  }, Reply)
end

-- What stands in for the C core's reply of a message that was not accepted.
local Refused = {}
Refused.__index = Refused

function Refused:status() return "failed" end -- luacheck: ignore self
function Refused:take() return nil, "failed" end -- luacheck: ignore self
function Refused:text() return "" end -- luacheck: ignore self
function Refused:error() return self.refusal end
function Refused:cancel() end -- luacheck: ignore self

--- The reply to a message that `session` did not accept: it has ended already. `refusal` is the C core's error.
---@return aui.Reply
function reply_module.refused(session, refusal)
  return reply_module.new(session, setmetatable({ refusal = refusal }, Refused))
end

-- That the caller will not wait any longer; nothing has failed.
local function still_pending(reply, timeout, missing)
  return errors.new {
    kind = "pending",
    message = ("%s within %g s; the reply goes on"):format(missing, timeout),
    retryable = true,
    delivered = "maybe",
    text = reply:text(),
  }
end

--- The error that ended a reply.
function reply_module.failure(reply)
  if not reply.err then
    reply.err = reply.session.service.credentials.failure(reply.handle:error())
    reply.err.text = reply:text()
  end
  return reply.err
end

-- As Reply.next, in whatever way the host waits.
local function read(reply, deadline, timeout)
  while true do
    local its_handlers = reply.handlers
    if its_handlers and its_handlers:has "chunk" then
      check.fail("reply:next", "the text goes to the handlers that follow the reply's chunks")
    end
    local chunk, rest = take_text(reply, deadline) -- how many bytes to keep, or the status
    if chunk then return chunk, rest end
    if rest == "done" then return nil end
    if rest == "failed" then return nil, reply_module.failure(reply) end
    if rest == "late" then return nil, still_pending(reply, timeout, "no new text") end
    if rest == "canceled" then host.check_wait() end
  end
end

local next_text = host.reader(read)

--- Waits for text that is not read yet: the chunk, and how many of the bytes read before to keep in front of it. All
--- that has arrived comes as one chunk. At the end of the answer nil.
---@param timeout? number seconds to wait at most
---@return string? chunk
---@return integer|aui.Error|nil keep or, where chunk is nil, the error that ended the reply, or one of kind `pending`
--- after `timeout`: the reply goes on
function Reply:next(timeout)
  check.colon(self, Reply, "reply:next")
  if timeout == nil then return next_text(self) end
  return read(self, check.deadline(timeout), timeout)
end

local function read_or_raise(reply)
  local chunk, keep = read(reply)
  if chunk then return chunk, keep end
  if keep then error(keep, 0) end
  return nil
end

--- For `for chunk, keep in reply do`: as reply:next, but raises the error that ended the reply. PUC Lua 5.1 cannot wait
--- there in a task, and raises that; in its place, also in any other Lua:
---
---   local chunk, keep = reply:next()
---   while chunk do
---     show(chunk, keep)
---     chunk, keep = reply:next()
---   end
---   if keep then error(keep, 0) end
---@return string? chunk
---@return integer? keep
Reply.__call = host.reader(read_or_raise)

local function decode_message(reply)
  if not reply.decoded then
    local message, problem = message_module.decode(reply.handle:message())
    if not message then
      local is_short = problem == message_module.NO_MEMORY -- now; later it may be read
      return nil, errors.new {
        kind = is_short and "overflow" or "protocol",
        message = "the agent's message cannot be read: " .. problem,
        retryable = is_short,
        delivered = "yes",
        text = reply:text(),
      }
    end
    reply.decoded = message
  end
  return reply.decoded
end

--- What a history is told about it: "pending", "answered" and the message's id (nil if it cannot be read), "unsent" (it
--- ended, and its message never arrived) or "unknown" (it ended otherwise).
---@return "pending"|"answered"|"unsent"|"unknown" outcome
---@return string? id
function reply_module.outcome(reply)
  local status = reply.handle:status()
  if status == "pending" then return "pending" end
  if status == "failed" then return reply.handle:error().delivered == "no" and "unsent" or "unknown" end
  local message = decode_message(reply)
  return "answered", message and message.id
end

--- Waits for the end of the answer, whether its text is read or not.
---@param timeout? number seconds to wait at most
---@return aui.AgentMessage? message
---@return aui.Error? err that ended the reply; or, after `timeout`, one of kind `pending`: the reply goes on; or of a
--- reply that is done why its message cannot be read: `protocol`, or `overflow` while memory is short
function Reply:message(timeout)
  check.colon(self, Reply, "reply:message")
  local deadline = check.deadline(timeout)
  while true do
    local seen = self.session.notices
    local status = self.handle:status()
    if status == "done" then return decode_message(self) end
    if status == "failed" then return nil, reply_module.failure(self) end
    if not host.wait(self.session, deadline, seen) then
      return nil, still_pending(self, timeout, "no complete answer")
    end
  end
end

-- The status, after waiting for something else than text while it is pending; "canceled" if the task is.
local function await_end(reply)
  local session = reply.session
  local seen = session.notices
  local status = reply.handle:status()
  if status ~= "pending" then return status end
  return host.try_wait(session, nil, seen) == nil and "canceled" or "pending"
end

-- Tells the handlers what has come, until the reply has ended, as it does when the task is canceled; nobody, if they
-- were given up meanwhile.
local function follow(reply, its_handlers)
  if reply.handlers ~= its_handlers then return end
  local status, chunk
  repeat
    if its_handlers:has "chunk" then
      chunk, status = take_text(reply)
    else
      chunk, status = nil, await_end(reply)
    end
    if chunk then its_handlers:emit("chunk", chunk, status) end
    if status == "canceled" then reply:cancel() end
  until status == "done" or status == "failed"
  reply.handlers = false -- of one that is added later, another task takes care
  local message, err = reply:message()
  if message then
    its_handlers:emit("message", message)
  else
    its_handlers:emit("error", err)
  end
end

--- Calls `handler` when something happens to the reply, from what has happened already but was not read yet:
--- "chunk" with `chunk, keep` as reply:next returns them, then "message" with the message or "error" with the error
--- that ended it. While chunks have handlers, nobody else reads the text. The reply lives on though its user drops it.
--- Handlers are called as those of session:on.
---@param event "chunk"|"message"|"error"
---@param handler fun(chunk: string, keep: integer)|fun(message: aui.AgentMessage)|fun(err: aui.Error)
---@return fun() off stops the calls
function Reply:on(event, handler)
  check.colon(self, Reply, "reply:on")
  local its_handlers = self.handlers or handlers.new("chunk", "message", "error")
  local off = its_handlers:add(event, handler)
  if not self.handlers then
    self.handlers = its_handlers -- first: a finalizer may step the loop before spawn returns
    local ok, problem = pcall(host.spawn_notifier, follow, self, its_handlers)
    if not ok then -- memory is short, perhaps only after the task was begun
      self.handlers = false
      error(problem, 0)
    end
  end
  host.notify(self.session) -- there may be text that nobody wanted before, or that somebody else waits for
  return off
end

--- The message as the agent wrote it, for whoever passes it on: decoding loses the difference between an empty array
--- and an empty object.
---@return string? json nil before the end, and of a reply that failed
function Reply:json()
  check.colon(self, Reply, "reply:json")
  if self.handle:status() ~= "done" then return nil end
  return (self.handle:message())
end

--- How the reply stands: "done" once the whole message has come, also one that cannot be read; "failed" once an error
--- has ended it.
---@return "pending"|"done"|"failed"
function Reply:status()
  check.colon(self, Reply, "reply:status")
  return self.handle:status()
end

--- The text that has arrived so far.
---@return string
function Reply:text()
  check.colon(self, Reply, "reply:text")
  return self.handle:text()
end

--- Gives the answer up: the reply ends with an error of kind `canceled`, unless it has ended already.
function Reply:cancel()
  check.colon(self, Reply, "reply:cancel")
  self.handle:cancel()
  host.notify(self.session)
end

Reply.__close = Reply.cancel

function Reply:__index(key)
  if key ~= "id" then return Reply[key] end
  local message = self.handle:status() == "done" and decode_message(self)
  return message and message.id or nil
end

function Reply:__tostring() return ("aui.Reply (%s)"):format(self.handle:status()) end

return reply_module
