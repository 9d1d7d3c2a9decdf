-- A program in whose loop aui waits by a loop of its own is told of the adapter; nobody else is.

local child = require "spec.child"
local support = require "spec.support"

local PRELUDE = [[
  local aui = require "aui"
  local url = ...
  local function ask()
    local session = assert(aui.connect { url = url, task_id = "demo" })
    print(assert(session:ask "hello").text)
    session:close()
  end
]]

local function advice(name, argument)
  local words = "aui runs a loop of its own inside the loop of %s, which stands still meanwhile; "
    .. 'require("aui.adapter.%s").attach(%s) lets both go on'
  return words:format(name, name, argument or "")
end

describe("#native a wait in aui's own loop", function()
  local server

  setup(function() server = support.start { "--echo", "--pace", "0" } end)
  teardown(function() server:stop() end)

  -- Runs the program, which asks twice.
  local function run(program)
    local ran = child.run(PRELUDE .. program, {}, server.url)
    assert.equal(0, ran.status, ran.stderr)
    assert.equal(2, select(2, ran.stdout:gsub("hello\n", "")), ran.stdout)
    return ran
  end

  it("is told once in a callback of luv, and in a coroutine of one", function()
    local ran = run [[
      local uv = require "luv"
      local timer = uv.new_timer()
      timer:start(0, 0, function()
        coroutine.wrap(ask)()
        ask()
        timer:close()
      end)
      uv.run()
    ]]
    assert.equal(advice "luv" .. "\n", ran.stderr)
  end)

  it("is told once in a coroutine of cqueues, by aui.run too", function()
    local ran = run [[
      local cq = require("cqueues").new()
      cq:wrap(function()
        aui.run(ask)
        ask()
      end)
      assert(cq:loop())
    ]]
    assert.equal(advice("cqueues", "cq") .. "\n", ran.stderr)
  end)

  it("is told where Copas says that it runs, as it does from version 2 on", function()
    local ran = run [[
      package.loaded.copas = { running = true }
      ask()
      ask()
    ]]
    assert.equal(advice "copas" .. "\n", ran.stderr)
  end)

  it("is told to aui.log at the level of warnings", function()
    local ran = run [[
      local function listen(event) print(event.level, event.event, event.message) end
      aui.log(listen, "warn")
      local cq = require("cqueues").new()
      for _ = 1, 2 do cq:wrap(ask) end
      assert(cq:loop())
    ]]
    assert.equal("", ran.stderr)
    assert.truthy(ran.stdout:find("warn\tadvice\t" .. advice("cqueues", "cq") .. "\n", 1, true), ran.stdout)
  end)

  it("is nobody's trouble where no loop runs, or where none is waited for", function()
    local ran = run [[
      local uv, cq = require "luv", require("cqueues").new()
      local timer = uv.new_timer()
      timer:start(3600 * 1000, 0, print)
      cq:wrap(function()
        aui.sleep(0)
        aui.step()
        assert(aui.session { url = url, task_id = "demo" }):send("hello"):message(0)
      end)
      ask()
      assert(cq:step(0))
      aui.run(ask)
      timer:close()
      uv.run()
    ]]
    assert.equal("", ran.stderr)
  end)
end)
