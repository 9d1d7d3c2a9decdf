-- Reads a table of options as their rows say (lua/aui/option/rows.lua): checks what is given, and fills in the rest.

local check = require "aui.option.check"

local read = {}

-- Of each type, by its name: a function of a row and what is given for it, which raises, or returns the option's value.
local readers = {}

-- What has rules of its own, in lua/aui/api, where these options are used.
local function as_given(_, value) return value end

for _, name in ipairs { "key", "region", "url", "headers", "proxy" } do readers[name] = as_given end

function readers.id(row, value)
  check.id(row.name, value)
  return value
end

function readers.boolean(row, value)
  check.type(row.name, value, "boolean")
  return value
end

readers['boolean or "auto"'] = function(row, value)
  if type(value) == "boolean" or value == "auto" then return value end
  check.fail(row.name, ('expected a boolean or "auto", got %s'):format(check.describe(value)))
end

function readers.choice(row, value)
  local quoted = {}
  for index, choice in ipairs(row.choices) do
    if value == choice then return value end
    quoted[index] = ('"%s"'):format(choice)
  end
  check.fail(row.name, ("expected %s, got %s"):format(table.concat(quoted, " or "), check.describe(value)))
end

-- A file's contents in place of its name would be shown in errors.
function readers.file(row, value)
  check.type(row.name, value, "string")
  if value:find "[%z\n]" then check.fail(row.name, "expected the path of a PEM file") end
  return value
end

function readers.seconds(row, value)
  check.seconds(row.name, value)
  return math.min(value, row.most or math.huge)
end

-- No limit is an infinite one.
readers["seconds or false"] = function(row, value)
  if value == false then return math.huge end
  check.seconds(row.name, value, " or false")
  return value
end

readers["whole number"] = function(row, value)
  check.whole(row.name, value, row.least, row.most)
  return value
end

function readers.table(row, value)
  check.type(row.name, value, "table")
  return read.fields(row.name, row.fields, value)
end

readers["table or false"] = function(row, value) return value and readers.table(row, value) end

local function default_of(row)
  if row.environment then
    local value = os.getenv(row.environment)
    return value ~= "" and value or nil -- an empty one is as one that is not set
  end
  if row.default == nil then return nil end
  return readers[row.type](row, row.default)
end

--- The values of the variables that stand for fields, one behind the other.
function read.environment(fields)
  local values = {}
  for _, row in ipairs(fields) do
    if row.environment then values[#values + 1] = ("%s\n"):format(os.getenv(row.environment) or "") end
  end
  return table.concat(values)
end

--- The fields that a table of options may have: a list of their rows, and its field `by_name`. Those of a table in it
--- are the field `fields` of its row. Of each row, `field` is the last part of the name.
function read.tree(rows)
  local tree = { by_name = {} }
  for _, row in ipairs(rows) do
    local parent, field = row.name:match "^(.*)%.(.*)$"
    local fields = parent and tree.by_name[parent].fields or tree
    row.field = field or row.name
    if row.class then row.fields = { by_name = {} } end
    fields[#fields + 1] = row
    fields.by_name[row.field] = row
  end
  return tree
end

--- The values of all fields, by name: those that are given, else those of `defaults`, else the rows' own. Raises for
--- bad ones; `argument` is the name of what they are given in.
function read.fields(argument, fields, given, defaults)
  check.names(argument, given, fields.by_name)
  local values = {}
  for _, row in ipairs(fields) do
    local name = row.field
    local value = given[name]
    if value ~= nil or row.required then
      values[name] = readers[row.type](row, value)
    elseif defaults then
      values[name] = defaults[name]
    else
      values[name] = default_of(row)
    end
  end
  return values
end

-- What the core gets of these values, of which there may be none, is added to `core`.
local function add_core_values(fields, values, core)
  for _, row in ipairs(fields) do
    local value = values and values[row.field]
    if row.core then core[row.core] = values and value or row.off end
    if row.fields then add_core_values(row.fields, value, core) end
  end
end

--- What the core gets, by the names that it has there.
function read.core_values(fields, values)
  local core = {}
  add_core_values(fields, values, core)
  return core
end

return read
