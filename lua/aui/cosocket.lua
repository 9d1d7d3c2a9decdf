-- A link: one session of the engine on nginx's cosockets. Bytes are read by a light thread for each connection and
-- written by whoever has caused them; another light thread keeps the session's time. All of them belong to the request
-- (or timer) that opened the session. docs/engine.md has the rules of a driver.

local engine = require "aui.engine"
local semaphore = require "ngx.semaphore"

local cosocket = {}

local READ_SIZE = 64 * 1024 -- bytes
-- All times in seconds. A cosocket that is being read cannot be closed by others: a thread whose connection was given
-- up finds out within READ_PATIENCE.
local READ_PATIENCE = 1
local SEND_PATIENCE = 10
local LONGEST_REST = 1 -- of the thread that keeps the time: so soon it looks whether anybody can use the session
local PARKED = 5 -- how long a connection of a pool is left unread after an answer
local STALE = 0.1 -- a connection left unread for longer is read once before it is written to

local Link = {}
Link.__index = Link

local milliseconds = 1000

-- ---- The end of a connection ----

-- The connection could not be opened, or has ended.
local function lose(self, connection, cause, retryable)
  if self.connection ~= connection then return end
  self.connection = nil
  self.core:disconnected(cause, retryable)
  self:pump()
end

-- The connection is wanted no more. Whoever is waiting on its socket closes that when it finds out.
local function drop(self)
  local connection = self.connection
  self.connection = nil
  if connection and connection.parked then connection.parked:post(1) end
  self.core:disconnected(nil, true)
end

-- ---- Opening a connection ----

-- nginx's words for a certificate that does not verify: trying again cannot mend that.
local function is_bad_certificate(err) return err:find "^%d+: " ~= nil or err:find("certificate", 1, true) ~= nil end

local function start_tls(self, socket)
  local place = self.place
  self.core:phase "tls"
  local ok, err = socket:sslhandshake(nil, place.host, place.tls.verify ~= false)
  if ok then return true end
  local hint = place.host:find "^[%d.:a-fA-F]+$" and " (nginx cannot verify addresses: use a name)" or ""
  return nil, "TLS handshake: " .. err .. hint, not is_bad_certificate(err)
end

-- nginx's own words, where they say less than they could.
local WORDS = { closed = "the server ended the connection", timeout = "the server did not answer in time" }

local function connect(self, socket)
  local place, pool = self.place, self.pool
  local host = place.host:find(":", 1, true) and "[" .. place.host .. "]" or place.host
  local patience = (place.connect_timeout or 3600) + 1 -- the engine's own time runs out first
  socket:settimeouts(patience * milliseconds, SEND_PATIENCE * milliseconds, READ_PATIENCE * milliseconds)
  local ok, err = socket:connect(host, place.port, pool and { pool = pool.name, pool_size = pool.size })
  if ok then return true end
  return nil, ("connection to %s port %d: %s"):format(place.host, place.port, WORDS[err] or err), true
end

-- Opens the connection's socket, and tells the engine if the WebSocket is open there already. True, or nil, why not and
-- whether to try again.
local function open_socket(self, connection)
  local socket = connection.socket
  local ok, why, retryable = connect(self, socket)
  if not ok then return nil, why, retryable end
  connection.reused = socket:getreusedtimes() > 0
  if self.place.tls and not connection.reused then return start_tls(self, socket) end
  return true
end

-- ---- Bytes from the peer ----

local function read(self, connection)
  local bytes, err = connection.socket:receiveany(READ_SIZE)
  if self.connection ~= connection then return end
  if bytes then
    self.core:receive(bytes)
    self:pump()
  elseif err ~= "timeout" then
    lose(self, connection, err ~= "closed" and err or nil, true)
  end
end

-- Leaves a quiet connection of a pool unread, since a socket that is being read cannot be given back to the pool. What
-- came meanwhile is read before the next message is written.
local function park(self, connection)
  local since = engine.now()
  connection.parked = semaphore.new()
  connection.parked:wait(PARKED)
  connection.parked = nil
  if self.connection ~= connection then return end
  if engine.now() - since > STALE then
    connection.socket:settimeouts(nil, nil, 1)
    read(self, connection)
    connection.socket:settimeouts(nil, nil, READ_PATIENCE * milliseconds)
  end
  self:pump()
end

-- A light thread: the connection's whole life.
local function serve(self, connection)
  local ok, why, retryable = open_socket(self, connection)
  if not ok then lose(self, connection, why, retryable) end
  if self.connection == connection then
    connection.open = true
    if connection.reused then
      self.core:adopted()
    else
      self.core:connected()
    end
    self:pump()
  end
  while self.connection == connection do
    if self.pool and self.core:may_detach() then park(self, connection) end
    if self.connection == connection then read(self, connection) end
  end
  if not connection.given_back then connection.socket:close() end
end

local function dial(self)
  local connection = self.connection
  connection.socket = ngx.socket.tcp()
  self.core:phase "connect"
  ngx.thread.spawn(serve, self, connection)
