-- Servers and sessions that speak one way, of either API, by WebSocket with or without TLS or by streams, for specs
-- whose cases are to hold over several. `stop` belongs into their after_each.

local aui = require "aui"
local cjson = require "cjson"
local socket = require "socket"
local steps = require "spec.steps"
local support = require "spec.support"

local Wire = {}
Wire.__index = Wire

local wire = {
  schemes = { "ws", "wss" }, -- of the tasks API
  ways = { "ws", "stream", "wss of threads" }, -- for what is the same by both APIs and all carriers
  websockets = { "ws", "wss of threads" }, -- for what WebSockets do by both APIs
  apis = { "ws", "stream" }, -- for what is the same whatever carries it, too
}

local WAYS = {
  ws = { scheme = "ws" },
  wss = { scheme = "wss" },
  stream = { scheme = "ws", carrier = "stream" },
  ["wss of threads"] = { scheme = "wss", carrier = "websocket" },
}

---@param way "ws"|"wss"|"stream"|"wss of threads"
function wire.new(way)
  local link = { scheme = WAYS[way].scheme, carrier = WAYS[way].carrier, servers = {}, sessions = {} }
  link.by_stream = link.carrier == "stream"
  return setmetatable(link, Wire)
end

local keys = 0

-- Tokens are shared by all sessions with a key, also when its server has gone and another one has the port: each has a
-- key of its own.
local function remember(self, server)
  if self.carrier then
    keys = keys + 1
    server.carrier, server.publishable_key = self.carrier, ("pk_network_hunter2-%d"):format(keys)
  end
  table.insert(self.servers, server)
  return server
end

-- Words of aui-sim's command line: it speaks the scheme, and its agent does not dawdle.
local function with_scheme(self, options)
  local words = { "--pace", "0", scheme = self.scheme, stranger = options and options.stranger }
  for _, word in ipairs(options or {}) do words[#words + 1] = word end
  return words
end

--- Starts aui-sim; `options` are further words of its command line.
function Wire:start(options) return remember(self, support.start(with_scheme(self, options))) end

--- Starts aui-sim with a scenario: a list of steps, or a table of `connections` and `rest`. Over the ways of threads
--- it is put into the words of their API, as spec/steps.lua says.
function Wire:play(scenario, options)
  return remember(self, support.play(steps.scenario(scenario, self.carrier), with_scheme(self, options)))
end

--- Starts a server of the threads API that does as `acts` say: see support.stage.
function Wire:stage(acts) return remember(self, support.stage(acts)) end

local Peer = {}
Peer.__index = Peer

function Peer:stop()
  os.execute("kill " .. self.pid)
  self.output:close()
  if self.authority then self.authority:stop() end
end

--- What the client did on the connection that ended next: see servers/peer.py.
function Peer:report() return cjson.decode(self.output:read "*l") end

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

-- In the words of peer.py.
local function to_reply(bytes)
  if type(bytes) == "string" then return to_hex(bytes) end
  return to_hex(bytes[1]) .. "*" .. bytes.times
end

local function start_peer(self, command, replies)
  local peer, words = setmetatable({}, Peer), { "echo $$; exec /usr/bin/python3 spec/servers/peer.py " .. command }
  if self.scheme == "wss" then
    peer.authority = support.start { scheme = "wss" } -- has the certificates
    peer.tls = peer.authority.tls
    words[#words + 1] = "--tls " .. peer.authority.tls_dir
  end
  for _, bytes in ipairs(replies) do words[#words + 1] = "'" .. to_reply(bytes) .. "'" end
  peer.output = assert(io.popen(table.concat(words, " "), "r"))
  peer.pid = peer.output:read "*l"
  local line = peer.output:read "*l" or "nothing"
  local port = assert(line:match "^listening on (%d+)$", "peer.py said: " .. line)
  local host = peer.authority and support.tls_host or "127.0.0.1"
  peer.url = ("%s://%s:%d/"):format(self.scheme, host, port)
  return remember(self, peer)
end

--- Starts servers/peer.py, which answers the n-th connection's message with the n-th of these strings, or with a string
--- again and again: { string, times = n }.
function Wire:peer(...) return start_peer(self, "", { ... }) end

--- The same, but it reads no more than the message's beginning, and answers when no more can be sent.
function Wire:deaf_peer(...) return start_peer(self, "--deaf", { ... }) end

--- A server's frame of less than 64 KiB.
function wire.frame(first_byte, payload)
  local n = #payload
  if n < 126 then return string.char(first_byte, n) .. payload end
  return string.char(first_byte, 126, math.floor(n / 256), n % 256) .. payload
end

--- The options of a session with the server; `changes` go before them. What a session does by itself after a failure
--- is the subject of specs of its own.
function wire.options(server, changes)
  local options = { url = server.url, tls = server.tls, reconnect = false, recover = false }
  if server.carrier then
    options.url, options.user_id = server:base(), "ada"
    options.publishable_key, options.carrier = server.publishable_key, server.carrier
  else
    options.task_id = "68e78d0dc5a4b19a030d03d6"
  end
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end

local function keep(self, session, err)
  table.insert(self.sessions, session)
  return session, err
end

--- aui.connect to the server.
function Wire:connect(server, changes) return keep(self, aui.connect(wire.options(server, changes))) end

--- aui.session with the server.
function Wire:session(server, changes) return keep(self, assert(aui.session(wire.options(server, changes)))) end

--- Waits until the session's state is this one, for 10 s at most.
function wire.await(session, state)
  local patience = 1000
  while session:state() ~= state and patience > 0 do
    aui.sleep(0.01)
    patience = patience - 1
  end
  assert(session:state() == state, "the session is still " .. session:state())
end

--- The error of `ask(port)`, in a task, that asks a server which says `bytes`, whatever it hears, and hangs up.
function wire.fail_at_stranger(bytes, ask)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local port, failure = select(2, listener:getsockname()), nil
  listener:settimeout(0)
  aui.run(function()
    aui.spawn(function() failure = select(2, ask(port)) end)
    local client
    repeat
      aui.sleep(0.01)
      client = listener:accept()
    until client
    client:settimeout(0) -- in nginx it is our own thread that has yet to write
    repeat
      aui.sleep(0.01)
      local byte, err = client:receive(1)
    until byte or err ~= "timeout"
    client:send(bytes)
    client:close()
  end)
  listener:close()
  return failure
end

--- Closes the sessions and stops the servers that were made here.
function Wire:stop()
  for _, session in ipairs(self.sessions) do session:close() end
  for _, server in ipairs(self.servers) do server:stop() end
  self.sessions, self.servers = {}, {}
end

return wire
