-- A client of IRC (RFC 2812) on luv: registers, joins its channel, answers pings, and comes back when it has lost the
-- server. No TLS: put a tunnel in front for that.

local connection = require "connection"
local pace = require "pace"

local Client = {}
Client.__index = Client

local irc = {}

local LONGEST_LINE = 512 -- bytes, with CR and LF (RFC 2812, section 2.3)
local LONGEST_USER, LONGEST_HOST = 11, 63 -- bytes, as a server may show us to others
local CANNOT_JOIN = { "403", "405", "471", "473", "474", "475", "476" }

-- The sender, the command, and a list of its parameters.
local function parse(line)
  local prefix, rest = line:match "^:(%S+) +(.*)$"
  rest = rest or line
  local colon = rest:find(" :", 1, true)
  local trailing = colon and rest:sub(colon + 2)
  local words = {}
  for word in rest:sub(1, colon):gmatch "[^ ]+" do
    words[#words + 1] = word
  end
  local command = table.remove(words, 1) or ""
  words[#words + 1] = trailing
  return prefix or "", command:upper(), words
end

local function nick_of(prefix) return prefix:match "^[^!]*" end

-- ---- What the server says ----

local on = {}

function on:PING(_, words) self.connection:send("PONG :" .. (words[#words] or "")) end

-- Why the server is about to close the connection.
function on:ERROR(_, words) self.reason = words[1] end

on["001"] = function(self, _, words)
  self.nick, self.registered = words[1], true
  self.options.note(("connected to %s as %s"):format(self.options.host, self.nick))
  self.connection:send("JOIN " .. self.options.channel)
end

-- Somebody else has our nick.
on["433"] = function(self)
  if self.registered then return end
  self.nick = self.nick .. "_"
  self.connection:send("NICK " .. self.nick)
end

on["432"] = function(self, _, words)
  if not self.registered then self.connection:lose("nick refused: " .. words[#words]) end
end

for _, number in ipairs(CANNOT_JOIN) do
  on[number] = function(self, _, words)
    self.options.note(("cannot join %s: %s"):format(self.options.channel, words[#words]))
  end
end

function on:JOIN(prefix, words)
  if nick_of(prefix) ~= self.nick then return end
  self.connection:succeed()
  self.options.note("joined " .. words[1])
end

function on:NICK(prefix, words)
  if nick_of(prefix) == self.nick then
    self.nick = words[1]
  else
    self.events:renamed(prefix, words[1])
  end
end

function on:PRIVMSG(prefix, words)
  local target, said = words[1], words[2]
  local from_person = prefix:find("!", 1, true) and nick_of(prefix) ~= self.nick
  if not said or not from_person or said:sub(1, 1) == "\1" then return end -- \1: CTCP
  self.events:message(self, prefix, target, said)
end

local function leave(self, nick, channel)
  if nick == self.nick then
    nick = nil
    self.options.note("no longer in " .. (channel or "any channel"))
  end
  self.events:left(nick, channel)
end

function on:QUIT(prefix) leave(self, nick_of(prefix)) end

function on:PART(prefix, words) leave(self, nick_of(prefix), words[1]) end

function on:KICK(_, words) leave(self, words[2], words[1]) end

-- ---- The connection ----

local function register(self)
  self.nick, self.registered, self.reason = self.options.nick, false, nil
  self.connection:send("NICK " .. self.nick)
  self.connection:send(("USER %s 0 * :A bridge to an AUI agent"):format(self.nick))
end

local function on_line(self, line)
  local prefix, command, words = parse(line)
  if on[command] then on[command](self, prefix, words) end
end

local function on_lost(self, why, delay)
  self.registered = false
  self.pace:clear()
  self.events:lost()
  if not delay then return end
  self.options.note(("lost %s: %s; trying again in %.1f s"):format(self.options.host, self.reason or why, delay / 1000))
end

--- A client, which begins to connect. `options`: host, port, nick, channel, and `note(words)` for the operator. Methods
--- of `events` are told what happens: message(client, prefix, target, text) of what people say; left(nick, channel),
--- where a nick of nil stands for everybody, a channel of nil for all; renamed(prefix, nick); and lost().
function irc.connect(options, events)
  local self = setmetatable({ options = options, events = events, nick = options.nick }, Client)
  self.connection = connection.new(options.host, options.port, {
    open = function() register(self) end,
    line = function(line) on_line(self, line) end,
    lost = function(why, delay) on_lost(self, why, delay) end,
  })
  self.pace = pace.new(function(line) self.connection:send(line) end)
  self.connection:connect()
  return self
end

--- How many bytes of text a NOTICE to `target` has room for when the server passes it on, with our name in front.
function Client:room(target)
  local frame = (":%s!@ NOTICE %s :\r\n"):format(self.nick, target)
  return LONGEST_LINE - #frame - LONGEST_USER - LONGEST_HOST
end

--- Says something in its turn: `done(true)` is called when it has left, `done(false)` when it never will. By NOTICE:
--- that is how automatons answer, and what they never answer to, so bots do not talk to each other for ever (RFC 2812,
--- section 3.3.2).
function Client:notice(target, text, done) self.pace:put(("NOTICE %s :%s"):format(target, text), done) end

--- Takes leave of the server. The loop has nothing of ours any more when that is done.
function Client:quit(words)
  self.pace:close()
  self.connection:send("QUIT :" .. words)
  self.connection:close()
end

return irc
