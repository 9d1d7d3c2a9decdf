-- What `require "aui"` says where what it stands on cannot be had, by real modules that do not fit.

local child = require "spec.child"

local build = os.getenv "AUI_BUILD"
local version = _VERSION:match "%d%.%d"
local remedy = ("luarocks --lua-version %s make --deps-mode none, in the sources of lua-aui"):format(version)

-- What a program is told that can load C modules from `cpath` alone.
local function told(cpath)
  local ran = child.run('print(select(2, pcall(require, "aui")))', { env = { LUA_CPATH = cpath } })
  assert.equal("", ran.stderr)
  return ran.stdout
end

-- Whether there are these words at the beginning, with `pattern` somewhere behind.
local function begins(words, said, pattern)
  assert.equal(words, said:sub(1, #words))
  assert.matches(pattern, said:sub(#words + 1))
end

describe('#native require "aui"', function()
  for _, other in ipairs { "5.1", "5.2", "5.3", "5.4" } do
    local path = ("%s/lua/%s/aui/net.so"):format(build, other)
    local file = io.open(path)
    if file then file:close() end
    if file and other ~= version then
      it("names the Lua of a module that was built for " .. other, function()
        local said = told(("%s/lua/%s/?.so"):format(build, other))
        begins(("aui: %s was built for Lua %s, and this is Lua"):format(path, other), said, version .. ": luarocks ")
        assert.truthy(said:find(remedy, 1, true))
      end)
    end
  end

  it("says how the module is built where there is none", function()
    local said = told "/nowhere/?.so"
    local words = ("aui: the C module aui.net is not to be found for %s: %s"):format(_VERSION, remedy)
    begins(words, said, "/nowhere/aui/net")
  end)

  it("says how lua-cjson is installed where there is none", function()
    local said = told(("%s/lua/%s/?.so"):format(build, version))
    local words = ("aui: lua-cjson is needed, and is not to be found for %s: apt install "):format(_VERSION)
    begins(words, said, "lua%-cjson")
  end)

  it("passes on what keeps a file from loading that is no module at all", function()
    local directory = os.tmpname()
    os.remove(directory)
    assert(os.execute(("mkdir -p %s/aui && echo no module > %s/aui/net.so"):format(directory, directory)))
    local said = told(directory .. "/?.so")
    os.execute("rm -r " .. directory)
    local words = ("aui: %s/aui/net.so does not load, as when it was built for another Lua"):format(directory)
    begins(words, said, "net%.so: %a+")
  end)
end)
