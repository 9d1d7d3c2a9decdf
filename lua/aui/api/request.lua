-- What the REST calls of both APIs have in common: the checks of what they are given, which raise, and the requests
-- that are made of it (see aui.api.call).

local check = require "aui.option.check"
local json_encoder = require "aui.text.json_encoder"
local percent = require "aui.text.percent"

local request = {}

-- ---- Checks ----

local CHECKS = { id = check.id, text = check.text }

for _, name in ipairs { "table", "boolean" } do
  CHECKS[name] = function(argument, value) check.type(argument, value, name) end
end

function CHECKS.whole(argument, value)
  if value ~= nil then check.whole(argument, value, 1, 2 ^ 31) end
end

--- Raises unless the fields of `given` are of these types, or nil: from name to "id", "text", "table", "boolean" or
--- "whole".
function request.check_types(given, types)
  for name, how in pairs(types) do CHECKS[how](name, given[name]) end
end

--- Raises unless `given` is a table with these fields at most, of these types.
function request.check_fields(argument, given, known)
  check.given(argument, given, "table")
  check.names(argument, given, known)
  request.check_types(given, known)
end

-- ---- Requests ----

--- An id as a part of a path.
function request.segment(argument, id)
  check.given(argument, id, "string")
  check.id(argument, id)
  return "/" .. percent.encode(id)
end

function request.get(path, read, query) return { method = "GET", path = path, query = query, read = read } end

function request.post(path, body, read, query)
  return { method = "POST", path = path, query = query, body = body, read = read }
end

local METHODS = { GET = true, POST = true, PUT = true, PATCH = true, DELETE = true }

local function body_of(method, body)
  if body == nil then return nil end
  if method == "GET" then check.fail("body", "has no meaning for GET") end
  if type(body) == "string" then return body end
  local text, culprit, problem = json_encoder.encode("body", body)
  if not text then check.fail(culprit, problem) end
  return text
end

--- Any; `example` is a path of the API.
function request.any(method, path, body, read, example)
  if not METHODS[method] then
    check.fail("method", 'expected "GET", "POST", "PUT", "PATCH" or "DELETE", got ' .. check.describe(method))
  end
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" or path:find "[^\33-\126]" or path:find("#", 1, true) then
    local words = 'expected one like "%s", in printable ASCII (percent-encode the rest)'
    check.fail("path", words:format(example))
  end
  local name, query = path:match "^([^?]*)(.*)$"
  return { method = method, path = name, query = query, body = body_of(method, body), read = read }
end

return request
