-- Who talks to us on IRC, and which conversation is whose. Each person has one in the channel and another one in
-- private, so that nothing said in private comes up in the channel. It ends when the person leaves, since a nick may
-- have another owner later; after some silence; and when the IRC server is lost, as nobody tells us then who leaves.

local conversation = require "conversation"
local plain = require "plain"

local Bridge = {}
Bridge.__index = Bridge

local bridge = {}

local LEAST_ROOM = 50 -- bytes of a line that we say, however long the names in front of it

--- `options`: people, how many conversations there may be; agent, idle and note as for a conversation. Its methods are
--- the events of irc.lua.
function bridge.new(options) return setmetatable({ options = options, people = {}, count = 0 }, Bridge) end

-- Who said something: a person as the server names them, in a channel or (nil) in private.
local function find(self, prefix, channel)
  for person in pairs(self.people) do
    if person.prefix == prefix and person.channel == channel then return person end
  end
end

-- Calls `fn` for all with this nick (nil: everybody) in this channel (nil: anywhere).
local function each(self, nick, channel, fn)
  for person in pairs(self.people) do
    local concerned = not channel or (person.channel and person.channel:lower() == channel:lower())
    if concerned and (not nick or person.nick == nick) then fn(person) end
  end
end

-- In the channel each line says for whom it is, since answers come at the same time.
local function address(person) return person.channel and person.nick .. ": " or "" end

local function say(client, person, line, done)
  client:notice(person.channel or person.nick, address(person) .. line, done)
end

local function converse(self, client, person)
  self.people[person] = true
  self.count = self.count + 1
  person.conversation = conversation.new {
    agent = self.options.agent,
    user_id = "irc-" .. person.nick,
    room = function() return math.max(LEAST_ROOM, client:room(person.channel or person.nick) - #address(person)) end,
    say = function(line, done) say(client, person, line, done) end,
    note = self.options.note,
    idle = self.options.idle,
    closed = function()
      self.people[person] = nil
      self.count = self.count - 1
    end,
  }
end

-- What is said to us: everything in private, and in the channel what begins with our nick.
local function said_to(nick, channel, said)
  if not channel then return said end
  if said:sub(1, #nick):lower() ~= nick:lower() then return nil end
  return said:match("^[:,](.*)$", #nick + 1)
end

function Bridge:message(client, prefix, target, said)
  local channel = target:find "^[#&+!]" and target:lower() or nil
  local words = said_to(client.nick, channel, said)
  if not words then return end
  local person = find(self, prefix, channel)
  if not person then
    person = { prefix = prefix, nick = prefix:match "^[^!]*", channel = channel }
    if self.count >= self.options.people then
      return say(client, person, "Sorry, too many people talk to me just now. Please try again later.", function() end)
    end
    converse(self, client, person)
  end
  person.conversation:hear(plain.text(words))
end

function Bridge:left(nick, channel)
  each(self, nick, channel, function(person) person.conversation:close() end)
end

function Bridge:renamed(prefix, nick)
  local old = prefix:match "^[^!]*"
  each(self, old, nil, function(person)
    person.nick = nick
    person.prefix = nick .. person.prefix:sub(#old + 1)
  end)
end

function Bridge:lost() self:left() end

return bridge
