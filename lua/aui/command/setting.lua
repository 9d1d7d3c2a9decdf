-- The settings of a command: variables of the environment, and what may be given in their place.

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
