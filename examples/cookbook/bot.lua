-- bot.lua USER QUESTION: goes on with the user's latest conversation, which the service remembers, or begins one.
-- Of the tasks API alone: the threads API lists no conversations.
local aui = require "aui"

local user, question = arg[1], arg[2]
if not question then
  io.stderr:write "usage: bot.lua USER QUESTION\n"
  os.exit(2)
end

local client = aui.client { url = (os.getenv "AUI_URL" or ""):match ".+" }
local latest = assert(client:list_tasks { user_id = user, size = 1 }).tasks[1]
local session = assert(client:connect { user_id = user, task_id = latest and latest.id })
if session.task then print(session.task.welcome_message) end

print(assert(session:ask(question)).text)
session:close()
