-- What a line that begins with a slash does.

local busy = require "busy"
local choices = require "choices"
local screen = require "screen"
local talk = require "talk"

local HELP = {
  "/new         begin a new task",
  "/tasks       your tasks, newest first; /tasks 2 has older ones",
  "/task [ID]   go on with another task; or which one this is",
  "/history     what was said in this task",
  "/help        this list",
  "/quit        end, as Ctrl-D does",
  "A number picks from the list above. Ctrl-C stops what is under way.",
  "The arrow keys bring back earlier lines.",
}
local PAGE = 10 -- tasks

local by_name = {}

local function go_to(chat, task_id)
  chat.task_id, chat.choices = task_id, nil
  screen.note(("Now in task %s; /history shows what was said."):format(task_id))
end

local function is_text(value) return type(value) == "string" and value ~= "" end

-- What tells a task from others: titles may be alike, and not every server says when a task was begun.
local function line_of(task, current_id)
  local title = is_text(task.title) and task.title .. "  " or ""
  local time = is_text(task.created_at) and task.created_at:sub(1, 16):gsub("T", " ")
  return title .. (time or task.id) .. (task.id == current_id and "  (this one)" or "")
end

function by_name.help() screen.block("What you can say", HELP) end

function by_name.new(chat) talk.begin(chat) end

function by_name.task(chat, id)
  if id ~= "" then return go_to(chat, id) end
  screen.note(chat.task_id and "The task is " .. chat.task_id or "There is no task yet")
end

function by_name.tasks(chat, number)
  local page = number == "" and 1 or tonumber(number) or number
  local client = chat.client
  local list = busy.get(client.list_tasks, client, { user_id = chat.user_id, page = page, size = PAGE })
  local lines = {}
  for index, task in ipairs(list.tasks) do
    lines[index] = line_of(task, chat.task_id)
  end
  if not lines[1] then return screen.note(page == 1 and "There is no task yet" or "There are no more tasks") end
  choices.offer(chat, "Your tasks", lines, function(index) go_to(chat, list.tasks[index].id) end)
  if (list.total or 0) <= page * PAGE then return end
  screen.note(("%d in all; /tasks %d has older ones"):format(list.total, page + 1))
end

function by_name.history(chat)
  if not chat.task_id then return screen.note "There is no task yet" end
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
