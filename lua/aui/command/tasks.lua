-- aui tasks: the tasks of a user, a new one, and what was said in one.

local aui = require "aui"
local cjson = require "cjson"
local failure = require "aui.command.failure"
local setting = require "aui.command.setting"
local terminal = require "aui.command.terminal"
local text = require "aui.command.text"

local tasks = {}

--- Declares its commands.
function tasks.declare(command)
  command:require_command(false):command_target "action"
  local list = command:command("list", "List a user's tasks, newest first.")
  list:option("--page", "Which page of them."):convert(tonumber):default "1"
  list:option("--size", "How many a page has."):convert(tonumber):default "10"
  local new = command:command("new", "Begin a task: its id, and what the agent says first.")
  local show = command:command("show", "Show what was said in a task or a thread.")
  show:argument("id", "Its id.")
  for _, each in ipairs { list, new, show } do
    each:flag("--json", "Print it as JSON.")
    setting.declare(each)
  end
end

-- ---- JSON ----

local function as_it_is(json) return json end

local function list_json(list, item_json)
  local items = {}
  for index, item in ipairs(list) do items[index] = item_json(item) end
  return "[" .. table.concat(items, ",") .. "]"
end

-- `members` has what writes some of its members: lua-cjson takes an empty list for an object.
local function object_json(object, members)
  local parts = {}
  for name, value in pairs(object) do
    parts[#parts + 1] = cjson.encode(name) .. ":" .. (members[name] or cjson.encode)(value)
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local TASK = { followup_suggestions = function(list) return list_json(list, cjson.encode) end }

local function task_json(task) return object_json(task, TASK) end

local PAGE = { tasks = function(list) return list_json(list, task_json) end }

-- ---- What they do ----

-- Each returns what is to be printed: lines.
local action = {}

function action.list(client, read)
  local page = failure.assert(client:list_tasks { user_id = setting.user(read), page = read.page, size = read.size })
  if read.json then return { text.json(object_json(page, PAGE)) } end
  local lines = {}
  for index, task in ipairs(page.tasks) do
    lines[index] = table.concat({ text.line(task.id), text.line(task.created_at), text.line(task.title) }, "  ")
  end
  return lines
end

function action.new(client, read)
  local task = failure.assert(client:create_task { user_id = setting.user(read) })
  if read.json then return { text.json(task_json(task)) } end
  return { text.line(task.id), task.welcome_message and text.clean(task.welcome_message) }
end

function action.show(client, read)
  if read.json then return { text.json(list_json(failure.assert(client:messages_json(read.id)), as_it_is)) } end
  local lines = {}
  for index, message in ipairs(failure.assert(client:messages(read.id))) do
    local is_user = type(message.sender) == "table" and message.sender.type == "user"
    local margin = is_user and "> " or "  " -- of each line: whose it is shows, whatever it begins with
    lines[index] = margin .. text.clean(message.text):gsub("\n", "\n" .. margin)
  end
  return lines
end

--- Does one of them.
function tasks.run(read)
  if not read.action then failure.usage "tasks: expected list, new or show" end
  local client = aui.client(setting.options(read))
  for _, line in ipairs(terminal.wait_for(action[read.action], client, read)) do print(line) end
end

return tasks
