-- The options of aui.connect and aui.session: checked, with their defaults filled in.

local check = require "aui.check"
local endpoint = require "aui.endpoint"
local net = require "aui.net"

---@class (exact) aui.Timeouts seconds; false: no limit
---@field connect? number|false until the WebSocket is open, 10
---@field first? number|false from a message's departure to the first sign of an answer, 60
---@field idle? number|false between two signs of an answer, 60
---@field total? number|false from send to the end of the answer, false

---@class (exact) aui.Tls
---@field ca_file? string PEM file of the certificate authorities to trust, instead of the system's
---@field cert? string PEM file of a client certificate
---@field key? string PEM file of its key
---@field verify? boolean whether to verify the server's certificate and name, true

---@class (exact) aui.Options
---@field api_key? string the network API key; default: the environment variable AUI_NETWORK_API_KEY
---@field region? "gcp"|"azure" "gcp"
---@field url? string "ws://..." or "wss://...", instead of a region
---@field task_id? string the default for session:send
---@field auth? "query"|"header" where the key goes: "query"
---@field headers? table<string, string> further request headers
---@field allow_plaintext? boolean send the key over ws:// to another machine too
---@field tls? aui.Tls
---@field timeout? aui.Timeouts
---@field max_message? integer bytes of one incoming message, 64 MiB
---@field max_response_head? integer bytes of the handshake's answer, 16 KiB
---@field max_depth? integer how deep an incoming message may nest, 1 to 1024: 64

local options_module = {}

local KNOWN = {
  api_key = true, region = true, url = true, task_id = true, auth = true, headers = true, allow_plaintext = true,
  tls = true, timeout = true, max_message = true, max_response_head = true, max_depth = true,
} -- stylua: ignore
local KNOWN_TLS = { ca_file = "string", cert = "string", key = "string", verify = "boolean" }
local DEFAULT_TIMEOUTS = { connect = 10, first = 60, idle = 60, total = false }

--- Checks a `timeout` table and fills in what it leaves out from `defaults`. In the result, nil is no limit.
function options_module.timeouts(level, given, defaults)
  check.type(level + 1, "timeout", given, "table")
  given = given or {}
  check.names(level + 1, "timeout", given, DEFAULT_TIMEOUTS)
  local result = {}
  for name, default in pairs(defaults) do
    local value = given[name]
    if value == nil then value = default end
    local argument = "timeout." .. name
    if value ~= false and (type(value) ~= "number" or not (value > 0)) then
      check.fail(level + 1, argument, "expected seconds (a number above 0) or false, got " .. check.describe(value))
    end
    result[name] = value
  end
  return result
end

local function check_tls(level, tls, scheme)
  check.type(level + 1, "tls", tls, "table")
  if tls == nil then return scheme == "wss" and {} or nil end
  if scheme ~= "wss" then check.fail(level + 1, "tls", "has no meaning for a ws:// url") end
  check.names(level + 1, "tls", tls, KNOWN_TLS)
  for name, expected in pairs(KNOWN_TLS) do
    check.type(level + 1, "tls." .. name, tls[name], expected)
  end
  if (tls.cert == nil) ~= (tls.key == nil) then check.fail(level + 1, "tls.cert", "cert and key go together") end
  return tls
end

local function check_whole(level, options, name, least, most)
  local value = options[name]
  if value == nil then return end
  if type(value) ~= "number" or value % 1 ~= 0 or value < least or value > most then
    local expected = most < math.huge and ("between %d and %d"):format(least, most) or ("of %d or more"):format(least)
    check.fail(level + 1, name, ("expected a whole number %s, got %s"):format(expected, check.describe(value)))
  end
end

--- Raises if the id is neither nil nor a string that can be sent.
function options_module.check_task_id(level, task_id)
  check.type(level + 1, "task_id", task_id, "string")
  if task_id == "" then check.fail(level + 1, "task_id", "expected a task's id, got an empty string") end
  if task_id and not net.is_utf8(task_id) then check.fail(level + 1, "task_id", "expected valid UTF-8") end
end

--- The checked options: `endpoint` (see endpoint.resolve), `tls`, `timeout`, `task_id` and the limits.
---@param options aui.Options
function options_module.read(level, options)
  if type(options) ~= "table" then
    check.fail(level + 1, "options", "expected a table, got " .. check.describe(options))
  end
  check.names(level + 1, "options", options, KNOWN)
  check.type(level + 1, "allow_plaintext", options.allow_plaintext, "boolean")
  options_module.check_task_id(level + 1, options.task_id)
  check_whole(level + 1, options, "max_message", 1, 2 ^ 52)
  check_whole(level + 1, options, "max_response_head", 128, 2 ^ 31)
  check_whole(level + 1, options, "max_depth", 1, 1024)
  local place = endpoint.resolve(level + 1, options)
  return {
    endpoint = place,
    tls = check_tls(level + 1, options.tls, place.scheme),
    timeout = options_module.timeouts(level + 1, options.timeout, DEFAULT_TIMEOUTS),
    task_id = options.task_id,
    max_message = options.max_message,
    max_response_head = options.max_response_head,
    max_depth = options.max_depth,
  }
end

return options_module
