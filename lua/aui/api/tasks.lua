-- The tasks API as it is on the wire: where it is, and what its REST calls ask and answer. The requests are those of
-- aui.api.call. Raises for a bad argument.

local answer = require "aui.api.answer"
local check = require "aui.option.check"
local json = require "aui.text.json"
local json_object = require "aui.api.json_object"
local percent = require "aui.text.percent"
local request = require "aui.api.request"

local tasks = {
  NAME = "tasks",
  KEY = "api_key", -- the option
  OTHER_KEY = "a publishable_key", -- of the other API
  REGION_NAMES = { "gcp", "azure", "aws" }, -- the default first
  OWN_HEADERS = {}, -- in lower case, which users cannot set
  SCHEMES = { plain = "ws", secure = "wss" },
  MEANINGLESS = { "publishable_key", "thread_id", "carrier" }, -- options of others
  SHARES = true, -- whether a pool's connection may serve another session
  CONVERSATION = "task_id", -- the option that names one
  SESSION_MESSAGE = {
    text = true, task_id = true, context = true, agent_variables = true, fields = true, timeout = true,
  }, -- the fields of what session:send takes
}

local KEY_PARAMETER = "network_api_key"
local KEY_HEADER = "x-network-api-key"

-- The WebSocket's address, where it is known by name.
tasks.REGIONS = {
  gcp = "wss://data-services.aui.io/api/ia-controller/api/v1/external/session",
  azure = "wss://azure.aui.io/api/ia-controller/api/v1/external/session",
  aws = "wss://aws.aui.io/ia-controller/api/v1/external/session",
}

local ROOT = "/api/v1/external"
local ORIGIN = "api" -- where tasks come from that do not say: newer servers want to know
local PAGE_SIZE = 10 -- the server's own

--- What stands before the paths of REST calls, by the path of the WebSocket's address; nil if that does not tell: one
--- of one's own need not.
function tasks.rest_base(path) return path:match("^(.*)" .. ROOT .. "/session/?$") end

local function task_path(task_id) return ROOT .. "/tasks" .. request.segment("task_id", task_id) end

--- What an URL's path and query must not be, in words; nil if there is nothing wrong.
function tasks.problem_of_target(target)
  return target:find(KEY_PARAMETER, 1, true) and "must not carry " .. KEY_PARAMETER .. "; use api_key" or nil
end

local function with_parameter(target, key)
  local separator = target:find("?", 1, true) and "&" or "?"
  return target .. separator .. KEY_PARAMETER .. "=" .. percent.encode(key)
end

--- What is wrong with a key, in words; nil: nothing.
function tasks.problem_of_key(key) return key:find "[%z\r\n]" and "must not contain CR, LF or NUL" or nil end

--- How a session's messages are carried, as the core calls it.
function tasks.carrier() return "websocket" end

--- What the key, which may be nil, makes of a request's target and header lines: the WebSocket's target and lines, and
--- the lines of REST calls. Of the options `auth`.
function tasks.sign(key, target, lines, options)
  if not key then return target, lines, lines end
  local with_header = lines .. KEY_HEADER .. ": " .. key .. "\r\n"
  if options.auth == "header" then return target, with_header, with_header end
  return with_parameter(target, key), lines, with_header
end

-- ---- What is answered ----

-- A task's suggestions are always there, as a message's are.
local function complete_task(task)
  if type(task.followup_suggestions) ~= "table" then task.followup_suggestions = {} end
  return task
end

local function is_task(value) return type(value) == "table" and check.is_id(value.id) end

local function read_task(body)
  local task, problem = answer.object(body)
  if not task then return nil, problem end
  if not is_task(task) then return nil, "expected a task with an id" end
  return complete_task(task)
end

local function read_page(body)
  local page, problem = answer.object(body)
  if not page then return nil, problem end
  if type(page.tasks) ~= "table" then return nil, "expected a list of tasks" end
  for _, task in ipairs(page.tasks) do
    if not is_task(task) then return nil, "expected a list of tasks with their ids" end
    complete_task(task)
  end
  for _, name in ipairs { "total", "page", "size" } do page[name] = json.whole(page[name]) end
  return page
