-- A bridge between IRC and an agent: a bot that answers private messages, and what begins with its nick in a channel.
-- Usage: main.lua HOST[:PORT] CHANNEL [NICK]. The key is that of AUI_NETWORK_API_KEY, or of AUI_PUBLISHABLE_KEY, by
-- which it speaks the threads API; with AUI_URL it talks to that server instead of the service, such as aui-sim.
-- IRC_IDLE (300) is after how many seconds of silence a conversation ends, IRC_PEOPLE (50) how many there may be. Each
-- conversation has a task or thread of its own, so there is no AUI_TASK_ID.
-- PUC Lua 5.1 cannot run it: nothing can wait inside its pcall.
package.path = arg[0]:gsub("[^/]*$", "?.lua;") .. package.path

local uv = require "luv"
require("aui.adapter.luv").attach(uv)

local aui = require "aui"
local bridge = require "bridge"
local irc = require "irc"
local setting = require "setting"

local function note(words) io.stderr:write(words:gsub("%c", " "), "\n") end

local server, channel, nick = arg[1], arg[2], arg[3] or "aui"
if not channel then
  note "usage: main.lua HOST[:PORT] CHANNEL [NICK]"
  os.exit(2)
end

local function number(name, default)
  return assert(tonumber(setting(name) or default), name .. ": expected a number")
end

math.randomseed(uv.hrtime() % 2 ^ 31)

local people = bridge.new {
  agent = aui.client { url = setting "AUI_URL", timeout = { call = 20 } },
  people = number("IRC_PEOPLE", 50),
  idle = number("IRC_IDLE", 300) * 1000,
  note = note,
}
local host, port = server:match "^([^:]+):(%d+)$"
local client = irc.connect({
  host = host or server,
  port = tonumber(port or 6667),
  channel = channel,
  nick = nick,
  note = note,
}, people)

local signals = { sigint = uv.new_signal(), sigterm = uv.new_signal() }

-- What is left to do, goodbyes on both sides, keeps the loop alive and with it the program; the next signal ends it.
local function stop()
  for _, signal in pairs(signals) do
    signal:close()
  end
  people:lost()
  client:quit "Goodbye"
end

for name, signal in pairs(signals) do
  signal:start(name, stop)
end

uv.run()
