-- An IRC network: a real ngircd on a free loopback port, and people on it.

local uv = require "luv"

local network = {}

local PATIENCE = 20 -- seconds
local CONFIGURATION = [[
[Global]
Name = irc.example.net
Info = For specs
Listen = 127.0.0.1
Ports = %d
[Limits]
MaxConnectionsIP = 0
MaxNickLength = 20
MaxPenaltyTime = 0
[Options]
DNS = no
Ident = no
PAM = no
IncludeDir = %s
]]

-- Runs the loop until `is_done()`; `seen()` tells what has happened instead.
local function wait(what, is_done, seen)
  local timer, late = uv.new_timer(), false
  uv.update_time() -- else it counts from when the loop ran last
  timer:start(PATIENCE * 1000, 0, function() late = true end)
  while not late and not is_done() do
    uv.run "once"
  end
  timer:close()
  if late then error(("waited in vain for %s; seen:\n%s"):format(what, seen()), 3) end
end

-- ---- People ----

local Someone = {}
Someone.__index = Someone

function Someone:send(line) self.tcp:write(line .. "\r\n") end

--- Says something to a channel or a person.
function Someone:say(target, words) self:send(("PRIVMSG %s :%s"):format(target, words)) end

local function take(self, line)
  self.lines[#self.lines + 1] = line
  local token = line:match "^PING (.*)"
  if token then self:send("PONG " .. token) end
end

local function read(self)
  local rest = ""
  self.tcp:read_start(function(problem, bytes)
    if problem or not bytes then return end
    rest = rest .. bytes
    for line in rest:gmatch "([^\n]*\n)" do
      take(self, line)
    end
    rest = rest:match "[^\n]*$"
  end)
end

--- Waits for a line, among those not seen yet, in which this pattern is found: returns what it captures.
function Someone:see(pattern)
  local first = self.seen + 1
  local captures
  wait(pattern, function()
    while not captures and self.seen < #self.lines do
      self.seen = self.seen + 1
      captures = { self.lines[self.seen]:match(pattern) }
      if not captures[1] then captures = nil end
    end
    return captures
  end, function() return table.concat(self.lines, "", first) end)
  return (table.unpack or unpack)(captures) -- luacheck: ignore (Lua 5.1)
end

--- Waits for the next line that the bot says, here or in private: returns its words, where, and the line as it came.
function Someone:hear()
  local line, target, words = self:see "^(:aui_*!%S+ NOTICE (%S+) :(.-)\r\n)$"
  return words, target, line
end

--- Leaves the network.
function Someone:leave()
  self:send "QUIT"
  self:see "^(ERROR)"
  self.tcp:close()
end

-- Connects; a server that has been started just now may not listen yet.
local function connect(port)
  local connected
  wait("a connection", function()
    if connected then return true end
    local tcp, problem, answered = uv.new_tcp(), nil, false
    tcp:connect("127.0.0.1", port, function(err) problem, answered = err, true end)
    while not answered do
      uv.run "once"
    end
    if problem then
      tcp:close()
      uv.sleep(10)
    else
      connected = tcp
    end
    return connected
  end, function() return "no server" end)
  return connected
end

-- ---- The server ----

local Network = {}
Network.__index = Network

local function free_port()
  local tcp = uv.new_tcp()
  tcp:bind("127.0.0.1", 0)
  local port = tcp:getsockname().port
  tcp:close()
  return port
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function launch(self)
  self.ended = false
  self.process = assert(uv.spawn("ngircd", {
    args = { "--nodaemon", "--config", self.directory .. "/ngircd.conf" },
    env = { "PATH=" .. os.getenv "PATH" .. ":/usr/sbin" },
  }, function() self.ended = true end))
end

function network.start()
  local directory = assert(uv.fs_mkdtemp((os.getenv "TMPDIR" or "/tmp") .. "/ircXXXXXX"))
  local self = setmetatable({ directory = directory, port = free_port(), people = {} }, Network)
  assert(uv.fs_mkdir(directory .. "/more", 448)) -- 0700
  write(directory .. "/ngircd.conf", CONFIGURATION:format(self.port, directory .. "/more"))
  launch(self)
  return self
end

--- Somebody new, in the channel if one is named.
function Network:join(nick, channel)
  local someone = setmetatable({ nick = nick, tcp = connect(self.port), lines = {}, seen = 0 }, Someone)
  self.people[#self.people + 1] = someone
  read(someone)
  someone:send("NICK " .. nick)
  someone:send(("USER %s 0 * :%s"):format(nick, nick))
  someone:see " 001 ()"
  if channel then
    someone:send("JOIN " .. channel)
    someone:see " 366 ()"
  end
  return someone
end

local function stop(self)
  self.process:kill "sigterm"
  wait("ngircd's end", function() return self.ended end, function() return "" end)
  self.process:close()
  for _, someone in ipairs(self.people) do
    if not someone.tcp:is_closing() then someone.tcp:close() end
  end
  self.people = {}
  uv.run "nowait"
end

--- Stops the server, whose people are gone then, and starts it again.
function Network:restart()
  stop(self)
  launch(self)
end

function Network:stop()
  stop(self)
  os.execute("rm -r " .. self.directory)
end

return network
