-- The JSON objects that are sent: fields that have names here, and further ones that the caller names on purpose.

local check = require "aui.option.check"
local host = require "aui.host"
local json_encoder = require "aui.text.json_encoder"

local json_object = {}

local function add(members, name, argument, value)
  local text, culprit, problem = json_encoder.encode(argument, value)
  if not text then check.fail(culprit, problem) end
  members[#members + 1] = host.json_string(name) .. ":" .. text
end

-- Adds further fields, in the order of their names; raises for one that has no name, or one of these.
local function add_further(members, fields, names)
  local known, further = {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for name in pairs(fields) do
    if type(name) ~= "string" then check.fail("fields", "expected string keys, got a key of type " .. type(name)) end
    if not host.is_utf8(name) then check.fail("fields", "a key is not valid UTF-8") end
    if known[name] then check.fail("fields." .. name, ("give it as %s, beside fields"):format(name)) end
    further[#further + 1] = name
  end
  table.sort(further)
  for _, name in ipairs(further) do add(members, name, "fields." .. name, fields[name]) end
end

--- A JSON object of what `given` has of the fields `names`, in their order, and of all that is in its field `fields`.
--- Raises for what JSON cannot hold, and for a further field that has one of these names.
---@param names string[]
---@param given table
---@return string json
function json_object.encode(names, given)
  check.type("fields", given.fields, "table")
  local members = {}
  for _, name in ipairs(names) do
    if given[name] ~= nil then add(members, name, name, given[name]) end
  end
  if given.fields then add_further(members, given.fields, names) end
  return "{" .. table.concat(members, ",") .. "}"
end

return json_object
