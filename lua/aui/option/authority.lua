-- The part of an URL that says where: host and port.

local ascii = require "aui.text.ascii"
local is_utf8 = require("aui.host").is_utf8
local punycode = require "aui.text.punycode"

local authority = {}

local LONGEST_HOST = 253 -- bytes (RFC 1035, 2.3.4)

--- Host and port of "name", "name:port", "[v6]" or "[v6]:port"; the port may be empty (RFC 3986, 3.2.3), and is nil
--- then. Nil if it is none of these.
function authority.split(text)
  local host, rest = text:match "^%[([%x:.]+)%](.*)$"
  if not host then
    host, rest = text:match "^([^:%[%]]+)(.*)$"
  end
  if not host or #host > LONGEST_HOST then return nil end
  if rest == "" or rest == ":" then return host end
  local port = tonumber(rest:match "^:(%d+)$")
  if port and port >= 1 and port <= 65535 then return host, math.floor(port) end
end

--- What is wrong with a host and port, and perhaps more of an URL behind them, that authority.split may not have
--- understood: bytes that are not printable ASCII, the zone of an IPv6 address, or else the form. Nil: nothing.
function authority.problem(text, behind)
  local name = text:match "^[^:]*"
  local is_name = #name <= LONGEST_HOST and not name:find "[%z\1-\32\127]"
  if is_name and name:find "[\128-\255]" and is_utf8(name) then
    return ('expected the host name in ASCII: write it as "%s"'):format(punycode.host(name))
  end
  if (text .. behind):find "[^\33-\126]" then
    return "expected printable ASCII without spaces (percent-encode the rest)"
  end
  if text:find "^%[[^%]]*%%" then return "must not have the zone of an IPv6 address (%...)" end
  if not authority.split(text) then return "expected a host, and a port between 1 and 65535 if any" end
end

--- "host:port", the host of an IPv6 address in brackets.
function authority.join(host, port)
  return ("%s:%d"):format(host:find(":", 1, true) and "[" .. host .. "]" or host, port)
end

--- Whether it is this machine's name for itself, or an address of its loopback interface.
function authority.is_loopback(host)
  host = ascii.lower(host):gsub("%.$", "")
  return host == "localhost" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil or host == "::1"
end

return authority
