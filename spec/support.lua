-- What specs share: simulators with scripted conversations, over ws and wss, and sessions with them.

local aui = require "aui"
local cjson = require "cjson"
local http = require "socket.http"
local lfs = require "lfs"
local process = require "spec_process"
local socket = require "socket"

local support = {}

-- nginx trusts whom its configuration says, and verifies names alone.
local nginx_tls_dir = ngx and assert(os.getenv "AUI_TLS_DIR", "AUI_TLS_DIR: expected the directory of a certificate")

--- By which name or address servers of TLS are connected to.
support.tls_host = nginx_tls_dir and "localhost" or "127.0.0.1"

local simulator = assert(os.getenv "AUI_SIM", "AUI_SIM: expected the path of aui-sim")

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local Server = {}
Server.__index = Server

-- A file, or a directory of files; perhaps there is neither.
local function remove(name)
  if lfs.attributes(name, "mode") == "directory" then
    for entry in lfs.dir(name) do os.remove(name .. "/" .. entry) end
  end
  os.remove(name)
end

--- Stops the simulator and waits for its end.
function Server:stop()
  self.process:close()
  for _, name in ipairs(self.files) do remove(name) end
end

--- Ends the simulator as a crash would.
function Server:kill()
  os.execute("kill -9 " .. self.pid)
  self.process:close()
end

--- Options of a session with this server, with patience for a slow machine but not for ever; `changes` go before them.
function Server:options(changes)
  local options = {
    url = self.url,
    tls = self.tls,
    task_id = "68e78d0dc5a4b19a030d03d6",
    timeout = { connect = 20, first = 20, idle = 20, total = 60 },
    reconnect = false, -- what a session does by itself is the subject of specs of its own
    recover = false,
  }
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end

--- The base of the simulator's threads API.
function Server:base() return (self.url:gsub("^ws", "http"):gsub("/api/v1/external/session$", "/apollo-api")) end

--- A session that is open; it must be.
function Server:connect(changes) return assert(aui.connect(self:options(changes))) end

