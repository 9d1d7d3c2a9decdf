-- What a browser may send: a text for one of its tasks, with an id of its own making.

local browser = require "gateway.browser"
local config = require "gateway.config"

local message = {}

-- Whether it is UTF-8, and more than blanks.
local function is_text(value) return type(value) == "string" and ngx.re.find(value, [[\S]], "jou") ~= nil end

local function refuse(status, kind, words) return nil, status, { kind = kind, message = words } end

--- The message { task_id, id, text } that these fields make up; or nil, a status and an error.
---@param fields any from outside
function message.read(fields)
  if type(fields) ~= "table" then return refuse(400, "bad_request", "expected a JSON object") end
  local id, text = fields.id, fields.text
  if type(id) ~= "string" or #id > 64 or not id:find "^[%w_-]+$" then
    return refuse(400, "bad_request", "id: expected up to 64 letters, digits, - and _")
  end
  if not is_text(text) then
    return refuse(400, "bad_request", "text: expected some text in UTF-8")
  end
  if #text > config.max_text then
    return refuse(413, "too_large", ("text: more than %d bytes"):format(config.max_text))
  end
  if not browser.owns(fields.task_id) then return refuse(404, "not_found", "There is no such conversation.") end
  return { task_id = fields.task_id, id = id, text = text }
end

return message
