-- The threads API as it is on the wire: where it is, and what its REST calls ask and answer. The requests are those of
-- aui.api.call. Raises for a bad argument.

local answer = require "aui.api.answer"
local check = require "aui.option.check"
local json_encoder = require "aui.text.json_encoder"
local json_object = require "aui.api.json_object"
local request = require "aui.api.request"

local threads = {
  NAME = "threads",
  KEY = "publishable_key", -- the option
  OTHER_KEY = "an api_key", -- of the other API
  REGION_NAMES = { "us", "eu" }, -- the default first
  OWN_HEADERS = { authorization = true }, -- in lower case, which users cannot set
  SCHEMES = { plain = "http", secure = "https" },
  MEANINGLESS = { "api_key", "auth", "task_id" }, -- options of others
  SHARES = false, -- whether a pool's connection may serve another session
  CONVERSATION = "thread_id", -- the option that names one
  SESSION_MESSAGE = {
    text = true, user_id = true, image_url = true, agent_variables = true, runtime_version = true, fields = true,
    timeout = true,
  }, -- the fields of what session:send takes
}

-- The base of all addresses.
threads.REGIONS = {
  us = "https://api-v3.aui.io/apollo-api",
  eu = "https://api-eu-v3.aui.io/apollo-api",
}

local MESSAGING = "/messaging/v1"
local SESSION = { stream = MESSAGING .. "/messages/stream", websocket = MESSAGING .. "/session" } -- by the carrier
local SUBPROTOCOL = "aui-websocket" -- AUI_THREADS_PROTOCOL of the core

-- Transcripts of newer agents' threads are found with a version that is not 1 or 1.something, those of older ones
-- without any.
local NEWER = "?runtime_version=2"

--- What stands before the paths of REST calls, by the path of the base.
function threads.rest_base(path) return (path:gsub("/+$", "")) end

--- What an URL's path and query must not be, in words; nil if there is nothing wrong.
function threads.problem_of_target(target) return target:find("?", 1, true) and "must not have a query" or nil end

--- What is wrong with a key, in words; nil: nothing.
function threads.problem_of_key(key)
  return key:find "[^\33-\126]" and "expected printable ASCII without spaces" or nil
end

--- How a session's messages are carried, as the core calls it. Of the options `carrier`.
function threads.carrier(options) return options.carrier == "websocket" and "threads websocket" or "stream" end

--- What a token makes of a request's target and header lines: the session's target and lines, and the lines of REST
--- calls. Of the options `carrier`.
function threads.sign(token, target, lines, options)
  local signed = lines .. "Authorization: Bearer " .. token .. "\r\n"
  local offer = ("Sec-WebSocket-Protocol: %s, %s\r\n"):format(token, SUBPROTOCOL)
  local session_lines = options.carrier == "websocket" and signed .. offer or signed
  return threads.rest_base(target) .. SESSION[options.carrier], session_lines, signed
end

-- ---- What is answered ----

-- Bytes of an access token: servers and proxies take no longer field of a header, which is where it goes.
local LONGEST_TOKEN = 8192

