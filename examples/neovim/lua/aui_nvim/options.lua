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

--- Those of aui.client, which finds a key in the environment itself; whose the conversation is; and the least level of
--- what is told to the user, or false.
function options.read()
  local merged = vim.tbl_extend("force", {}, given or vim.g.aui or {})
  local user_id, level = merged.user_id or variable "AUI_USER_ID" or variable "USER" or "neovim", merged.log
  merged.user_id, merged.log = nil, nil
  if level == nil then level = "warn" end
  if not merged.url and not merged.region then
    merged.url = variable "AUI_URL"
    merged.region = not merged.url and variable "AUI_REGION" or nil
  end
  return merged, user_id, level
end

--- Those of a session: which conversation of this API it is in, and whose a thread is.
---@param merged table those of aui.client
---@param api "tasks"|"threads"
---@param user_id string
function options.conversation(merged, api, user_id)
  if api == "threads" then return { thread_id = merged.thread_id or variable "AUI_THREAD_ID", user_id = user_id } end
  return { task_id = merged.task_id or variable "AUI_TASK_ID" } -- tasks have their users, sessions none
end

return options
