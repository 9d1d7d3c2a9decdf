-- Lines to and from a server, on luv: connects again, after delays that grow, when the connection is lost or silent.

local uv = require "luv"

local Connection = {}
Connection.__index = Connection

local connection = {}

local LONGEST_LINE = 512 -- bytes, with CR and LF (RFC 2812, section 2.3)
local LONGEST_INPUT = 64 * 1024 -- bytes without an end of line, from which on this is no IRC
local FIRST_DELAY, LONGEST_DELAY = 1000, 60000 -- milliseconds before connecting again
local SILENCE = 120000 -- milliseconds before a silent server is pinged, and again before it is given up
local GOODBYE = 2000 -- milliseconds for the server to close

--- One that is not connected yet. `events`: open(), line(line), and lost(why, delay), whose delay is the milliseconds
--- until the next attempt, nil for none.
function connection.new(host, port, events)
  return setmetatable({
    host = host,
    port = port,
    events = events,
    delay = FIRST_DELAY,
    retry = uv.new_timer(),
    silence = uv.new_timer(),
  }, Connection)
end

--- Sends one line: whatever is in it, it stays one line, and one that the server takes.
function Connection:send(line)
  if self.tcp then self.tcp:write(line:gsub("[\r\n%z]", " "):sub(1, LONGEST_LINE - 2) .. "\r\n") end
end

local function close_tcp(self)
  if self.tcp then self.tcp:close() end
  self.tcp = nil
  self.silence:stop()
end

-- What came before these bytes has no end of line.
local function take(self, tcp, bytes)
  local first, stop = 1, bytes:find "[\r\n]"
  local input = self.input .. bytes
  stop = stop and stop + #self.input
  while stop do
    if stop > first then self.events.line(input:sub(first, stop - 1)) end
    if tcp ~= self.tcp then return end
    first = stop + 1
    stop = input:find("[\r\n]", first)
  end
  self.input = input:sub(first)
  if #self.input > LONGEST_INPUT then self:lose "this is no IRC server" end
end

-- The first time a silent server is asked whether it is there, the second time it is not.
local function on_silence(self)
  if self.pinged then return self:lose "the server is silent" end
  self.pinged = true
  self:send "PING :still there?"
end

local function on_connected(self, tcp)
  self.input, self.pinged = "", false
  self.silence:start(SILENCE, SILENCE, function() on_silence(self) end)
  tcp:read_start(function(problem, bytes)
    if tcp ~= self.tcp then return end
    if not bytes then return self:lose(problem or "closed by the server") end
    self.pinged = false
    self.silence:again()
    take(self, tcp, bytes)
  end)
  self.events.open()
end

-- Tries one address after the other.
local function try(self, addresses, index)
  local tcp = uv.new_tcp()
  self.tcp = tcp
  local function on_result(problem)
    if tcp ~= self.tcp then return end
    if not problem then return on_connected(self, tcp) end
    if not addresses[index + 1] then return self:lose(problem) end
    tcp:close()
    try(self, addresses, index + 1)
  end
  local begun, problem = tcp:connect(addresses[index].addr, self.port, on_result)
  if not begun then on_result(problem) end
end

--- Connects, now and whenever the connection is lost.
function Connection:connect()
  uv.getaddrinfo(self.host, nil, { socktype = "stream" }, function(problem, addresses)
    if self.closing then return end
    if problem then return self:lose(problem) end
    try(self, addresses, 1)
  end)
end

--- Gives the connection up, and makes another one later.
function Connection:lose(why)
  close_tcp(self)
  if self.closing then
    self.events.lost(why)
    return self:finish()
  end
  local delay = math.floor(self.delay * (0.5 + math.random() / 2)) -- many clients do not come back at once
  self.delay = math.min(self.delay * 2, LONGEST_DELAY)
  self.retry:start(delay, 0, function() self:connect() end)
  self.events.lost(why, delay)
end

--- Says that this connection is of use, so that the delays begin anew.
function Connection:succeed() self.delay = FIRST_DELAY end

--- Ends when the server closes the connection, which it was asked to, or soon without it.
function Connection:close()
  self.closing = true
  if not self.tcp then return self:finish() end
  self.retry:start(GOODBYE, 0, function() self:lose "no goodbye" end)
end

--- Ends at once. The loop has nothing of ours any more.
function Connection:finish()
  if self.retry:is_closing() then return end
  close_tcp(self)
  self.retry:close()
  self.silence:close()
end

return connection
