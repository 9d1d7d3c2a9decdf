-- Where a session connects to and what its request says: from a region or an URL, the key and further headers.

local check = require "aui.check"
local net = require "aui.net"

local endpoint = {}

local REGIONS = {
  gcp = "wss://data-services.aui.io/api/ia-controller/api/v1/external/session",
  azure = "wss://azure.aui.io/api/ia-controller/api/v1/external/session",
}
local DEFAULT_PORTS = { ws = 80, wss = 443 }
local SESSION_PATH = "^(.*)/api/v1/external/session/?$"
local KEY_PARAMETER = "network_api_key"
local KEY_HEADER = "x-network-api-key"

-- Headers that belong to the WebSocket handshake or to the connection itself.
local OWN_HEADERS = {
  host = true,
  upgrade = true,
  connection = true,
  ["content-length"] = true,
  ["transfer-encoding"] = true,
}

--- Every byte that is not unreserved (RFC 3986, 2.3) as %XX.
function endpoint.percent_encode(text)
  return (text:gsub("[^%w%-._~]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

-- host, port: of "name", "name:port", "[v6]" or "[v6]:port".
local function split_authority(authority)
  local host, rest = authority:match "^%[([%x:.]+)%](.*)$"
  if not host then
    host, rest = authority:match "^([^:]+)(.*)$"
  end
  if not host then return nil end
  if rest == "" then return host end
  local port = tonumber(rest:match "^:(%d+)$")
  if port and port >= 1 and port <= 65535 then return host, math.floor(port) end
end

local function parse_url(level, url)
  local function fail(problem) check.fail(level + 2, "url", problem) end
  check.type(level + 1, "url", url, "string")
  if url:find "[^\33-\126]" then fail "expected printable ASCII without spaces (percent-encode the rest)" end
  local scheme, authority, target = url:match "^(%a+)://([^/?#]*)(.*)$"
  scheme = scheme and scheme:lower()
  if not DEFAULT_PORTS[scheme] then fail 'expected "ws://..." or "wss://..."' end
  if authority:find("@", 1, true) then fail "must not carry a user name or password; use api_key" end
  if target:find("#", 1, true) then fail "must not have a fragment (#...)" end
  if target:find(KEY_PARAMETER, 1, true) then fail("must not carry " .. KEY_PARAMETER .. "; use api_key") end
  local host, port = split_authority(authority)
  if not host or #host > 253 then fail "expected a host, and a port between 1 and 65535 if any" end
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  return { scheme = scheme, host = host, port = port or DEFAULT_PORTS[scheme], target = target }
end

local function is_loopback(host)
  return host == "localhost" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil or host == "::1"
end

-- The Host field: an IPv6 address in brackets, the port unless it is the scheme's own.
local function host_field(place)
  local host = place.host:find(":", 1, true) and "[" .. place.host .. "]" or place.host
  return place.port == DEFAULT_PORTS[place.scheme] and host or ("%s:%d"):format(host, place.port)
end

local function header_line(level, name, value)
  local argument = ("headers[%s]"):format(check.describe(name))
  if type(name) ~= "string" or not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then
    check.fail(level + 1, argument, "expected a header name")
  end
  if type(value) ~= "string" then
    check.fail(level + 1, argument, "expected a string, got " .. check.describe(value))
  end
  if value:find "[%z\r\n]" then check.fail(level + 1, argument, "must not contain CR, LF or NUL") end
  local lower = name:lower()
  if OWN_HEADERS[lower] or lower:find "^sec%-websocket%-" then
    check.fail(level + 1, argument, "is set by the WebSocket handshake itself")
  end
  return name .. ": " .. value .. "\r\n"
end

local function header_lines(level, headers)
  local lines, agent = {}, "User-Agent: lua-aui/" .. net.version .. "\r\n"
  for name, value in pairs(headers or {}) do
    lines[#lines + 1] = header_line(level + 1, name, value)
    if name:lower() == "user-agent" then agent = nil end
  end
  lines[#lines + 1] = agent
  table.sort(lines)
  return table.concat(lines)
end

local function check_key(level, key, place, allow_plaintext)
  if type(key) ~= "string" then check.fail(level + 1, "api_key", "expected a string, got a " .. type(key)) end
  if key == "" then check.fail(level + 1, "api_key", "expected a key, got an empty string") end
  if key:find "[%z\r\n]" then check.fail(level + 1, "api_key", "must not contain CR, LF or NUL") end
  if place.scheme == "ws" and not is_loopback(place.host) and not allow_plaintext then
    local problem = "a key is not sent over ws:// to another machine; use wss://, or set allow_plaintext = true"
    check.fail(level + 1, "url", problem)
  end
end

-- How a server that repeats the key may spell it: as it is, percent-encoded, or inside a string of JSON.
local function spellings(key)
  local encoded, escaped = endpoint.percent_encode(key), key:gsub('["\\]', "\\%0")
  return { key, encoded, (encoded:gsub("%%%x%x", string.lower)), escaped, (escaped:gsub("/", "\\/")) }
end

local function place_of(level, options)
  if options.url ~= nil then
    if options.region ~= nil then check.fail(level + 1, "region", "give either region or url, not both") end
    local place = parse_url(level + 1, options.url) -- no tail call: levels are counted
    return place
  end
  local region = options.region == nil and "gcp" or options.region
  if not REGIONS[region] then
    check.fail(level + 1, "region", ('expected "gcp" or "azure", got %s'):format(check.describe(region)))
  end
  local place = parse_url(level + 1, REGIONS[region])
  return place
end

-- Where the tasks are in the REST part of the API, or nil if the URL does not tell: an URL of one's own need not.
local function tasks_target(place)
  local base = place.target:match("^[^?]*"):match(SESSION_PATH)
  return base and base .. "/api/v1/external/tasks/"
end

--- Where to connect and what to say there: scheme, host, port, request_host, target, headers, and `public_url`, which
--- may be shown to anybody. And for REST calls to the same server: tasks_target (nil if it is not known) and
--- rest_headers. Raises for a bad option.
function endpoint.resolve(level, options)
  local place = place_of(level + 1, options)
  place.request_host = host_field(place)
  place.public_url = ("%s://%s%s"):format(place.scheme, place.request_host, place.target:match "^[^?]*")
  check.type(level + 1, "headers", options.headers, "table")
  place.headers = header_lines(level + 1, options.headers)
  place.rest_headers = place.headers
  place.tasks_target = tasks_target(place)
  local auth = options.auth == nil and "query" or options.auth
  if auth ~= "query" and auth ~= "header" then
    check.fail(level + 1, "auth", ('expected "query" or "header", got %s'):format(check.describe(auth)))
  end
  local key = options.api_key
  if key == nil then key = os.getenv "AUI_NETWORK_API_KEY" end
  if key == nil then
    if options.url then return place end
    check.fail(level + 1, "api_key", "expected a string, or the environment variable AUI_NETWORK_API_KEY")
  end
  check_key(level + 1, key, place, options.allow_plaintext)
  place.rest_headers = place.headers .. KEY_HEADER .. ": " .. key .. "\r\n"
  if auth == "header" then
    place.headers = place.rest_headers
  else
    local separator = place.target:find("?", 1, true) and "&" or "?"
    place.target = place.target .. separator .. KEY_PARAMETER .. "=" .. endpoint.percent_encode(key)
  end
  place.secrets = spellings(key)
  return place
end

return endpoint
