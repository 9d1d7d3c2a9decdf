-- Finds a message, and the agent's answer to it, in the history of a task. docs/recovery.md has the rules and the
-- reasons.

local history = {}

local function is_from(message, sender) return message.sender.type == sender end

-- Whether all that is looked at can be relied on: what is overlooked must not be taken for what is not there.
local function is_readable(messages)
  for _, message in ipairs(messages) do
    if type(message) ~= "table" or type(message.sender) ~= "table" then return false end
    if type(message.text) ~= "string" then return false end
  end
  return true
end

-- The messages without the agent's whose id one before them has, and the place of each in the whole list.
local function without_repeats(messages)
  local kept, places, known = {}, {}, {}
  for index, message in ipairs(messages) do
    local id = is_from(message, "agent") and type(message.id) == "string" and message.id or nil
    if not id or not known[id] then
      kept[#kept + 1] = message
      places[#kept] = index
    end
    if id then known[id] = true end
  end
  return kept, places
end

local function position_of(messages, id)
  for index, message in ipairs(messages) do
    if message.id == id then return index end
  end
end

-- Where the user's messages with this text are, behind a position.
local function positions_of_text(messages, text, behind)
  local positions = {}
  for index = behind + 1, #messages do
    if is_from(messages[index], "user") and messages[index].text == text then positions[#positions + 1] = index end
  end
  return positions
end

local function without_spaces(text) return (text:gsub("[\1-\32]+", "")) end

-- Whether the user has written something that may be ours although it reads differently: servers alter what they keep,
-- such as spaces at its end. Behind the newest known answer that is all but what is known to have been sent; without
-- one, what differs by spaces.
local function may_be_altered(messages, last, question)
  local ours = without_spaces(question.text)
  for index = (last or 0) + 1, #messages do
    local text = is_from(messages[index], "user") and messages[index].text
    if text and last and not question.others[text] then return true end
    if text and not last and without_spaces(text) == ours then return true end
  end
  return false
end

-- Whether every question behind a position and before ours has an answer. The answer of one that has none may yet come
-- behind ours.
local function is_settled(messages, behind, question)
  local awaited = 0
  for index = behind + 1, question - 1 do
    if is_from(messages[index], "user") then awaited = awaited + 1 end
    if is_from(messages[index], "agent") then awaited = math.max(0, awaited - 1) end
  end
  return awaited == 0
end

-- The agent's first message behind a question and before the next one. An id that was seen before the question left
-- answers it not.
local function find_answer(messages, behind, question, seen)
  if not is_settled(messages, behind, question) then return "unclear" end
  for index = question + 1, #messages do
    local message = messages[index]
    local is_known = seen and type(message.id) == "string" and seen(message.id)
    if is_from(message, "agent") and not is_known then return "answered", index end
    if is_from(message, "user") then return "unclear" end
  end
  return "unanswered"
end

local function classify(messages, question, seen)
  local last = question.last_id and position_of(messages, question.last_id)
  local found = positions_of_text(messages, question.text, last or 0)
  if question.begun then
    if #found == 0 then return "unanswered" end
    return find_answer(messages, last or 0, found[#found], seen)
  end
  if question.last_id and not last then return "unclear" end
  if #found == 0 then return may_be_altered(messages, last, question) and "unclear" or "absent" end
  local ours = last and found[question.earlier + 1]
  if not ours then return "unclear" end
  return find_answer(messages, last, ours, seen)
end

--- What became of a message. `messages`: the decoded history, oldest first. `question`: text; last_id, the id of the
--- newest answer known before it was sent, if any; earlier, how many messages with the same text were sent since and
--- may have arrived; others, the texts (as keys) of all that were; begun, whether some of the answer has come, so that
--- the message surely arrived. `seen(id)`, if it is given: whether the agent had named the id before the message left.
---@return "answered"|"unanswered"|"absent"|"unclear" verdict
---@return integer? index of the answer
function history.find(messages, question, seen)
  if not is_readable(messages) then return "unclear" end
  local kept, places = without_repeats(messages)
  local verdict, index = classify(kept, question, seen)
  return verdict, index and places[index]
end

return history
