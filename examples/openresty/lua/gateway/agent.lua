-- The agent, by the API that the key is for: nothing blocks, and the key stays in there. What goes wrong with REST
-- calls is logged. A conversation is called a task here, whatever it is there.

local aui = require "resty.aui"
local config = require "gateway.config"

-- begin(user_id): a new conversation's `id`, and what the agent says first; or nil and an error. connect(id, user_id,
-- message_id): a session in it whose connection is open, for a message; or nil and an error, or nil alone where another
-- request is about to send the same message. keep(id, session): notes what is known of it; to be
-- called when the agent has begun to answer, and before the session is closed. messages(id): each as JSON, oldest
-- first; or nil and an error.
local api = require("gateway.api." .. aui.client(config.agent()).api)

local agent = { connect = api.connect, keep = api.keep }

-- Passes on the results of a call; the words of a failure say nothing of the key.
local function noted(result, err)
  if result then return result end
  ngx.log(ngx.WARN, "agent: ", err.kind, ": ", err.message)
  return nil, err
end

--- Whether a value of any kind can be the id of a task: it becomes part of keys in the store.
function agent.is_task_id(value) return type(value) == "string" and #value <= 64 and value:find "^[%w-]+$" ~= nil end

local function create_task(user_id)
  local task, err = api.begin(user_id)
  if not task or agent.is_task_id(task.id) then return task, err end
  return nil, { kind = "protocol", message = "the agent's new task has an unlikely id", retryable = false }
end

--- Creates a task: a table with its `id` and more, or nil and an error.
---@param user_id string
function agent.create_task(user_id) return noted(create_task(user_id)) end

--- The messages of a task, oldest first, each as JSON; or nil and an error.
---@param task_id string
function agent.messages(task_id) return noted(api.messages(task_id)) end

return agent
