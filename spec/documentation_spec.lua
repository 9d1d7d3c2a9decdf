-- What documentation says by what stands elsewhere is what stands there, and it has all that a module shows.

local write = require "docs.write"

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end

describe("what is written in", function()
  for path, text in pairs(write.texts()) do
    it(path .. " is what its sources say (to renew it: lua5.4 docs/write.lua)", function()
      assert.equal(text, read_file(path))
    end)
  end
end)

-- The functions that a module shows, and those that the page has of it, as one text each.
local function shown_by(module)
  local names = {}
  for name, value in pairs(module) do
    if type(value) == "function" then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, " ")
end

local function told_of(prefix)
  local names = {}
  for name in read_file("docs/api.md"):gmatch("\n### `" .. prefix .. "%.([%w_]+)%(") do
    names[#names + 1] = name
  end
  table.sort(names)
  return table.concat(names, " ")
end

describe("the page of functions has all, and no others, #native", function()
  for prefix, name in pairs { aui = "aui", message = "aui.message", test = "aui.test", poll = "aui.adapter.poll" } do
    it("of " .. name, function() assert.equal(shown_by(require(name)), told_of(prefix)) end)
  end
end)
