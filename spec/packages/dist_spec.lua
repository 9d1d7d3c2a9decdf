-- dist.ini, by which OPM makes its package: it names what is there, in the form that `opm build` takes.

local aui = require "aui"

-- The keys of the one section; comments begin with a number sign.
local function read(path)
  local values = {}
  for line in io.lines(path) do
    local key, value = line:match "^([%w_]+)%s*=%s*(.-)%s*$"
    assert(key or line:match "^#" or line == "", line)
    if key then values[key] = value end
  end
  return values
end

local function is_there(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

describe("dist.ini", function()
  local dist = read "dist.ini"

  it("has what opm build asks for", function()
    for _, key in ipairs { "name", "abstract", "author", "license", "repo_link", "is_original" } do
      assert.is_string(dist[key], key)
    end
    assert.matches("^[%w-]+$", dist.name)
  end)

  it("names folders and a module that are there", function()
    assert.is_true(is_there(dist.main_module))
    assert.equal(dist.lib_dir .. "/resty/aui.lua", dist.main_module)
    assert.is_true(is_there(dist.lib_dir .. "/aui/init.lua"))
    assert.is_true(is_there(dist.doc_dir .. "/openresty.md"))
    assert.is_true(is_there "README.md") -- which it takes along
  end)

  it("has the version of the module", function() assert.equal(aui._VERSION, dist.version) end)
end)
