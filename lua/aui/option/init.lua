-- The options of aui.connect and aui.session: checked, with their defaults filled in.

local check = require "aui.option.check"
local credentials = require "aui.api.credentials"
local endpoint = require "aui.api.endpoint"
local host = require "aui.host"

---@class (exact) aui.Timeouts seconds; false: no limit
---@field connect? number|false until the WebSocket is open, 10
---@field first? number|false from a message's departure to the first sign of an answer, 60
---@field idle? number|false between two signs of an answer, 60
---@field total? number|false from send to the end of the answer, false

---@class (exact) aui.Reconnect exponential back-off with full jitter, times in seconds
---@field base? number the first delay is drawn at random up to this, each further one up to twice as much: 0.5
---@field max? number but at most up to this: 30
---@field attempts? integer how many may fail in a row; default: no end
---@field reset_after? number a connection that was open so long was healthy: 10

---@class (exact) aui.Queue what may wait to be sent
---@field messages? integer 64
---@field bytes? integer of JSON, 1 MiB

---@class (exact) aui.Rate
---@field messages integer at most so many
---@field per number in so many seconds, evenly spaced

---@class (exact) aui.Tls files are read again for a new connection when they have changed
---@field ca_file? string PEM file of the certificate authorities to trust, instead of the system's
---@field cert? string PEM file of a client certificate
---@field key? string PEM file of its key
---@field verify? boolean whether to verify the server's certificate and name, true

---@class (exact) aui.Options
---@field api_key? string|fun(): string? the network API key; default: the environment variable AUI_NETWORK_API_KEY. A
---function is asked before each connection, may wait, and returns it, or nil and why it cannot be
---had just now; in what it raises there is no use in trying again
---@field region? "gcp"|"azure" "gcp"
---@field url? string "ws://..." or "wss://...", instead of a region
---@field task_id? string the default for session:send
---@field auth? "query"|"header" where the key goes: "query"
---@field headers? table<string, string>|fun(): table<string, string>? further request headers; a function as above
---@field allow_plaintext? boolean send the key, and headers as secret as that (Authorization, Proxy-Authorization,
---Cookie), over ws:// to another machine too
---@field tls? aui.Tls
---@field timeout? aui.Timeouts
---@field reconnect? aui.Reconnect|false false: a connection is made again only for the next message
---@field recover? boolean whether to find out from the task's history what became of a message whose answer was cut
---off, true; without effect when `reconnect` is false, or the URL's path does not end in /api/v1/external/session
---@field queue? aui.Queue
---@field rate? aui.Rate default: no limit
---@field ping_interval? number|false seconds of silence before a ping, 20; false: no pings
---@field ping_timeout? number seconds within which it must be answered, 10
---@field max_message? integer bytes of one incoming message, 1 MiB: many times what agents write. A server that means
---harm makes a session take seven times as much memory, and Lua 5.1 to 5.3, in which it can choose
---keys with equal hashes, some seconds for 1 MiB, a hundred times that for ten
---@field max_response_head? integer bytes of the head of an HTTP answer, the handshake's and the history's, 16 KiB
---@field max_depth? integer how deep an incoming message may nest, 1 to 1024: 64

local options_module = {}

local KNOWN = {
  api_key = true, region = true, url = true, task_id = true, auth = true, headers = true, allow_plaintext = true,
  tls = true, timeout = true, max_message = true, max_response_head = true, max_depth = true,
  reconnect = true, recover = true, queue = true, rate = true, ping_interval = true, ping_timeout = true,
} -- stylua: ignore
local KNOWN_TLS = { ca_file = "string", cert = "string", key = "string", verify = "boolean" }
local DEFAULT_TIMEOUTS = { connect = 10, first = 60, idle = 60, total = false }
local DEFAULT_RECONNECT = { base = 0.5, max = 30, attempts = 2 ^ 32 - 1, reset_after = 10 }
local DEFAULT_QUEUE = { messages = 64, bytes = 1024 * 1024 }
local KNOWN_RATE = { messages = true, per = true }
local MOST_SECONDS = 4e6 -- of a delay, which the engine holds in 32 bits of milliseconds

--- Checks a `timeout` table and fills in what it leaves out from `defaults`. In the result, nil is no limit.
function options_module.timeouts(given, defaults)
  check.type("timeout", given, "table")
  given = given or {}
  check.names("timeout", given, DEFAULT_TIMEOUTS)
  local result = {}
  for name, default in pairs(defaults) do
    local value = given[name]
    if value == nil then value = default end
    if value ~= false then check.seconds("timeout." .. name, value, " or false") end
    result[name] = value
  end
  return result
end

