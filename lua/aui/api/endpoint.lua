-- Where a session connects to: from a region or an URL.

local ascii = require "aui.text.ascii"
local check = require "aui.option.check"
local is_utf8 = require("aui.host").is_utf8
local punycode = require "aui.text.punycode"

local endpoint = {}

--- Of a secret for a place that is not confidential.
endpoint.NOT_CONFIDENTIAL = "not sent over ws:// to another machine; use wss://, or set allow_plaintext = true"

local REGIONS = {
  gcp = "wss://data-services.aui.io/api/ia-controller/api/v1/external/session",
  azure = "wss://azure.aui.io/api/ia-controller/api/v1/external/session",
}
local DEFAULT_PORTS = { ws = 80, wss = 443 }
local SESSION_PATH = "^(.*)/api/v1/external/session/?$"
local KEY_PARAMETER = "network_api_key"
local LONGEST_HOST = 253 -- bytes (RFC 1035, 2.3.4)

-- host, port: of "name", "name:port", "[v6]" or "[v6]:port"; the port may be empty (RFC 3986, 3.2.3).
local function split_authority(authority)
  local host, rest = authority:match "^%[([%x:.]+)%](.*)$"
  if not host then
    host, rest = authority:match "^([^:]+)(.*)$"
  end
  if not host then return nil end
  if rest == "" or rest == ":" then return host end
  local port = tonumber(rest:match "^:(%d+)$")
  if port and port >= 1 and port <= 65535 then return host, math.floor(port) end
end

-- What is wrong with bytes that are not printable ASCII, if there are such.
local function bytes_problem(authority, target)
  local name = authority:match "^[^:]*"
  local is_name = #name <= LONGEST_HOST and not name:find "[%z\1-\32\127]"
  if is_name and name:find "[\128-\255]" and is_utf8(name) then
    return ('expected the host name in ASCII: write it as "%s"'):format(punycode.host(name))
  end
  if (authority .. target):find "[^\33-\126]" then
    return "expected printable ASCII without spaces (percent-encode the rest)"
  end
end

local function parse_url(url)
  local function fail(problem) check.fail("url", problem) end
  check.type("url", url, "string")
  local scheme, authority, target = url:match "^([A-Za-z]+)://([^/?#]*)(.*)$"
  scheme = scheme and ascii.lower(scheme)
  if not DEFAULT_PORTS[scheme] then fail 'expected "ws://..." or "wss://..."' end
  if authority:find("@", 1, true) then fail "must not carry a user name or password; use api_key" end
  local problem = bytes_problem(authority, target)
  if problem then fail(problem) end
  if authority:find "^%[[^%]]*%%" then fail "must not have the zone of an IPv6 address (%...)" end
  if target:find("#", 1, true) then fail "must not have a fragment (#...)" end
  if target:find(KEY_PARAMETER, 1, true) then fail("must not carry " .. KEY_PARAMETER .. "; use api_key") end
  local host, port = split_authority(authority)
  if not host or #host > LONGEST_HOST then fail "expected a host, and a port between 1 and 65535 if any" end
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  return { scheme = scheme, host = host, port = port or DEFAULT_PORTS[scheme], target = target }
end

local function is_loopback(host)
  host = ascii.lower(host):gsub("%.$", "")
  return host == "localhost" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil or host == "::1"
end

-- The Host field: an IPv6 address in brackets, the port unless it is the scheme's own.
local function host_field(place)
  local host = place.host:find(":", 1, true) and "[" .. place.host .. "]" or place.host
  return place.port == DEFAULT_PORTS[place.scheme] and host or ("%s:%d"):format(host, place.port)
end

-- Where the tasks are in the REST part of the API, or nil if the URL does not tell: an URL of one's own need not.
local function tasks_target(place)
  local base = place.target:match("^[^?]*"):match(SESSION_PATH)
  return base and base .. "/api/v1/external/tasks/"
end

--- Where to connect: scheme, host, port, target, request_host (the Host field), `public_url`, which may be shown to
--- anybody, tasks_target, for REST calls to the same server (nil if it is not known), and `confidential`: whether
--- secrets may go there. Of the options url, region, api_key and allow_plaintext; raises for a bad one.
function endpoint.resolve(options)
  local url = options.url
  if url == nil then url = REGIONS[options.region] end
  local place = parse_url(url)
  place.request_host = host_field(place)
  place.public_url = ("%s://%s%s"):format(place.scheme, place.request_host, place.target:match "^[^?]*")
  place.tasks_target = tasks_target(place)
  place.confidential = place.scheme == "wss" or is_loopback(place.host) or options.allow_plaintext
  if options.api_key ~= nil then
    if not place.confidential then check.fail("url", "a key is " .. endpoint.NOT_CONFIDENTIAL) end
  elseif not options.url then
    check.fail("api_key", "expected a string, or the environment variable AUI_NETWORK_API_KEY")
  end
  return place
end

--- Adds to the fields of loop:open or loop:call where they connect to; returns them.
function endpoint.address(place, fields)
  fields.host, fields.port, fields.tls = place.host, place.port, place.tls
  fields.request_host = place.request_host
  return fields
end

return endpoint
