-- The command `aui`: reads its words, does what they ask for, and says by its status what went wrong.

local argparse = require("aui.host.dependency").load "argparse"
local ask = require "aui.command.ask"
local chat = require "aui.command.chat"
local doctor = require "aui.command.doctor"
local failure = require "aui.command.failure"
local host = require "aui.host"
local sim = require "aui.command.sim"
local tasks = require "aui.command.tasks"

local command = {}

local EPILOG = [[
Environment:
   AUI_NETWORK_API_KEY     the key of an agent of the tasks API,
   AUI_PUBLISHABLE_KEY     or of one of the threads API
   AUI_URL                 a server in place of the service, such as aui-sim
   AUI_USER_ID             whose conversations they are: else the login name

]] .. failure.STATUSES

local function new_parser()
  local parser = argparse("aui", "Talks to AUI agents.", EPILOG):require_command(false):command_target "name"
  parser:flag("--version", "Show the version and exit.")
  ask.declare(parser:command("ask", "Ask a question, and print the answer."))
  chat.declare(parser:command("chat", "Hold a conversation in a terminal; /help lists what it understands."))
  tasks.declare(parser:command("tasks", "List tasks, begin one, or show what was said in one."))
  doctor.declare(parser:command("doctor", "Look for what is wrong between this machine and the agent."))
  sim.declare(parser:command("sim", "Start aui-sim, the offline agent."))
  return parser:add_complete()
end

local RUN = { ask = ask.run, chat = chat.run, tasks = tasks.run, doctor = doctor.run }

local function run(words)
  if sim.is_meant(words) then return sim.run(words) end
  local parser = new_parser()
  local ok, read = parser:pparse(words)
  if not ok then failure.usage(read) end
  if read.version then return print("aui " .. host.version) end
  if not read.name then return io.write(parser:get_help(), "\n") end
  return RUN[read.name](read)
end

--- Does what the words of a command line ask for; returns the status to exit with.
---@param words string[]
---@return integer
function command.run(words)
  local ok, status = xpcall(function() return run(words) end, failure.catch)
  if not ok then return failure.tell(status) end
  return type(status) == "number" and status or 0
end

return command
