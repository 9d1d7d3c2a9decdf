-- What is said between player and agent. Knows nothing of LÖVE: `update` does once a frame what is due, and what came
-- of it is in the fields, for others to read.

local aui = require "aui"

local Conversation = {}
Conversation.__index = Conversation

local conversation = {}

local BUDGET = 0.004 -- seconds of a frame for the connection; a frame has 0.016

--- A conversation that connects in the background, with aui.session's options. `hear(chunk, keep)` gets the answers:
--- keep the first `keep` bytes of what there is, then append the chunk. Raises for options that cannot be used.
function conversation.new(options, hear)
  local self = setmetatable({
    session = assert(aui.session(options)),
    hear = hear,
    state = "connecting", -- of the connection: as session:state()
    retry_in = nil, -- seconds until the next attempt to connect
    question = nil, -- what the player said last
    reply = nil, -- the answer that is under way
    message = nil, -- the whole answer, once it is there
    err = nil, -- what went wrong with it
    leaving = false, -- whether the player has gone
    over = false, -- whether the connection has ended, after that
  }, Conversation)
  self.session:on("state", function(state, _, delay)
    self.state, self.retry_in = state, delay
  end)
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

--- Sends a line; only one at a time is answered: while there is `reply`, this does nothing.
function Conversation:say(text)
  if self.reply or self.leaving then return end
  self.question, self.message = text, nil
  self.hear("", 0)
  self.reply, self.err = self.session:send(text), nil
  follow(self, self.reply)
end

--- Whether what failed has a chance when it is said again.
function Conversation:may_retry() return self.err ~= nil and self.err.retryable end

--- Says again what failed.
function Conversation:retry()
  if self:may_retry() then self:say(self.question) end
end

--- The agent's suggestions what to say next.
function Conversation:suggestions() return self.message and self.message.followup_suggestions or {} end

--- Takes leave: the server is told, while frames go on; then `over` is true.
function Conversation:leave()
  if self.leaving then return end
  self.leaving = true
  aui.spawn(function()
    self.session:close()
    self.over = true
  end)
end

--- Once a frame, `dt` seconds after the last.
function Conversation:update(dt)
  if self.retry_in then self.retry_in = math.max(0, self.retry_in - dt) end
  aui.step(BUDGET)
end

return conversation
