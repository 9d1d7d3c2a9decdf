-- Writes what documentation says by what stands elsewhere: of the options by their rows, of the functions by their
-- comments. `lua docs/write.lua`, in the root, writes it into the files; spec/documentation_spec.lua compares.

local is_program = not ...
if is_program then package.path = "lua/?.lua;./?.lua;" .. package.path end

local api = require "docs.api"
local options = require "docs.options"

--- What each file has to say, by its path.
local function texts()
  local all = options.texts()
  for path, text in pairs(api.texts()) do all[path] = text end
  return all
end

if not is_program then return { texts = texts } end

for path, text in pairs(texts()) do
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  file:close()
end
