-- The agent's final message (ExternalTaskMessage) as users get it.

local json = require "aui.text.json"

local message_module = { NO_MEMORY = json.NO_MEMORY }

local ARRAYS = { "followup_suggestions", "cards", "options", "variants_options" }

--- The message of a JSON text; or nil and why not. Its arrays are always there, empty if the agent sent none: any field
--- but id, text and sender may be absent or null.
---@param text string
---@return table? message
---@return string? problem
function message_module.decode(text)
  local message, problem = json.decode(text)
  if not message then return nil, problem end
  for _, name in ipairs(ARRAYS) do
    if type(message[name]) ~= "table" then message[name] = {} end
  end
  return message
end

return message_module
