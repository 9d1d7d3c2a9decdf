-- The products of an agent's message, a line each.

local message_module = require "aui.message"
local text = require "text"

local products = {}

local LONGEST = 20 -- bytes: a longer value is prose

-- The words for a parameter's value; nil for one that is no fact of a few words.
local function words_for(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "string" and #value <= LONGEST then return (text.clean(value):gsub("\n", " ")) end
end

-- Its facts, but for those that its name has already.
local function facts_of(product)
  local facts = {}
  for _, parameter in ipairs(product.parameters) do
    local words = words_for(parameter.value)
    local is_new = words and not (type(parameter.value) == "string" and product.name:find(words, 1, true))
    if is_new then facts[#facts + 1] = text.clean(parameter.title) .. " " .. words end
  end
  return facts
end

--- The lines.
function products.lines(message)
  local lines = {}
  for index, product in ipairs(message_module.products(message)) do
    local name = (product.recommended and "★ " or "") .. text.clean(product.name):gsub("\n", " ")
    local facts = table.concat(facts_of(product), ", ")
    lines[index] = facts ~= "" and name .. ": " .. facts or name
  end
  return lines
end

return products
