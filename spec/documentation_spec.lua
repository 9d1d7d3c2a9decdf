-- What documentation says by what stands elsewhere is what stands there.

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
