-- The settings of a command: variables of the environment, and what may be given in their place.

local aui = require "aui"
local failure = require "aui.command.failure"

local setting = {}

-- One that is empty counts as one that is not set, as in `AUI_URL= aui ask`.
local function variable(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

--- The keys that the environment has: their variables and values.
function setting.keys()
  local keys = {}
  for _, name in ipairs { "AUI_NETWORK_API_KEY", "AUI_PUBLISHABLE_KEY" } do
    if variable(name) then keys[#keys + 1] = { variable = name, value = variable(name) } end
  end
  return keys
end

--- Declares the options that say with whom a command talks, and for whom.
function setting.declare(command)
  command:option("--url", "A server in place of the service, such as aui-sim: else $AUI_URL.")
  command:option("--region", "Where the agent is.")
  command:option("--user", "Whose conversation it is: else $AUI_USER_ID, or the login name.")
end

--- Declares those, and the ones that say in which conversation.
function setting.declare_conversation(command)
  command:option("--task", "The task to go on with: else $AUI_TASK_ID, or a new one.")
  command:option("--thread", "The thread to go on with: else $AUI_THREAD_ID, or a new one.")
  command:option("--record", "Write what is said into this file, for aui sim --replay."):argname "<file>"
  setting.declare(command)
end

--- The id of the conversation to go on with, of this API: nil for a new one.
function setting.conversation_id(read, api)
  if api == "threads" and read.task then failure.usage "--task: the key is of the threads API" end
  if api == "tasks" and read.thread then failure.usage "--thread: the key is of the tasks API" end
  if api == "threads" then return read.thread or variable "AUI_THREAD_ID" end
  return read.task or variable "AUI_TASK_ID"
end

--- Begins what these words mean to be recorded.
function setting.record(read)
  if read.record then failure.assert(aui.record(read.record)) end
end

--- The options of aui.client that these words mean.
function setting.options(read)
  return {
    url = read.url or not read.region and variable "AUI_URL" or nil,
    region = read.region,
    reconnect = false,
  }
end

--- The user that these words mean.
function setting.user(read) return read.user or variable "AUI_USER_ID" or variable "USER" or "aui" end

return setting
