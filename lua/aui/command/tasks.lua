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
  command:command_target "action"
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

-- A line of words from servers.
local function print_line(...) print((text.clean(table.concat({ ... }, "  ")):gsub("\n", " "))) end

local action = {}

function action.list(client, read)
  local page = failure.assert(client:list_tasks { user_id = setting.user(read), page = read.page, size = read.size })
  return page, function()
    for _, task in ipairs(page.tasks) do print_line(task.id, tostring(task.created_at or ""), task.title or "") end
  end
end

function action.new(client, read)
  local task = failure.assert(client:create_task { user_id = setting.user(read) })
  return task, function()
    print_line(task.id)
    if task.welcome_message then print(text.clean(task.welcome_message)) end
  end
end

function action.show(client, read)
  local messages = failure.assert(client:messages(read.id))
  return messages, function()
    for _, message in ipairs(messages) do
      local is_user = type(message.sender) == "table" and message.sender.type == "user"
      print((is_user and "> " or "") .. text.clean(tostring(message.text)))
    end
  end
end

--- Does one of them.
function tasks.run(read)
  local client = aui.client(setting.options(read))
  local result, show = terminal.wait_for(action[read.action], client, read)
  if read.json then return print(cjson.encode(result)) end
  show()
end

return tasks
