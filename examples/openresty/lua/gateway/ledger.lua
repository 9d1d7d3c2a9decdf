-- What became of each message, known to all workers: so that a message is sent once, however often its browser asks.

local cjson = require "cjson.safe"
local config = require "gateway.config"
local store = require "gateway.store"

local ledger = {}

local messages, conversations = store "messages", store "conversations"

local MEMORY = 3600 -- seconds
local CLAIM = 5 -- seconds, of which a busy machine or store may take some
local LONGEST_ID = 128 -- bytes

local function key(kind, message) return kind .. ":" .. message.task_id .. ":" .. message.id end

--- Notes that a message is about to be sent: false if that was noted before. The messages of a task that came before
--- have been given up now, unless their browsers wait for them.
function ledger.begin(message)
  local last = conversations:get("answered:" .. message.task_id) or ""
  if not messages:add(key("sent", message), last, MEMORY) then return false end
  messages:delete(key("failed", message)) -- of an earlier attempt, which did not arrive
  messages:set("newest:" .. message.task_id, message.id, MEMORY)
  return true
end

--- Whether that was noted.
function ledger.has_begun(message) return messages:get(key("sent", message)) ~= nil end

--- The id of the task's last answer before the message, as far as known.
function ledger.answer_before(message)
  local id = messages:get(key("sent", message))
  return id ~= "" and id or nil
end

--- Notes that it was answered, by the agent's message with this id, which need not be one: then the answer has to be
--- found by its question.
function ledger.answered(message, answer_id)
  if type(answer_id) ~= "string" or #answer_id > LONGEST_ID then return end
  conversations:set("answered:" .. message.task_id, answer_id, config.cookie_lifetime)
  messages:set(key("answer", message), answer_id, MEMORY)
end

--- The id of its answer, if that is known.
function ledger.answer(message) return messages:get(key("answer", message)) end

--- Notes that it ended in an error (what a browser is told of it). One that did not reach the agent may be sent again.
function ledger.failed(message, error)
  messages:set(key("failed", message), cjson.encode(error), MEMORY)
  if error.delivered == "no" then messages:delete(key("sent", message)) end
end

--- The error in which it ended, if it did.
function ledger.failure(message)
  local text = messages:get(key("failed", message))
  return text and cjson.decode(text)
end

--- Notes that its browser has come back, and waits for its answer: to be called each second while it does.
function ledger.claim(message) messages:set(key("claimed", message), "1", CLAIM) end

--- Notes that it waits no more.
function ledger.release(message) messages:delete(key("claimed", message)) end

--- Whether to go on without a browser: true while it waits elsewhere, false when it sends something else.
function ledger.is_claimed(message)
  if messages:get(key("claimed", message)) then return true end
  if messages:get("newest:" .. message.task_id) ~= message.id then return false end
end

return ledger
