-- What the comments with three hyphens say of the public modules, as the page docs/api.md. spec/lint/annotations.py
-- sees to it that they are complete.

local api = {}

local HEAD = [[
# Functions and classes

What `require "aui"` and the other public modules offer: written by docs/write.lua from the comments in lua/aui, which
language servers show, too. `?` behind a type stands for `nil`. Times are seconds, sizes bytes. Wrong arguments raise an
error with the argument's name at the caller's line.
]]

-- What the functions of a file belong to, a module or a class, and the name of its table in the file.
local PARTS = {
  { file = "init", owner = "aui", module = "aui", words = 'in nginx `require "resty.aui"` is the same.' },
  { file = "client", owner = "Client", class = "aui.Client", words = "Of `aui.client`." },
  { file = "session", owner = "Session", class = "aui.Session", words = "Of `aui.connect` and `aui.session`." },
  { file = "reply", owner = "Reply", class = "aui.Reply", words = "Of `session:send`." },
  { file = "pool", owner = "Pool", class = "aui.Pool", words = "Of `aui.pool`." },
  { file = "task", owner = "Task", class = "aui.Task", words = "Of `aui.spawn`." },
  { file = "message", owner = "message", module = "aui.message", words = "what messages of agents say." },
  { file = "test", owner = "test", module = "aui.test", words = "the simulator, for tests." },
  { file = "test", owner = "Simulator", class = "aui.Simulator", words = "Of `test.simulator`." },
  { file = "adapter/luv", owner = "luv", module = "aui.adapter.luv", words = "the loop of luv, and Neovim's." },
  { file = "adapter/cqueues", owner = "adapter", module = "aui.adapter.cqueues", words = "the loop of cqueues." },
  { file = "adapter/copas", owner = "adapter", module = "aui.adapter.copas", words = "the loop of Copas." },
  { file = "adapter/poll", owner = "poll", module = "aui.adapter.poll", words = "any loop that can poll." },
  { file = "error/class", owner = "Error", class = "aui.Error", words = "What failed: [errors](errors.md)." },
}

-- Files of tables that are given or returned, beside those of the parts.
local FILES_OF_TABLES = { "client", "session", "api/message", "message", "test", "log", "trace" }

-- Classes that another page has.
local OPTIONS = { Options = true, PoolOptions = true, Timeouts = true }

-- ---- Reading ----

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

local function source(file) return read_file("lua/aui/" .. file .. ".lua") end

-- The end of the type at the beginning of the words: a blank outside of brackets that goes on with nothing.
local function split_type(words)
  local depth = 0
  for at = 1, #words do
    local char = words:sub(at, at)
    if char:find "[(<{[]" then depth = depth + 1 end
    if char:find "[)>}%]]" then depth = depth - 1 end
    if char == " " and depth == 0 and not words:sub(1, at - 1):find "[|:,]$" then
      return words:sub(1, at - 1), words:sub(at + 1)
    end
  end
  return words, ""
end

