-- Where a session connects to: from a region or an URL.

local ascii = require "aui.text.ascii"
local authority = require "aui.option.authority"
local check = require "aui.option.check"
local proxy = require "aui.option.proxy"
local url_module = require "aui.option.url"

local endpoint = {}

local DEFAULT_PORTS = { plain = 80, secure = 443 }
local MEANT = { http = "ws", https = "wss", ws = "http", wss = "https" } -- what speaks of the same servers

--- Of a secret for a place that is not confidential.
function endpoint.not_confidential(place)
  local words = "not sent over %s:// to another machine; use %s://, or set allow_plaintext = true"
  return words:format(place.api.SCHEMES.plain, place.api.SCHEMES.secure)
end

-- Which of the API's schemes this is: "plain" or "secure"; nil: none.
local function kind_of(scheme, schemes)
  for kind, name in pairs(schemes) do
    if scheme == name then return kind end
  end
end

-- The parts of an URL: its scheme in lower case; nil: it has none.
local function split_url(url)
  local scheme, where, target = url:match "^([A-Za-z]+)://([^/?#]*)(.*)$"
  return scheme and ascii.lower(scheme), where, target
end

--- Whether the option `url` has a scheme of this API.
function endpoint.is_url_of(url, api)
  local scheme = type(url) == "string" and split_url(url)
  return scheme and kind_of(scheme, api.SCHEMES) ~= nil
end

local function parse_url(url, api)
  check.type("url", url, "string")
  local function fail(problem, hint)
    local shown = url_module.shown(url)
    local got = shown and ('"%s"'):format(shown) or check.describe(url)
    check.fail("url", ("%s, got %s%s"):format(problem, got, hint or ""))
  end
  local scheme, where, target = split_url(url)
  local schemes, kind = api.SCHEMES, kind_of(scheme, api.SCHEMES)
  if not kind then
    local words = '; did you mean "%s://...", or to give %s?'
    local meant = kind_of(MEANT[scheme], schemes) and words:format(MEANT[scheme], api.OTHER_KEY)
    fail(('expected "%s://..." or "%s://..."'):format(schemes.plain, schemes.secure), meant)
  end
  if where:find("@", 1, true) then fail("must not carry a user name or password; use " .. api.KEY) end
  local problem = authority.problem(where, target)
  if problem then fail(problem) end
  if target:find("#", 1, true) then fail "must not have a fragment (#...)" end
  problem = api.problem_of_target(target)
  if problem then fail(problem) end
  local host, port = authority.split(where)
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  return {
    scheme = scheme,
    api = api,
    is_secure = kind == "secure",
    host = host,
    port = port or DEFAULT_PORTS[kind],
    default_port = DEFAULT_PORTS[kind],
    target = function() return target end,
  }
end

-- The Host field: an IPv6 address in brackets, the port unless it is the scheme's own.
local function host_field(place)
  local field = authority.join(place.host, place.port)
  return place.port == place.default_port and field:match "^(.*):%d+$" or field
end

-- What stays on this machine cannot be overheard, and costs no time on the way.
local function is_near(place)
  return authority.is_loopback(place.host) and (not place.proxy or authority.is_loopback(place.proxy.host))
end

-- The address of a region of the API.
local function url_of(region, api)
  if region == nil then region = api.REGION_NAMES[1] end
  local url = api.REGIONS[region]
  if url then return url end
  local names = '"' .. table.concat(api.REGION_NAMES, '" or "') .. '"'
  check.fail("region", ("expected %s, got %s"):format(names, check.describe(region)))
end

--- Where to connect: `api`, the module of the API that is spoken there, `is_secure`, whether by TLS, host, port,
--- `proxy` (see proxy.find), target(), a function since its query may be secret, request_host (the Host field),
--- `public_url`, which may be shown to anybody, rest_base, what stands before the paths of REST calls to the same
--- server (nil if it is not known), `is_near`: whether all of the way is on this machine, and `confidential`: whether
--- secrets may go there. Of the options url, region, proxy, allow_plaintext and the API's key; raises for a bad one.
function endpoint.resolve(options, api)
  local url = options.url
  if url == nil then url = url_of(options.region, api) end
  local place = parse_url(url, api)
  local path = place.target():match "^[^?]*"
  place.request_host = host_field(place)
  place.public_url = ("%s://%s%s"):format(place.scheme, place.request_host, path)
  place.rest_base = api.rest_base(path)
  place.proxy = proxy.find(options.proxy, place.host)
  place.is_near = is_near(place)
  place.confidential = place.is_secure or place.is_near or options.allow_plaintext
  if options[api.KEY] ~= nil then
    if not place.confidential then check.fail("url", "a key is " .. endpoint.not_confidential(place)) end
  elseif not options.url then
    local words = "expected it or publishable_key, or in the environment AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY"
    check.fail("api_key", words)
  end
  return place
end

--- Equal for what is the same place, reached in the same way and trusted for the same reasons. It holds the password
--- for a proxy.
function endpoint.identity(place)
  local tls = place.tls or {}
  local parts = {
    place.public_url, place.target(), tostring(place.tls ~= nil), tostring(tls.verify), tls.ca_file or "",
    tls.cert or "", tls.key or "", proxy.identity(place.proxy),
  } -- stylua: ignore
  return table.concat(parts, "\n")
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