-- A name for a file or directory that is to be made.
local function new_name(files)
  local name = os.tmpname()
  os.remove(name)
  files[#files + 1] = name
  return name
end

-- Runs a server, which says where it is listening in its first line and stops at the end of its standard input, so that
-- it ends with us at the latest.
local function launch(command, server)
  local line
  server.command = command
  server.process, line = process.launch("exec " .. command)
  server.pid = server.process:pid()
  server.url = line:match "^listening on (%S+)$"
  assert(server.url, ("%s said: %s"):format(command, line == "" and "nothing" or line))
  server.url = server.url:gsub("^wss://127%.0%.0%.1:", ("wss://%s:"):format(support.tls_host))
  server.port = tonumber(server.url:match ":(%d+)/")
  return setmetatable(server, Server)
end

--- Starts a killed simulator again: on the same port, with the same options and certificates.
function Server:restart() launch(("%s --port %d"):format(self.command, self.port), self) end

-- The kernel's rows for our ends of connections to the port that the peer has not ended: how many there are, and how
-- much lies in them unread.
local function listed_connections(port)
  local peer = (":%04X 01 "):format(port) -- its port, and that the connection is established
  local count, unread = 0, 0
  for line in io.lines "/proc/net/tcp" do
    local _, last = line:find(peer, 1, true)
    if last then
      count, unread = count + 1, unread + tonumber(line:match("^%x+:(%x+)", last + 1), 16)
    end
  end
  return count, unread
end

-- The kernel may leave a row out while those of others come and go.
local function connections_to(port)
  local most, most_unread = 0, 0
  for _ = 1, 3 do
    local count, unread = listed_connections(port)
    most, most_unread = math.max(most, count), math.max(most_unread, unread)
  end
  return most, most_unread
end

-- Waits without running the loop.
local function busily_await(condition)
  local limit = os.time() + 20
  while not condition() do
    assert(os.time() <= limit, "nothing came")
    socket.sleep(0.001)
  end
end

--- How many connections to the server are up. It must listen on an IPv4 address.
function Server:connections() return (connections_to(self.port)) end

--- Waits, without running the loop, until `n` bytes (1) from the server lie in our sockets; for 20 s at most.
function Server:await_bytes(n)
  busily_await(function() return select(2, connections_to(self.port)) >= (n or 1) end)
end

--- Waits, without running the loop, until the server has ended one of so many connections; for 20 s at most.
function Server:await_end(count)
  busily_await(function() return connections_to(self.port) < count end)
end

-- Where aui-sim finds or makes its certificate. nginx trusts the authorities of those that spec/openresty/run has made.
local function tls_directory(options, files)
  if not nginx_tls_dir or options.stranger then return new_name(files) end
  local name, expired = "localhost", ""
  for index, word in ipairs(options) do
    if word == "--tls-name" then name = options[index + 1] end
    if word == "--tls-expired" then expired = "-expired" end
  end
  return nginx_tls_dir .. "/" .. name .. expired
end

-- The option by which a session trusts the authority; nil for what it does by default.
local function trust_in(directory, options)
  if nginx_tls_dir or options.stranger then return nil end
  return { ca_file = directory .. "/ca.pem" }
end

--- Starts aui-sim on a free port. `options`: its command line, as { "--pace", "0" }; with `scheme = "wss"` it serves
--- TLS, and with `stranger` its authority is trusted by nobody; with `own_network` it has a network namespace of its
--- own, in which there is nothing yet. The result has `url`, `port`, `pid`, `tls_dir`, and
--- `tls`, the option by which a session trusts it.
function support.start(options)
  options = options or {}
  local words, server = { quoted(simulator), "--port 0 --exit-with-stdin" }, { files = {} }
  if options.own_network then table.insert(words, 1, "unshare --net") end
  for _, word in ipairs(options) do words[#words + 1] = quoted(tostring(word)) end
  if options.scheme == "wss" then
    server.tls_dir = tls_directory(options, server.files)
    server.tls = trust_in(server.tls_dir, options)
    words[#words + 1] = "--tls-dir " .. server.tls_dir
  end
  return launch(table.concat(words, " "), server)
end

--- Starts a server that answers with what it was told: see spec/servers/mirror.py, and `support.said`.
function support.mirror()
  return launch("/usr/bin/python3 spec/servers/mirror.py", { files = {} })
end

--- Starts a server that compresses what it says, on these terms: see spec/servers/compressor.py.
---@param kind "py"|"js" by python3-websockets or by Node's ws
function support.compressor(kind, terms)
  local programs = { py = "/usr/bin/python3 spec/servers/compressor.py", js = "node spec/servers/compressor.js" }
  local words = "env -u LD_PRELOAD NODE_PATH=/usr/share/nodejs %s %s"
  return launch(words:format(programs[kind], quoted(cjson.encode(terms))), { files = {} })
end

--- Starts a server whose REST calls answer with what they were told: see spec/servers/rest_mirror.py.
function support.rest_mirror()
  return launch("/usr/bin/python3 spec/servers/rest_mirror.py", { files = {} })
end

--- Starts a server that answers with what TLS let it know; `settings` is its file: see spec/servers/tls_mirror.py.
function support.tls_mirror(settings)
  -- Versions as old as it can speak are deprecated.
  local words = "/usr/bin/python3 -W ignore::DeprecationWarning spec/servers/tls_mirror.py %s"
  return launch(words:format(quoted(settings)), { files = {} })
end

--- Starts a server of the threads API that answers as `acts` say: see spec/servers/stage.py. The result's method
--- `asked` returns how many requests of each kind there were.
function support.stage(acts)
  local files = {}
  local file = assert(io.open(new_name(files), "w"))
  file:write(cjson.encode(acts))
  file:close()
  local server = launch("/usr/bin/python3 spec/servers/stage.py " .. files[1], { files = files })
  function server.asked()
    return cjson.decode((http.request(("http://127.0.0.1:%d/asked"):format(server.port))))
  end
  return server
end

--- Starts Squid or tinyproxy; it asks for `credentials`, "user:password", if there are some. See
--- spec/servers/real_proxy.py.
---@param kind "squid"|"tinyproxy"
function support.real_proxy(kind, credentials)
  local words = "/usr/bin/python3 spec/servers/real_proxy.py %s %s"
  return launch(words:format(kind, credentials and quoted(credentials) or ""), { files = {} })
end

--- Starts a proxy that does these deeds, of spec/servers/proxy.py, on its connections; `tls_dir` has its certificate.
--- The result's method `heads` returns what it was asked.
function support.proxy(deeds, tls_dir)
  local files = {}
  local log = new_name(files)
  local words = { "/usr/bin/python3 spec/servers/proxy.py --log " .. log }
  if tls_dir then words[#words + 1] = "--tls " .. tls_dir end
  for _, deed in ipairs(deeds) do words[#words + 1] = quoted(deed) end
  local server = launch(table.concat(words, " "), { files = files })
  io.open(log, "a"):close()
  function server.heads()
    local heads = {}
    for line in io.lines(log) do heads[#heads + 1] = cjson.decode(line) end
    return heads
  end
  return server
end

--- What the mirror says that it was told: target, headers, message (decoded), json (as sent) and count.
function support.said(answer)
  local said = cjson.decode(answer.text)
  said.json, said.message = said.message, cjson.decode(said.message)
  return said
end

--- Starts aui-sim with a scenario, given as a Lua table (see docs/simulator.md); `options` as above.
function support.play(scenario, options)
  local file = os.tmpname()
  local handle = assert(io.open(file, "w"))
  handle:write(cjson.encode(scenario))
  handle:close()
  local words = { "--scenario", file, scheme = options and options.scheme, stranger = options and options.stranger }
  for _, word in ipairs(options or {}) do words[#words + 1] = word end
  local server = support.start(words)
  server.files[#server.files + 1] = file
  return server
end

--- The messages that the agent has acted on, in order, by the simulator's log: see docs/simulator.md.
function support.logged_messages(log)
  local messages = {}
  for line in io.lines(log) do
    local event = cjson.decode(line)
    if event.event == "message" then messages[#messages + 1] = event end
  end
  return messages
end

--- Lets the loop run until the condition is true; raises if that takes too long.
function support.wait_until(condition)
  local limit = os.time() + 20
  while not condition() do
    assert(os.time() <= limit, "waited in vain")
    aui.sleep(0.001)
  end
end

--- Reads a reply to its end, as its chunks ask: what a user is shown then, and the chunks. Raises if it fails.
function support.read(reply)
  local shown, chunks = "", {}
  local chunk, keep = reply:next() -- not in a `for`, which cannot wait in a task of Lua 5.1
  while chunk do
    shown = shown:sub(1, keep) .. chunk
    chunks[#chunks + 1] = chunk
    chunk, keep = reply:next()
  end
  if keep then error(keep, 0) end
  return shown, chunks
end

--- How many descriptors this process has open.
function support.open_descriptors()
  local count = 0
  for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
  return count
end

--- Collects all garbage, also what only finalizers let go of, or what LuaJIT has compiled: that keeps what its
--- functions referred to.
function support.collect()
  if jit then jit.flush() end -- luacheck: ignore jit
  collectgarbage()
  collectgarbage()
end

return support
