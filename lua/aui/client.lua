-- A client of the API: what its sessions and REST calls have in common, given once. It holds no connection.

local call = require "aui.api.call"
local check = require "aui.option.check"
local options_module = require "aui.option"
local pool_module = require "aui.pool"
local session_module = require "aui.session"

---@class aui.AgentTask a conversation of one user with the agent; there may be more fields
---@field id string
---@field user_id? string
---@field title? string
---@field welcome_message? string what the agent says first
---@field followup_suggestions string[] what the user might say

---@class (exact) aui.NewTask
---@field user_id string by which the agent's owner tells users apart
---@field task_origin_type? string where it comes from, such as "web-widget" or "mobile-app": "api"
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class (exact) aui.TaskList which of a user's tasks, newest first
---@field user_id string
---@field page? integer from 1 on: 1
---@field size? integer tasks a page, of which a server may bear but so many: 10

---@class aui.TaskPage
---@field tasks aui.AgentTask[]
---@field total? integer of the user's tasks
---@field page? integer
---@field size? integer

---@class (exact) aui.RestMessage
---@field task_id string
---@field text? string
---@field context? table<string, any> passed on to the agent, such as { url = ..., lead_details = { ... } }
---@field agent_variables? table<string, any>
---@field include_business_trace? boolean whether the answer is to have trace_info
---@field include_context_trace? boolean likewise
---@field is_external_api? boolean
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class (exact) aui.SuggestionRequest
---@field context? table<string, any>
---@field created_by? string
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class (exact) aui.ThreadMessage
---@field text string
---@field user_id string by which the agent's owner tells users apart
---@field thread_id? string default: a new thread
---@field image_url? string
---@field agent_variables? table<string, any>
---@field runtime_version? string of the agent
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class (exact) aui.Rerun
---@field thread_id string
---@field interaction_id string the id of a message of the thread
---@field text string what is said now in its place
---@field user_id? string
---@field image_url? string
---@field runtime_version? string of the agent
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class (exact) aui.WelcomeRequest
---@field placeholders? table<string, string> what stands for names in the welcome
---@field fields? table<string, any> further fields, sent as they are; none that has a name above

---@class aui.ThreadAnswer : aui.AgentMessage
---@field thread_id string

---@class aui.Suggestions
---@field suggestions? string[]
---@field metadata_id? string

---@class aui.Welcome
---@field welcome_message? string if the agent has one

---@class aui.Client
---@field api "tasks"|"threads" which API it speaks: docs/threads.md
local Client = {}
Client.__index = Client
Client.__name = "aui.Client"

local client_module = {}

local function copy(value)
  if type(value) ~= "table" then return value end
  local result = {}
  for name, item in pairs(value) do result[name] = item end
  return result
end

-- A function that gives these options as they are now, with others added or in their places; and the service that they
-- lead to, if it is this one still. The key is behind it and in no table, so that no dump of a client shows it.
local function keeper(options, service)
  local kept = {}
  for name, value in pairs(options) do kept[name] = copy(value) end
  return function(extra)
    check.type("extra", extra, "table")
    extra = extra or {}
    local result = copy(kept)
    for name, value in pairs(extra) do result[name] = value end
    return result, options_module.are_own(extra, service) and service or nil
  end
end

--- A client with these options, which may change afterwards. Raises for a bad one.
---@param options aui.Options
---@return aui.Client
function client_module.new(options)
  local service = options_module.read(options).service
  return setmetatable({
    url = service.endpoint.public_url,
    api = service.endpoint.api.NAME,
    rest = service.rest,
    options_with = keeper(options, service),
  }, Client)
end

--- As aui.connect, with the client's options; `extra` are added to them or take their places.
---@param extra? aui.Options
---@return aui.Session?
---@return aui.Error?
function Client:connect(extra)
  check.colon(self, Client, "client:connect")
  return session_module.connect(self.options_with(extra))
end

--- As aui.session, likewise.
---@param extra? aui.Options
---@return aui.Session?
---@return aui.Error?
function Client:session(extra)
  check.colon(self, Client, "client:session")
  return session_module.open(self.options_with(extra))
end

--- As aui.pool; `connect` of the pool adds to the client's options likewise. The tasks API alone.
---@param options? aui.PoolOptions
---@return aui.Pool
function Client:pool(options)
  check.colon(self, Client, "client:pool")
  session_module.check_shares(self.rest.endpoint)
  return pool_module.new(options, self.options_with)
end

-- ---- REST calls ----
--
-- Each waits for the answer, `timeout.call` seconds at most, as everything here waits. It is made again by itself, up
-- to `retries` times after the pauses of a session that reconnects, or when the server asks for it (Retry-After), where
-- that cannot make the server act twice: a GET, or whatever surely did not arrive. On failure nil and the error, whose
-- message begins with the call. They raise for a bad argument, if the client's url tells no address for such calls, and
-- for a call that is not in the client's API: that of tasks, or with publishable_key that of threads.

-- The request of a call of this name, which not every API has.
local function request_of(self, name, ...)
  local make = self.rest.endpoint.api[name]
  if not make then check.fail("client:" .. name, ("there is no such call in the %s API"):format(self.api)) end
  return make(...)
end

