-- The answer to a message that was sent before, on a connection to the browser that broke: from the task's history.

local aui = require "resty.aui"
local aui_message = require "aui.message"
local config = require "gateway.config"
local emit_text = require "gateway.chunk"
local ledger = require "gateway.ledger"
local lookup = require "gateway.lookup"
local metrics = require "gateway.metrics"
local refusal = require "gateway.refusal"

local FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5 -- seconds

local function position_of(messages, id)
  for index, message in ipairs(messages) do
    local is_answer = type(message) == "table" and message.id == id and message.sender.type ~= "user"
    if is_answer then return index end
  end
end

-- Where the answer is, if it is there already. Whoever sent the message may not have lived to hear its answer's id.
local function find(messages, message)
  local id = ledger.answer(message)
  if id then return position_of(messages, id) end
  local index = aui_message.find_answer(messages, { text = message.text, after = ledger.answer_before(message) })
  if not index then return nil end
  ledger.answered(message, messages[index].id)
  return index
end

-- What a browser is told of a look-up that failed, if there is no use in another: the message itself may have arrived.
local function final(err)
  if not err or err.retryable then return nil end
  local failure = refusal.public(err)
  failure.delivered = "maybe"
  return failure
end

-- The answer and its JSON, if the history has it; or nil, and a failure if there is no use in looking again.
local function look_up(message, pause)
  local messages, more = lookup(message.task_id, pause)
  if not messages then return nil, final(more) end
  local index = find(messages, message)
  if index then return messages[index], more[index] end
end

local function missing()
  return { kind = "timeout", message = "The answer is missing.", retryable = true, delivered = "maybe" }
end

-- The answer and its JSON when the history has it; or nil and why there is none. A message of which nothing is known,
-- as anybody can make one up, is under way nowhere: it is looked for once.
local function search(answer)
  local message = answer.message
  local patience = ledger.has_begun(message) and config.resume_patience or 0
  local deadline, pause = aui.now() + patience, FIRST_PAUSE
  repeat
    local failure = ledger.failure(message) -- looked up first: it may have come after the answer
    local found, more = look_up(message, pause)
    if found then return found, more end
    failure = failure or more
    if failure then return nil, failure end
    pause = math.min(pause * 2, LONGEST_PAUSE)
  until aui.now() >= deadline or not answer:is_wanted()
  return nil, missing()
end

-- Searches in a light thread, as a slow agent may take long for each history: who waits says meanwhile that it does,
-- and need not wait for the end. The results are in the table returned when it `is_complete`.
local function begin_search(answer)
  local results = {}
  ngx.thread.spawn(function()
    results.ok, results.found, results.more = pcall(search, answer)
    results.is_complete = true
    answer.news:post(1)
  end)
  return results
end

--- Waits until the history has the answer (gateway.answer), and tells the listener; stops when it is not wanted.
return function(answer)
  metrics.count "gateway_resumes_total"
  local listener, results = answer.listener, begin_search(answer)
  repeat
    local is_wanted = answer:wait()
  until results.is_complete or not is_wanted
  if not results.is_complete then return listener:emit("error", refusal.canceled "maybe") end
  local found, more = results.found, results.more
  if not results.ok then error(found, 0) end
  if not found then return listener:emit("error", more) end
  emit_text(listener, 0, type(found.text) == "string" and found.text or "")
  listener:emit("message", more)
end
