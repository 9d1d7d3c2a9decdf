-- Which proxy a connection goes through: that of the option, else that of the environment as curl reads it.

local ascii = require "aui.text.ascii"
local authority = require "aui.option.authority"
local check = require "aui.option.check"
local ngx_api = require "aui.host.ngx_api"
local percent = require "aui.text.percent"

local proxy = {}

-- Those in lower case first; an empty one is as one that is not set.
local VARIABLES = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" }
local EXCEPTIONS = { "no_proxy", "NO_PROXY" }
local DEFAULT_PORTS = { http = 1080, https = 443 } -- curl's

---@class aui.Proxy
---@field host string
---@field port integer
---@field tls boolean whether it is spoken to over TLS
---@field name string "host:port": for people
---@field ca_file? string whom to trust, of one that speaks TLS; nil: the system's authorities
---@field credentials fun(): string? "user:password"; nil: none. A closure, so that no dump of an object shows it

-- ---- The URL ----

-- "user:password" as the Basic scheme has it (RFC 7617, 2), or nil and what is wrong.
local function read_credentials(userinfo)
  local user, password = userinfo:match "^([^:]*):?(.*)$"
  user, password = percent.decode(user), percent.decode(password)
  if user:find(":", 1, true) then return nil, "must not have a colon (%3A) in its user name" end
  if (user .. password):find "[%z\1-\31\127]" then
    return nil, "must not have control characters in its user name or password"
  end
  return user .. ":" .. password
end

local function scheme_problem(scheme)
  if scheme == "https" and ngx_api then
    return "https:// proxies cannot be used in nginx, whose cosockets speak no TLS inside of TLS: expected http://..."
  end
  if DEFAULT_PORTS[scheme] then return nil end
  local but = scheme and #scheme <= 16 and (", as %s:// is not supported"):format(scheme) or ""
  return 'expected "http://..." or "https://..."' .. but
end

-- Raises in the name of the argument or variable, and shows nothing of the URL, which may hold a password.
local function parse(argument, url)
  local function fail(problem) check.fail(argument, problem) end
  local scheme, rest = url:match "^([A-Za-z][0-9A-Za-z+.-]*)://(.*)$"
  scheme = scheme and ascii.lower(scheme)
  local problem = scheme_problem(scheme)
  if problem then fail(problem) end
  local before, behind = rest:match "^([^/?#]*)(.*)$"
  if behind ~= "" and behind ~= "/" then
    fail "expected nothing behind host and port (percent-encode what user name and password have of / ? #)"
  end
  local userinfo, place = before:match "^(.*)@(.*)$"
  place = place or before
  problem = authority.problem(place, "")
  if problem then fail(problem) end
  local host, port = authority.split(place)
  port = port or DEFAULT_PORTS[scheme]
  local credentials
  if userinfo and userinfo ~= "" then
    credentials, problem = read_credentials(userinfo)
    if problem then fail(problem) end
  end
  return {
    host = host,
    port = port,
    tls = scheme == "https",
    name = authority.join(host, port),
    credentials = function() return credentials end,
  }
end

-- ---- Addresses, as strings of 4 or 16 bytes ----

local function ipv4(text)
  local parts = { text:match "^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$" }
  for index, part in ipairs(parts) do
    parts[index] = tonumber(part)
    if parts[index] > 255 then return nil end
  end
  return parts[1] and string.char(parts[1], parts[2], parts[3], parts[4])
end

-- "1:2:ab" as bytes, two for each group; nil if it is not that.
local function groups(text)
  local bytes = {}
  if text == "" then return "" end
  for group in (text .. ":"):gmatch "([^:]*):" do
    local value = group:find "^%x%x?%x?%x?$" and tonumber(group, 16)
    if not value then return nil end
    bytes[#bytes + 1] = string.char(math.floor(value / 256), value % 256)
  end
  return table.concat(bytes)
end

local function ipv6(text)
  local front, last = text:match "^(.*:)([%d.]+)$" -- whose end may be written as IPv4's (RFC 4291, 2.2)
  local tail = last and ipv4(last)
  if tail then text = front .. ("%02x%02x:%02x%02x"):format(tail:byte(1, 4)) end
  local left, right = text:match "^(.-)::(.*)$"
  if not left then
    local all = groups(text)
    return all and #all == 16 and all or nil
  end
  left, right = groups(left), groups(right)
  if not left or not right or #left + #right > 14 then return nil end
  return left .. ("\0"):rep(16 - #left - #right) .. right
end

local function address_of(text) return ipv4(text) or ipv6(text) end

-- Whether the first `bits` of two addresses are equal.
local function shares_prefix(a, b, bits)
  local whole, rest = math.floor(bits / 8), bits % 8
  if #a ~= #b or bits > 8 * #a or a:sub(1, whole) ~= b:sub(1, whole) then return false end
  local unit = 2 ^ (8 - rest)
  return rest == 0 or math.floor(a:byte(whole + 1) / unit) == math.floor(b:byte(whole + 1) / unit)
end

-- ---- The exceptions ----

local function plain_name(name) return (ascii.lower(name):gsub("^%.+", ""):gsub("%.$", "")) end

-- An item is a name, for itself and all below it, an address, or a network as "10.0.0.0/8".
local function covers(item, name, address)
  if item == "*" then return true end
  local base, bits = item:match "^(.*)/(%d+)$"
  base = (base or item):match "^%[(.*)%]$" or base or item
  if address then
    local other = address_of(base)
    return other ~= nil and shares_prefix(address, other, tonumber(bits) or 8 * #other)
  end
  local suffix = plain_name(item)
  return suffix ~= "" and (name == suffix or name:sub(-#suffix - 1) == "." .. suffix)
end

-- The value and the name of the first of these variables that is set.
local function variable(names)
  for _, name in ipairs(names) do
    local value = os.getenv(name)
    if value and value ~= "" then return value, name end
  end
end

local function is_excepted(host)
  local name = plain_name(host)
  local address = address_of(name)
  local ours = authority.is_loopback(name) or name:find "%.localhost$"
  if ours or (address and shares_prefix(address, ipv6 "::ffff:127.0.0.0", 104)) then return true end
  for item in (variable(EXCEPTIONS) or ""):gmatch "[^%s,]+" do
    if covers(item, name, address) then return true end
  end
  return false
end

--- The values of all variables that may say which it is, one behind the other.
function proxy.environment()
  local values = {}
  for _, names in ipairs { VARIABLES, EXCEPTIONS } do
    for _, name in ipairs(names) do values[#values + 1] = ("%s\n"):format(os.getenv(name) or "") end
  end
  return table.concat(values)
end

--- The proxy for connections to this host: of the option `proxy`, which is an URL, false for none, or nil, and then of
--- the environment; nil for none. Raises for an option or a variable that cannot be used, by its name.
---@return aui.Proxy?
function proxy.find(option, host)
  if option == false then return nil end
  if option ~= nil then
    if type(option) ~= "string" then
      check.fail("proxy", "expected an URL or false, got a " .. type(option))
    end
    return parse("proxy", option)
  end
  if is_excepted(host) then return nil end
  local url, name = variable(VARIABLES)
  if not url then return nil end
  return parse(name, url:find("://", 1, true) and url or "http://" .. url)
end

--- What tells proxies and their users apart; it holds the password.
---@param found? aui.Proxy
function proxy.identity(found)
  if not found then return "" end
  return table.concat({ tostring(found.tls), found.name, found.ca_file or "", found.credentials() or "" }, " ")
end

return proxy
