-- REST calls in nginx: each is one HTTP request on a connection of its own, in light threads that keep its deadline.
-- Redirects are not followed. What is HTTP is lua-resty-http's affair where that is installed, else our own.

local dialler = require "aui.dialler"
local engine = require "aui.engine"
local semaphore = require "ngx.semaphore"
local sources = require "aui.sources"
local threads = require "aui.threads"

-- It has two functions. request(exchange) sends the request on exchange.socket; returns the final answer's status, nil
-- if there is none that can be read, and its fields by their names in lower case, repeated ones joined (RFC 9110, 5.3).
-- Then read_body(exchange, framing) returns the body, of which framing_of says how it ends. Both raise by Exchange's
-- methods, and wait as long as it takes.
local client = require(pcall(require, "resty.http") and "aui.resty_http" or "aui.http")

local fetch = {}

local MAX_BODY = 64 * 1024 * 1024 -- bytes, unless the caller says something else
local SHORTEST_WAIT = 0.001 -- seconds
local SPARE = 1 -- seconds by which a socket is more patient than the deadline, which then has the word
local milliseconds = 1000

local Exchange = {} -- one request and its answer
Exchange.__index = Exchange

-- ---- For the client ----

--- Raises: whatever fails ends the whole exchange.
function Exchange:fail(kind, words, ...) -- luacheck: ignore self
  error({ kind = kind, words = words:format(...) }, 0)
end

function Exchange:fail_cut() self:fail("transport", "the connection was cut %s", self.cut) end

function Exchange:fail_chunks() self:fail("protocol", "the answer breaks the chunked coding") end

--- To be called before more than `n` bytes of the body are kept.
function Exchange:check_length(n)
  if n > self.max_body then
    self:fail("overflow", "the answer's body is longer than %d bytes (max_body)", self.max_body)
  end
end

--- Gives the socket a patience that ends a little after the deadline. To be called before each read: it ends the
--- exchange for which nobody waits any more.
function Exchange:set_patience()
  if self.outcome or self.closed then self:fail("canceled", "the fetch is over") end
  self.socket:settimeout(math.ceil((math.max(0, self.deadline - engine.now()) + SPARE) * milliseconds))
end

-- ---- The exchange ----

local function open(self)
  local request = self.request
  self:set_patience()
  self.missing = dialler.is_address(request.host) and "the server did not accept the connection"
    or "the name was not resolved, or the server did not accept the connection"
  local ok, why = dialler.connect(self.socket, request)
  if ok and request.tls then
    self.missing = "the TLS handshake was not completed"
    ok, why = dialler.start_tls(self.socket, request)
  end
  if not ok then self:fail("transport", "%s", why) end
end

-- How the body ends (RFC 9112, 6.3): it is `chunked`, or has a `size` in bytes, or else ends with the connection.
local function framing_of(self, fields)
  local length, coding = fields["content-length"], fields["transfer-encoding"]
  local size = length and tonumber(length:match "^%d+$")
  if (coding and (length or coding:lower() ~= "chunked")) or (length and not size) then
    self:fail("protocol", "the answer's Content-Length or Transfer-Encoding cannot be understood")
  end
  if size then self:check_length(size) end
  return { chunked = coding ~= nil, size = size }
end

-- status, body and Retry-After's seconds.
local function exchange(self)
  open(self)
  self.missing = "the server did not answer"
  local status, fields = client.request(self)
  if not status or status < 200 or status > 599 then
    self:fail("protocol", "the server's answer has no status from 200 to 599")
  end
  self.missing, self.cut = "the answer was not complete", "in the middle of the answer"
  local has_body = status ~= 204 and status ~= 304
  local body = has_body and client.read_body(self, framing_of(self, fields)) or ""
  return status, body, tonumber(fields["retry-after"] and fields["retry-after"]:match "^%d+$")
end

local function work(self)
  local ok, result, body, retry_after = pcall(exchange, self)
  if ok then
    self.outcome = { result, body, retry_after }
  elseif type(result) == "table" and result.kind then
    self.outcome = { nil, result.words, result.kind }
  else
    ngx.log(ngx.ERR, "aui: ", tostring(result))
    self.outcome = { nil, "internal error, see nginx's error log", "protocol" }
  end
  self.progress:post(1)
end

-- Waits for what comes of it: the deadline, at the latest.
local function await_outcome(self)
  while not self.outcome and not self.closed do
    local left = self.deadline - engine.now()
    if left <= 0 then
      local words = ("%s within %g s (timeout)"):format(self.missing, self.request.timeout)
      self.outcome = { nil, words, "timeout" }
    else
      self.progress:wait(math.max(SHORTEST_WAIT, left))
    end
  end
end

-- Only its parent can kill the worker. While it waits inside a coroutine, nobody may: lua-nginx-module (before July
-- 2026) would go on with that coroutine. Then the next byte ends it, or its patience.
local function finish(self, worker)
  if self.in_coroutine then
    self.socket:settimeout(1)
    ngx.thread.wait(worker)
  else
    ngx.thread.kill(worker)
  end
  self.socket:close()
end

local function run(self, id)
  threads.turn() -- the caller goes on first
  if self.closed then return end
  local worker = ngx.thread.spawn(work, self)
  await_outcome(self)
  if not self.closed then
    self.results = self.outcome
    sources.tell(id)
  end
  finish(self, worker)
end

--- Sends a request. `request` has the fields of loop:fetch (src/binding/net/fetch.c). The result's methods are those of
--- that fetch; the source of this id is told the news when it has ended.
function fetch.start(id, request)
  local self = setmetatable({
    request = request,
    socket = ngx.socket.tcp(),
    deadline = engine.now() + request.timeout,
    max_body = request.max_body or MAX_BODY,
    missing = nil, -- what there will not be if the deadline comes now
    cut = "before an answer in HTTP/1.1", -- where the connection is cut if that happens now
    in_coroutine = false, -- whether the client waits in a coroutine that is not the worker
    progress = semaphore.new(),
    closed = false,
  }, Exchange)
  threads.start(run, self, id)
  return self
end

--- status, body and Retry-After's seconds; nil, why not and the kind of that; or nothing as long as it is under way.
function Exchange:result()
  if self.results then return self.results[1], self.results[2], self.results[3] end
end

--- Gives it up.
function Exchange:close()
  self.closed = true
  self.results = { nil, "the fetch is closed", "canceled" }
  self.progress:post(1)
end

return fetch
