-- A client of aui.fetch of our own, for nginx without lua-resty-http: what the agent's REST calls need of HTTP/1.1 (RFC
-- 9112).

local http = {}

local READ_SIZE = 64 * 1024 -- bytes
local MAX_HEAD = 16 * 1024

-- ---- Bytes of the answer ----

-- What comes next; nil at the end.
local function receive(exchange)
  exchange:set_patience()
  return (exchange.socket:receiveany(READ_SIZE))
end

-- The next line without its end, of at most `limit` bytes; nil if it is longer.
local function read_line(exchange, limit)
  while true do
    local last = exchange.unread:find("\n", 1, true)
    if last then
      local line = exchange.unread:sub(1, last - 1):gsub("\r$", "")
      exchange.unread = exchange.unread:sub(last + 1)
      return #line <= limit and line or nil
    end
    if #exchange.unread > limit then return nil end
    exchange.unread = exchange.unread .. (receive(exchange) or exchange:fail_cut())
  end
end

-- The next `n` bytes.
local function read_bytes(exchange, n)
  local parts, have = { exchange.unread }, #exchange.unread
  while have < n do
    local bytes = receive(exchange) or exchange:fail_cut()
    parts[#parts + 1] = bytes
    have = have + #bytes
  end
  local all = table.concat(parts)
  exchange.unread = all:sub(n + 1)
  return all:sub(1, n)
end

-- ---- The head ----

local function read_one_head(exchange)
  local left, fields = MAX_HEAD, {}
  local function fail()
    local words = "the server's answer is not HTTP/1.1, or its head is longer than %d bytes"
    exchange:fail("protocol", words, MAX_HEAD)
  end
  local function next_line()
    local line = read_line(exchange, left) or fail()
    left = left - #line
    return line
  end
  local first = next_line()
  if not first:find "^HTTP/1%.%d " then fail() end
  local status = tonumber(first:match "^HTTP/1%.%d ([1-5]%d%d)%f[%D]")
  if not status then return nil end
  for line in next_line do
    if line == "" then return status, fields end
    local name, value = line:match "^([^%s:]+):%s*(.-)%s*$"
    name = name and name:lower()
    if name then fields[name] = fields[name] and fields[name] .. ", " .. value or value end
  end
end

local function head_of(request)
  local body = request.body or ""
  local lines = { ("%s %s HTTP/1.1\r\nHost: "):format(request.method or "GET", request.target), request.request_host }
  lines[#lines + 1] = "\r\nConnection: close\r\n"
  if request.method == "POST" then lines[#lines + 1] = ("Content-Length: %d\r\n"):format(#body) end
  lines[#lines + 1] = request.headers
  lines[#lines + 1] = "\r\n"
  return table.concat(lines) .. body
end

function http.request(exchange)
  exchange.unread = ""
  exchange.socket:send(head_of(exchange.request)) -- if that fails, the answer may be there all the same
  local status, fields
  repeat
    status, fields = read_one_head(exchange)
  until not status or status >= 200 -- others are interim (RFC 9110, 15.2)
  return status, fields
end

-- ---- The body ----

local function read_chunks(exchange)
  local parts, total = {}, 0
  local function broken() exchange:fail_chunks() end
  while true do
    local line = read_line(exchange, MAX_HEAD) or broken()
    local digits = line:match "^(%x+)%s*$" or line:match "^(%x+)%s*;" or broken()
    local size = tonumber(digits, 16)
    if size == 0 then break end
    total = total + size
    exchange:check_length(total)
    parts[#parts + 1] = read_bytes(exchange, size)
    if read_bytes(exchange, 2) ~= "\r\n" then broken() end
  end
  repeat
    local trailer = read_line(exchange, MAX_HEAD) or broken()
  until trailer == ""
  return table.concat(parts)
end

local function read_rest(exchange)
  local parts, total = {}, 0
  local bytes = exchange.unread
  while bytes do
    total = total + #bytes
    exchange:check_length(total)
    parts[#parts + 1] = bytes
    bytes = receive(exchange)
  end
  return table.concat(parts)
end

function http.read_body(exchange, framing)
  if framing.chunked then return read_chunks(exchange) end
  if framing.size then return read_bytes(exchange, framing.size) end
  return read_rest(exchange)
end

return http
