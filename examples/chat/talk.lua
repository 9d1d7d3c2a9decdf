-- What user and agent say to each other. What goes wrong is raised.

local busy = require "busy"
local choices = require "choices"
local products = require "products"
local screen = require "screen"

local talk = {}

local function say(name, words) screen.paragraph(name):add(words, 0) end

local function offer(chat, suggestions)
  choices.offer(chat, "You could ask", suggestions, function(index)
    screen.say("You", suggestions[index])
    talk.ask(chat, suggestions[index])
  end)
end

--- Begins a new task, in which the agent has the first word.
function talk.begin(chat)
  local task = busy.get(chat.client.create_task, chat.client, { user_id = chat.user_id })
  chat.task_id = task.id
  if task.welcome_message then say("Agent", task.welcome_message) end
  offer(chat, task.followup_suggestions)
end

-- Shows the answer while it comes; returns its message, or nil and the error.
local function follow(reply)
  local chunk, keep = reply:next()
  local answer = chunk and screen.paragraph "Agent"
  while chunk do
    answer:add(chunk, keep)
    chunk, keep = reply:next()
  end
  return reply:message()
end

--- Asks the agent, in a new task if there is none yet.
function talk.ask(chat, text)
  if not chat.task_id then talk.begin(chat) end
  local reply = chat.session:send { text = text, task_id = chat.task_id }
  local ok, message = pcall(busy.get, follow, reply)
  if not ok then
    reply:cancel() -- it may be the user who has stopped it
    error(message, 0)
  end
  screen.block(products.table(message, screen.width()))
  offer(chat, message.followup_suggestions)
end

--- Shows what was said in the task so far.
function talk.recall(chat)
  local messages = busy.get(chat.client.messages, chat.client, chat.task_id)
  if not messages[1] then return screen.note "Nothing was said yet." end
  for _, message in ipairs(messages) do
    local is_user = type(message.sender) == "table" and message.sender.type == "user"
    say(is_user and "You" or "Agent", tostring(message.text))
  end
  offer(chat, messages[#messages].followup_suggestions)
end

return talk
