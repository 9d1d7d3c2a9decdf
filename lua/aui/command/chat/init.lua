-- aui chat: a conversation in a terminal, in which /help lists what it understands.

local aui = require "aui"
local choices = require "aui.command.chat.choices"
local commands = require "aui.command.chat.commands"
local interrupt = require "aui.host.interrupt"
local keyboard = require "aui.command.chat.keyboard"
local line = require "aui.command.chat.line"
local screen = require "aui.command.screen"
local setting = require "aui.command.setting"
local talk = require "aui.command.chat.talk"
local text = require "aui.command.text"

local chat_command = {}

--- Declares its options.
function chat_command.declare(command) setting.declare_conversation(command) end

-- The chat: what it talks by and whose it is; its conversation, which is a task or a thread by the API that the key is
-- for; and the list whose lines are picked by their numbers. A session connects when there is something to send, and
-- again after a failure.
local function open(read)
  local client = aui.client(setting.options(read))
  local chat = {
    client = client,
    user_id = setting.user(read),
    kind = client.api == "threads" and "thread" or "task",
    session = nil, -- of the conversation
    task_id = nil,
    choices = nil,
  }
  local id = setting.conversation_id(read, client.api)
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
  local stopped = interrupt.is(err) or type(err) == "table" and err.kind == "canceled"
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

--- Holds the conversation, until its user ends it.
function chat_command.run(read)
  setting.record(read)
  local chat = open(read)
  local ok, err = pcall(converse, chat)
  keyboard.release()
  if chat.session then chat.session:close() end
  if not ok then error(err, 0) end
end

return chat_command
