-- What documentation says of the options is what their rows say.

local options = require "docs.options"

describe("what is written of the options in", function()
  for path, text in pairs(options.texts()) do
    it(path .. " is what lua/aui/option/rows.lua says (to renew it: lua5.4 docs/options.lua)", function()
      assert.equal(text, options.read_file(path))
    end)
  end
end)
