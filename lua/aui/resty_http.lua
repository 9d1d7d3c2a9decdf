-- A client of aui.fetch: lua-resty-http (0.17), which sends the request and reads the answer. The connection is opened
-- by aui.dialler, which tells its failures apart, and is never one of the library's pools.

local http = require "resty.http"

local resty_http = {}

local READ_SIZE = 64 * 1024 -- bytes

-- From lines. Each value is a list: fields that differ in case alone are all sent.
local function headers_of(request)
  local headers = { Host = request.request_host, Connection = "close" }
  for name, value in request.headers:gmatch "([^\r\n:]+): ?([^\r\n]*)" do
    name = name:lower()
    headers[name] = headers[name] or {}
    table.insert(headers[name], value)
  end
  return headers
end

local function fields_of(headers)
  local fields = {}
  for name, value in pairs(headers) do
    value = type(value) == "table" and table.concat(value, ", ") or value
    fields[name:lower()] = value:match "^(.-)%s*$"
  end
  return fields
end

-- Returns if only the status cannot be read. The library's words are not passed on, since they repeat the server's.
local function fail_head(exchange, err)
  if err:find "^couldn't parse status" then return end
  if err:find "^couldn't parse" then exchange:fail("protocol", "the server's answer is not HTTP/1.1") end
  exchange:fail_cut()
end

--- The library reads lines of any length and any number of them: nothing but the deadline bounds the head.
function resty_http.request(exchange)
  local request = exchange.request
  local method = request.method or "GET"
  local client = http.new()
  client.sock = exchange.socket
  local parameters = {
    method = method,
    path = request.target,
    headers = headers_of(request),
    body = request.body or (method == "POST" and "" or nil),
  }
  local response, err = client:request(parameters)
  while response and response.status < 200 do -- interim (RFC 9110, 15.2)
    response, err = client:read_response(parameters)
  end
  if not response then return fail_head(exchange, err) end
  exchange.read = response.body_reader
  return response.status, fields_of(response.headers)
end

--- The library takes the last chunk for the end: it does not notice if what must follow that is missing.
function resty_http.read_body(exchange, framing)
  exchange.in_coroutine = true -- the library reads bodies in one
  local parts, total = {}, 0
  local piece, err
  repeat
    exchange:set_patience()
    piece, err = exchange.read(READ_SIZE)
    total = total + #(piece or "")
    exchange:check_length(total)
    parts[#parts + 1] = piece
  until err or not piece
  if err == "unable to read chunksize" then exchange:fail_chunks() end
  -- A body without a length ends with this error; if there is none, something else has ended it.
  local expected = not (framing.chunked or framing.size) and "closed" or nil
  if err ~= expected then exchange:fail_cut() end
  return table.concat(parts)
end

return resty_http
