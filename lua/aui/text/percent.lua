-- Percent-encoding (RFC 3986, 2.1), for what becomes part of an URL.

local percent = {}

--- Every byte that is not unreserved (RFC 3986, 2.3) as %XX.
function percent.encode(text)
  return (text:gsub("[^0-9A-Za-z._~-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

return percent
