-- The tasks API as it is on the wire: where it is, and what its REST calls ask and answer. The requests are those of
-- aui.api.call. Raises for a bad argument.

local check = require "aui.option.check"
local host = require "aui.host"
local json = require "aui.text.json"
local json_encoder = require "aui.text.json_encoder"
local json_object = require "aui.api.json_object"
local message_module = require "aui.api.message"
local percent = require "aui.text.percent"

local tasks = {}

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

-- ---- What is asked ----

local function check_text(argument, value)
  check.type(argument, value, "string")
  if value == "" then check.fail(argument, "expected some text, got an empty string") end
  if not host.is_utf8(value) then check.fail(argument, "expected valid UTF-8") end
end

-- An id as a part of a path.
local function segment(argument, id)
  check.given(argument, id, "string")
  check.id(argument, id)
  return "/" .. percent.encode(id)
end

local function task_path(task_id) return ROOT .. "/tasks" .. segment("task_id", task_id) end

local CHECKS = { id = check.id }

function CHECKS.text(argument, value)
  if value ~= nil then check_text(argument, value) end
end

for _, name in ipairs { "table", "boolean" } do
  CHECKS[name] = function(argument, value) check.type(argument, value, name) end
end

function CHECKS.whole(argument, value)
  if value ~= nil then check.whole(argument, value, 1, 2 ^ 31) end
end

-- Raises unless `given` is a table with these fields at most: from name to the name of a check.
local function check_fields(argument, given, known)
  check.given(argument, given, "table")
  check.names(argument, given, known)
  for name, how in pairs(known) do CHECKS[how](name, given[name]) end
end

local function get(path, read, query) return { method = "GET", path = path, query = query, read = read } end

local function post(path, body, read, query)
  return { method = "POST", path = path, query = query, body = body, read = read }
end

-- ---- What is answered ----

local function decode(body)
  if not host.is_utf8(body) then return nil, "it is not valid UTF-8" end
  return json.decode(body)
end

local function decode_object(body)
  if json.is_array(body) then return nil, "expected a JSON object" end
  local value, problem = decode(body)
  if type(value) ~= "table" then return nil, problem or "expected a JSON object" end
  return value
end

local function decode_array(body)
  if not json.is_array(body) then return nil, "expected a JSON array" end
  return decode(body)
end

-- A task's suggestions are always there, as a message's are.
local function complete_task(task)
  if type(task.followup_suggestions) ~= "table" then task.followup_suggestions = {} end
  return task
end

local function is_task(value) return type(value) == "table" and type(value.id) == "string" and value.id ~= "" end

local function read_task(body)
  local task, problem = decode_object(body)
  if not task then return nil, problem end
  if not is_task(task) then return nil, "expected a task with an id" end
  return complete_task(task)
end

local function read_page(body)
  local page, problem = decode_object(body)
  if not page then return nil, problem end
  if type(page.tasks) ~= "table" then return nil, "expected a list of tasks" end
  for _, task in ipairs(page.tasks) do
    if not is_task(task) then return nil, "expected a list of tasks with their ids" end
    complete_task(task)
  end
  for _, name in ipairs { "total", "page", "size" } do page[name] = json.whole(page[name]) end
  return page
end

local function read_message(body)
  if json.is_array(body) then return nil, "expected a message" end
  local message, problem = decode_object(body)
  if not message then return nil, problem end
  return message_module.complete(message)
end

local function read_messages(body)
  local messages, problem = decode_array(body)
  if not messages then return nil, problem end
  for _, message in ipairs(messages) do
    if type(message) ~= "table" then return nil, "expected a list of messages" end
    message_module.complete(message)
  end
  return messages
end

local function read_texts(body)
  if not json.is_array(body) then return nil, "expected a JSON array" end
  if not host.is_utf8(body) then return nil, "it is not valid UTF-8" end
  if not host.is_json(body) then return nil, "it is not valid JSON" end
  return json.items(host.plain_json(body))
end

local function read_suggestions(body)
  local answer, problem = decode_object(body)
  if not answer then return nil, problem end
  if type(answer.suggestions) ~= "table" then answer.suggestions = {} end
  return answer
end

local function read_anything(body)
  if not body:find "%S" then return true end
  return decode(body)
end

-- ---- The calls ----

local NEW_TASK = { user_id = "id", task_origin_type = "text", fields = "table" }

--- Makes a task.
function tasks.create_task(given)
  check_fields("task", given, NEW_TASK)
  check.given("user_id", given.user_id, "string")
  local origin = given.task_origin_type or ORIGIN
  local task = { user_id = given.user_id, task_origin_type = origin, fields = given.fields }
  return post(ROOT .. "/tasks", json_object.encode({ "user_id", "task_origin_type" }, task), read_task)
end

--- One task.
function tasks.task(task_id) return get(task_path(task_id), read_task) end

local PAGE = { user_id = "id", page = "whole", size = "whole" }

--- A page of a user's tasks.
function tasks.list_tasks(fields)
  check_fields("tasks", fields, PAGE)
  check.given("user_id", fields.user_id, "string")
  local query = ("?user_id=%s&page=%d&size=%d"):format(
    percent.encode(fields.user_id),
    fields.page or 1,
    fields.size or PAGE_SIZE
  )
  return get(ROOT .. "/tasks", read_page, query)
end

--- A task's messages.
function tasks.messages(task_id) return get(task_path(task_id) .. "/messages", read_messages) end

--- The same, as the JSON text of each.
function tasks.messages_json(task_id) return get(task_path(task_id) .. "/messages", read_texts) end

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

--- A message to the agent, answered by the agent's.
function tasks.send_message(message)
  check_fields("message", message, MESSAGE)
  check.given("task_id", message.task_id, "string")
  return post(ROOT .. "/message", tasks.encode_message(message), read_message, flags(message))
end

local SUGGESTIONS = { context = "table", created_by = "text", fields = "table" }

--- What a user might ask.
function tasks.followup_suggestions(given)
  check_fields("suggestions", given, SUGGESTIONS)
  local body = json_object.encode({ "context", "created_by" }, given)
  return post(ROOT .. "/direct-followup-suggestions", body, read_suggestions)
end

--- How a message of the agent came to be.
function tasks.trace(task_id, message_id)
  local path = task_path(task_id) .. "/messages" .. segment("message_id", message_id) .. "/trace-info"
  return get(path, decode_object)
end

-- ---- Any call ----

local METHODS = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }

local function body_of(method, body)
  if body == nil then return nil end
  if method == "GET" then check.fail("body", "has no meaning for GET") end
  if type(body) == "string" then return body end
  local text, culprit, problem = json_encoder.encode("body", body)
  if not text then check.fail(culprit, problem) end
  return text
end

--- One that has no name here.
function tasks.call(method, path, body)
  if not METHODS[method] then
    check.fail("method", 'expected "GET", "POST", "PUT", "PATCH" or "DELETE", got ' .. check.describe(method))
  end
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" or path:find "[^\33-\126]" or path:find("#", 1, true) then
    check.fail("path", 'expected one like "/api/v1/...", in printable ASCII (percent-encode the rest)')
  end
  local name, query = path:match "^([^?]*)(.*)$"
  return { method = method, path = name, query = query, body = body_of(method, body), read = read_anything }
end

return tasks
