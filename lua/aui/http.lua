-- One HTTP/1.1 request on nginx's cosockets, a connection for each (RFC 9112): what the agent's REST calls need.
-- Redirects are not followed.

local http = {}

local MAX_HEAD = 16 * 1024 -- bytes
local MAX_BODY = 64 * 1024 * 1024
local milliseconds = 1000

local function read_line(socket, budget)
  local line, err = socket:receive "*l"
  if not line then return nil, err end
  budget.left = budget.left - #line - 2
  if budget.left < 0 then return nil, ("the answer's head has more than %d bytes"):format(MAX_HEAD), "overflow" end
  return line
end

-- The head's status and fields (names in lower case), interim answers skipped; or nil, why not, and the kind of that.
local function read_head(socket)
  local budget = { left = MAX_HEAD }
  while true do
    local line, err, kind = read_line(socket, budget)
    if not line then return nil, err, kind end
    local status = tonumber(line:match "^HTTP/1%.%d (%d%d%d)")
    if not status then return nil, "the answer is not HTTP/1.1", "protocol" end
    local fields = {}
    repeat
      line, err, kind = read_line(socket, budget)
      if not line then return nil, err, kind end
      local name, value = line:match "^([^%s:]+):%s*(.-)%s*$"
      if name then fields[name:lower()] = value end
    until line == ""
    if status >= 200 then return status, fields end
  end
end

local function too_large() return nil, ("the answer's body has more than %d bytes"):format(MAX_BODY), "overflow" end

local function read_chunks(socket)
  local parts, total = {}, 0
  while true do
    local line, err = socket:receive "*l"
    if not line then return nil, err end
    local size = tonumber(line:match "^(%x+)", 16)
    if not size then return nil, "the answer's chunks are out of order", "protocol" end
    if size == 0 then return table.concat(parts) end
    total = total + size
    if total > MAX_BODY then return too_large() end
    parts[#parts + 1], err = socket:receive(size)
    if not parts[#parts] then return nil, err end
    if not socket:receive(2) then return nil, "closed" end
  end
end

local function read_body(socket, status, fields)
  if status == 204 or status == 304 then return "" end
  if fields["transfer-encoding"] then return read_chunks(socket) end
  local length = fields["content-length"]
  if not length then
    local body, err = socket:receive "*a"
    return body, err
  end
  local size = tonumber(length:match "^%d+$")
  if not size then return nil, "the answer's Content-Length is no number", "protocol" end
  if size > MAX_BODY then return too_large() end
  if size == 0 then return "" end
  local body, err = socket:receive(size)
  return body, err
end

local function open(request)
  local socket = ngx.socket.tcp()
  socket:settimeout(request.timeout * milliseconds)
  local host = request.host:find(":", 1, true) and "[" .. request.host .. "]" or request.host
  local ok, err = socket:connect(host, request.port)
  if ok and request.tls then
    ok, err = socket:sslhandshake(nil, request.host, request.tls.verify ~= false)
  end
  if ok then return socket end
  socket:close()
  return nil, err
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

local KINDS = { timeout = "timeout" }

-- status, body and Retry-After's seconds; or nil, why not and the kind of that.
local function exchange(request)
  local socket, err, kind = open(request)
  if not socket then return nil, err, KINDS[err] or "transport" end
  local status, fields, body
  local ok
  ok, err = socket:send(head_of(request))
  if ok then
    status, fields, kind = read_head(socket)
    err = fields
  end
  if status then
    body, err, kind = read_body(socket, status, fields)
  end
  socket:close()
  if not body then return nil, err, kind or KINDS[err] or "transport" end
  return status, body, tonumber(fields["retry-after"] and fields["retry-after"]:match "^%d+$")
end

--- Sends a request in a light thread of its own. `request` has the fields of loop:fetch (src/binding/net/fetch.c). The
--- result's methods are those of that fetch; the source of this id is told the news when it has ended.
function http.fetch(id, request, find_source)
  local result
  local fetch = {}
  function fetch:result() -- luacheck: ignore self
    if result then return result[1], result[2], result[3] end
  end
  function fetch:close() end -- luacheck: ignore self
  ngx.thread.spawn(function()
    ngx.sleep(0.001) -- the caller goes on first
    result = { exchange(request) }
    local source = find_source(id)
    if source then source:news() end
  end)
  return fetch
end

return http
