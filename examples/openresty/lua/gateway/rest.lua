-- The agent's REST calls, on the module's own HTTP client: nothing blocks, and the key stays in here.

local config = require "gateway.config"
local endpoint = require "aui.api.endpoint"
local errors = require "aui.error"
local host = require "aui.host"
local json = require "aui.text.json"
local metrics = require "gateway.metrics"
local options = require "aui.option"

local rest = {}

local agent = options.read(config.agent())
local place = agent.endpoint
if not place.tasks_target then
  error("AUI_URL: expected an URL that ends in /api/v1/external/session, for the REST calls beside it", 0)
end

-- Waits for the result of a call: status, body and Retry-After; or nil, words and kind of a failure.
local function exchange(request)
  local source = { waiters = {}, notices = 0 }
  function source:on_event() host.notify(self) end
  local seen = source.notices
  local under_way = host.start_call(host.register(source), request)
  local status, body, third
  repeat
    host.wait(source, nil, seen)
    seen = source.notices
    status, body, third = under_way:result()
  until body
  under_way:close()
  return status, body, third
end

local function kind_of(status)
  if status == 401 or status == 403 then return "auth" end
  if status == 429 then return "rate_limit" end
  return status >= 500 and "server" or "application"
end

-- The body of the answer, or nil and an aui.Error.
local function call(method, target, body)
  local status, text, third = exchange(endpoint.address(place, {
    method = method,
    target = target,
    headers = agent.credentials.rest_headers() .. "Content-Type: application/json\r\n",
    body = body,
    timeout = config.rest_timeout,
    max_body = config.max_history,
    max_response_head = agent.core.max_response_head,
  }))
  if status and status >= 200 and status < 300 then return text end
  local words = method .. " " .. target
  local kind = status and kind_of(status) or third
  local err = errors.from_core({
    kind = kind,
    message = words .. ": " .. (status and "status " .. status or text),
    payload = status and text,
    status_code = status,
    retryable = kind ~= "application" and kind ~= "auth" and kind ~= "overflow",
    delivered = "no",
  }, agent.credentials.mask)
  err.retry_after = err.retry_after or (status and third)
  return nil, err
end

local function unreadable(what)
  return nil, errors.new { kind = "protocol", message = what .. ": the answer is not what was expected" }
end

-- Passes on the results of a call; a failure is noted, in words that say nothing of the key.
local function noted(result, err)
  if result then return result end
  metrics.count("aui_errors_total", { kind = err.kind })
  ngx.log(ngx.WARN, "agent: ", tostring(err))
  return nil, err
end

--- Whether a value of any kind can be the id of a task: it becomes part of an URL and of keys in the store.
function rest.is_task_id(value) return type(value) == "string" and #value <= 64 and value:find "^[%w-]+$" ~= nil end

local function create_task(user_id)
  local body, err = call("POST", place.tasks_target:sub(1, -2), ('{"user_id":"%s"}'):format(user_id))
  if not body then return nil, err end
  local task = json.decode(body)
  if type(task) ~= "table" or not rest.is_task_id(task.id) then return unreadable "creating a task" end
  return task
end

local function read_messages(task_id)
  local body, err = call("GET", place.tasks_target .. task_id .. "/messages")
  if not body then return nil, err end
  if not body:find "^%s*%[" then return unreadable "reading a task" end
  return body
end

--- Creates a task: a table with its `id` and more, or nil and an aui.Error.
---@param user_id string letters, digits and hyphens
function rest.create_task(user_id) return noted(create_task(user_id)) end

--- The messages of a task, oldest first, as JSON; or nil and an aui.Error.
---@param task_id string letters, digits and hyphens
function rest.messages(task_id) return noted(read_messages(task_id)) end

return rest
