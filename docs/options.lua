-- What documentation says of the options, from their rows in lua/aui/option/rows.lua: the tables of docs/options.md,
-- and the classes for language servers.

local rows = require "aui.option.rows"

local options = {}

-- ---- The rows ----

local function is_field(row) return row.name:find(".", 1, true) ~= nil end

-- The last part of a name.
local function field_of(row) return row.name:match "[^.]*$" end

local function fields_of(all, parent)
  local fields = {}
  for _, row in ipairs(all) do
    if row.name:match "^(.*)%." == parent.name then fields[#fields + 1] = row end
  end
  return fields
end

local function code(text) return "`" .. text .. "`" end

-- A power of two as such, or what is one less than that.
local function number_words(number)
  if number < 2 ^ 20 then return ("%g"):format(number) end
  for exponent = 20, 60 do
    if number == 2 ^ exponent then return "2^" .. exponent end
    if number == 2 ^ exponent - 1 then return ("2^%d - 1"):format(exponent) end
  end
  return ("%.17g"):format(number)
end

local function bytes_words(number)
  for _, unit in ipairs { { 2 ^ 20, "MiB" }, { 2 ^ 10, "KiB" } } do
    if number % unit[1] == 0 then return ("%d %s"):format(number / unit[1], unit[2]) end
  end
  return ("%d"):format(number)
end

local function default_words(row)
  local default = row.default
  if row.shown then return row.shown end
  if row.environment then return code("$" .. row.environment) end
  if type(default) == "string" then return code(('"%s"'):format(default)) end
  if type(default) == "boolean" then return code(tostring(default)) end
  if type(default) == "number" then return row.unit == "bytes" and bytes_words(default) or number_words(default) end
  return ""
end

-- ---- Markdown ----

local TYPES = {
  key = "string or function",
  url = "string",
  headers = "table or function",
  proxy = "string or `false`",
  id = "string",
  file = "name of a file",
  ["seconds or false"] = "seconds or `false`",
  ['boolean or "auto"'] = 'boolean or `"auto"`',
  ["table or false"] = "table or `false`",
}

local function type_words(row)
  if row.choices then return '`"' .. table.concat(row.choices, '"` or `"') .. '"`' end
  if row.type ~= "whole number" then return TYPES[row.type] or row.type end
  return ("%s, %s to %s"):format(row.unit or row.type, number_words(row.least), number_words(row.most))
end

local function markdown_row(...) return "| " .. table.concat({ ... }, " | ") .. " |" end

-- Its links lead from docs/.
local function reference_table(all)
  local lines = { markdown_row("option", "type", "default", "meaning"), "| --- | --- | --- | --- |" }
  for _, row in ipairs(all) do
    local default = row.required and "required" or default_words(row)
    local words = (row.words .. (row.more and ". " .. row.more or "")):gsub("%(docs/", "(")
    lines[#lines + 1] = markdown_row(code(row.name), type_words(row), default, words)
  end
  return lines
end

-- ---- Classes ----

local CLASSES = {
  key = "string|fun(): string?",
  url = "string",
  headers = "table<string, string>|fun(): table<string, string>?",
  proxy = "string|false",
  id = "string",
  file = "string",
  boolean = "boolean",
  seconds = "number",
  ["seconds or false"] = "number|false",
  ['boolean or "auto"'] = 'boolean|"auto"',
  ["whole number"] = "integer",
}

local function class_type(row)
  if row.choices then return '"' .. table.concat(row.choices, '"|"') .. '"' end
  if row.class then return row.class .. (row.type == "table or false" and "|false" or "") end
  return assert(CLASSES[row.type], row.type)
end

-- The lines of a comment that begins so.
local function comment(beginning, text)
  local lines, line = {}, beginning
  for word in text:gmatch "%S+" do
    if #line + 1 + #word > 120 then
      lines[#lines + 1], line = line, "---" .. word
    else
      line = line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function plain(text) return (text:gsub("%[([^]]*)%]%([^)]*%)", "%1"):gsub("`", "")) end

local function class_lines(name, fields, words)
  local lines = { "", comment("---@class (exact) " .. name, plain(words)) }
  for _, row in ipairs(fields) do
    local beginning = ("---@field %s%s %s"):format(field_of(row), row.required and "" or "?", class_type(row))
    local default = not row.class and not row.required and plain(default_words(row)) or ""
    local text = (row.unit and row.unit .. " " or "") .. row.words
    if default ~= "" then text = text .. "; default: " .. default end
    if row.more then text = text .. ". " .. row.more end
    lines[#lines + 1] = comment(beginning, plain(text))
  end
  return table.concat(lines, "\n")
end

local function classes_of(all, name, words)
  local roots, parts = {}, {}
  for _, row in ipairs(all) do
    if row.class then parts[#parts + 1] = class_lines(row.class, fields_of(all, row), row.words) end
    if not is_field(row) then roots[#roots + 1] = row end
  end
  parts[#parts + 1] = class_lines(name, roots, words)
  return table.concat(parts, "\n")
end

local CLASSES_HEAD = [[
---@meta
-- The options as language servers read them (LuaCATS). Written by docs/write.lua from lua/aui/option/rows.lua.
]]

-- ---- Files ----

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

-- The text of a Markdown file with this between the marks of that name.
local function with_table(text, name, lines)
  local first, last = ("<!-- %s: written by docs/write.lua -->\n"):format(name), ("\n<!-- /%s -->"):format(name)
  local _, from = text:find(first, 1, true)
  local to = from and text:find(last, from, true)
  assert(to, ("expected the marks %q and %q"):format(first, last))
  return text:sub(1, from) .. "\n" .. table.concat(lines, "\n") .. "\n" .. text:sub(to)
end

--- What each file has to say, by its path.
function options.texts()
  local page = with_table(read_file "docs/options.md", "options", reference_table(rows.session))
  return {
    ["docs/options.md"] = with_table(page, "pool", reference_table(rows.pool)),
    ["lua/aui/option/classes.lua"] = CLASSES_HEAD
      .. classes_of(rows.session, "aui.Options", "of aui.connect, aui.session and pool:connect")
      .. "\n"
      .. classes_of(rows.pool, "aui.PoolOptions", "of aui.pool")
      .. "\n",
  }
end

return options
