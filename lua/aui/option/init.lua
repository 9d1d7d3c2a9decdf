-- The options of aui.connect and aui.session, and of aui.pool: checked, with their defaults filled in.

local check = require "aui.option.check"
local credentials = require "aui.api.credentials"
local endpoint = require "aui.api.endpoint"
local read = require "aui.option.read"
local rows = require "aui.option.rows"
local tasks = require "aui.api.tasks"
local threads = require "aui.api.threads"

local options_module = {}

local SESSION, POOL = read.tree(rows.session), read.tree(rows.pool)

--- The values of a message's `timeout`: of what it leaves out, those in `defaults`.
function options_module.timeouts(given, defaults)
  check.type("timeout", given, "table")
  return read.fields("timeout", SESSION.by_name.timeout.fields, given or {}, defaults)
end

--- The values of aui.pool's options.
---@param options? aui.PoolOptions
function options_module.pool(options)
  check.type("options", options, "table")
  return read.fields("options", POOL, options or {})
end

-- Says how TLS is spoken, with the server or with the proxy, if it is.
local function add_tls(place, given, tls)
  local by = place.proxy
  local is_spoken = place.is_secure or (by and by.tls)
  if given ~= nil and not is_spoken then
    check.fail("tls", ("has no meaning for a %s:// url"):format(place.api.SCHEMES.plain))
  end
  if (tls.cert == nil) ~= (tls.key == nil) then check.fail("tls.cert", "cert and key go together") end
  if place.is_secure then place.tls = tls end
  if by then by.ca_file = tls.ca_file end
end

-- What REST calls go by. A session that does not connect again by itself has pauses between calls all the same.
local function rest_of(values, place, its_credentials)
  local backoff = values.reconnect or read.fields("reconnect", SESSION.by_name.reconnect.fields, {})
  return {
    endpoint = place,
    credentials = its_credentials,
    timeout = values.timeout.call,
    retries = values.retries,
    backoff = { base = backoff.base, max = backoff.max },
    max_response_head = values.max_response_head,
    max_response_body = values.max_response_body,
  }
end

-- The API that these options choose, by the key that they give.
local function api_of(options)
  local api = options.publishable_key ~= nil and threads or tasks
  for _, name in ipairs(api.MEANINGLESS) do
    if options[name] ~= nil then check.fail(name, "has no meaning beside " .. api.KEY) end
  end
  return api
end

--- The checked options: `endpoint` (see endpoint.resolve; with `tls`), `credentials`, `timeout`, `task_id`,
--- `thread_id`, `user_id`, `rest` (see aui.api.call), and `core`, those of loop:open but for the request's target and
--- headers.
---@param options aui.Options
function options_module.read(options)
  if type(options) ~= "table" then
    check.fail("options", "expected a table, got " .. check.describe(options))
  end
  if options.url ~= nil and options.region ~= nil then
    check.fail("region", "give either region or url, not both")
  end
  local api, values = api_of(options), read.fields("options", SESSION, options)
  for _, name in ipairs(api.MEANINGLESS) do values[name] = nil end -- such as a key of the environment's
  local place = endpoint.resolve(values, api)
  add_tls(place, options.tls, values.tls)
  local core = endpoint.address(place, read.core_values(SESSION, values))
  core.recover = values.recover and values.reconnect and place.rest_base ~= nil
  core.carrier, core.thread_id = api.carrier(values), values.thread_id
  local its_credentials = credentials.new(values, place)
  core.renews = its_credentials.asks ~= nil
  return {
    endpoint = place,
    credentials = its_credentials,
    rest = rest_of(values, place, its_credentials),
    timeout = values.timeout,
    task_id = values.task_id,
    thread_id = values.thread_id,
    user_id = values.user_id,
    core = core,
  }
end

return options_module
