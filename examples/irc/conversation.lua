-- One person's conversation with the agent: a session with a task or thread of its own. A coroutine answers the
-- questions one after the other, in lines that are said while the agent still writes.

local apology = require "apology"
local await = require "await"
local products = require "products"
local speech = require "speech"
local text = require "text"
local uv = require "luv"

local Conversation = {}
Conversation.__index = Conversation

local conversation = {}

local MOST_QUESTIONS = 5 -- that may wait
local HELP = "Ask me for something; a number picks a suggestion, and stop ends an answer."

-- Ends it if nothing more comes.
local function rest(self) self.idle:start(self.options.idle, 0, function() self:close() end) end

--- `options`: agent, an aui.Client; user_id; room(), the bytes of a line; say(line, done), as Client:notice;
--- note(words) for the operator; idle, the milliseconds of silence after which the conversation is closed; closed(),
--- called when it is.
function conversation.new(options)
  local self = setmetatable({ options = options, questions = {}, suggestions = {} }, Conversation)
  self.idle = uv.new_timer()
  rest(self)
  return self
end

-- Says a line and waits until it has left. False: this answer is not wanted any more.
local function say(self, answer, line)
  if answer.stopped then return false end
  return await(function(done) self.options.say(line, done) end) and not answer.stopped
end

-- The same without waiting.
local function remark(self, line) self.options.say(line, function() end) end

-- The session, or nil and why there is none.
local function open(self)
  if self.session then return self.session end
  local session, err = self.options.agent:connect { user_id = self.options.user_id }
  self.session = session
  if session and self.closed then session:close() end
  return session, err
end

-- Says the reply's text as it comes. While a line waits for its turn, what comes meanwhile gathers in the reply.
local function say_text(self, answer, reply)
  local words = speech.new(self.options.room())
  repeat
    local chunk, keep = reply:next()
    if chunk then words:add(chunk, keep) end
    local line = words:next(not chunk)
    while line and say(self, answer, line) do
      line = words:next(not chunk)
    end
  until not chunk or answer.stopped
end

local function say_cut(self, answer, line)
  while line ~= "" do
    local part = speech.cut(line, self.options.room())
    if not say(self, answer, part) then return end
    line = line:sub(#part + 1):gsub("^ +", "")
  end
end

local function say_rest(self, answer, message)
  for _, line in ipairs(products.lines(message)) do
    say_cut(self, answer, line)
  end
  self.suggestions = message.followup_suggestions
  if #self.suggestions == 0 then return end
  local numbered = {}
  for index, suggestion in ipairs(self.suggestions) do
    numbered[index] = ("%d: %s"):format(index, text.clean(suggestion))
  end
  say_cut(self, answer, "You could ask " .. table.concat(numbered, " | "))
end

local function try_to_answer(self, answer, question)
  local session, err = open(self)
  if answer.stopped then return end
  if not session then error(err, 0) end
  local reply = session:send(question)
  answer.reply = reply
  say_text(self, answer, reply)
  local message = assert(reply:message())
  say_rest(self, answer, message)
end

local function answer_all(self)
  local question = table.remove(self.questions, 1)
  while question do
    local answer = {}
    self.answer = answer
    local ok, err = pcall(try_to_answer, self, answer, question)
    if not ok and not answer.stopped then
      self.options.note(tostring(type(err) == "table" and err.message or err))
      say(self, answer, apology(err))
    end
    question = table.remove(self.questions, 1)
  end
  self.answer = nil
  if not self.closed then rest(self) end
end

local function ask(self, question)
  if #self.questions >= MOST_QUESTIONS then return remark(self, "One thing after the other, please.") end
  table.insert(self.questions, question)
  if self.answer then return end
  self.idle:stop()
  coroutine.wrap(answer_all)(self)
end

-- Gives up what is being answered, and what waits; returns whether there was anything.
local function stop(self)
  local answer, waited = self.answer, #self.questions > 0
  self.questions = {}
  if not answer or answer.stopped then return waited end
  answer.stopped = true
  if answer.reply then answer.reply:cancel() end
  return true
end

--- Takes what the person said.
function Conversation:hear(words)
  local number = #self.suggestions > 0 and tonumber(words:match "^%d+$")
  if words == "" or words:lower() == "help" then
    remark(self, HELP)
  elseif words:lower() == "stop" then
    remark(self, stop(self) and "Stopped." or "There is nothing to stop.")
  elseif number and not self.suggestions[number] then
    remark(self, ("There is no suggestion %d."):format(number))
  else
    ask(self, number and self.suggestions[number] or words)
  end
end

--- Ends it. What the person says next belongs to another one.
function Conversation:close()
  if self.closed then return end
  self.closed = true
  stop(self)
  self.idle:close()
  if self.session then self.session:close() end
  self.options.closed()
end

return conversation