end

-- ---- The pump ----

local function begin_connection(self)
  self.connection = {}
  if self.asks_first then
    self.core:phase "request"
  else
    dial(self)
  end
end

local function do_what_it_wants(self)
  local want = self.core:want()
  while want do
    if want == "connect" then
      begin_connection(self)
    else
      drop(self)
    end
    want = self.core:want()
  end
end

-- Writes until nothing is left, unless another thread is doing so, or is to read first.
local function flush(self)
  local connection = self.connection
  if not connection or not connection.open or connection.writing then return end
  if connection.parked then
    if self.core:has_output() then connection.parked:post(1) end
    return
  end
  connection.writing = true
  local bytes = self.core:output()
  while bytes do
    local ok, err = connection.socket:send(bytes)
    if self.connection ~= connection then return end
    if not ok then return lose(self, connection, WORDS[err] or err, true) end
    do_what_it_wants(self)
    bytes = self.connection == connection and self.core:output()
  end
  connection.writing = false
end

-- To be called after whatever touched the session.
function Link:pump()
  do_what_it_wants(self)
  flush(self)
  local due = self.core:deadline() or math.huge
  if due < self.due or self.core:finished() then self.clock:post(1) end
  if not self.core:has_news() then return end
  local source = self.find_source(self.id)
  if source then source:news() end
end

-- Whether nobody can use the session any more: its user has dropped it, or the thread that opened it has ended and it
-- has nothing to do. nginx does not end a request while threads of it run.
local function is_forgotten(self)
  local source = self.find_source(self.id)
  if not source then return true end
  return coroutine.status(self.opener) == "dead" and not next(source.waiters) and self.core:is_idle()
end

-- A light thread: keeps the session's time until it is closed.
local function keep_time(self)
  ngx.sleep(0.001) -- the opener goes on first: news is for a session that is complete
  local forgotten -- since when
  while true do
    self:pump()
    if self.core:finished() then return end
    self.due = self.core:deadline() or math.huge
    self.clock:wait(math.max(0, math.min(self.due - engine.now(), LONGEST_REST)))
    self.core:tick()
    forgotten = is_forgotten(self) and (forgotten or engine.now()) or nil
    if forgotten and engine.now() - forgotten >= LONGEST_REST then self.core:close() end
  end
end

-- ---- For the session: the methods of src/binding/session.c and src/binding/net/link.c ----

function Link:state() return self.core:state() end
function Link:error() return self.core:error() end
function Link:retry_at() return self.core:retry_at() end
function Link:finished() return self.core:finished() end

function Link:send(json, first, idle, total)
  if self.current_request() ~= self.request then
    error("the session belongs to another request: it cannot be used outside of the one that opened it", 0)
  end
  local reply, err = self.core:send(json, first, idle, total)
  self:pump()
  return reply, err
end

function Link:close()
  self.core:close()
  self:pump()
end

function Link:give_back()
  local connection = self.connection
  if not connection or not connection.parked or not self.core:detach() then return false end
  connection.given_back = true
  connection.socket:setkeepalive(self.pool.idle * milliseconds)
  self.connection = nil
  connection.parked:post(1)
  self:pump()
  return true
end

function Link:asks() return self.asks_first and self.connection ~= nil and not self.connection.socket end

function Link:give_request(host, target, headers)
  if not self:asks() then return end
  if self.core:set_request(host, target, headers) then
    dial(self)
  else
    lose(self, self.connection, "out of memory", true)
  end
end

function Link:refuse_request(why, retryable)
  if self:asks() then lose(self, self.connection, why, retryable) end
end

local function check_tls(tls)
  for _, name in ipairs { "ca_file", "cert", "key" } do
    if tls and tls[name] then
      return nil, ("tls.%s: not in nginx, whose directive lua_ssl_trusted_certificate has its place"):format(name)
    end
  end
  return true
end

-- The name holds a key, and nginx may write it to a log.
local function hidden(pool) return { name = "aui:" .. ngx.md5(pool.name), size = pool.size, idle = pool.idle } end

--- Opens a session for the source of this id. `options` are those of loop:open (src/binding/net/link.c); `find_source`
--- finds a source by its id; `current_request` returns what is different in every request. A link, or nil and why not.
function cosocket.open(id, options, find_source, current_request)
  local ok, why = check_tls(options.tls)
  if not ok then return nil, why end
  local self = setmetatable({
    id = id,
    place = { host = options.host, port = options.port, tls = options.tls, connect_timeout = options.connect_timeout },
    pool = options.pool and hidden(options.pool),
    asks_first = options.target == nil,
    core = engine.session(options),
    clock = semaphore.new(),
    due = math.huge,
    find_source = find_source,
    current_request = current_request,
    request = current_request(),
    opener = coroutine.running(),
  }, Link)
  ngx.thread.spawn(keep_time, self)
  return self
end

return cosocket