local function read_token(body)
  local grant, problem = answer.object(body)
  if not grant then return nil, problem end
  local token, lifetime = grant.access_token, grant.expires_in
  if type(token) ~= "string" or token == "" or token:find "[^\33-\126]" then return nil, "expected an access_token" end
  if #token > LONGEST_TOKEN then
    return nil, ("expected an access_token of %d bytes at most, got %d"):format(LONGEST_TOKEN, #token)
  end
  if type(lifetime) ~= "number" or not (lifetime > 0) then return nil, "expected expires_in, in seconds" end
  local agent_id = check.is_id(grant.agent_id) and grant.agent_id or nil
  return { value = token, lifetime = lifetime, agent_id = agent_id }
end

-- The answer to a message, which tells its thread.
local function read_answer(body)
  local whole, problem = answer.object(body)
  if not whole then return nil, problem end
  if type(whole.message) ~= "table" then return nil, "expected an object with a message" end
  whole.message.thread_id = check.is_id(whole.thread_id) and whole.thread_id or nil
  return answer.complete(whole.message)
end

-- ---- The calls ----

--- The token that a publishable key is exchanged for: { value, lifetime = seconds, agent_id = its agent's, if told }.
function threads.token(key)
  local body = ('{"grant_type":"publishable_key","publishable_key":%s}'):format(json_encoder.encode(threads.KEY, key))
  local exchange = request.post("/management/v1/auth/token", body, read_token)
  exchange.secret = "access_token"
  return exchange
end

-- What is found among an older agent's threads, or else among a newer one's.
local function get_of_thread(thread_id, read)
  local path = MESSAGING .. "/threads" .. request.segment("thread_id", thread_id) .. "/messages"
  local either = request.get(path, read)
  either.otherwise = request.get(path, read, NEWER)
  return either
end

--- A thread's messages.
function threads.messages(thread_id) return get_of_thread(thread_id, answer.messages) end

--- The same, as the JSON text of each.
function threads.messages_json(thread_id) return get_of_thread(thread_id, answer.texts) end

local MESSAGE = {
  thread_id = "id", user_id = "id", text = "text", image_url = "text", agent_variables = "table",
  runtime_version = "text", fields = "table",
} -- stylua: ignore

local MESSAGE_NAMES = { "text", "user_id", "thread_id", "image_url", "agent_variables", "runtime_version" }

--- A message to the agent, answered by the agent's.
function threads.send_message(message)
  request.check_fields("message", message, MESSAGE)
  check.given("text", message.text, "string")
  check.given("user_id", message.user_id, "string")
  return request.post(MESSAGING .. "/messages", json_object.encode(MESSAGE_NAMES, message), read_answer)
end

-- A session is one conversation, whose thread may not be known yet; the core adds it.
local THE_CONVERSATION = ""

local SESSION_FIELDS = { user_id = "id", image_url = "text", agent_variables = "table", runtime_version = "text" }

--- A message on a session, whose text was checked: its JSON, without the thread, and what stands for its conversation.
--- `session` has the user of one that names none.
---@return string json
---@return string conversation
function threads.session_message(message, session)
  local given = { text = message.text, fields = message.fields }
  for name in pairs(SESSION_FIELDS) do given[name] = message[name] end
  if given.user_id == nil then given.user_id = session.user_id end
  request.check_types(given, SESSION_FIELDS)
  if given.user_id == nil then check.fail("user_id", "expected a string, here or in the session's options") end
  return json_object.encode(MESSAGE_NAMES, given), THE_CONVERSATION
end

--- Asks for the messages of a session's thread; nil: it is not known.
function threads.history(session)
  local thread_id = session.thread_id
  return thread_id and threads.messages(thread_id)
end

local RERUN = {
  thread_id = "id", interaction_id = "id", text = "text", user_id = "id", image_url = "text", runtime_version = "text",
  fields = "table",
} -- stylua: ignore

local RERUN_NAMES = { "interaction_id", "text", "user_id", "image_url", "runtime_version" }

--- A message of a thread's past, answered anew in a thread of its own.
function threads.rerun(given)
  request.check_fields("rerun", given, RERUN)
  check.given("interaction_id", given.interaction_id, "string")
  check.given("text", given.text, "string")
  local path = MESSAGING .. "/threads" .. request.segment("thread_id", given.thread_id) .. "/rerun"
  return request.post(path, json_object.encode(RERUN_NAMES, given), read_answer)
end

local SUGGESTIONS = { context = "table", created_by = "text", fields = "table" }

--- What a user might ask.
function threads.followup_suggestions(given)
  request.check_fields("suggestions", given, SUGGESTIONS)
  local body = json_object.encode({ "context", "created_by" }, given)
  return request.post(MESSAGING .. "/followup-suggestions", body, answer.suggestions)
end

local WELCOME = { placeholders = "table", fields = "table" }

--- What the agent says first.
function threads.welcome_message(given)
  request.check_fields("welcome", given, WELCOME)
  return request.post(MESSAGING .. "/welcome-message", json_object.encode({ "placeholders" }, given), answer.object)
end

--- One that has no name here.
function threads.call(method, path, body)
  return request.any(method, path, body, answer.anything, "/messaging/v1/...")
end

return threads
