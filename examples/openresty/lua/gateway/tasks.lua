-- POST /api/tasks and GET /api/tasks/{id}/messages: conversations, each of one browser.

local browser = require "gateway.browser"
local cjson = require "cjson.safe"
local origin = require "gateway.origin"
local output = require "gateway.output"
local refusal = require "gateway.refusal"
local agent = require "gateway.agent"

local tasks = {}

local function begin_answer(status)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
end

-- What the agent says of a task may be of any type. lua-cjson takes an empty table for an object.
local function text(value) return cjson.encode(type(value) == "string" and value or "") end

local function texts(list)
  local known = {}
  for _, item in ipairs(type(list) == "table" and list or {}) do
    if type(item) == "string" then known[#known + 1] = item end
  end
  return known[1] and cjson.encode(known) or "[]"
end

function tasks.create()
  if not origin.is_allowed() then return refusal.page(403) end
  ngx.req.read_body() -- whatever it says; nginx refuses a large one
  local id = browser.welcome()
  local task, err = agent.create_task(browser.user_id(id))
  if not task then return refusal.send_failure(err) end
  if not browser.give_task(id, task.id) then return refusal.send(502, refusal.internal "no") end
  begin_answer(201)
  ngx.print(('{"task_id":%s,"welcome_message":%s,"followup_suggestions":%s}'):format(
    cjson.encode(task.id),
    text(task.welcome_message),
    texts(task.followup_suggestions)
  ))
end

function tasks.messages(task_id)
  if not origin.is_allowed() then return refusal.page(403) end
  if not browser.owns(task_id) then return refusal.page(404) end
  local messages, err = agent.messages(task_id)
  if not messages then return refusal.send_failure(err) end
  begin_answer(200)
  messages = table.concat(messages, ",")
  if not output('{"messages":[', messages, "]}") then return ngx.exit(ngx.ERROR) end -- what was sent is not the whole
end

return tasks