-- A comment's words, and its tags in order: of each its name and its text, with the lines that go on.
local function read_comment(lines)
  local words, tags = {}, {}
  for _, line in ipairs(lines) do
    local name, text = line:match "^%-%-%-@(%w+) (.*)$"
    if name then
      tags[#tags + 1] = { name = name, text = text }
    elseif #tags > 0 then
      tags[#tags].text = tags[#tags].text .. " " .. line:match "^%-%-%-%s*(.*)$"
    else
      words[#words + 1] = line:match "^%-%-%- ?(.*)$"
    end
  end
  return words, tags
end

-- Calls `fn(lines, next_line)` for each comment with three hyphens, and the line behind it.
local function each_comment(text, fn)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^%-%-%-" then
      lines[#lines + 1] = line
    else
      if #lines > 0 then fn(lines, line) end
      lines = {}
    end
  end
end

-- ---- Markdown ----

local known = {} -- classes that have a heading here

local function slug(heading) return heading:lower():gsub("[^%w%- _]", ""):gsub(" ", "-") end

local function link_of(class)
  local name = class:match "^aui%.(%w+)$"
  if OPTIONS[name] then return "options.md" end
  return known[class] and "#" .. slug(class) or nil
end

-- A type as code: one that names a class of ours leads there.
local function type_words(text)
  local parts = {}
  local whole = text:find "[(<{]" and { text } or {}
  if #whole == 0 then
    for part in text:gmatch "[^|]+" do whole[#whole + 1] = part end
  end
  if #whole > 1 and whole[#whole]:find "%?$" then -- of a type of several, that it may be left out
    whole[#whole] = whole[#whole]:sub(1, -2)
    whole[#whole + 1] = "nil"
  end
  for _, part in ipairs(whole) do
    local class = part:match "aui%.%u%w+"
    local target = class and link_of(class)
    parts[#parts + 1] = target and ("[`%s`](%s)"):format(part, target) or ("`%s`"):format(part)
  end
  return table.concat(parts, " or ")
end

-- Words as Markdown: what would be HTML elsewhere than in code, and pages that are named.
local function escaped(text) return (text:gsub("<", "&lt;"):gsub("docs/(%w+%.md)", "[%1](%1)")) end

local function sentence(text) return text == "" and "" or ": " .. escaped(text) end

local function parameter_line(text)
  local name, rest = text:match "^(%S+) (.*)$"
  local its_type, words = split_type(rest)
  local optional = name:match "^(.-)%?$"
  return ("- `%s`, %s%s"):format(optional or name, type_words(its_type .. (optional and "?" or "")), sentence(words))
end

local function return_line(text)
  local its_type, rest = split_type(text)
  local name, words = rest:match "^(%S+) ?(.*)$"
  local beginning = name and ("`%s`, "):format(name) or ""
  return ("- returns %s%s%s"):format(beginning, type_words(its_type), sentence(words or ""))
end

-- Lines that stand further to the right are code.
local function paragraphs(words)
  local lines = {}
  for _, line in ipairs(words) do
    local code = line:match "^  (.*)$"
    lines[#lines + 1] = code and "    " .. code or escaped(line)
  end
  return lines
end

local function add_function(out, called, lines)
  local words, tags = read_comment(lines)
  out[#out + 1] = ""
  out[#out + 1] = ("### `%s`"):format(called)
  out[#out + 1] = ""
  for _, line in ipairs(paragraphs(words)) do out[#out + 1] = line end
  if #tags > 0 then out[#out + 1] = "" end
  for _, tag in ipairs(tags) do
    if tag.name == "param" then out[#out + 1] = parameter_line(tag.text) end
    if tag.name == "return" and tag.text ~= "nil" then out[#out + 1] = return_line(tag.text) end
  end
end

local function add_fields(out, tags)
  local fields = {}
  for _, tag in ipairs(tags) do
    if tag.name == "field" then
      local name, rest = tag.text:match "^(%b[]) (.*)$"
      if not name then
        name, rest = tag.text:match "^(%S+) (.*)$"
      end
      local its_type, words = split_type(rest)
      local field = name:match "^(.-)%?$"
      local shown = type_words(its_type .. (field and "?" or "")):gsub("|", "\\|")
      fields[#fields + 1] = ("| `%s` | %s | %s |"):format(field or name, shown, (escaped(words):gsub("|", "\\|")))
    end
  end
  if #fields == 0 then return end
  out[#out + 1] = ""
  out[#out + 1] = "| field | type | meaning |"
  out[#out + 1] = "| --- | --- | --- |"
  for _, field in ipairs(fields) do out[#out + 1] = field end
end

-- The name, what it derives from, and the words of the class that a comment declares, if it does.
local function class_of(tags)
  if not tags[1] or tags[1].name ~= "class" then return nil end
  local name, rest = tags[1].text:gsub("^%(exact%) ", ""):match "^(%S+) ?(.*)$"
  local parent = rest:match "^: (%S+)"
  return name, parent, parent and "" or rest
end

local function capital(text) return (text:gsub("^%l", string.upper)) end

local function add_part(out, part)
  out[#out + 1] = ""
  out[#out + 1] = "## " .. (part.class or "Module " .. part.module)
  out[#out + 1] = ""
  if part.module then out[#out + 1] = ('`local %s = require "%s"`:'):format(part.owner, part.module) end
  out[#out + 1] = part.words
  local prefix = part.owner:lower()
  each_comment(source(part.file), function(lines, behind)
    local _, tags = read_comment(lines)
    if class_of(tags) == (part.class or part.module) then return add_fields(out, tags) end
    local owner, mark, name, arguments = behind:match "^function ([%w_]+)([.:])([%w_]+)(%b())"
    if owner == part.owner then
      add_function(out, prefix .. mark .. name .. arguments, lines)
    elseif behind:find("^" .. part.owner .. "%.__call =") then
      add_function(out, prefix .. "()", lines)
    end
  end)
end

local function is_part(class)
  for _, part in ipairs(PARTS) do
    if part.class == class then return true end
  end
  return false
end

local function each_table(fn)
  for _, file in ipairs(FILES_OF_TABLES) do
    each_comment(source(file), function(lines)
      local _, tags = read_comment(lines)
      local class, parent, words = class_of(tags)
      if class and not is_part(class) then fn(class, parent, words, tags) end
    end)
  end
end

local function add_table(out, class, parent, words, tags)
  out[#out + 1] = ""
  out[#out + 1] = "### " .. class
  if parent then words = ("A %s with these fields, too"):format(type_words(parent)) end
  if words ~= "" then
    out[#out + 1] = ""
    out[#out + 1] = capital(escaped(words)) .. "."
  end
  add_fields(out, tags)
end

--- What each file has to say, by its path.
function api.texts()
  for _, part in ipairs(PARTS) do
    if part.class then known[part.class] = true end
  end
  each_table(function(class) known[class] = true end)
  local out = { (HEAD:gsub("\n$", "")) }
  for _, part in ipairs(PARTS) do add_part(out, part) end
  out[#out + 1] = ""
  out[#out + 1] = "## Tables"
  out[#out + 1] = ""
  out[#out + 1] = "What functions are given and return."
  each_table(function(...) add_table(out, ...) end)
  return { ["docs/api.md"] = table.concat(out, "\n") .. "\n" }
end

return api
