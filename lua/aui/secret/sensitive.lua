-- What of a request is secret: by what is known of headers, else by length.

local ascii = require "aui.text.ascii"
local percent = require "aui.text.percent"

local sensitive = {}

local LONG = 8 -- bytes of a value that may be a secret

-- Headers that let whoever knows them act in the user's name: they do not go over an open network.
local SECRET_HEADERS = {
  authorization = true, cookie = true, ["proxy-authorization"] = true, ["x-network-api-key"] = true,
} -- stylua: ignore

-- Headers whose values are no secret, and common words.
local PUBLIC_HEADERS = {
  accept = true, ["accept-charset"] = true, ["accept-encoding"] = true, ["accept-language"] = true,
  ["cache-control"] = true, ["content-type"] = true, origin = true, pragma = true, referer = true,
  ["user-agent"] = true,
} -- stylua: ignore

--- Whether a header of this name, in lower case, is as secret as the key.
function sensitive.is_header(name) return SECRET_HEADERS[name] == true end

local BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64_decode(text)
  local bytes, value, bits = {}, 0, 0
  for digit in text:gmatch "[A-Za-z0-9+/]" do
    value, bits = value * 64 + BASE64:find(digit, 1, true) - 1, bits + 6
    if bits >= 8 then
      bits = bits - 8
      bytes[#bytes + 1] = string.char(math.floor(value / 2 ^ bits))
      value = value % 2 ^ bits
    end
  end
  return table.concat(bytes)
end

local function base64_encode(text)
  local digits, value, bits = {}, 0, 0
  for index = 1, #text do
    value, bits = value * 256 + text:byte(index), bits + 8
    while bits >= 6 or (index == #text and bits > 0) do
      bits = bits - 6
      local digit = bits >= 0 and math.floor(value / 2 ^ bits) or value * 2 ^ -bits
      digits[#digits + 1] = BASE64:sub(digit + 1, digit + 1)
      value = bits > 0 and value % 2 ^ bits or 0
    end
  end
  return table.concat(digits) .. ("="):rep(-#digits % 4)
end

-- The password in the credentials of HTTP's Basic scheme (RFC 7617), if they are that.
local function password_in(value)
  local encoded = ascii.lower(value):find "^basic%s" and value:match "^%S+%s+(%S+)"
  return encoded and base64_decode(encoded):match "^[^:]*:(.+)$"
end

--- What has to be hidden of a request: the key (nil: it has none), and whatever of the headers and of the target's
--- query may be secret; and of "user:password" for a proxy (nil: none), whose user name is none. The same request gives
--- the same list.
---@return string[]
function sensitive.values(key, headers, target, proxy_credentials)
  local list = { key }
  local function add(value) list[#list + 1] = value end
  for value in (target:match "%?(.*)$" or ""):gmatch "=([^&]+)" do
    if #value >= LONG then
      add(value)
      add(percent.decode(value))
    end
  end
  for name, value in pairs(headers or {}) do
    local lower = ascii.lower(name)
    if SECRET_HEADERS[lower] then
      add(value)
      add(password_in(value))
      for part in value:gmatch '[^ \t;,"]+' do -- without the scheme, or the cookie's name
        if #part >= LONG then add(part) end
        local said = part:match "^[^=]*=(.+)$"
        if said and #said >= LONG then add(said) end
      end
    elseif not PUBLIC_HEADERS[lower] and #value >= LONG then
      add(value)
    end
  end
  local password = (proxy_credentials or ""):match "^[^:]*:(.+)$"
  if password then
    add(password)
    add(base64_encode(proxy_credentials)) -- as it is sent
  end
  table.sort(list)
  return list
end

return sensitive
