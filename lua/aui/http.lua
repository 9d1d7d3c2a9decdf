-- One HTTP/1.1 request on nginx's cosockets, a connection for each (RFC 9112): what the agent's REST calls need.
-- Redirects are not followed.

local dialler = require "aui.dialler"
local engine = require "aui.engine"
local sources = require "aui.sources"
local threads = require "aui.threads"

local http = {}

local READ_SIZE = 64 * 1024 -- bytes
local MAX_HEAD = 16 * 1024
local MAX_BODY = 64 * 1024 * 1024 -- unless the caller says something else
local milliseconds = 1000

local Exchange = {} -- one request and its answer
Exchange.__index = Exchange

-- Raises: whatever fails ends the whole exchange.
local function fail(kind, words, ...) error({ kind = kind, words = words:format(...) }, 0) end

-- ---- Time ----

-- Gives the socket the time that is left; `missing` says what there will not be when there is none.
local function set_patience(self, missing)
  self.missing = missing
  local left = math.ceil((self.deadline - engine.now()) * milliseconds)
  self.socket:settimeout(math.max(1, left))
end

local function fail_if_late(self)
  if engine.now() < self.deadline then return end
  fail("timeout", "%s within %g s (timeout)", self.missing, self.request.timeout)
end

-- ---- Bytes of the answer ----

-- What comes next; nil at the end.
local function receive(self)
  repeat
    set_patience(self, self.missing)
    local bytes, err = self.socket:receiveany(READ_SIZE)
    if bytes then return bytes end
    if err ~= "timeout" then return nil end
    fail_if_late(self)
  until false
end

local function fail_cut(self) fail("transport", "the connection was cut %s", self.cut) end

-- The next line without its end, of at most `limit` bytes; nil if it is longer.
local function read_line(self, limit)
  while true do
    local last = self.unread:find("\n", 1, true)
    if last then
      local line = self.unread:sub(1, last - 1):gsub("\r$", "")
      self.unread = self.unread:sub(last + 1)
      return #line <= limit and line or nil
    end
    if #self.unread > limit then return nil end
    self.unread = self.unread .. (receive(self) or fail_cut(self))
  end
end

