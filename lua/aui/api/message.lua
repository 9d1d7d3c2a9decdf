-- The agent's final message (ExternalTaskMessage) as users get it.

local json = require "aui.text.json"

local message_module = { NO_MEMORY = json.NO_MEMORY }

local ARRAYS = { "followup_suggestions", "cards", "options", "variants_options" }

--- The message with its arrays, which are empty if the agent sent none: any field but id, text and sender may be absent
--- or null.
---@param message table
---@return table message
function message_module.complete(message)
  for _, name in ipairs(ARRAYS) do
    if type(message[name]) ~= "table" then message[name] = {} end
  end
  return message
end

--- The message of a JSON text, complete; or nil and why not.
---@param text string
---@return table? message
---@return string? problem
function message_module.decode(text)
  local message, problem = json.decode(text)
  if not message then return nil, problem end
  return message_module.complete(message)
end

return message_module
