-- The examples that have a hundred conversations at once, as a person sees them: in a pipe, against aui-sim.

local person = require "spec.examples.person"
local support = require "spec.support"

for _, example in ipairs { "luv", "cqueues" } do
  describe("the crowd in " .. example, function()
    local server

    after_each(function()
      if server then person.stop(server) end
      server = nil
    end)

    it("has a hundred conversations and sums up", function()
      server = support.start { "--pace", "0" }
      local crowd = person.start(example, {}, nil, { AUI_URL = server.url })
      assert.equal(0, crowd:exit_status())
      assert.is_nil(crowd.errors:find "failure")
      local chunks, first, whole = crowd.output:match(
        "^100 answers in (%d+) chunks, 0 failures\nmedian: ([%d.]+) s to the first chunk, ([%d.]+) s to the end\n$"
      )
      assert.is_true(tonumber(chunks) >= 100, crowd.output)
      assert.is_true(tonumber(first) <= tonumber(whole), crowd.output)
    end)

    it("has as many by the threads API", function()
      server = support.start { "--pace", "0" }
      local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = "pk_network_hunter2" }
      local crowd = person.start(example, {}, nil, env)
      assert.equal(0, crowd:exit_status())
      assert.matches("^100 answers in %d+ chunks, 0 failures\n", crowd.output)
    end)

    it("has them at the same time, and shows how far it is every second", function()
      server = support.play { { receive = true }, { update = "A" }, { wait = 1.5 }, { message = { text = "AB" } } }
      local crowd = person.start(example, { "20", "hello" }, nil, { AUI_URL = server.url })
      assert.equal(0, crowd:exit_status())
      local begun = crowd.errors:match "^(%d+) chunks, 0 of 20 answers\n"
      assert.is_true(tonumber(begun) > 1, crowd.errors)
      assert.matches("^20 answers in 40 chunks, 0 failures\n", crowd.output)
    end)

    it("says how many failed, and why the first did, with exit status 1", function()
      local crowd = person.start(example, { "3" }, nil, { AUI_URL = "ws://127.0.0.1:1/api/v1/external/session" })
      assert.equal(1, crowd:exit_status())
      assert.matches("^0 answers in 0 chunks, 3 failures\n", crowd.output)
      local words = "the first failure: transport: POST .*: connection to 127.0.0.1 port 1 refused\n$"
      assert.matches(words, crowd.errors)
    end)
  end)
end
