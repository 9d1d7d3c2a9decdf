-- Which options are equal, so that sessions can share what is read from them.

local fingerprint = {}

local MOST_NESTED = 3 -- tables, one inside the other; options have two

local write = {}

function write.string(parts, value)
  parts[#parts + 1] = ("%d:"):format(#value)
  parts[#parts + 1] = value
  return true
end

function write.number(parts, value)
  parts[#parts + 1] = ("%.17g;"):format(value)
  return true
end

function write.boolean(parts, value)
  parts[#parts + 1] = tostring(value)
  return true
end

local function write_value(parts, value, depth)
  local writer = write[type(value)]
  return writer ~= nil and writer(parts, value, depth)
end

-- The names of a table's fields in order; nil if they are not all strings.
local function names_of(value)
  local names = {}
  for name in pairs(value) do
    if type(name) ~= "string" then return nil end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

function write.table(parts, value, depth)
  if depth == MOST_NESTED or getmetatable(value) ~= nil then return false end -- there may be more than is seen
  local names = names_of(value)
  parts[#parts + 1] = "{"
  for _, name in ipairs(names or {}) do
    write.string(parts, name)
    if not write_value(parts, value[name], depth + 1) then return false end
  end
  parts[#parts + 1] = "}"
  return names ~= nil
end

--- A string that is equal for equal tables of options only; nil where that cannot be said, since something in them may
--- have another value each time: a function, or what has a metatable. It holds the key. Of the fields in `apart`
--- it says only whether they are there.
---@param options table
---@param apart table<string, true>
---@return string?
function fingerprint.of(options, apart)
  if getmetatable(options) ~= nil then return nil end
  local parts, seen = {}, {}
  for name, value in pairs(options) do seen[name] = apart[name] or value end
  return write.table(parts, seen, 0) and table.concat(parts) or nil
end

return fingerprint
