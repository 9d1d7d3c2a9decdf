-- What a session knows of the messages it has sent that helps to find one of them in a task's history.

local reply_module = require "aui.reply"

local sent = {}
sent.__index = sent

-- Of how many tasks to know something, and of how many unsettled messages of a task. To forget a task is safe: it is
-- then as if this session had never had an answer there.
local MOST_TASKS = 1000
local MOST_UNSETTLED = 100

local COUNT = {} -- no text

function sent.new()
  return setmetatable({
    open = {}, -- messages in the order in which they leave, from the oldest on whose reply was last seen pending:
    first = 1, -- from here
    last = 0, -- to here
    last_ids = {}, -- of the newest answers, by task
    unsettled = nil, -- by task, what was sent to it since: how often each text, and by COUNT how many in all
    count = 0, -- of tasks
  }, sent)
end

--- Notes a message that was accepted. Its reply is not kept alive: one that its user drops is thereby cancelled.
function sent:add(reply, task_id, text)
  self:oldest() -- lets go of those that have ended
  local message = setmetatable({ reply = reply, task_id = task_id, text = text }, { __mode = "v" })
  self.open[self.last + 1] = message -- made before: a finalizer that runs then may send, too
  self.last = self.last + 1
end

local function forget(self, task_id)
  self.count = self.count - (self.last_ids[task_id] and 1 or 0)
  self.last_ids[task_id] = nil
  if self.unsettled then self.unsettled[task_id] = nil end
end

local function note_answer(self, task_id, id)
  forget(self, task_id)
  if self.count >= MOST_TASKS then forget(self, (next(self.last_ids))) end
  self.last_ids[task_id] = id
  self.count = self.count + 1
end

local function note_unsettled(self, message)
  local task_id, text = message.task_id, message.text
  if not self.last_ids[task_id] then return end
  self.unsettled = self.unsettled or {}
  local texts = self.unsettled[task_id] or { [COUNT] = 0 }
  self.unsettled[task_id] = texts
  texts[text] = (texts[text] or 0) + 1
  texts[COUNT] = texts[COUNT] + 1
  if texts[COUNT] > MOST_UNSETTLED then forget(self, task_id) end
end

-- A reply that was collected may have ended in any way.
local function outcome(message)
  if not message.reply then return "unknown" end
  return reply_module.outcome(message.reply)
end

-- Lets go of the oldest message, whose reply has ended.
local function note_end(self, message, how, id)
  self.open[self.first] = nil
  self.first = self.first + 1
  if type(id) == "string" then
    note_answer(self, message.task_id, id)
  elseif how ~= "unsent" then
    note_unsettled(self, message)
  end
end

--- The oldest message whose reply has not ended, or nil: { reply (weak), task_id, text }.
function sent:oldest()
  while self.first <= self.last do
    local at = self.first
    local message = self.open[at]
    local how, id = outcome(message)
    if how == "pending" then return message end
    if self.first == at then note_end(self, message, how, id) end -- else a finalizer has done so
  end
end

--- What was known of a message's task before it was sent: the id of the newest answer that this session got there (nil
--- if it got none), how many messages with the same text it has sent since, each of which may have arrived, and the
--- texts of all such messages.
---@return string? last_id
---@return integer earlier
---@return table<string, any> others the texts are its keys
function sent:before(message)
  local texts = self.unsettled and self.unsettled[message.task_id] or {}
  return self.last_ids[message.task_id], texts[message.text] or 0, texts
end

return sent
