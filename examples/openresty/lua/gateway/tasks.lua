-- POST /api/tasks and GET /api/tasks/{id}/messages: conversations, each of one browser.

local browser = require "gateway.browser"
local cjson = require "cjson.safe"
local limits = require "gateway.limits"
local origin = require "gateway.origin"
local refusal = require "gateway.refusal"
local rest = require "gateway.rest"

local tasks = {}

local function answer(status, json)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.print(json)
end

-- Whether the request may go on; answers it if not.
local function admit()
  if not origin.is_allowed() then return refusal.page(403) end
  local seconds = limits.take()
  if not seconds then return true end
  refusal.send(429, { kind = "rate_limit", message = "Too many requests.", retry_after = seconds })
end

-- lua-cjson takes an empty table for an object.
local function array(list) return type(list) == "table" and #list > 0 and cjson.encode(list) or "[]" end

function tasks.create()
  if not admit() then return end
  ngx.req.read_body() -- whatever it says; nginx refuses a large one
  local id = browser.welcome()
  local task, err = rest.create_task(browser.user_id(id))
  if not task then return refusal.send_failure(err) end
  browser.give_task(id, task.id)
  answer(201, ('{"task_id":%s,"welcome_message":%s,"followup_suggestions":%s}'):format(
    cjson.encode(task.id),
    cjson.encode(task.welcome_message or ""),
    array(task.followup_suggestions)
  ))
end

function tasks.messages(task_id)
  if not browser.owns(task_id) then return refusal.page(404) end
  if not admit() then return end
  local messages, body = rest.messages(task_id)
  if not messages then return refusal.send_failure(body) end
  answer(200, ('{"messages":%s}'):format(body))
end

return tasks
