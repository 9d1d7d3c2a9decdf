-- Where a session connects to: from a region or an URL.

local ascii = require "aui.text.ascii"
local authority = require "aui.option.authority"
local check = require "aui.option.check"
local proxy = require "aui.option.proxy"
local tasks = require "aui.api.tasks"
local url_module = require "aui.option.url"

local endpoint = {}

--- Of a secret for a place that is not confidential.
endpoint.NOT_CONFIDENTIAL = "not sent over ws:// to another machine; use wss://, or set allow_plaintext = true"

local DEFAULT_PORTS = { ws = 80, wss = 443 }
local KEY_PARAMETER = "network_api_key"
local MEANT = { http = "ws", https = "wss" } -- what speaks of the same servers

local function parse_url(url)
  check.type("url", url, "string")
  local function fail(problem, hint)
    local shown = url_module.shown(url)
    local got = shown and ('"%s"'):format(shown) or check.describe(url)
    check.fail("url", ("%s, got %s%s"):format(problem, got, hint or ""))
  end
  local scheme, where, target = url:match "^([A-Za-z]+)://([^/?#]*)(.*)$"
  scheme = scheme and ascii.lower(scheme)
  if not DEFAULT_PORTS[scheme] then
    local meant = MEANT[scheme]
    fail('expected "ws://..." or "wss://..."', meant and ('; did you mean "%s://..."?'):format(meant))
  end
  if where:find("@", 1, true) then fail "must not carry a user name or password; use api_key" end
  local problem = authority.problem(where, target)
  if problem then fail(problem) end
  if target:find("#", 1, true) then fail "must not have a fragment (#...)" end
  if target:find(KEY_PARAMETER, 1, true) then fail("must not carry " .. KEY_PARAMETER .. "; use api_key") end
  local host, port = authority.split(where)
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  return { scheme = scheme, host = host, port = port or DEFAULT_PORTS[scheme], target = target }
end

-- The Host field: an IPv6 address in brackets, the port unless it is the scheme's own.
local function host_field(place)
  local field = authority.join(place.host, place.port)
  return place.port == DEFAULT_PORTS[place.scheme] and field:match "^(.*):%d+$" or field
end

-- What stays on this machine cannot be overheard.
local function is_near(place)
  return authority.is_loopback(place.host) and (not place.proxy or authority.is_loopback(place.proxy.host))
end

--- Where to connect: scheme, host, port, `proxy` (see proxy.find), target, request_host (the Host field), `public_url`,
--- which may be shown to anybody, rest_base, what stands before the paths of REST calls to the same server (nil if it
--- is not known), and `confidential`: whether secrets may go there. Of the options url, region, proxy, api_key and
--- allow_plaintext; raises for a bad one.
function endpoint.resolve(options)
  local url = options.url
  if url == nil then url = tasks.REGIONS[options.region] end
  local place = parse_url(url)
  place.request_host = host_field(place)
  place.public_url = ("%s://%s%s"):format(place.scheme, place.request_host, place.target:match "^[^?]*")
  place.rest_base = tasks.rest_base(place.target:match "^[^?]*")
  place.proxy = proxy.find(options.proxy, place.host)
  place.confidential = place.scheme == "wss" or is_near(place) or options.allow_plaintext
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
  local by = place.proxy
  if not by then return fields end
  local tls = by.tls and { ca_file = by.ca_file, verify = true } or nil
  fields.proxy = { host = by.host, port = by.port, tls = tls, credentials = by.credentials() }
  fields.proxy_name = by.name
  return fields
end

return endpoint