local function check_tls(tls, scheme)
  check.type("tls", tls, "table")
  if tls == nil then return scheme == "wss" and {} or nil end
  if scheme ~= "wss" then check.fail("tls", "has no meaning for a ws:// url") end
  check.names("tls", tls, KNOWN_TLS)
  local result = {} -- what the core and later requests read is not the caller's table
  for name, expected in pairs(KNOWN_TLS) do
    result[name] = tls[name]
    check.type("tls." .. name, result[name], expected)
    if expected == "string" and result[name] and result[name]:find "[%z\n]" then
      check.fail("tls." .. name, "expected the path of a PEM file") -- its contents would be shown in errors
    end
  end
  if (result.cert == nil) ~= (result.key == nil) then check.fail("tls.cert", "cert and key go together") end
  return result
end

-- The table's fields, from `defaults` where it has none; raises for those that it should not have.
local function filled(argument, given, defaults)
  check.type(argument, given, "table")
  check.names(argument, given or {}, defaults)
  local result = {}
  for name, default in pairs(defaults) do
    local value = given and given[name]
    if value == nil then value = default end
    result[name] = value
  end
  return result
end

local function read_reconnect(given)
  if given == false then return { base = 0, max = 0, attempts = 0, reset_after = 0 } end
  local result = filled("reconnect", given, DEFAULT_RECONNECT)
  for _, name in ipairs { "base", "max", "reset_after" } do
    check.seconds("reconnect." .. name, result[name])
    result[name] = math.min(result[name], MOST_SECONDS)
  end
  check.whole("reconnect.attempts", result.attempts, 1, 2 ^ 32 - 1)
  return result
end

local function read_queue(given)
  local result = filled("queue", given, DEFAULT_QUEUE)
  check.whole("queue.messages", result.messages, 1, 2 ^ 31)
  check.whole("queue.bytes", result.bytes, 1, 2 ^ 52)
  return result
end

local function read_rate(given)
  check.type("rate", given, "table")
  if given == nil then return {} end
  check.names("rate", given, KNOWN_RATE)
  if given.messages == nil then check.fail("rate.messages", "expected a whole number, got nothing") end
  check.whole("rate.messages", given.messages, 1, 2 ^ 31)
  check.seconds("rate.per", given.per)
  return { messages = given.messages, per = math.min(given.per, MOST_SECONDS) }
end

-- interval (nil: no pings) and timeout, in seconds.
local function read_ping(options)
  local interval, timeout = options.ping_interval, options.ping_timeout
  if interval == nil then interval = 20 end
  if timeout == nil then timeout = 10 end
  if interval then check.seconds("ping_interval", interval, " or false") end
  check.seconds("ping_timeout", timeout)
  return interval or nil, timeout
end

--- Raises if the id is neither nil nor a string that can be sent.
function options_module.check_task_id(task_id)
  check.type("task_id", task_id, "string")
  if task_id == "" then check.fail("task_id", "expected a task's id, got an empty string") end
  if task_id and not host.is_utf8(task_id) then check.fail("task_id", "expected valid UTF-8") end
end

--- The checked options: `endpoint` (see endpoint.resolve; with `tls`), `credentials`, `timeout`, `task_id`, and `core`,
--- those of loop:open but for the request's target and headers.
---@param options aui.Options
function options_module.read(options)
  if type(options) ~= "table" then
    check.fail("options", "expected a table, got " .. check.describe(options))
  end
  check.names("options", options, KNOWN)
  check.type("allow_plaintext", options.allow_plaintext, "boolean")
  check.type("recover", options.recover, "boolean")
  options_module.check_task_id(options.task_id)
  check.whole("max_message", options.max_message, 1, 2 ^ 52)
  check.whole("max_response_head", options.max_response_head, 128, 2 ^ 31)
  check.whole("max_depth", options.max_depth, 1, 1024)
  local place = endpoint.resolve(options)
  local timeout = options_module.timeouts(options.timeout, DEFAULT_TIMEOUTS)
  local reconnect = read_reconnect(options.reconnect)
  local queue = read_queue(options.queue)
  local rate = read_rate(options.rate)
  local ping_interval, ping_timeout = read_ping(options)
  place.tls = check_tls(options.tls, place.scheme)
  local core = endpoint.address(place, {
    connect_timeout = timeout.connect or nil,
    reconnect_base = reconnect.base,
    reconnect_max = reconnect.max,
    reconnect_attempts = reconnect.attempts,
    reconnect_reset_after = reconnect.reset_after,
    ping_interval = ping_interval,
    ping_timeout = ping_timeout,
    recover = options.recover ~= false and reconnect.attempts > 0 and place.tasks_target ~= nil,
    queue_messages = queue.messages,
    queue_bytes = queue.bytes,
    rate_messages = rate.messages,
    rate_per = rate.per,
    max_message = options.max_message,
    max_response_head = options.max_response_head,
    max_depth = options.max_depth,
  })
  return {
    endpoint = place,
    credentials = credentials.new(options, place),
    timeout = timeout,
    task_id = options.task_id,
    core = core,
  }
end

return options_module