local function run(self, name, ...)
  local request = request_of(self, name, ...)
  call.check(self.rest)
  return call.run(self.rest, request)
end

--- Makes a task: a conversation of a user with the agent, which lives at the server until it is told by its id.
---@param fields aui.NewTask
---@return aui.AgentTask? task
---@return aui.Error? err
function Client:create_task(fields)
  check.colon(self, Client, "client:create_task")
  return run(self, "create_task", fields)
end

--- The task of this id.
---@param task_id string
---@return aui.AgentTask? task
---@return aui.Error? err
function Client:task(task_id)
  check.colon(self, Client, "client:task")
  return run(self, "task", task_id)
end

--- A page of a user's tasks.
---@param fields aui.TaskList
---@return aui.TaskPage? page
---@return aui.Error? err
function Client:list_tasks(fields)
  check.colon(self, Client, "client:list_tasks")
  return run(self, "list_tasks", fields)
end

-- The tasks of a page that were not on those before: one that is made meanwhile moves the others.
local function unseen(list, seen)
  local result = {}
  for _, task in ipairs(list) do
    if not seen[task.id] then result[#result + 1] = task end
    seen[task.id] = true
  end
  return result
end

--- For `for task in client:tasks { user_id = "ada" } do`: all of a user's tasks, page by page, each once; raises the
--- error of a call that fails. PUC Lua 5.1 cannot wait there in a task: use list_tasks.
---@param fields aui.TaskList
---@return fun(): aui.AgentTask?
function Client:tasks(fields)
  check.colon(self, Client, "client:tasks")
  request_of(self, "list_tasks", fields) -- raises here for a bad one
  local user_id, page, size = fields.user_id, fields.page or 1, fields.size
  local seen, list, index = {}, {}, 1
  return function()
    if list and not list[index] then
      local answer, err = run(self, "list_tasks", { user_id = user_id, page = page, size = size })
      if not answer then error(err, 0) end
      list, index, page = unseen(answer.tasks, seen), 1, page + 1
      if not list[1] then list = nil end -- also of a server that gives the same page for ever
    end
    if not list then return nil end
    index = index + 1
    return list[index - 1]
  end
end

--- The messages of a task or thread, oldest first.
---@param id string
---@return aui.AgentMessage[]? messages
---@return aui.Error? err
function Client:messages(id)
  check.colon(self, Client, "client:messages")
  return run(self, "messages", id)
end

--- The same as the JSON text of each, for whoever passes them on: see reply:json. Nothing is decoded; escapes that are
--- no characters (unpaired surrogates) are replaced, since many readers fail at them.
---@param id string
---@return string[]? messages
---@return aui.Error? err
function Client:messages_json(id)
  check.colon(self, Client, "client:messages_json")
  return run(self, "messages_json", id)
end

--- Sends a message and waits for the agent's whole answer, without a session: for those who need no streaming. That of
--- an agent that thinks for long may want a longer `timeout.call`.
---@param message aui.RestMessage|aui.ThreadMessage
---@return aui.AgentMessage|aui.ThreadAnswer|nil answer of the threads API with the thread's id
---@return aui.Error? err
function Client:send_message(message)
  check.colon(self, Client, "client:send_message")
  return run(self, "send_message", message)
end

--- What a user might ask, outside of a task.
---@param fields? aui.SuggestionRequest
---@return aui.Suggestions? answer
---@return aui.Error? err
function Client:followup_suggestions(fields)
  check.colon(self, Client, "client:followup_suggestions")
  return run(self, "followup_suggestions", fields or {})
end

--- Says something else in place of a message of a thread's past: the agent answers in a new thread, which has what was
--- before that message. The threads API alone.
---@param fields aui.Rerun
---@return aui.ThreadAnswer? answer with the new thread's id
---@return aui.Error? err
function Client:rerun(fields)
  check.colon(self, Client, "client:rerun")
  return run(self, "rerun", fields)
end

--- What the agent says first, outside of a thread. The threads API alone.
---@param fields? aui.WelcomeRequest
---@return aui.Welcome? answer
---@return aui.Error? err
function Client:welcome_message(fields)
  check.colon(self, Client, "client:welcome_message")
  return run(self, "welcome_message", fields or {})
end

--- How a message of the agent came to be. The tasks API alone, as all that is about tasks.
---@param task_id string
---@param message_id string
---@return table<string, any>? trace_info
---@return aui.Error? err
function Client:trace(task_id, message_id)
  check.colon(self, Client, "client:trace")
  return run(self, "trace", task_id, message_id)
end

--- A call of the API that has no name here. `path` begins below the base of the API, and may have a query. The base is
--- what stands before /api/v1/external/session in the WebSocket's URL, or the threads API's url.
---@param method "GET"|"POST"|"PUT"|"PATCH"|"DELETE"
---@param path string such as "/api/v1/external/agent-context" or "/messaging/v1/welcome-message"
---@param body? any to be encoded as JSON; a string is JSON already
---@return any answer decoded; true if it has no body
---@return aui.Error? err
function Client:call(method, path, body)
  check.colon(self, Client, "client:call")
  return run(self, "call", method, path, body)
end

function Client:__tostring() return ("aui.Client (%s)"):format(self.url) end

return client_module
