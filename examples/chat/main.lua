-- A chat with an agent in a terminal. /help lists what it understands. AUI_NETWORK_API_KEY holds the key, AUI_TASK_ID
-- the task, in place of a new one; with AUI_URL it talks to that server instead of the service, such as aui-sim. Lines
-- are edited as the terminal does by itself; `rlwrap` in front adds a history and the arrow keys.
package.path = arg[0]:gsub("[^/]*$", "") .. "../bot/?.lua;" .. package.path

local aui = require "aui"
local products = require "products"
local screen = require "screen"

local HELP = {
  "/task ID   go on with another task",
  "/help      this list",
  "/quit      end, as Ctrl-D does",
  "A number sends the suggestion with that number. Ctrl-C stops an answer.",
  "With rlwrap in front of its command, the chat has a history and arrow keys.",
}

-- A variable of the environment; an empty one is as one that is not set.
local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

-- The session connects when there is something to send, and again after a failure.
local function open()
  local client = aui.client { url = setting "AUI_URL", reconnect = false }
  return { client = client, session = assert(client:session()), task_id = setting "AUI_TASK_ID", suggestions = {} }
end

local function show_suggestions(chat)
  local lines = {}
  for index, suggestion in ipairs(chat.suggestions) do
    lines[index] = ("%d  %s"):format(index, suggestion)
  end
  screen.block("You could ask", lines)
end

local function show_answer(reply)
  local answer = screen.paragraph "Agent"
  local chunk, keep = reply:next()
  while chunk do
    answer:add(chunk, keep)
    chunk, keep = reply:next()
  end
  return reply:message()
end

-- Makes a task if none was chosen.
local function choose_task(chat)
  if not chat.task_id then chat.task_id = assert(chat.client:create_task { user_id = "chat" }).id end
end

local function ask(chat, text)
  choose_task(chat)
  local reply = chat.session:send { text = text, task_id = chat.task_id }
  chat.reply = reply
  local message, err = show_answer(reply)
  if not message then return screen.complain(err) end
  screen.block(products.table(message, screen.width()))
  chat.suggestions = message.followup_suggestions
  show_suggestions(chat)
end

-- Whatever goes wrong with one message is shown, and the chat goes on.
local function try_to_ask(chat, text)
  local ok, err = pcall(ask, chat, text)
  if ok then return end
  if not screen.is_interrupt(err) then return screen.complain(err) end
  if chat.reply then chat.reply:cancel() end -- none yet while the task is made
  screen.note "Stopped. The next Ctrl-C ends the chat."
end

local commands = {}

function commands.help() screen.block("What you can say", HELP) end

function commands.task(chat, id)
  if id == "" then return screen.note("The task is " .. (chat.task_id or "not chosen yet")) end
  chat.task_id, chat.suggestions = id, {}
  screen.note("Now in task " .. id)
end

local function obey(chat, name, argument)
  local command = commands[name]
  if not command then return screen.note(("There is no /%s; /help lists what there is."):format(name)) end
  command(chat, argument)
end

-- A number stands for a suggestion, where there are any.
local function say(chat, words)
  local number = #chat.suggestions > 0 and words:match "^%d+$"
  if not number then return try_to_ask(chat, words) end
  local suggestion = chat.suggestions[tonumber(number)]
  if suggestion then return try_to_ask(chat, suggestion) end
  screen.note(("There is no suggestion %s; to send a number, put a word beside it."):format(number))
end

local function converse(chat)
  screen.note "Say something, or /help; Ctrl-D ends the chat."
  for line in screen.read, "You" do
    local words = line:match "^%s*(.-)%s*$"
    local name, argument = words:match "^/(%S+)%s*(.*)$"
    if name == "quit" then return end
    if name then
      obey(chat, name, argument)
    elseif words ~= "" then
      say(chat, words)
    end
  end
end

local opened, chat = pcall(open)
if not opened then
  screen.complain(chat)
  os.exit(1)
end
local ok, err = pcall(converse, chat)
chat.session:close()
if screen.is_interrupt(err) then
  io.write "\n"
  os.exit(130)
end
assert(ok, err)
