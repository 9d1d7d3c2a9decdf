-- What comes with an answer, in Markdown: products, suggestions, errors.

local message_module = {}

local MARK = "→ " -- in front of a suggestion

local function on_one_line(words) return (words:gsub("%s+", " ")) end

local function word_of(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "string" then return on_one_line(value) end
end

local function item_of(product)
  local name, details = on_one_line(product.name), {}
  for _, parameter in ipairs(product.parameters) do
    local word = word_of(parameter.value)
    if word and word ~= name then
      details[#details + 1] = ("%s: %s"):format(on_one_line(parameter.title), word)
    end
  end
  local item = ("- **%s**%s"):format(name, product.recommended and " ★" or "")
  if #details > 0 then item = item .. "\n  " .. table.concat(details, ", ") end
  return item
end

-- A heading and what is below it, unless that is nothing.
local function add_list(paragraphs, heading, items)
  if #items == 0 then return end
  paragraphs[#paragraphs + 1] = "### " .. heading
  paragraphs[#paragraphs + 1] = table.concat(items, "\n")
end

--- The paragraphs below the text of an answer.
---@param message table
---@return string[]
function message_module.paragraphs(message)
  local paragraphs, suggestions = {}, {}
  for index, suggestion in ipairs(message.followup_suggestions) do
    suggestions[index] = MARK .. on_one_line(suggestion)
  end
  local products = require("aui.message").products(message) -- not before: the plugin tells users where aui is missing
  add_list(paragraphs, "Products", vim.tbl_map(item_of, products))
  add_list(paragraphs, "You could ask", suggestions)
  return paragraphs
end

--- The suggestion on a line of the transcript, or nil.
function message_module.suggestion_of(line)
  return line:sub(1, #MARK) == MARK and line:sub(#MARK + 1) or nil
end

--- The paragraph in place of the rest of an answer.
---@param err aui.Error
function message_module.failure(err)
  if err.kind == "canceled" then return "*Stopped.*" end
  local again = err.retryable and " `:Aui!` asks again." or ""
  return ("**Error:** %s.%s"):format(on_one_line(tostring(err)), again)
end

return message_module
