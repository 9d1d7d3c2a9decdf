-- The key and the further headers of a session's requests: given once, or by functions that are asked before each
-- connection. What may be secret is behind closures here and in no table, so that no dump of a session shows it.

local ascii = require "aui.text.ascii"
local check = require "aui.option.check"
local endpoint = require "aui.api.endpoint"
local errors = require "aui.error"
local host = require "aui.host"
local log = require "aui.log"
local secrets = require "aui.secret"
local sensitive = require "aui.secret.sensitive"
local tokens = require "aui.api.tokens"

local credentials = {}

-- Headers that belong to the WebSocket handshake or to the connection itself.
local OWN_HEADERS = {
  host = true,
  upgrade = true,
  connection = true,
  ["content-length"] = true,
  ["transfer-encoding"] = true,
}

-- These return nil, or what is wrong with which argument.

local function header_problem(name, value, place)
  local argument = ("headers[%s]"):format(check.describe(name))
  if type(name) ~= "string" or not name:find "^[0-9A-Za-z!#$%%&'*+.^_`|~-]+$" then
    return argument, "expected a header name"
  end
  if type(value) ~= "string" then return argument, "expected a string, got " .. check.describe(value) end
  if value:find "[%z\r\n]" then return argument, "must not contain CR, LF or NUL" end
  local lower = ascii.lower(name)
  if OWN_HEADERS[lower] or lower:find "^sec%-websocket%-" then
    return argument, "is set by the WebSocket handshake itself"
  end
  if place.api.OWN_HEADERS[lower] then return argument, "is set by " .. place.api.KEY end
  if sensitive.is_header(lower) and not place.confidential then
    return argument, "is " .. endpoint.not_confidential(place)
  end
end

local function headers_problem(headers, place)
  if headers == nil then return nil end
  if type(headers) ~= "table" then return "headers", "expected a table, got " .. check.describe(headers) end
  for name, value in pairs(headers) do
    local argument, problem = header_problem(name, value, place)
    if problem then return argument, problem end
  end
end

local function key_problem(key, api)
  if type(key) ~= "string" then
    return api.KEY, "expected a string, got " .. (key == nil and "nothing" or "a " .. type(key))
  end
  if key == "" then return api.KEY, "expected a key, got an empty string" end
  local problem = api.problem_of_key(key)
  if problem then return api.KEY, problem end
end

