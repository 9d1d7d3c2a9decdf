-- What the REST calls of both APIs answer. Each function makes of a body what the caller gets, or returns nil and what
-- is wrong with it.

local host = require "aui.host"
local json = require "aui.text.json"
local message_module = require "aui.api.message"

local answer = { complete = message_module.complete }

local function decode(body)
  if not host.is_utf8(body) then return nil, "it is not valid UTF-8" end
  return json.decode(body)
end

function answer.object(body)
  if json.is_array(body) then return nil, "expected a JSON object" end
  local value, problem = decode(body)
  if type(value) ~= "table" then return nil, problem or "expected a JSON object" end
  return value
end

local function decode_array(body)
  if not json.is_array(body) then return nil, "expected a JSON array" end
  return decode(body)
end

--- One of the agent's.
function answer.message(body)
  if json.is_array(body) then return nil, "expected a message" end
  local message, problem = answer.object(body)
  if not message then return nil, problem end
  return message_module.complete(message)
end

--- A list of them.
function answer.messages(body)
  local messages, problem = decode_array(body)
  if not messages then return nil, problem end
  for _, message in ipairs(messages) do
    if type(message) ~= "table" then return nil, "expected a list of messages" end
    message_module.complete(message)
  end
  return messages
end

--- The JSON texts of an array's items.
function answer.texts(body)
  if not json.is_array(body) then return nil, "expected a JSON array" end
  if not host.is_utf8(body) then return nil, "it is not valid UTF-8" end
  if not host.is_json(body) then return nil, "it is not valid JSON" end
  return json.items(host.plain_json(body))
end

function answer.suggestions(body)
  local value, problem = answer.object(body)
  if not value then return nil, problem end
  if type(value.suggestions) ~= "table" then value.suggestions = {} end
  return value
end

function answer.anything(body)
  if not body:find "%S" then return true end
  return decode(body)
end

return answer
