-- What is said between player and agent. Knows nothing of LÖVE: `update` does once a frame what is due, and what came
-- of it is in the fields, for others to read.

local aui = require "aui"

local Conversation = {}
Conversation.__index = Conversation

local conversation = {}

local BUDGET = 0.004 -- seconds of a frame for the connection; a frame has 0.016

local start -- below

--- A conversation of this user with the agent of a client, which connects in the background: the task or thread of
--- this id, by the API that the client speaks; nil: a new one. `hear(chunk, keep)` gets what the agent says: keep the
--- first `keep` bytes of what there is, then append the chunk.
function conversation.new(client, user_id, id, hear)
  local is_task = client.api == "tasks"
  local self = setmetatable({
    client = client,
    session = assert(client:session(is_task and {} or { user_id = user_id, thread_id = id })),
    user_id = user_id,
    has_begun = id ~= nil,
    task_id = is_task and id or nil, -- nil: there is none yet, or it is a thread
    hear = hear,
    state = "connecting", -- of the connection: as session:state()
    trouble = nil, -- why there is none
    retry_in = nil, -- seconds until the next attempt to connect
    beginning = nil, -- the coroutine's task that begins it
    welcome = nil, -- what the agent said first, with suggestions
    question = nil, -- what the player said last
    reply = nil, -- the answer that is under way
    message = nil, -- the whole answer, once it is there
    turn = 0, -- how often the player has spoken
    earlier = {}, -- the answers before this one: { question =, text =, message = } each, the welcome with a text alone
    err = nil, -- what went wrong with it
    leaving = nil, -- the task that ends the connection, once the player has gone
  }, Conversation)
  self.session:on("state", function(state, err, delay)
    self.state, self.trouble, self.retry_in = state, err, delay
  end)
  if not id then start(self) end
  return self
end

local function follow(self, reply)
  reply:on("chunk", function(chunk, keep)
    if not self.leaving then self.hear(chunk, keep) end
  end)
  reply:on("message", function(message)
    self.message, self.reply = message, nil
  end)
  reply:on("error", function(err)
    self.err, self.reply = err, nil
  end)
end

local function send(self)
  self.reply = self.session:send { text = self.question, task_id = self.task_id }
  follow(self, self.reply)
end

-- A new task, or what the agent says first in a thread, which the server makes with the first message; or nil, error.
local function get_welcome(self)
  if self.client.api == "threads" then return self.client:welcome_message() end
  return self.client:create_task { user_id = self.user_id }
end

-- A task's function: begins the conversation, in which the agent has the first word, unless the player has spoken
-- meanwhile.
local function begin(self)
  local welcome, err = get_welcome(self)
  self.beginning = nil
  if not welcome then
    self.err = err
    return
  end
  self.has_begun, self.task_id, self.welcome = true, welcome.id, welcome
  if self.question then return send(self) end
  self.hear(welcome.welcome_message or "", 0)
end

function start(self)
  self.err, self.beginning = nil, aui.spawn(begin, self)
end

--- Whether the agent is to speak next.
function Conversation:is_waiting() return self.reply ~= nil or self.beginning ~= nil end

--- Whether what the player has said is to be answered first.
function Conversation:is_busy() return self.question ~= nil and self:is_waiting() end

-- Keeps the answer that is there, before the player speaks again.
local function remember(self)
  local welcome = not self.question and self.welcome or {}
  local text = self.message and self.message.text or welcome.welcome_message
  if text then table.insert(self.earlier, { question = self.question, text = text, message = self.message }) end
end

--- Sends a line; only one at a time is answered: while one is, this does nothing.
function Conversation:say(text)
  if self:is_busy() or self.leaving then return end
  remember(self)
  self.turn, self.question, self.message, self.err = self.turn + 1, text, nil, nil
  self.hear("", 0)
  if self.has_begun then return send(self) end
  if not self.beginning then start(self) end
end

--- Whether what failed has a chance when it is said again.
function Conversation:may_retry() return self.err ~= nil and self.err.retryable end

--- Says again what failed.
function Conversation:retry()
  if not self:may_retry() then return end
  if self.question then return self:say(self.question) end
  start(self)
end

--- The agent's suggestions what to say next.
function Conversation:suggestions()
  local last = self.message or not self.question and self.welcome
  return last and last.followup_suggestions or {}
end

--- Takes leave: the server is told, while frames go on; then it is over.
function Conversation:leave()
  if self.leaving then return end
  if self.beginning then self.beginning:cancel() end
  self.beginning = nil
  self.leaving = aui.spawn(self.session.close, self.session)
end

--- Whether it has ended, and all handlers know.
function Conversation:is_over()
  local is_told = self.leaving ~= nil and self.leaving:status() ~= "pending"
  return is_told and self.state == "closed" and not self:is_waiting()
end

--- Once a frame, `dt` seconds after the last.
function Conversation:update(dt)
  if self.retry_in then self.retry_in = math.max(0, self.retry_in - dt) end
  aui.step(BUDGET)
end

return conversation
