-- A chat with an agent in a terminal; /help lists what it understands. The key is that of AUI_NETWORK_API_KEY, or of
-- AUI_PUBLISHABLE_KEY, by which it speaks the threads API; with AUI_URL it talks to that server instead of the service,
-- such as aui-sim. AUI_USER_ID is whose conversations they are (the login name), AUI_TASK_ID or AUI_THREAD_ID the one
-- to go on with, in place of a new one.
package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. arg[0]:gsub("[^/]*$", "../lib/?.lua;") .. package.path

local aui = require "aui"
local choices = require "choices"
local commands = require "commands"
local keyboard = require "keyboard"
local line = require "line"
local screen = require "screen"
local setting = require "setting"
local talk = require "talk"
local text = require "text"

-- The chat: what it talks by and whose it is; its conversation, which is a task or a thread by the API that the key is
-- for; and the list whose lines are picked by their numbers. A session connects when there is something to send, and
-- again after a failure.
local function open()
  local client = aui.client { url = setting "AUI_URL", reconnect = false }
  local chat = {
    client = client,
    user_id = setting "AUI_USER_ID" or setting "USER" or "chat",
    kind = client.api == "threads" and "thread" or "task",
    session = nil, -- of the conversation
    task_id = nil,
    choices = nil,
  }
  local id = setting(chat.kind == "thread" and "AUI_THREAD_ID" or "AUI_TASK_ID")
  if id then talk.enter(chat, id) end
  return chat
end

local function begin(chat)
  if not chat.session then return talk.begin(chat) end
  screen.note(("The %s is %s; /history shows what was said."):format(chat.kind, talk.id(chat)))
end

local function obey(chat, typed)
  local words = text.trim(typed)
  local name, argument = words:match "^/(%S*)%s*(.*)$"
  if name then return commands.run(chat, name, argument) end
  if words:find "^%d+$" and choices.are_there(chat) then return choices.pick(chat, words) end
  if words ~= "" then talk.ask(chat, words) end
end

-- Whatever goes wrong with one thing is shown, and the chat goes on.
local function try(action, ...)
  local ok, err = pcall(action, ...)
  if ok then return end
  local stopped = screen.is_interrupt(err) or type(err) == "table" and err.kind == "canceled"
  if not stopped then return screen.complain(err) end
  screen.note "Stopped. The next Ctrl-C ends the chat."
end

local function converse(chat)
  keyboard.take()
  screen.note "Say something, or /help; Ctrl-D ends the chat."
  try(begin, chat)
  for words in line.read, "You" do
    if words:find "^%s*/quit%s*$" then return end
    try(obey, chat, words)
  end
end

local opened, chat = pcall(open)
if not opened then
  screen.complain(chat)
  os.exit(1)
end
local ok, err = pcall(converse, chat)
keyboard.release()
if chat.session then chat.session:close() end
if screen.is_interrupt(err) then
  io.write "\n"
  os.exit(130)
end
assert(ok, err)
