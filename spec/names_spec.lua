-- Names that take long to resolve, or for ever: nobody else waits for them, nor does the end of a program.

local child = require "spec.child"
local wire = require "spec.wire"

describe("#native a name that the resolver does not answer about", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  -- `url` has the healthy name localhost.
  local function run(program, obstacle)
    local url = link:start().url:gsub("//[^:/]+", "//localhost")
    local result = child.run(program, { env = { LD_PRELOAD = child.preload(obstacle or "hanging_names") } }, url)
    assert.equal("", result.stderr)
    assert.equal(0, result.signal) -- a program that does not end is killed
    return result
  end

  local ENDS = {
    ["at its last line"] = "",
    ["by os.exit"] = "os.exit(0)",
    ["by os.exit that closes the state"] = "os.exit(0, true)",
  }

  for how, last_words in pairs(ENDS) do
    it("does not hold up a program that ends " .. how, function()
      local result = run([[
        local aui = require "aui"
        local session, err = aui.connect { url = "ws://hanging:1/", task_id = "task", timeout = { connect = 0.1 } }
        assert(not session)
        print(err)
        io.stdout:flush()
      ]] .. last_words)
      assert.matches("^timeout: the name was not resolved within 0%.1 s %(timeout%.connect%)\n$", result.stdout)
      assert.equal(0, result.status)
    end)
  end

  it("does not hold up other names, however many sessions ask for it", function()
    assert.equal("answered\n", run([[
      local aui = require "aui"
      local waiting = {}
      for i = 1, 100 do
        waiting[i] = aui.session { url = ("ws://hanging%d:1/"):format(i % 10), task_id = "task" }
      end
      aui.step()
      local session = assert(aui.connect { url = ..., task_id = "task" })
      print(session:ask "hello" and "answered")
    ]]).stdout)
  end)

  it("holds up other names, but not addresses, when 32 like it hang already", function()
    assert.equal("timeout\nanswered\n", run([[
      local aui = require "aui"
      local waiting = {}
      for i = 1, 32 do
        waiting[i] = aui.session { url = ("ws://hanging%d:1/"):format(i), task_id = "task" }
      end
      aui.step()
      local session, err = aui.connect { url = ..., task_id = "task", timeout = { connect = 0.1 } }
      print(session or err.kind)
      local by_address = (...):gsub("localhost", "127.0.0.1")
      print(assert(aui.connect { url = by_address, task_id = "task" }):ask "hello" and "answered")
    ]]).stdout)
  end)

  it("is told of in words where the system has no thread for it", function()
    local result = run([[
      local aui = require "aui"
      local session, err = aui.connect { url = ..., task_id = "task" }
      assert(not session)
      print(err, err.retryable)
    ]], "no_threads")
    local words = "transport: name localhost not resolved: no thread can be started: resource temporarily unavailable"
    assert.equal(words .. "\ttrue\n", result.stdout)
  end)
end)
