-- The agent's final message (ExternalTaskMessage) as users get it.

local json = require "aui.text.json"

---@class aui.Party who has written a message, or for whom it is
---@field id? string
---@field type? "agent"|"user"|"3p"
---@field email? string

---@class aui.WidgetParameter a fact about a product
---@field title string
---@field value any
---@field type? string "enum", "boolean", "numeric", "string", "datetime", "date", "time", "object", "array" or
---"list_of_objects"
---@field param? string its key
---@field name? string

---@class aui.ProductOption a product, as older agents of the tasks API list it
---@field is_recommended? boolean
---@field widget_parameters? aui.WidgetParameter[]

---@class aui.SubEntity what belongs to a product, such as its variants
---@field name? string
---@field items? table<string, any>[]

---@class aui.CardData the facts about a product of the threads API
---@field entity? table<string, any> by their codes
---@field sub_entities? aui.SubEntity[]

---@class aui.Card a product; aui.message.products gives all of them in one shape
---@field is_recommended? boolean
---@field index? integer
---@field rendered_jsx? string
---@field id? string of the tasks API
---@field name? string likewise
---@field parameters? aui.WidgetParameter[] likewise
---@field category? string likewise
---@field query? string likewise
---@field sub_entities? aui.SubEntity[] likewise
---@field title? string of the threads API
---@field capability? string likewise
---@field json_data? aui.CardData likewise

---@class aui.AgentMessage the ExternalTaskMessage: what an agent or, in a history, a user has said. Agents may send
---more fields, which are kept
---@field id string
---@field text? string the whole answer; in the tasks API it is always there
---@field created_at? string see aui.message.time
---@field sender? aui.Party in the tasks API it is always there
---@field receiver? aui.Party
---@field cards aui.Card[]
---@field options aui.ProductOption[]
---@field variants_options aui.ProductOption[]
---@field followup_suggestions string[]
---@field welcome_message? string
---@field url? string
---@field executed_workflows? string[]
---@field trace_info? table<string, any>
---@field input_tokens? integer of the threads API
---@field output_tokens? integer likewise

local message_module = { NO_MEMORY = json.NO_MEMORY }

local ARRAYS = { "followup_suggestions", "cards", "options", "variants_options" }

--- The message with its arrays, which are empty if the agent sent none: any field but id, text and sender may be absent
--- or null.
---@param message table<string, any>
---@return aui.AgentMessage message
function message_module.complete(message)
  for _, name in ipairs(ARRAYS) do
    if type(message[name]) ~= "table" then message[name] = {} end
  end
  return message
end

--- The message of a JSON text, complete; or nil and why not.
---@param text string
---@return aui.AgentMessage? message
---@return string? problem
function message_module.decode(text)
  local message, problem = json.decode(text)
  if not message then return nil, problem end
  return message_module.complete(message)
end

return message_module
