-- The products of an agent's message as a table: a row for each, a column for each of their telling parameters.

local aui_message = require "aui.message"
local text = require "aui.command.text"

local products = {}

local WIDEST_CELL = 20 -- columns: what is longer is prose, not a thing to compare
local GAP = "  "
local HEADING = "  Products"
local MORE = { title = "…", width = 1 } -- the column in place of those that there is no room for

-- The words for a parameter's value, or nil for one that is no cell of a table.
local function cell(value)
  if type(value) == "boolean" then return value and "yes" or "no" end
  if type(value) == "number" then return ("%.14g"):format(value) end
  if type(value) == "string" then return text.line(value) end
end

-- Each with its name, whether it is recommended, and its values by title. Titles are listed in `titles`, as they come.
local function rows_of(message, titles)
  local rows = {}
  for index, product in ipairs(aui_message.products(message)) do
    local row = { name = cell(product.name), recommended = product.recommended, values = {} }
    for _, parameter in ipairs(product.parameters) do
      local title = text.line(parameter.title)
      if row.values[title] == nil then row.values[title] = parameter.value end
      if not titles[title] then
        titles[title] = true
        titles[#titles + 1] = title
      end
    end
    rows[index] = row
  end
  return rows
end

-- The column of a parameter, or nil if it tells nothing: its values are in the names, are too long or none.
local function column_of(title, rows)
  local column = { title = title, width = text.width(title), numeric = true }
  local telling = false
  for index, row in ipairs(rows) do
    local value = row.values[title]
    local words = cell(value) or ""
    column[index] = words
    column.width = math.max(column.width, text.width(words))
    column.numeric = column.numeric and (value == nil or type(value) == "number")
    telling = telling or type(value) ~= "string" and words ~= "" or not row.name:find(words, 1, true)
  end
  return telling and column.width <= WIDEST_CELL and column or nil
end

-- The telling columns, and how wide they are together.
local function columns_of(titles, rows)
  local columns, width = {}, 0
  for _, title in ipairs(titles) do
    local column = column_of(title, rows)
    if column then
      columns[#columns + 1] = column
      width = width + #GAP + column.width
    end
  end
  return columns, width
end

-- As columns_of, but the first of them alone that fit into `room`, and a mark if that is not all.
local function fitting_columns(titles, rows, room)
  local columns, width = columns_of(titles, rows)
  if width <= room then return columns end
  while columns[1] and width + #GAP + MORE.width > room do
    width = width - #GAP - table.remove(columns).width
  end
  columns[#columns + 1] = MORE
  return columns
end

local function line_of(first, columns, key)
  local parts = { first }
  for _, column in ipairs(columns) do
    parts[#parts + 1] = text.pad(column[key] or "", column.width, column.numeric)
  end
  return table.concat(parts, GAP):match "^.*[^ ]" or ""
end

--- The heading of the table and its lines, `width` columns wide at most if the names allow; nil without products.
function products.table(message, width)
  local titles = {}
  local rows = rows_of(message, titles)
  if #rows == 0 then return nil end
  local names = text.width(HEADING)
  for _, row in ipairs(rows) do
    row.name = (row.recommended and "★ " or "  ") .. row.name
    names = math.max(names, text.width(row.name))
  end
  local columns = fitting_columns(titles, rows, width - names)
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = line_of(text.pad(row.name, names), columns, index)
  end
  local heading = columns[1] == MORE and HEADING or text.pad(HEADING, names) -- the names may be too wide already
  return line_of(heading, columns, "title"), lines
end

return products
