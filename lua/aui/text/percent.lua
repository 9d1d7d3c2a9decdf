-- Percent-encoding (RFC 3986, 2.1), for what becomes part of an URL.

local percent = {}

--- Every byte that is not unreserved (RFC 3986, 2.3) as %XX.
function percent.encode(text)
  return (text:gsub("[^0-9A-Za-z._~-]", function(byte) return ("%%%02X"):format(byte:byte()) end))
end

--- What %XX stands for in its place; a % without two digits is left.
function percent.decode(text)
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

return percent
