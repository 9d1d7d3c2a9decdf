-- script/debian names files of the checkout that are there.

local function output(command)
  local lines = {}
  for line in assert(io.popen(command)):lines() do lines[#lines + 1] = line end
  return lines
end

describe("script/debian", function()
  for _, ending in ipairs { "docs", "examples" } do
    it("names " .. ending .. " that are there", function()
      local patterns = output("cat script/debian/*." .. ending)
      assert.is_true(#patterns > 0)
      for _, pattern in ipairs(patterns) do assert.is_true(#output("ls -d " .. pattern) > 0, pattern) end
    end)
  end
end)
