-- Conversations in the agent's tasks API, each of which is a task.

local aui = require "resty.aui"
local config = require "gateway.config"

local tasks = {}

local options = config.agent()
local client = aui.client(options)
options.max_response_body = config.max_task
local client_for_tasks = aui.client(options)
if options.url and not options.url:find "/api/v1/external/session/?$" then
  error("AUI_URL: expected an URL that ends in /api/v1/external/session, for the REST calls beside it", 0)
end

-- Each conversation has a connection of its own: kept for who asks on at once, but not for so long that those of many
-- who have left fill the worker. With the task, a pool keeps what one browser's agent says away from the others.
local pool = client:pool { size = 1, idle = 5 }

function tasks.begin(user_id) return client_for_tasks:create_task { user_id = user_id, task_origin_type = "web" } end

function tasks.connect(id) return pool:connect { task_id = id } end

function tasks.keep() end

function tasks.messages(id) return client:messages_json(id) end

return tasks
