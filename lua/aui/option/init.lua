-- The options of aui.connect and aui.session, and of aui.pool: checked, with their defaults filled in.

local check = require "aui.option.check"
local credentials = require "aui.api.credentials"
local endpoint = require "aui.api.endpoint"
local fingerprint = require "aui.option.fingerprint"
local proxy = require "aui.option.proxy"
local read = require "aui.option.read"
local rows = require "aui.option.rows"
local tasks = require "aui.api.tasks"
local threads = require "aui.api.threads"

local options_module = {}

local SESSION, POOL = read.tree(rows.session), read.tree(rows.pool)

--- The values of a message's `timeout`, which must not be changed: of what it leaves out, those in `defaults`.
function options_module.timeouts(given, defaults)
  if given == nil then return defaults end
  check.type("timeout", given, "table")
  return read.fields("timeout", SESSION.by_name.timeout.fields, given, defaults)
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

-- The API that these options choose: by the key that they give, else by the URL; else by the key in the environment,
-- which `values` have then.
local function choose_api(options, values)
  if options.publishable_key ~= nil then return threads end
  if options.api_key ~= nil or values.publishable_key == nil then return tasks end
  if options.url ~= nil then return endpoint.is_url_of(options.url, tasks) and tasks or threads end
  if values.api_key == nil then return threads end
  local words = "AUI_NETWORK_API_KEY and AUI_PUBLISHABLE_KEY are both set: give one of api_key, publishable_key, url"
  check.fail("api_key", words)
end

-- What the user calls the key of the API: the option, or the variable that stands for it.
local function name_of_key(options, values, api)
  local is_variable = options[api.KEY] == nil and values[api.KEY] ~= nil
  return is_variable and SESSION.by_name[api.KEY].environment or api.KEY
end

-- The API that these options choose; those of the other one are misuse, its key in the environment is left alone.
local function api_of(options, values)
  local api = choose_api(options, values)
  for _, name in ipairs(api.MEANINGLESS) do
    if options[name] ~= nil then check.fail(name, "has no meaning beside " .. name_of_key(options, values, api)) end
    values[name] = nil
  end
  return api
end

-- The service that these options lead to, and all that sessions with the same options have in common.
local function read_service(options)
  if options.url ~= nil and options.region ~= nil then
    check.fail("region", "give either region or url, not both")
  end
  local values = read.fields("options", SESSION, options)
  local api = api_of(options, values)
  local place = endpoint.resolve(values, api)
  add_tls(place, options.tls, values.tls)
  local core = endpoint.address(place, read.core_values(SESSION, values))
  core.recover = values.recover and values.reconnect and place.rest_base ~= nil
  core.carrier = api.carrier(values)
  core.compression = values.compression == true or (values.compression == "auto" and not place.is_near)
  local its_credentials = credentials.new(values, place)
  core.renews = its_credentials.asks ~= nil
  local shared = { __index = core }
  return {
    endpoint = place,
    credentials = its_credentials,
    rest = rest_of(values, place, its_credentials),
    timeout = values.timeout,
    recovers = core.recover,
    compression = core.compression,
    carrier = core.carrier,
    core_options = function(own) return setmetatable(own, shared) end,
  }
end

-- What a session has of its own.
local CONVERSATION = { task_id = true, thread_id = true, user_id = true }

-- By the fingerprint of options, and of the variables that stand in for some; as long as there is one of its sessions.
local services = setmetatable({}, { __mode = "v" })

local function find_service(options)
  local print = fingerprint.of(options, CONVERSATION)
  if not print then return read_service(options) end
  print = ("%s %s"):format(print, read.environment(SESSION) .. proxy.environment())
  local service = services[print] or read_service(options)
  services[print], service.is_shared = service, true
  return service
end

--- Whether nothing but a session's own options is in `extra`: added to those of a service that may be shared they lead
--- to it, too.
function options_module.are_own(extra, service)
  for name in pairs(extra) do
    if not CONVERSATION[name] then return false end
  end
  for _, name in ipairs(service.endpoint.api.MEANINGLESS) do
    if extra[name] ~= nil then return false end
  end
  return service.is_shared
end

--- The checked options: `task_id`, `thread_id` and `user_id`, and `service`, which sessions with the same options
--- share, as long as the key and the headers are no functions: `endpoint` (see endpoint.resolve; with `tls`),
--- `credentials`, `timeout`, `rest` (see aui.api.call), `recovers`, whether what became of lost answers is found
--- out, `compression`, whether servers may compress, `carrier`, by which messages go, and `core_options(own)`, which
--- makes of a session's own target, headers, thread_id, records and pool the options of loop:open: a function, since
--- these hold the password for a proxy.
---@param options aui.Options
---@param known? table the service that they are known to lead to
function options_module.read(options, known)
  if type(options) ~= "table" then
    check.fail("options", "expected a table, got " .. check.describe(options))
  end
  local service = known or find_service(options)
  for name in pairs(CONVERSATION) do check.id(name, options[name]) end
  return {
    service = service,
    task_id = options.task_id,
    thread_id = options.thread_id,
    user_id = options.user_id,
  }
end

return options_module
