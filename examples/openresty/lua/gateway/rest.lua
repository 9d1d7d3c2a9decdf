-- The agent's REST calls: nothing blocks, and the key stays in here. What goes wrong is counted and logged.

local aui = require "resty.aui"
local config = require "gateway.config"
local metrics = require "gateway.metrics"

local rest = {}

local options = config.agent()
local client = aui.client(options)
options.max_response_body = config.max_task
local client_for_tasks = aui.client(options)
if options.url and not options.url:find "/api/v1/external/session/?$" then
  error("AUI_URL: expected an URL that ends in /api/v1/external/session, for the REST calls beside it", 0)
end

-- Passes on the results of a call; the words of a failure say nothing of the key.
local function noted(result, err)
  if result then return result end
  metrics.count("aui_errors_total", { kind = err.kind })
  ngx.log(ngx.WARN, "agent: ", err.kind, ": ", err.message)
  return nil, err
end

--- Whether a value of any kind can be the id of a task: it becomes part of keys in the store.
function rest.is_task_id(value) return type(value) == "string" and #value <= 64 and value:find "^[%w-]+$" ~= nil end

local function create_task(user_id)
  local task, err = client_for_tasks:create_task { user_id = user_id, task_origin_type = "web" }
  if not task or rest.is_task_id(task.id) then return task, err end
  return nil, { kind = "protocol", message = "the agent's new task has an unlikely id", retryable = false }
end

--- Creates a task: a table with its `id` and more, or nil and an error.
---@param user_id string
function rest.create_task(user_id) return noted(create_task(user_id)) end

--- The messages of a task, oldest first, each as JSON; or nil and an error.
---@param task_id string
function rest.messages(task_id) return noted(client:messages_json(task_id)) end

return rest
