-- What a line that begins with a slash does.

local busy = require "aui.command.chat.busy"
local choices = require "aui.command.chat.choices"
local screen = require "aui.command.screen"
local talk = require "aui.command.chat.talk"

-- Commands and what they do; "%s" stands for what a conversation is called.
local HELP = {
  { "/new", "begin a new %s" },
  { "/tasks", "your tasks, newest first; /tasks 2 has older ones", of = "task" },
  { "/%s [ID]", "go on with another %s; or which one this is" },
  { "/history", "what was said in this %s" },
  { "/help", "this list" },
  { "/quit", "end, as Ctrl-D does" },
}
local KEYS = {
  "A number picks from the list above. Ctrl-C stops what is under way.",
  "The arrow keys bring back earlier lines.",
}
local PAGE = 10 -- tasks

local by_name = {}

local function go_to(chat, id)
  talk.enter(chat, id)
  screen.note(("Now in %s %s; /history shows what was said."):format(chat.kind, id))
end

local function is_text(value) return type(value) == "string" and value ~= "" end

-- What tells a task from others: titles may be alike, and not every server says when a task was begun.
local function line_of(task, current_id)
  local title = is_text(task.title) and task.title .. "  " or ""
  local time = is_text(task.created_at) and task.created_at:sub(1, 16):gsub("T", " ")
  return title .. (time or task.id) .. (task.id == current_id and "  (this one)" or "")
end

function by_name.help(chat)
  local lines = {}
  for _, row in ipairs(HELP) do
    local line = ("%-13s%s"):format(row[1]:format(chat.kind), row[2]:format(chat.kind))
    if not row.of or row.of == chat.kind then lines[#lines + 1] = line end
  end
  for _, line in ipairs(KEYS) do lines[#lines + 1] = line end
  screen.block("What you can say", lines)
end

function by_name.new(chat) talk.begin(chat) end

-- "There is no task yet", or no thread.
local function say_none(chat) screen.note(("There is no %s yet"):format(chat.kind)) end

function by_name.task(chat, id)
  if id ~= "" then return go_to(chat, id) end
  local current = talk.id(chat)
  if not current then return say_none(chat) end
  screen.note(("The %s is %s"):format(chat.kind, current))
end

by_name.thread = by_name.task

local function say_no_list() screen.note "The threads API lists no threads: note what /thread says, to come back." end

function by_name.tasks(chat, number)
  if chat.kind == "thread" then return say_no_list() end
  local page = number == "" and 1 or tonumber(number) or number
  local client = chat.client
  local list = busy.get(client.list_tasks, client, { user_id = chat.user_id, page = page, size = PAGE })
  local lines = {}
  for index, task in ipairs(list.tasks) do
    lines[index] = line_of(task, chat.task_id)
  end
  if not lines[1] and page == 1 then return say_none(chat) end
  if not lines[1] then return screen.note "There are no more tasks" end
  choices.offer(chat, "Your tasks", lines, function(index) go_to(chat, list.tasks[index].id) end)
  local total = type(list.total) == "number" and list.total or 0
  if total <= page * PAGE then return end
  screen.note(("%s in all; /tasks %d has older ones"):format(total, page + 1))
end

by_name.threads = by_name.tasks

function by_name.history(chat)
  if not chat.session then return say_none(chat) end
  talk.recall(chat)
end

local commands = {}

--- Does what the command of this name is for.
function commands.run(chat, name, argument)
  local command = by_name[name]
  if not command then return screen.note(("There is no /%s; /help lists what there is."):format(name)) end
  command(chat, argument)
end

return commands
