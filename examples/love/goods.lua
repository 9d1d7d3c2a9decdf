-- The products of an agent's message, as the cards on the counter show them.

local message = require "aui.message"

local goods = {}

local LONGEST = 24 -- bytes of a value; what is longer is prose

-- The words for a parameter's value; nil for one that does not fit on a card.
local function words_of(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "string" and value ~= "" and #value <= LONGEST then return value end
end

-- What tells more than the name does.
local function facts_of(parameters, name)
  local facts = {}
  for _, parameter in ipairs(parameters) do
    local words = words_of(parameter.value)
    if words and not (type(parameter.value) == "string" and name:find(words, 1, true)) then
      facts[#facts + 1] = { title = parameter.title, words = words }
    end
  end
  return facts
end

--- A list, each with its `name`, whether it is `recommended`, and `facts`: a list of { title =, words = }.
function goods.of(answer)
  local list = {}
  for index, product in ipairs(message.products(answer)) do
    local facts = facts_of(product.parameters, product.name)
    list[index] = { name = product.name, recommended = product.recommended, facts = facts }
  end
  return list
end

return goods
