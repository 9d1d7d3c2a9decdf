-- The products of an agent's message, as the cards on the counter show them.

local goods = {}

local LONGEST = 24 -- bytes of a value; what is longer is prose

-- The words for a parameter's value; nil for one that does not fit on a card.
local function words_of(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "string" and value ~= "" and #value <= LONGEST then return value end
end

local function name_of(item, parameters)
  if type(item.name) == "string" then return item.name end
  for _, parameter in ipairs(parameters) do
    if type(parameter.value) == "string" then return parameter.value end
  end
  return "?"
end

-- What tells more than the name does.
local function facts_of(parameters, name)
  local facts = {}
  for _, parameter in ipairs(parameters) do
    local words = words_of(parameter.value)
    if words and not (type(parameter.value) == "string" and name:find(words, 1, true)) then
      facts[#facts + 1] = { title = parameter.title or "?", words = words }
    end
  end
  return facts
end

--- A list, each with its `name`, whether it is `recommended`, and `facts`: a list of { title =, words = }. Newer
--- servers list products as cards, older ones as options.
function goods.of(message)
  local list = {}
  for _, field in ipairs { "cards", "options", "variants_options" } do
    for _, item in ipairs(#list == 0 and message[field] or {}) do
      local parameters = item.parameters or item.widget_parameters or {}
      local name = name_of(item, parameters)
      list[#list + 1] = { name = name, recommended = item.is_recommended == true, facts = facts_of(parameters, name) }
    end
  end
  return list
end

return goods
