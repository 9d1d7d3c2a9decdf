-- What the user has set: by setup or in vim.g.aui, else in the environment.

local options = {}

local given -- by setup

--- Replaces vim.g.aui.
function options.set(of_setup) given = of_setup end

-- A variable of the environment; an empty one is as one that is not set.
local function variable(name)
  local value = vim.env[name]
  return value ~= "" and value or nil
end

--- The user's options, with the environment's where they say nothing; that for api_key is known to the module.
function options.merged()
  local merged = vim.tbl_extend("force", {}, given or vim.g.aui or {})
  if not merged.api_key then merged.publishable_key = merged.publishable_key or variable "AUI_PUBLISHABLE_KEY" end
  if merged.publishable_key then
    merged.thread_id = merged.thread_id or variable "AUI_THREAD_ID"
  else
    merged.task_id = merged.task_id or variable "AUI_TASK_ID"
  end
  merged.user_id = merged.user_id or variable "AUI_USER_ID" or variable "USER" or "neovim"
  if not merged.url and not merged.region then
    merged.url = variable "AUI_URL"
    merged.region = not merged.url and variable "AUI_REGION" or nil
  end
  return merged
end

--- Those of aui.client; whose the conversation is; and the least level of what is told to the user, or false.
function options.read()
  local merged = options.merged()
  local user_id, level = merged.user_id, merged.log
  merged.log = nil
  if not merged.publishable_key then merged.user_id = nil end -- tasks have their users, sessions none
  if level == nil then level = "warn" end
  return merged, user_id, level
end

return options
