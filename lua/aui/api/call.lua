-- A REST call: one HTTP request and its whole answer, made again where that is safe, within the call's time.
--
-- `rest` is what all calls of a client share (aui.option): endpoint, credentials, timeout, retries, backoff
-- { base, max }, max_response_head, max_response_body. Times are in seconds, sizes in bytes; no limit is an infinite
-- one.
--
-- A request has: method; path, below the API's base; perhaps query ("?a=b") and body (JSON); and read(body), which
-- makes of the answer's body what the caller gets, or returns nil and what is wrong with it; perhaps otherwise, the
-- request to be made when this one's answer is status 404; and secret, the name of that in the answer which is secret.

local check = require "aui.option.check"
local endpoint = require "aui.api.endpoint"
local errors = require "aui.error"
local host = require "aui.host"
local journal = require "aui.notify.journal"
local json = require "aui.text.json"
local record = require "aui.record"
local retry = require "aui.api.retry"

local call = {}

local SHORTEST = 0.001 -- seconds

-- Who waits for the end of a call.
local Source = {}
Source.__index = Source

function Source:on_event() host.notify(self) end

local function new_source()
  local source = setmetatable({ waiters = {}, notices = 0 }, Source)
  source.id = host.register(source)
  return source
end

-- ---- Failures ----

-- The query stays out of it: it has names of users.
local function name_of(request) return request.method .. " " .. request.path end

local function failure(rest, request, fields)
  fields.message = host.words(rest.credentials.mask(name_of(request) .. ": " .. fields.message))
  return errors.new(fields)
end

local function failure_of_core(rest, request, raw)
  raw.message = name_of(request) .. ": " .. raw.message
  return rest.credentials.failure(raw)
end

-- What a failure may say of an answer: nothing, if that gives the secret away after all.
local function payload_of(request, body)
  return not (request.secret and body:find(request.secret, 1, true)) and body or nil
end

local function failure_of_status(rest, request, status, body, retry_after)
  local kind, retryable, delivered = host.status_error(status)
  local redirect = status >= 300 and status < 400 and " (redirects are not followed)" or ""
  return failure_of_core(rest, request, {
    kind = kind,
    message = ("the server answered with status %d%s"):format(status, redirect),
    retryable = retryable,
    delivered = delivered,
    status_code = status,
    retry_after = retry_after,
    payload = payload_of(request, body),
  })
end

-- ---- One attempt ----

-- A task, since the functions that are asked may wait for longer than the call may take.
local function ask(answer, source, refresh)
  local finished, ok, why, retryable, err = host.pcall(refresh)
  if not finished then -- memory is short
    ok, why, retryable, err = nil, tostring(ok), true, nil
  end
  answer.ok, answer.is_there = ok, true
  answer.failure = { kind = "auth", message = why, retryable = retryable }
  for name, value in pairs(err or {}) do answer.failure[name] = value end
  host.notify(source)
end

-- Asks for what the request needs and has to be asked for: true; nil and the error; or nothing as call.once.
local function refresh(rest, request, deadline, source, is_wanted)
  if not rest.credentials.asks then return true end
  local answer, seen = { is_there = false }, source.notices
  host.spawn_background(ask, answer, source, rest.credentials.refresh)
  while not answer.is_there do
    if not host.wait(source, deadline, seen) then
      local message = rest.credentials.asks .. " not given in time (timeout.call)"
      return nil, failure(rest, request, { kind = "timeout", message = message, retryable = true })
    end
    seen = source.notices
    if not is_wanted() then return end
  end
  if answer.ok then return true end
  answer.failure.delivered = "no" -- of the call itself
  return nil, failure(rest, request, answer.failure)
end