-- The next `n` bytes.
local function read_bytes(self, n)
  local parts, have = { self.unread }, #self.unread
  while have < n do
    local bytes = receive(self) or fail_cut(self)
    parts[#parts + 1] = bytes
    have = have + #bytes
  end
  local all = table.concat(parts)
  self.unread = all:sub(n + 1)
  return all:sub(1, n)
end

-- ---- The head ----

-- A status and the fields by their names in lower case, repeated ones joined (RFC 9110, 5.3).
local function read_one_head(self)
  local left, fields = MAX_HEAD, {}
  local function next_line()
    local line = read_line(self, left)
    if not line then
      fail("protocol", "the server's answer is not HTTP/1.1, or its head is longer than %d bytes", MAX_HEAD)
    end
    left = left - #line
    return line
  end
  local first = next_line()
  if not first:find "^HTTP/1%.%d " then
    fail("protocol", "the server's answer is not HTTP/1.1, or its head is longer than %d bytes", MAX_HEAD)
  end
  local status = tonumber(first:match "^HTTP/1%.%d ([1-5]%d%d)%f[%D]")
  if not status then fail("protocol", "the server's answer has no status from 200 to 599") end
  for line in next_line do
    if line == "" then return status, fields end
    local name, value = line:match "^([^%s:]+):%s*(.-)%s*$"
    name = name and name:lower()
    if name then fields[name] = fields[name] and fields[name] .. ", " .. value or value end
  end
end

local function read_head(self)
  local status, fields
  repeat
    status, fields = read_one_head(self)
  until status >= 200 -- others are interim (RFC 9110, 15.2)
  return status, fields
end

-- ---- The body ----

local function check_length(self, n)
  if n > self.max_body then
    fail("overflow", "the answer's body is longer than %d bytes (max_body)", self.max_body)
  end
end

local function read_chunks(self)
  local parts, total = {}, 0
  local function broken() fail("protocol", "the answer breaks the chunked coding") end
  while true do
    local line = read_line(self, MAX_HEAD) or broken()
    local digits = line:match "^(%x+)%s*$" or line:match "^(%x+)%s*;" or broken()
    local size = tonumber(digits, 16)
    if size == 0 then break end
    total = total + size
    check_length(self, total)
    parts[#parts + 1] = read_bytes(self, size)
    if read_bytes(self, 2) ~= "\r\n" then broken() end
  end
  repeat
    local trailer = read_line(self, MAX_HEAD) or broken()
  until trailer == ""
  return table.concat(parts)
end

local function read_rest(self)
  local parts, total = {}, 0
  local bytes = self.unread
  while bytes do
    total = total + #bytes
    check_length(self, total)
    parts[#parts + 1] = bytes
    bytes = receive(self)
  end
  return table.concat(parts)
end

-- RFC 9112, 6.3.
local function read_body(self, status, fields)
  local length, coding = fields["content-length"], fields["transfer-encoding"]
  if status == 204 or status == 304 then return "" end
  local size = length and tonumber(length:match "^%d+$")
  if (coding and (length or coding:lower() ~= "chunked")) or (length and not size) then
    fail("protocol", "the answer's Content-Length or Transfer-Encoding cannot be understood")
  end
  if coding then return read_chunks(self) end
  if not size then return read_rest(self) end
  check_length(self, size)
  return read_bytes(self, size)
end

-- ---- The exchange ----

local function head_of(request)
  local body = request.body or ""
  local lines = { ("%s %s HTTP/1.1\r\nHost: "):format(request.method or "GET", request.target), request.request_host }
  lines[#lines + 1] = "\r\nConnection: close\r\n"
  if request.method == "POST" then lines[#lines + 1] = ("Content-Length: %d\r\n"):format(#body) end
  lines[#lines + 1] = request.headers
  lines[#lines + 1] = "\r\n"
  return table.concat(lines) .. body
end

local function open(self)
  local request = self.request
  set_patience(self, dialler.is_address(request.host) and "the server did not accept the connection"
    or "the name was not resolved, or the server did not accept the connection")
  local ok, why = dialler.connect(self.socket, request)
  if ok and request.tls then
    set_patience(self, "the TLS handshake was not completed")
    ok, why = dialler.start_tls(self.socket, request)
  end
  if ok then return end
  fail_if_late(self)
  fail("transport", "%s", why)
end

-- status, body and Retry-After's seconds.
local function exchange(self)
  open(self)
  set_patience(self, "the server did not answer")
  self.socket:send(head_of(self.request)) -- if that fails, the answer may be there all the same
  local status, fields = read_head(self)
  self.missing, self.cut = "the answer was not complete", "in the middle of the answer"
  local body = read_body(self, status, fields)
  return status, body, tonumber(fields["retry-after"] and fields["retry-after"]:match "^%d+$")
end

local function run(self)
  threads.turn() -- the caller goes on first
  local results = { pcall(exchange, self) }
  self.socket:close()
  local failure = results[2]
  if results[1] then
    self.results = { results[2], results[3], results[4] }
  elseif type(failure) == "table" and failure.kind then
    self.results = { nil, failure.words, failure.kind }
  else
    ngx.log(ngx.ERR, "aui: ", tostring(failure))
    self.results = { nil, "internal error, see nginx's error log", "protocol" }
  end
end

--- Sends a request in a light thread of its own. `request` has the fields of loop:fetch (src/binding/net/fetch.c). The
--- result's methods are those of that fetch; the source of this id is told the news when it has ended.
function http.fetch(id, request)
  local self = setmetatable({
    request = request,
    socket = ngx.socket.tcp(),
    deadline = engine.now() + request.timeout,
    max_body = request.max_body or MAX_BODY,
    unread = "",
    cut = "before an answer in HTTP/1.1",
  }, Exchange)
  self.thread = ngx.thread.spawn(function()
    run(self)
    sources.tell(id)
  end)
  return self
end

--- status, body and Retry-After's seconds; nil, why not and the kind of that; or nothing as long as it is under way.
function Exchange:result()
  if self.results then return self.results[1], self.results[2], self.results[3] end
end

--- Gives it up. Only the light thread that began it can end it at once.
function Exchange:close()
  ngx.thread.kill(self.thread)
  self.results = { nil, "the fetch is closed", "canceled" }
end

return http
