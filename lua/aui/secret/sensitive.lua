-- What of a request is secret: by what is known of headers, else by length.

local ascii = require "aui.text.ascii"

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

local function percent_decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

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

-- The password in the credentials of HTTP's Basic scheme (RFC 7617), if they are that.
local function password_in(value)
  local encoded = ascii.lower(value):find "^basic%s" and value:match "^%S+%s+(%S+)"
  return encoded and base64_decode(encoded):match "^[^:]*:(.+)$"
end

--- What has to be hidden of a request: the key (nil: it has none), and whatever of the headers and of the target's
--- query may be secret. The same request gives the same list.
---@return string[]
function sensitive.values(key, headers, target)
  local list = { key }
  local function add(value) list[#list + 1] = value end
  for value in (target:match "%?(.*)$" or ""):gmatch "=([^&]+)" do
    if #value >= LONG then
      add(value)
      add(percent_decode(value))
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
  table.sort(list)
  return list
end

return sensitive
