-- The agent's answer to one message, as events for a listener: chunks, and at the end a message or an error.
--
-- A listener has emit(self, event, data), which may wait: "chunk" with { keep=, text= }, "message" with the
-- ExternalTaskMessage as JSON, "error" with a table; and beat(self), called now and then while there is nothing to
-- tell. `listener.gone` says that nobody listens any more.

local agent = require "gateway.agent"
local aui = require "resty.aui"
local browser = require "gateway.browser"
local config = require "gateway.config"
local emit_text = require "gateway.chunk"
local ledger = require "gateway.ledger"
local metrics = require "gateway.metrics"
local refusal = require "gateway.refusal"
local resume = require "gateway.resume"
local semaphore = require "ngx.semaphore"

local LOOK = 0.25 -- seconds between looks whether a browser that is gone has come back
local WAIT = 1 -- seconds between signs that one waits for what another request gets

local Answer = {}
Answer.__index = Answer

local answer = {}

--- The answer to a message (gateway.message), which run gets. It is sent unless it was before.
---@param came_back boolean whether the browser says that it was
function answer.new(message, listener, came_back)
  return setmetatable({
    message = message,
    listener = listener,
    came_back = came_back,
    news = semaphore.new(), -- for who is in Answer:wait
  }, Answer)
end

local function fail(self, err) self.listener:emit("error", refusal.public(err)) end

-- What the agent said counts, whatever becomes of what is noted about it.
local function note(how, ...)
  local ok, problem = pcall(how, ...)
  if not ok then ngx.log(ngx.ERR, tostring(problem)) end
end

local function close(self, session)
  note(agent.keep, self.message.task_id, session)
  session:close()
end

-- As reply:next.
local function next_text(self, reply)
  local chunk, more = reply:next(config.heartbeat)
  while not chunk and more and more.kind == "pending" do
    self.listener:beat()
    if self.listener.gone then self:abandon() end
    chunk, more = reply:next(config.heartbeat)
  end
  return chunk, more
end

-- Waits for the first text.
local function first_text(self, session, reply)
  local chunk, keep = next_text(self, reply)
  note(agent.keep, self.message.task_id, session)
  return chunk, keep
end

local function pass_on_text(self, session, reply)
  local chunk, keep = first_text(self, session, reply)
  local chunks = 0
  while chunk do
    chunks = chunks + 1
    emit_text(self.listener, keep, chunk)
    if self.listener.gone then self:abandon() end
    chunk, keep = next_text(self, reply)
  end
  metrics.add("aui_chunks_total", chunks)
end

-- Passes the text on while it arrives. The message as JSON, and its id; or nil and an error.
local function hear(self, session)
  self.is_unsent = false
  local reply = assert(session:send(self.message.text))
  self.reply = reply
  if self.canceled then reply:cancel() end -- while it was noted as sent
  pass_on_text(self, session, reply)
  local message, err = reply:message()
  self.reply = nil
  if not message then return nil, err end
  return reply:json(), message.id
end

-- The session is closed before the last of it is written, which takes as long as the browser wants, so that no more
-- than the JSON is kept for it.
local function pass_on(self, session)
  local json, more = hear(self, session)
  close(self, session)
  if not json then
    note(ledger.failed, self.message, refusal.public(more))
    return fail(self, more)
  end
  note(ledger.answered, self.message, more)
  self.listener:emit("message", json)
end

-- As agent.connect.
local function connect(self)
  local message = self.message
  local session, err = agent.connect(message.task_id, browser.user_id(browser.current()), message.id)
  if not session then return nil, err end
  if not self.canceled then return session end
  close(self, session)
  return nil, refusal.canceled "no"
end

-- Whether this request is to send the message, and no other.
local function begin(message)
  browser.keep_task(message.task_id)
  return ledger.begin(message)
end

-- Tells the listener the answer or why there is none; false if another request sends the message meanwhile, nil if one
-- connects for it. It is noted as sent only when it can be: if this worker died while it connects, nobody else would
-- send it.
local function ask(self)
  local session, err = connect(self)
  if not session then
    if not err then return nil end
    fail(self, err)
    return true
  end
  local ok, begins = pcall(begin, self.message)
  if not ok or not begins then close(self, session) end
  if not ok then error(begins, 0) end
  if begins then pass_on(self, session) end
  return begins
end

-- As ask; while another request connects for the message it waits, for that may come to nothing.
local function ask_in_turn(self)
  local is_told = ask(self)
  while is_told == nil and self:wait() do
    self.is_unsent = false -- as far as is known here
    is_told = not ledger.has_begun(self.message) and ask(self)
  end
  return is_told
end

local function ask_or_resume(self)
  self.is_unsent = not self.came_back and not ledger.has_begun(self.message)
  if self.is_unsent and ask_in_turn(self) then return end
  self.is_unsent = false
  resume(self)
end

--- Gets the answer and tells the listener; returns at its end.
function Answer:run()
  local ok, problem = pcall(ask_or_resume, self)
  self.over = true
  if ok then return end
  ngx.log(ngx.ERR, tostring(problem))
  self.listener:emit("error", refusal.internal(self.is_unsent and "no" or "maybe"))
end

--- Gives the answer up.
function Answer:cancel()
  self.canceled = true
  if self.reply then self.reply:cancel() end
  self.news:post(1)
end

--- Whether somebody listens.
function Answer:is_wanted() return not (self.canceled or self.listener.gone) end

--- Waits a moment for what another request gets, or until there is news; false when it is not wanted any more. The
--- other one goes on meanwhile, though its browser may be gone.
function Answer:wait()
  if self:is_wanted() then
    note(ledger.claim, self.message)
    self.news:wait(WAIT)
    self.listener:beat()
  end
  if self:is_wanted() then return true end
  note(ledger.release, self.message)
  return false
end

-- As ledger.is_claimed; nil, too, while the store cannot be reached: nobody may wait then for what goes on.
local function is_claimed(message)
  local ok, claimed = pcall(ledger.is_claimed, message)
  if ok then return claimed end
end

-- A light thread: gives the answer up when its browser has been away for the grace, or sends something else. One that
-- has come back may leave again.
local function watch(self)
  local deadline = aui.now() + config.grace
  repeat
    ngx.sleep(LOOK)
    local claimed = is_claimed(self.message)
    if claimed then deadline = aui.now() + config.grace end
  until self.over or claimed == false or aui.now() >= deadline
  if not self.over then self:cancel() end
end

--- To be called when the browser is gone: it may come back for the answer within the grace, on another connection.
--- Without a browser the answer is given up.
function Answer:abandon()
  if self.abandoned then return end
  self.abandoned = true
  ngx.thread.spawn(watch, self)
end

return answer