end

-- ---- The calls ----

local NEW_TASK = { user_id = "id", task_origin_type = "text", fields = "table" }

--- Makes a task.
function tasks.create_task(given)
  request.check_fields("task", given, NEW_TASK)
  check.given("user_id", given.user_id, "string")
  local origin = given.task_origin_type or ORIGIN
  local task = { user_id = given.user_id, task_origin_type = origin, fields = given.fields }
  return request.post(ROOT .. "/tasks", json_object.encode({ "user_id", "task_origin_type" }, task), read_task)
end

--- One task.
function tasks.task(task_id) return request.get(task_path(task_id), read_task) end

local PAGE = { user_id = "id", page = "whole", size = "whole" }

--- A page of a user's tasks.
function tasks.list_tasks(fields)
  request.check_fields("tasks", fields, PAGE)
  check.given("user_id", fields.user_id, "string")
  local query = ("?user_id=%s&page=%d&size=%d"):format(
    percent.encode(fields.user_id),
    fields.page or 1,
    fields.size or PAGE_SIZE
  )
  return request.get(ROOT .. "/tasks", read_page, query)
end

--- A task's messages.
function tasks.messages(task_id) return request.get(task_path(task_id) .. "/messages", answer.messages) end

--- The same, as the JSON text of each.
function tasks.messages_json(task_id) return request.get(task_path(task_id) .. "/messages", answer.texts) end

local MESSAGE = {
  task_id = "id", text = "text", context = "table", agent_variables = "table", is_external_api = "boolean",
  include_business_trace = "boolean", include_context_trace = "boolean", fields = "table",
} -- stylua: ignore

-- The query of those that say true or false.
local function flags(fields)
  local parts = {}
  for _, name in ipairs { "is_external_api", "include_business_trace", "include_context_trace" } do
    if fields[name] ~= nil then parts[#parts + 1] = ("%s=%s"):format(name, tostring(fields[name])) end
  end
  return parts[1] and "?" .. table.concat(parts, "&") or nil
end

--- A message to the agent as JSON, on a session and in a REST call alike.
function tasks.encode_message(message)
  return json_object.encode({ "task_id", "text", "context", "agent_variables" }, message)
end

--- A message on a session, whose text was checked: its JSON and its task. `session` has the task of one that names
--- none.
---@return string json
---@return string conversation
function tasks.session_message(message, session)
  local task_id = message.task_id
  if task_id == nil then task_id = session.task_id end
  check.id("task_id", task_id)
  if task_id == nil then
    check.fail("task_id", "expected a string, here or in the session's options, whose user_id makes a task")
  end
  check.type("context", message.context, "table")
  check.type("agent_variables", message.agent_variables, "table")
  return tasks.encode_message {
    task_id = task_id,
    text = message.text,
    context = message.context,
    agent_variables = message.agent_variables,
    fields = message.fields,
  },
    task_id
end

--- Asks for the messages of a conversation of a session's.
function tasks.history(_, conversation)
  if conversation == nil then check.fail("task_id", "expected a task in the session's options") end
  return tasks.messages(conversation)
end

--- A message to the agent, answered by the agent's.
function tasks.send_message(message)
  request.check_fields("message", message, MESSAGE)
  check.given("task_id", message.task_id, "string")
  return request.post(ROOT .. "/message", tasks.encode_message(message), answer.message, flags(message))
end

local SUGGESTIONS = { context = "table", created_by = "text", fields = "table" }

--- What a user might ask.
function tasks.followup_suggestions(given)
  request.check_fields("suggestions", given, SUGGESTIONS)
  local body = json_object.encode({ "context", "created_by" }, given)
  return request.post(ROOT .. "/direct-followup-suggestions", body, answer.suggestions)
end

--- How a message of the agent came to be.
function tasks.trace(task_id, message_id)
  local path = task_path(task_id) .. "/messages" .. request.segment("message_id", message_id) .. "/trace-info"
  return request.get(path, answer.object)
end

--- One that has no name here.
function tasks.call(method, path, body) return request.any(method, path, body, answer.anything, "/api/v1/...") end

return tasks
