-- A link: one session of the engine on nginx's cosockets. Its light threads are a keeper, which keeps the time, and for
-- each connection a reader and a writer. They belong to the request (or timer) that opened the session. docs/engine.md
-- has the rules of a driver.

local dialler = require "aui.host.nginx.dialler"
local engine = require "aui.engine"
local handover = require "aui.host.nginx.handover"
local policy_of = require "aui.host.nginx.tls_policy"
local semaphore = require "ngx.semaphore"
local sources = require "aui.host.sources"
local threads = require "aui.host.nginx.light_threads"
local tls_sessions = require "aui.host.nginx.tls_sessions"
local unsent = require "aui.host.nginx.unsent"

local cosocket = {}

local READ_SIZE = 64 * 1024 -- bytes
-- All times in seconds.
local FOREVER = 24 * 3600 -- the engine's own deadlines end what takes too long
local LONGEST_REST = 0.5 -- of the keeper: so soon it looks whether anybody can use the session,
local LONGEST_BUSY_REST = 5 -- and so soon while something is under way, which its user awaits as a rule
local LATE = 0.005 -- a keeper that is so long behind a deadline lets the reader go first
local CLOSE_TIMEOUT = 1 -- how long a connection may take to come to its end once it is wanted no more
local PARKED = 5 -- how long a connection of a pool is left unread after an answer,
local UNPARKED = 1 -- and how long it is read then, if nothing comes

local MOST_TURNS, QUIET_TURNS = 20, 3 -- of nginx, the latter without anything to read

local milliseconds = 1000

local Link = {}
Link.__index = Link

-- ---- The end of a connection ----

