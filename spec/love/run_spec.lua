-- What starts the game beside a simulator: SIGTERM ends it, with all that it has started.

local started = require "spec.started"

describe("examples/love/run", function()
  it("ends by SIGTERM, with all that it has started", function()
    local file = os.tmpname()
    local program = assert(io.open(file, "w"))
    program:write [[
      tell "ready"
      while true do frame() end
    ]]
    program:close()
    local variables = { AUI_PLAYER_PROGRAM = file, PATH = "spec/love/bin:" .. os.getenv "PATH" }
    local shop = started.new("examples/love/run", {}, variables)
    shop:wait_for "ready"
    shop:terminate()
    assert.equal(0, shop.status)
    os.remove(file)
  end)
end)