local function start(rest, request, headers, deadline, source)
  local place = rest.endpoint
  if request.body then headers = headers .. "Content-Type: application/json\r\n" end
  return host.start_call(
    source.id,
    endpoint.address(place, {
      method = request.method,
      target = place.rest_base .. request.path .. (request.query or ""),
      headers = headers .. "Accept: application/json\r\n",
      body = request.body,
      timeout = math.max(deadline - host.now(), SHORTEST),
      max_body = rest.max_response_body,
      max_response_head = rest.max_response_head,
    })
  )
end

--- Makes the call once: the body of an answer with a status of success; nil and the error; or nothing when it was given
--- up, since `is_wanted()` had become false. `source` is registered at the host and notified of events, and also when
--- it is to be looked whether the call is still wanted. `deadline` is of host.now.
---@return string? body
---@return aui.Error? err
---@return boolean? is_stale whether it was refused for a token that is thrown away now: another attempt has another
function call.once(rest, request, deadline, source, is_wanted)
  local ready, err = refresh(rest, request, deadline, source, is_wanted)
  if not ready then return nil, err end
  local seen, headers = source.notices, rest.credentials.rest_headers()
  local begun = host.now()
  local exchange, why = start(rest, request, headers, deadline, source)
  if not exchange then return nil, failure(rest, request, { kind = "transport", message = why }) end
  local is_canceled, status, body, retry_after
  repeat
    is_canceled = host.try_wait(source, nil, seen) == nil
    seen = source.notices
    status, body, retry_after = exchange:result()
  until body or is_canceled or not is_wanted()
  exchange:close()
  if is_canceled then host.check_wait() end -- raises that
  if not body then return end
  if record.is_on() then record.call(rest, request, begun, status, body, retry_after) end
  if not status then return nil, failure_of_core(rest, request, body) end
  if status >= 200 and status < 300 then return body end
  local is_stale = status == 401 and rest.credentials.refused(headers)
  return nil, failure_of_status(rest, request, status, body, retry_after), is_stale
end

-- ---- All of it ----

local function always() return true end

-- As call.once; a token that has ended early is renewed once.
local function attempt(rest, request, deadline, source)
  local body, err, is_stale = call.once(rest, request, deadline, source, always)
  if is_stale then return call.once(rest, request, deadline, source, always) end
  return body, err
end

local function answer_to(rest, request, deadline)
  local source = new_source()
  local policy =
    { times = rest.retries, backoff = rest.backoff, deadline = deadline, is_safe = request.method == "GET" }
  return retry.run(policy, function()
    local body, err = attempt(rest, request, deadline, source)
    return body, err
  end)
end

local function unreadable(rest, request, problem)
  local is_short = problem == json.NO_MEMORY -- now; later it may be read
  return failure(rest, request, {
    kind = is_short and "overflow" or "protocol",
    message = "the answer cannot be read: " .. problem,
    retryable = is_short,
    delivered = "yes",
  })
end

--- Raises where it is not known to where calls go.
function call.check(rest)
  if rest.endpoint.rest_base then return end
  local words = 'expected one that ends in /api/v1/external/session, which tells where REST calls go, got "%s"'
  check.fail("url", words:format(rest.endpoint.public_url))
end

local function run(rest, request)
  local problem = host.problem_of_connecting()
  if problem then return nil, failure(rest, request, { kind = "transport", message = problem }) end
  local deadline = host.now() + rest.timeout
  local body, err = answer_to(rest, request, deadline)
  if err and err.status_code == 404 and request.otherwise then
    local why
    body, why = answer_to(rest, request.otherwise, deadline)
    if why and why.status_code ~= 404 then err = why end
  end
  if not body then return nil, err end
  local result, unread = request.read(body)
  if result == nil then return nil, unreadable(rest, request, unread) end
  return result
end

--- Makes the call, and waits for its end: what request.read makes of the answer, or nil and the error.
---@return any result
---@return aui.Error? err
function call.run(rest, request)
  host.check_wait()
  local since = host.now()
  local result, err = run(rest, request)
  journal.called(rest, request, since, err)
  return result, err
end

return call
