-- Ctrl-C ends a program that waits for an agent, wherever and however it waits, as it ends any other Lua program.

local child = require "spec.child"
local socket = require "socket"
local wire = require "spec.wire"

local link = wire.new "ws"

-- A program's beginning; `url` and `ready` are for what follows.
local PROLOGUE = [[
local aui = require "aui"
local url = ...
local function ready() io.stdout:write "ready\n" io.stdout:flush() end
local function connect() return assert(aui.connect { url = url, task_id = "task" }) end
]]

-- How a program waits. The server accepts the handshake and says nothing more.
local WAITS = {
  { "in a reply on the main thread", [[local reply = connect():send "hello" ready() reply:message()]] },
  { "in a for over a reply", [[local reply = connect():send "hello" ready() for _ in reply do end]] },
  { "in aui.run", [[aui.run(function() local session = connect() ready() session:ask "hello" end)]] },
  { "in two tasks of aui.run", [[aui.run(function()
    for _ = 1, 2 do aui.spawn(function() connect():ask "hello" end) end
    aui.sleep(0.2) ready() aui.sleep(60)
  end)]] },
  { "in a coroutine that the module does not know", [[local wait = coroutine.wrap(function()
    local reply = connect():send "hello" ready() reply:next()
  end) wait()]] },
  { "in a coroutine inside a task", [[aui.run(function()
    coroutine.wrap(function() local reply = connect():send "hello" ready() reply:next() end)()
  end)]] },
  { "in aui.sleep", [[ready() aui.sleep(60)]] },
  { "in aui.sleep in a task", [[aui.run(function() ready() aui.sleep(60) end)]] },
  { "in session:close after a reply", [[local session = connect() session:send "hello"
    ready() session:close() aui.sleep(60)]] },
}

local function assert_interrupted(result)
  assert.matches("interrupted!", result.stderr)
  assert.equal(0, result.signal)
  assert.equal(1, result.status)
  assert.is_true(result.seconds < 2, "took " .. result.seconds .. " s")
end

describe("#native SIGINT", function()
  after_each(function() link:stop() end)

  for _, case in ipairs(WAITS) do
    local where, program = case[1], case[2]
    it("ends a program that waits " .. where, function()
      local server = link:play { { receive = true } }
      assert_interrupted(child.run(PROLOGUE .. program, { interrupt = true }, server.url))
    end)
  end

  for _, scheme in ipairs(wire.schemes) do
    it("ends a program that waits for a connection over " .. scheme, function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      finally(function() listener:close() end)
      local url = ("%s://127.0.0.1:%d/"):format(scheme, select(2, listener:getsockname()))
      assert_interrupted(child.run(PROLOGUE .. "ready() connect()", { interrupt = true }, url))
    end)
  end

  -- Where a function of the user's runs whose errors are caught, on the main thread: elsewhere Lua does not look for
  -- signals while it computes.
  for where, program in pairs {
    ["in a handler of a reply"] = [[
      local reply = connect():send "hello"
      reply:on("chunk", function() ready() while true do end end)
      reply:message()
    ]],
    ["in a handler of a session"] = [[
      local session = aui.session { url = url, task_id = "task" }
      session:on("state", function() ready() while true do end end)
      session:ask "hello"
    ]],
    ["in a listener of aui.log"] = [[
      aui.log(function() ready() while true do end end)
      connect():ask "hello"
    ]],
  } do
    it("ends a program that computes " .. where, function()
      local server = link:play { { receive = true }, { update = "I" }, { wait = 3600 } }
      local whole = "if jit then jit.off() end\n" .. PROLOGUE .. program
      assert_interrupted(child.run(whole, { interrupt = "at once" }, server.url))
    end)
  end

  -- Other programs' hooks have other words: those that bound how long something computes, for one.
  for _, words in ipairs { "interrupted!", "time is up" } do
    it(("is not taken for a message that cannot be read: %s"):format(words), function()
      local server = link:play { { receive = true }, { message = { text = "I found it" } } }
      local result = child.run("if jit then jit.off() end\n" .. PROLOGUE .. [[
        local words = select(2, ...)
        local session = assert(aui.connect { url = url, task_id = "task", recover = false }) -- else it reads it first
        local reply = session:send "hello"
        while not reply:json() do aui.step() end
        for count = 1, 10000 do
          local ok, message, err = pcall(function()
            debug.sethook(function()
              debug.sethook()
              error(words)
            end, "", count)
            local message, err = reply:message()
            debug.sethook()
            return message, err
          end)
          if ok then print(assert(message, err).text) break end
          assert(message:find(words, 1, true), message)
        end
      ]], {}, server.url, words)
      assert.are.same({ "", "I found it\n", 0 }, { result.stderr, result.stdout, result.status })
    end)
  end

  it("can be caught anywhere, and all who sleep meanwhile are woken", function()
    local result = child.run("if jit then jit.off() end\n" .. [[
      local aui = require "aui"
      local main, count, asleep, interrupted = coroutine.running(), 0, 0, nil
      local function sleep(seconds)
        asleep = asleep + 1
        aui.sleep(seconds)
        asleep = asleep - 1
      end
      repeat
        count = count + 1
        for _, seconds in ipairs { 0.003, 0.001, 0.002 } do aui.spawn(sleep, seconds) end
        interrupted = not pcall(function()
          debug.sethook(function()
            if coroutine.running() ~= main then return end -- LuaJIT has one hook for all
            debug.sethook()
            error "interrupted!"
          end, "", count)
          aui.sleep(0.002)
          debug.sethook()
        end)
        local limit = aui.now() + 5
        repeat aui.sleep(0.001) until asleep == 0 or aui.now() > limit
        assert(asleep == 0, count)
      until not interrupted
      print(count > 100)
    ]])
    assert.are.same({ "", "true\n", 0 }, { result.stderr, result.stdout, result.status })
  end)

  it("can be caught, and the session goes on", function()
    local server = link:play { { receive = true }, { wait = 1 }, { message = { text = "I found it" } } }
    local result = child.run(PROLOGUE .. [[
      local reply = connect():send "hello"
      ready()
      print(pcall(reply.message, reply))
      print(assert(reply:message()).text)
    ]], { interrupt = true }, server.url)
    assert.equal("", result.stderr)
    assert.matches("false[^\n]*interrupted!", result.stdout)
    assert.matches("I found it\n$", result.stdout)
  end)
end)