local function header_lines(headers)
  local lines, agent = {}, "User-Agent: lua-aui/" .. host.version .. "\r\n"
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = name .. ": " .. value .. "\r\n"
    if ascii.lower(name) == "user-agent" then agent = nil end
  end
  lines[#lines + 1] = agent
  table.sort(lines)
  return table.concat(lines)
end

-- The result of an option that may be a function; or nil, why there is none, and whether to try again.
local function value_of(name, option)
  if type(option) ~= "function" then return option end
  local ok, value, why = host.pcall(option)
  if not ok then return nil, ("%s: %s"):format(name, log.words_of(value)), false end
  if value == nil and why ~= nil then return nil, ("%s: %s"):format(name, log.words_of(why)), true end
  return value
end

local shared = setmetatable({}, { __mode = "k" }) -- by the function that gives them

-- What holds the secrets of these options. A session on a pool's connection has not asked for the key that was used
-- there: what a function gave to other sessions is hidden, too.
local function holders_for(...)
  local holders = { secrets.new() }
  for index = 1, select("#", ...) do
    local option = (select(index, ...))
    if type(option) == "function" then
      shared[option] = shared[option] or secrets.new()
      holders[#holders + 1] = shared[option]
    end
  end
  return holders
end

-- Raises for an option that can be seen to be wrong already.
local function check_options(key, headers, place)
  if type(headers) ~= "function" then
    local argument, problem = headers_problem(headers, place)
    if problem then check.fail(argument, problem) end
  end
  if key ~= nil and type(key) ~= "function" then
    local argument, problem = key_problem(key, place.api)
    if problem then check.fail(argument, problem) end
  end
end

-- A name for a function: an address would be used again.
local function_ids, last_function_id = setmetatable({}, { __mode = "k" }), 0

local function name_of(fn)
  if not function_ids[fn] then
    last_function_id = last_function_id + 1
    function_ids[fn] = last_function_id
  end
  return "function " .. function_ids[fn]
end

-- Whether it is a server's answer that it does not know, or does not let in, who asks.
local function is_refusal(err) return err.kind == "auth" and (err.status_code or err.close_code) ~= nil end

-- What the exchange of a key goes by, which has the key in its body.
local function rest_of_exchange(options, place, self)
  return {
    endpoint = place,
    credentials = self,
    timeout = options.timeout.call,
    backoff = {},
    max_response_head = options.max_response_head,
    max_response_body = options.max_response_body,
  }
end

---@class aui.Credentials
---@field asks string? of what there is a request only after `refresh`, which is due before each connection then: the
---beginning of a sentence, such as "the token was". Nil: nothing is asked for
---@field refresh fun(): boolean?, string?, boolean?, aui.Error? asks for key, headers and token; nil, why, whether to
---try again, and the error if it is more than these words
---@field request fun(): string, string, string? target and headers of the session's request, the latter as lines; and
---the agent that its messages are for, where that is known
---@field rest_headers fun(): string headers of REST calls
---@field refused fun(headers: string): boolean a request with these headers got the status 401: whether one with others
---may be let in
---@field identity fun(): string equal for equal credentials only; it holds the key
---@field mask fun(value: string|number): string|number hides the key, and what may be secret of the headers, in a
---text; a number that is one of them is "***"
---@field failure fun(raw: table): aui.Error the error for one of the C core's, as errors.from_core makes it

--- The credentials for a place (see endpoint.resolve) of these options: the API's key, headers, auth and carrier; and
--- timeout, max_response_head and max_response_body for the exchange of a key. Raises for a bad one.
---@return aui.Credentials
function credentials.new(options, place)
  local api = place.api
  local its_key, headers = options[api.KEY], options.headers
  check_options(its_key, headers, place)
  local holders = holders_for(its_key, headers)
  local session_target, session_headers, rest_headers
  local token, token_value, agent_id
  local is_anonymous -- whether nothing was sent by which a server could know who asks
  local mask, secret_changes = secrets.mask(holders)

  local function compose(key, lines)
    session_target, session_headers, rest_headers = api.sign(key, place.target(), lines, options)
  end

  local function hide(list)
    for _, holder in ipairs(holders) do holder.add(list) end
  end

  local function secrets_of(key, given)
    return sensitive.values(key, given, place.target(), place.proxy and place.proxy.credentials())
  end

  -- Key and headers, as the options or their functions give them; or nil, why, and whether to try again.
  local function ask()
    local key, why, retryable = value_of(api.KEY, its_key)
    if why then return nil, why, retryable end
    local given
    given, why, retryable = value_of("headers", headers)
    if why then return nil, why, retryable end
    local argument, problem = headers_problem(given, place)
    if its_key ~= nil and not problem then
      argument, problem = key_problem(key, api)
    end
    if problem then return nil, ("%s: %s"):format(argument, problem), false end
    return { key = key, headers = given }
  end

  local function failure(raw)
    local err = errors.from_core(raw, mask, secret_changes())
    if is_anonymous and is_refusal(err) then err.message = host.words(err.message .. " (no api_key was sent)") end
    return err
  end

  -- Equal for equal headers and a key that is the same by this name.
  local function name_with(key_name)
    local lines = type(headers) == "function" and name_of(headers) or header_lines(headers)
    return table.concat({ options.auth or "", key_name, lines }, "\n")
  end

  local function identity()
    return name_with(type(its_key) == "function" and name_of(its_key) or "key " .. (its_key or ""))
  end

  -- The token for a key; nil and the error.
  local function exchange(key, lines)
    local bare = { mask = mask, failure = failure }
    function bare.rest_headers() return lines end
    function bare.refused() return false end
    token = tokens.find(endpoint.identity(place) .. "\n" .. name_with("key " .. key))
    return token:get(rest_of_exchange(options, place, bare), api.token(key))
  end

  local function refresh()
    local given, why, retryable = ask()
    if not given then return nil, why, retryable end
    local list, lines, signature = secrets_of(given.key, given.headers), header_lines(given.headers), given.key
    hide(list)
    is_anonymous = sensitive.values(given.key, given.headers, place.target())[1] == nil
    if api.token then
      local grant, err = exchange(given.key, lines)
      if not grant then return nil, err.message, err.retryable, err end
      signature, token_value, agent_id = grant.value, grant.value, grant.agent_id
      list[#list + 1] = signature
      hide(list)
    end
    compose(signature, lines)
    return true
  end

  local function refused(sent)
    if not token then return false end
    local is_ours = sent == rest_headers or sent == session_headers
    if is_ours then token:refuse(token_value) end -- else there is another one already
    return true
  end

  local asks = (type(its_key) == "function" or type(headers) == "function") and "the key or the headers were" or nil
  if api.token then asks = "the token was" end
  if not asks then refresh() end
  return {
    asks = asks,
    refresh = refresh,
    request = function() return session_target, session_headers, agent_id end,
    rest_headers = function() return rest_headers end,
    refused = refused,
    identity = identity,
    mask = mask,
    failure = failure,
  }
end

return credentials
