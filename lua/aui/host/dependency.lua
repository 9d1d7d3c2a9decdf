-- Loads the modules in C that all else stands on, and says what is wrong where one cannot be had: Lua itself tells of
-- undefined symbols.

local dependency = {}

local BUILD = "luarocks --lua-version %s make --deps-mode none, in the sources of lua-aui, builds and installs it"
local GET_CJSON = "apt install lua-cjson, or luarocks --lua-version %s install lua-cjson, installs it"

local VERSION = _VERSION:match "%d+%.%d+" or "5.1"
local INTERPRETER = rawget(_G, "jit") and "LuaJIT, which needs it for Lua " .. VERSION or _VERSION

-- The Lua for which a file of ours was built, as it says itself (src/binding/module.c), such as "Lua 5.4"; or nil.
local function built_for(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local bytes = file:read "*a"
  file:close()
  return bytes and bytes:match "lua%-aui for (Lua %d+%.%d+)"
end

-- What is wrong with a file that was found, of which Lua says why it does not load.
local function problem_of_file(path, why, remedy)
  local its_lua = built_for(path)
  if its_lua and its_lua ~= "Lua " .. VERSION then
    return ("%s was built for %s, and this is %s: %s"):format(path, its_lua, INTERPRETER, remedy)
  end
  local perhaps = its_lua and "" or (", as when it was built for another Lua than this one, %s"):format(INTERPRETER)
  return ("%s does not load%s: %s"):format(path, perhaps, why)
end

local function problem_of(name, failure)
  local remedy = (name == "cjson" and GET_CJSON or BUILD):format(VERSION)
  local path, why = failure:match "^error loading module '[^']*' from file '([^\n]*)':\n%s*(.*)$"
  if path then return problem_of_file(path, why, remedy) end
  local places = failure:match "^module '[^']*' not found:(.*)$"
  if not places then return nil end
  local what = name == "cjson" and "lua-cjson is needed, and" or "the C module " .. name
  return ("%s is not to be found for %s: %s. Looked for:%s"):format(what, _VERSION, remedy, places)
end

--- As require(name); what it raises says what to do.
function dependency.load(name)
  local ok, module = pcall(require, name)
  if ok then return module end
  local problem = type(module) == "string" and problem_of(name, module)
  error(problem and "aui: " .. problem or module, 0)
end

return dependency
