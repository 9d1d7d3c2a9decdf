-- REST calls in nginx: each is an exchange of the engine on a cosocket. A worker moves its bytes, and its parent, which
-- alone can end it, keeps its time.

local dialler = require "aui.host.nginx.dialler"
local engine = require "aui.engine"
local policy_of = require "aui.host.nginx.tls_policy"
local semaphore = require "ngx.semaphore"
local sources = require "aui.host.sources"
local threads = require "aui.host.nginx.light_threads"
local tls_sessions = require "aui.host.nginx.tls_sessions"

local call = {}

local READ_SIZE = 64 * 1024 -- bytes
local FRESH = 15000 -- milliseconds for which a connection is left to the next call
local KEPT = 1 -- of a place
local PATIENCE = 24 * 3600 * 1000 -- milliseconds; the deadline ends what takes too long
local SHORTEST_WAIT, FOREVER = 0.001, 3600 -- seconds

local Call = {}
Call.__index = Call

-- Whose connections a call may use: those to the same place by the same proxy, whose certificate was judged in the same
-- way.
local function pool_of(place)
  local how = policy_of(place) or "tcp"
  local name = ("aui-call:%s:%s:%d%s"):format(how, place.host, place.port, dialler.proxy_of_pool(place))
  return { pool = name, pool_size = KEPT }
end

local function open(self)
  local place, exchange = self.place, self.exchange
  threads.catch_up() -- nginx takes dead connections out of its pools
  exchange:phase "connect"
  self.socket = ngx.socket.tcp()
  self.socket:settimeout(PATIENCE)
  local ok, why, retryable = dialler.connect(self.socket, place, pool_of(place))
  if ok and self.socket:getreusedtimes() > 0 then return exchange:adopted() end
  self.keeps_session = place.tls ~= nil
  local early
  if ok then
    early, why, retryable = dialler.prepare(self.socket, place, function(phase) exchange:phase(phase) end)
  end
  if not early then return exchange:disconnected(why, retryable) end
  exchange:connected()
  exchange:receive(early)
end

-- Once for each connection.
local function keep_session(self)
  if self.keeps_session then self.keeps_session = not tls_sessions.keep(self.place, self.socket) end
end

local function carry(self)
  local bytes = self.exchange:output()
  while bytes and self.socket:send(bytes) do bytes = self.exchange:output() end -- the answer may be there all the same
  local received, err = self.socket:receiveany(READ_SIZE)
  if received then
    keep_session(self)
    self.exchange:receive(received)
  elseif err ~= "timeout" then
    self.exchange:disconnected(err ~= "closed" and err or nil, true)
  end
end

local function part(self)
  if self.exchange:detach() then
    self.socket:setkeepalive(FRESH)
  else
    self.socket:close()
    self.exchange:disconnected(nil, true)
  end
end

local function work(self)
  local want = self.exchange:want()
  while want or not self.exchange:is_over() do
    if want == "connect" then
      open(self)
    elseif want == "disconnect" then
      part(self)
    else
      carry(self)
    end
    want = self.exchange:want()
  end
  self.progress:post(1)
end

-- Keeps the exchange's time.
local function await_end(self)
  while not self.exchange:is_over() do
    local left = self.exchange:deadline() - engine.now()
    self.progress:wait(math.max(SHORTEST_WAIT, math.min(left, FOREVER)))
    self.exchange:tick()
  end
end

local function run(self, id)
  threads.turn() -- the caller goes on first
  if self.closed then return end
  local worker = ngx.thread.spawn(work, self)
  await_end(self)
  ngx.thread.kill(worker)
  if self.exchange:want() == "disconnect" then self.socket:close() end
  if not self.closed then
    self.results = { self.exchange:result() }
    sources.dispatch(id)
  end
  self.exchange:close()
end

--- Sends a request. `request` has the fields of loop:call (src/binding/net/lua_call.c). The result's methods are those
--- of that call; it is an event of the source of this id when it is over.
function call.start(id, request)
  local self = setmetatable({
    place = dialler.place(request),
    exchange = engine.exchange(request),
    socket = nil, -- the latest
    keeps_session = false, -- of TLS, for later connections, as soon as something has been read
    progress = semaphore.new(),
    closed = false,
    results = nil, -- once it is over
  }, Call)
  threads.start(run, self, id)
  return self
end

local CLOSED = { kind = "canceled", message = "the call is closed", retryable = false, delivered = "maybe" }

--- status, body and Retry-After's seconds; nil and why not, as the core's error; or nothing as long as it is under way.
function Call:result()
  if self.closed then return nil, CLOSED end
  if self.results then return unpack(self.results, 1, 3) end
end

--- Gives it up if it is under way, and releases the answer.
function Call:close()
  if self.closed then return end
  self.closed = true
  if not self.results then self.exchange:cancel "the call is closed" end
  self.results = nil
  self.progress:post(1)
end

return call