-- The session has no part in its connection any more: the keeper ends it. One that lingers is read to its end first.
local function retire(self, lingers)
  local connection = self.connection
  connection.lingers = lingers and connection.open
  connection.close_deadline = engine.now() + CLOSE_TIMEOUT
  self.retired[#self.retired + 1] = connection
  self.connection = nil
  self.clock:post(1)
end

-- What is unsent is thrown away; but a proxy may go on sending what it was given.
local function note_reset(self, connection)
  if connection.discards and not self.place.proxy then self.core:was_reset() end
end

-- The connection could not be opened, or has ended.
local function lose(self, connection, cause, retryable)
  if self.connection ~= connection then return end
  retire(self)
  note_reset(self, connection)
  self.core:disconnected(cause, retryable)
  self:pump()
end

-- It is given up by the session, which says how it is to end.
local function end_connection(self)
  local connection, ending = self.connection, self.core:ending()
  retire(self, ending == "linger")
  if ending == "reset" then connection.writing = false end -- nobody waits until that has left
  if ending ~= "reset" and connection.discards then
    connection.discards = unsent.discard(connection.socket, false)
  end
  note_reset(self, connection)
end

-- Only the parent of threads can end them, and with them what they wait for.
local function finish(connection)
  if connection.lingers then unsent.discard(connection.socket, true) end
  if connection.reader then ngx.thread.kill(connection.reader) end
  if connection.writer then ngx.thread.kill(connection.writer) end
  if connection.socket and not connection.given_back then connection.socket:close() end
end

-- Ends those that are wanted no more, once what was being written to them has left.
local function finish_retired(self)
  local now, rest = engine.now(), {}
  for _, connection in ipairs(self.retired) do
    if (connection.writing or connection.lingers) and now < connection.close_deadline then
      rest[#rest + 1] = connection
    else
      finish(connection)
    end
  end
  self.retired = rest
end

local function are_lingering(connections)
  for _, connection in ipairs(connections) do
    if not connection.lingers then return false end
  end
  return true
end

-- ---- A connection's threads ----

-- Connects the connection's socket, which may find one in its pool. True, or nil, why not and whether to try again.
local function connect(self, connection)
  local socket, pool = connection.socket, connection.pool
  local ok, why, retryable = dialler.connect(socket, self.place, pool and { pool = pool.name, pool_size = pool.size })
  if not ok then return nil, why, retryable end
  connection.reused = socket:getreusedtimes() > 0
  if not connection.reused then return true end
  connection.state, connection.unheard = handover.take(socket)
  if connection.state then return true end
  socket:close()
  return connect(self, connection)
end

-- Opens the connection's socket. True, or nil, why not and whether to try again.
local function open_socket(self, connection)
  local socket, pool = connection.socket, connection.pool
  if pool then threads.catch_up() end -- nginx takes dead connections out of its pools
  local reading = pool and UNPARKED or FOREVER
  socket:settimeouts(FOREVER * milliseconds, FOREVER * milliseconds, reading * milliseconds)
  local ok, why, retryable = connect(self, connection)
  if not ok then return nil, why, retryable end
  connection.discards = unsent.discard(socket, true)
  if connection.reused then return true end
  connection.keeps_session = self.place.tls ~= nil
  connection.early, why, retryable = dialler.prepare(socket, self.place, function(phase) self.core:phase(phase) end)
  return connection.early, why, retryable
end

local function read(self, connection)
  local bytes, err = connection.socket:receiveany(READ_SIZE)
  if self.connection ~= connection then return end
  if bytes then
    self.reads = self.reads + 1
    if connection.keeps_session then connection.keeps_session = not tls_sessions.keep(self.place, connection.socket) end
    self.core:receive(bytes)
    self:pump()
  elseif err ~= "timeout" then
    lose(self, connection, err ~= "closed" and err or nil, true)
  end
end

-- Leaves a quiet connection of a pool unread, since a socket that is being read cannot be given back to the pool. What
-- has come meanwhile is read before anything is written: the reader goes on before the writer that it wakes.
local function park(self, connection)
  connection.parked = semaphore.new()
  connection.parked:wait(PARKED)
  connection.parked = nil
  if self.connection == connection then self:pump() end
end

-- Asks what the request says, and waits for that: a connection of a pool does without.
local function await_request(self, connection)
  connection.answered = semaphore.new()
  connection.is_asking = true
  self.core:phase "request"
  sources.dispatch(self.id)
  connection.answered:wait(FOREVER)
end

local function begin(self, connection)
  if not connection.reused and self.asks_first and connection.pool then await_request(self, connection) end
  if self.connection ~= connection then return end
  connection.open = true
  if connection.reused then
    self.core:adopted(connection.state, connection.unheard)
  else
    self.core:connected()
    self.core:receive(connection.early)
  end
  self:pump()
end

-- Reads what the peer still has to say, so that it finds the end of what we have.
local function linger(self, connection)
  while connection.lingers do
    local bytes, err = connection.socket:receiveany(READ_SIZE)
    if not bytes and err ~= "timeout" then connection.lingers = false end
  end
  self.clock:post(1)
end

local function read_all(self, connection)
  local ok, why, retryable = open_socket(self, connection)
  if not ok then return lose(self, connection, why, retryable) end
  if self.connection == connection then begin(self, connection) end
  while self.connection == connection do
    if connection.pool and self.core:may_detach() then park(self, connection) end
    if self.connection == connection then read(self, connection) end
  end
  linger(self, connection)
end

-- What a failure to write means, the reader finds out: the server may have said why.
local function write_all(self, connection)
  local ok = true
  while ok and self.connection == connection do
    threads.catch_up()
    local bytes = self.connection == connection and connection.open and not connection.parked and self.core:output()
    if bytes then
      connection.writing = true
      ok = connection.socket:send(bytes)
      connection.writing = false
      if self.connection == connection then self:pump() end
    else
      connection.outlet:wait(FOREVER)
    end
  end
  self.clock:post(1)
end

local function dial(self)
  self.connection.socket = ngx.socket.tcp()
  self.connection.outlet = semaphore.new()
  self.core:phase "connect"
  self.clock:post(1)
end

local function start_threads(self)
  local connection = self.connection
  if not connection or not connection.socket or connection.reader then return end
  connection.reader = ngx.thread.spawn(read_all, self, connection)
  connection.writer = ngx.thread.spawn(write_all, self, connection)
end

-- ---- The pump ----

-- The first connection may come from the pool, and go back there. Later ones are new, and nginx cannot give a pool what
-- it has not looked for there.
local function begin_connection(self)
  self.connection = { pool = self.is_first and self.pool or nil }
  self.is_first = false
  if self.asks_first and not self.connection.pool then
    self.core:phase "request"
  else
    dial(self)
  end
end

local function do_what_it_wants(self, want)
  if want == "connect" then return begin_connection(self) end
  if self.connection then end_connection(self) end
  self.core:disconnected(nil, true)
end

-- Wakes whoever has to act before the writer can, or the writer.
local function wake_writer(self)
  local connection = self.connection
  if not connection or not connection.open or connection.writing then return end
  local sleeper = connection.parked or connection.outlet
  if sleeper:count() < 1 then sleeper:post(1) end
end

-- To be called after whatever touched the session. Never waits for a peer.
function Link:pump()
  local want, has_output, due, notified, is_text = self.core:needs()
  while want do
    do_what_it_wants(self, want)
    want, has_output, due, notified, is_text = self.core:needs()
  end
  if has_output then wake_writer(self) end
  local ends = self.is_busy and not is_text and self.core:is_idle()
  if due < self.wakes_at or ends then
    self.wakes_at, self.is_busy = 0, false
    self.clock:post(1)
  end
  if notified then sources.dispatch(self.id, is_text) end
end

-- ---- The keeper ----

-- Whether nobody can use the session any more: its user has dropped it, or the thread that used it last has ended and
-- it has nothing to do. nginx does not end a request while threads of it run.
local function is_forgotten(self)
  local source = sources.find(self.id)
  if not source then return true end
  return not threads.is_alive(self.user) and sources.is_unawaited(source) and self.core:is_idle()
end

local function close_if_forgotten(self)
  local now = engine.now()
  self.forgotten_since = is_forgotten(self) and (self.forgotten_since or now) or nil
  if self.forgotten_since and now - self.forgotten_since >= LONGEST_REST then self.core:close() end
end

-- The worker was busy at the keeper's time: the reader goes first, as long as there is more and more to read.
local function let_read(self)
  local quiet, turns = 0, 0
  while quiet < QUIET_TURNS and turns < MOST_TURNS do
    local reads = self.reads
    threads.turn()
    quiet = self.reads == reads and quiet + 1 or 0
    turns = turns + 1
  end
end

-- Waits until there may be something to do, at least for nginx's shortest time.
local function rest(self)
  local now = engine.now()
  self.is_busy = not self.core:is_idle()
  self.wakes_at = math.min(self.core:deadline(), now + (self.is_busy and LONGEST_BUSY_REST or LONGEST_REST))
  self.clock:wait(math.max(0.001, self.wakes_at - now))
  self.wakes_at, self.is_busy = 0, false -- nobody need wake the keeper now
  threads.catch_up()
  if engine.now() - self.core:deadline() > LATE then let_read(self) end
end

local function keep(self)
  repeat
    rest(self)
    self.core:tick()
    close_if_forgotten(self)
    self:pump()
    start_threads(self)
    finish_retired(self)
    if not self.over and self.core:finished() and are_lingering(self.retired) then
      self.over = true
      sources.dispatch(self.id)
    end
  until self.over and #self.retired == 0
end

-- ---- Replies, with the methods of src/binding/lua_reply.c ----

local Reply = {}
Reply.__index = Reply

function Reply:status() return self.core:status() end
function Reply:take() return self.core:take() end
function Reply:text() return self.core:text() end
function Reply:message() return self.core:message() end
function Reply:error() return self.core:error() end
function Reply:is_parked() return self.core:is_parked() end
function Reply:is_answered() return self.core:is_answered() end
function Reply:times() return self.core:times() end

for _, name in ipairs { "answer", "resend", "give_up", "cancel" } do
  Reply[name] = function(self, ...)
    local result = self.core[name](self.core, ...)
    self.link:pump()
    return result
  end
end

-- ---- For the session: the methods of src/binding/lua_session.c and src/binding/net/lua_link.c ----

function Link:state() return self.core:state() end
function Link:error() return self.core:error() end
function Link:retry_at() return self.core:retry_at() end
function Link:finished() return self.over end
function Link:has_seen(id) return self.core:has_seen(id) end
function Link:thread_id() return self.core:thread_id() end
function Link:recorded() return self.core:recorded() end
function Link:stats() return self.core:stats() end

function Link:send(json, first, idle, total)
  self.check_request()
  if not self.over and not threads.is_alive(self.user) then self.user = threads.watch() end
  local core, err = self.core:send(json, first, idle, total)
  self:pump()
  if not core then return nil, err end
  return setmetatable({ core = core, link = self }, Reply)
end

function Link:close()
  self.check_request()
  threads.unwatch(self.user)
  self.core:close()
  self.clock:post(1)
  self:pump()
end

function Link:give_back()
  self.check_request()
  local connection = self.connection
  if not connection or not connection.parked or connection.writing then return false end
  local socket = connection.socket
  local detached, is_left = handover.leave(socket, connection.pool.idle, function()
    local state = self.core:detach()
    if state then unsent.discard(socket, false) end
    return state
  end)
  if not detached then return false end
  connection.given_back = is_left
  threads.unwatch(self.user)
  retire(self)
  self:pump()
  return true
end

function Link:asks()
  local connection = self.connection
  return connection ~= nil and self.asks_first and (not connection.socket or connection.is_asking)
end

function Link:give_request(host, target, headers, agent_id)
  if not self:asks() then return end
  local connection = self.connection
  if not self.core:set_request(host, target, headers, agent_id) then
    lose(self, connection, "out of memory", true)
  elseif connection.is_asking then
    connection.is_asking = false
    connection.answered:post(1)
  else
    dial(self)
  end
end

function Link:refuse_request(err)
  if not self:asks() then return end
  retire(self)
  self.core:refuse_request(err)
  self:pump()
end

-- The last two are in lua-nginx-module 0.10.26 and later.
local DIRECTIVES =
  { ca_file = "lua_ssl_trusted_certificate", cert = "lua_ssl_certificate", key = "lua_ssl_certificate_key" }

local function check_tls(tls)
  for _, name in ipairs { "ca_file", "cert", "key" } do
    if tls and tls[name] then
      return nil, ("tls.%s: not in nginx, whose directive %s has its place"):format(name, DIRECTIVES[name])
    end
  end
  return true
end

-- The name holds a key, and nginx may write it to a log.
local function hidden(pool, place)
  local name = ("%s\n%s"):format(policy_of(place) or "tcp", pool.name)
  return { name = "aui:" .. ngx.md5(name), size = pool.size, idle = pool.idle }
end

--- Opens a session for the source of this id. `options` are those of loop:open (src/binding/net/lua_link.c);
--- `check_request()` raises where the session may not be used. A link, or nil and why not.
function cosocket.open(id, options, check_request)
  local ok, why = check_tls(options.tls)
  if not ok then return nil, why end
  local place = dialler.place(options)
  local self = setmetatable({
    id = id,
    place = place,
    pool = options.pool and hidden(options.pool, place),
    is_first = true, -- the next connection
    asks_first = options.target == nil,
    core = engine.session(options),
    clock = semaphore.new(),
    wakes_at = 0, -- when the keeper, which rests, does so by itself; else 0
    is_busy = false, -- whether something was under way when it began to rest
    reads = 0,
    retired = {},
    over = false,
    check_request = check_request,
  }, Link)
  self.user = threads.watch()
  threads.start(keep, self)
  self.clock:post(1) -- what the keeper does first comes when the session is complete, and its opener waits
  return self
end

return cosocket
