-- What user and agent say to each other. What goes wrong is raised.

local busy = require "aui.command.chat.busy"
local choices = require "aui.command.chat.choices"
local failure = require "aui.command.failure"
local products = require "aui.command.products"
local screen = require "aui.command.screen"
local text = require "aui.command.text"

local talk = {}

local function say(name, words) screen.paragraph(name):add(text.clean(words), 0) end

local function offer(chat, list)
  local suggestions = text.lines(list)
  choices.offer(chat, "You could ask", suggestions, function(index)
    screen.say("You", suggestions[index])
    talk.ask(chat, suggestions[index])
  end)
end

--- Goes on in the conversation with this id; nil: a new thread, which the server makes with the first message.
function talk.enter(chat, id)
  local task_id = chat.kind == "task" and id or nil
  local place = task_id and { task_id = id } or { thread_id = id, user_id = chat.user_id }
  local session = failure.assert(chat.client:session(place))
  if chat.session then chat.session:close() end
  chat.session, chat.task_id, chat.choices = session, task_id, nil
end

--- The conversation's id; nil: there is no conversation, or it has no id yet.
function talk.id(chat) return chat.task_id or chat.session and chat.session.thread_id end

-- A new task has the agent's first words; what they are in a new thread is asked for.
local function welcome(chat)
  local client = chat.client
  if chat.kind == "task" then return busy.get(client.create_task, client, { user_id = chat.user_id }) end
  local answer = busy.get(client.welcome_message, client)
  return { welcome_message = answer.welcome_message, followup_suggestions = {} }
end

--- Begins a new conversation, in which the agent has the first word.
function talk.begin(chat)
  local begun = welcome(chat)
  talk.enter(chat, begun.id)
  if begun.welcome_message then say("Agent", begun.welcome_message) end
  offer(chat, begun.followup_suggestions)
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

--- Asks the agent, in a new conversation if there is none yet.
function talk.ask(chat, words)
  if not chat.session then talk.begin(chat) end
  local reply = chat.session:send(words)
  local ok, message = pcall(busy.get, follow, reply)
  if not ok then
    reply:cancel() -- it may be the user who has stopped it
    error(message, 0)
  end
  screen.block(products.table(message, screen.width()))
  offer(chat, message.followup_suggestions)
end

--- Shows what was said in the conversation so far.
function talk.recall(chat)
  local id = talk.id(chat)
  local messages = id and busy.get(chat.client.messages, chat.client, id) or {}
  if not messages[1] then return screen.note "Nothing was said yet." end
  for _, message in ipairs(messages) do
    local is_user = type(message.sender) == "table" and message.sender.type == "user"
    say(is_user and "You" or "Agent", message.text)
  end
  offer(chat, messages[#messages].followup_suggestions)
end

return talk
