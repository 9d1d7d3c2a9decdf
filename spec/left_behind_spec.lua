-- A program that ends before its tasks have ended, or its handlers were called, says so: else it would just do nothing.

local child = require "spec.child"
local wire = require "spec.wire"

describe("#native a program that ends", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  -- What it says on the standard error output.
  local function said(program)
    local server = link:play { { receive = true }, { wait = 60 } }
    local result = child.run("local aui = require 'aui'\n" .. program, {}, server.url)
    assert.are.same({ 0, 0 }, { result.status, result.signal })
    return result.stderr
  end

  local WORDS = "aui: the program has ended before %s had: aui.run waits for its tasks and handlers, "
    .. "task:join for one task\n"
  local TASKS, HANDLERS = "%d of its tasks (aui.spawn)", "the handlers of 1 replies or sessions (reply:on, session:on)"

  local SESSION = [[
    local session = assert(aui.connect { url = ..., task_id = "task" })
  ]]

  for what, case in pairs {
    ["before its tasks have begun"] = { [[aui.spawn(print) aui.spawn(print)]], TASKS:format(2) },
    ["before a task has ended"] = { [[
      aui.spawn(aui.sleep, 3600)
      aui.spawn(function() end)
      aui.step()
    ]], TASKS:format(1) },
    ["after an aui.run, before a task of no run has ended"] = { [[
      aui.spawn(aui.sleep, 3600)
      aui.run(aui.sleep, 0)
    ]], TASKS:format(1) },
    ["before a reply's handlers were called"] = { SESSION .. [[session:send("hello"):on("message", print)]], HANDLERS },
    ["before either"] = { SESSION .. [[
      session:send("hello"):on("chunk", print)
      aui.spawn(print)
    ]], TASKS:format(1) .. " and " .. HANDLERS },
    ["by os.exit that closes the state"] = { [[aui.spawn(print) os.exit(0, true)]], TASKS:format(1) },
  } do
    it(what .. " says so, once", function()
      if what:find "os.exit" and _VERSION == "Lua 5.1" and not jit then -- luacheck: ignore jit
        return pending "PUC Lua 5.1 never closes the state there"
      end
      assert.equal(WORDS:format(case[2]), said(case[1]))
    end)
  end

  it("without running the loop of its host says so", function()
    local words = "aui: the program has ended before 1 of its tasks (aui.spawn) had: "
      .. "the loop of the host, in which they go on, never ran\n"
    for _, attach in ipairs { [[luv").attach(require "luv")]], [[cqueues").attach(require("cqueues").new())]],
      [[poll").attach()]] } do
      assert.equal(words, said(([[require("aui.adapter.%s aui.spawn(print)]]):format(attach)))
    end
  end)

  for what, program in pairs {
    ["after all of them"] = [[
      aui.run(function() aui.spawn(aui.sleep, 0.001) end)
      aui.spawn(aui.sleep, 0.001):join()
    ]],
    ["after one that was canceled"] = [[
      local task = aui.spawn(aui.sleep, 3600)
      task:cancel()
      task:join()
    ]],
    ["after a run that has failed"] = [[
      pcall(aui.run, function()
        aui.spawn(aui.sleep, 3600)
        error "boom"
      end)
    ]],
    ["before a session has connected"] = [[
      local session = aui.session { url = ..., task_id = "task", api_key = function() aui.sleep(3600) end }
      aui.step()
    ]],
    ["in one, as the last"] = [[aui.run(function() os.exit(0, true) end)]],
    ["in the loop of a host, which was left by purpose"] = [[
      local uv = require "luv"
      require("aui.adapter.luv").attach(uv)
      aui.spawn(function()
        uv.stop()
        aui.sleep(3600)
      end)
      uv.run()
    ]],
  } do
    it(what .. " says nothing", function() assert.equal("", said(program)) end)
  end
end)
