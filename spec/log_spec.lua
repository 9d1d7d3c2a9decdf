-- aui.log: what sessions do, in structured events.

local aui = require "aui"
local child = require "spec.child"
local host = require "aui.host"
local support = require "spec.support"

local FAST = { base = 0.01, max = 0.05 }
local LEVELS = { error = 1, warn = 2, info = 3, debug = 4 }

describe("aui.log", function()
  local server, events

  local function listen(level)
    events = {}
    aui.log(function(event) events[#events + 1] = event end, level)
  end

  after_each(function()
    aui.log(nil)
    if server then server:stop() end
    server = nil
  end)

  local function find(name, field, value)
    for _, event in ipairs(events) do
      if event.event == name and (not field or event[field] == value) then return event end
    end
  end

  local function await(name, field, value)
    support.wait_until(function() return find(name, field, value) ~= nil end)
    return find(name, field, value)
  end

  it("tells a conversation", function()
    server = support.start { "--pace", "0", "--echo" }
    listen "debug"
    local session = server:connect()
    assert(session:ask "hello")
    session:close()
    local open, sent = find("state", "state", "open"), find "send"
    local answer, closed = find "answer", await("state", "state", "closed")
    assert.equal("info", open.level)
    assert.equal(server.url, open.url)
    assert.equal("debug", sent.level)
    assert.equal("68e78d0dc5a4b19a030d03d6", sent.task_id)
    assert.is_true(sent.bytes > 40)
    assert.equal(5, answer.bytes)
    assert.is_true(answer.seconds >= 0)
    assert.is_truthy(closed)
    for _, event in ipairs(events) do
      assert.equal(open.session, event.session)
      assert.is_truthy(event.message:find(("^session %d: %%S"):format(event.session)), event.message)
      assert.is_nil(event.message:find "hello")
    end
  end)

  it("tells of a pool's sessions in order, and all of it before close returns", function()
    server = support.start { "--pace", "0", "--echo" }
    listen "debug"
    local pool = aui.pool()
    for _ = 1, 2 do
      events = {}
      local session = assert(pool:connect(server:options()))
      assert(session:ask "hello")
      session:close()
      local told = {}
      for index, event in ipairs(events) do told[index] = event.state or event.event end
      assert.same({ "open", "send", "answer", "closed" }, told)
    end
  end)

  it("tells sessions apart", function()
    server = support.start { "--pace", "0" }
    listen()
    local one, two = server:connect(), server:connect()
    assert.not_equal(events[1].session, events[#events].session)
    one:close()
    two:close()
  end)

  it("tells why there is no connection, and until when", function()
    server = support.start { "--pace", "0" }
    server:kill()
    listen "warn"
    local session = assert(aui.session(server:options { reconnect = FAST }))
    local waiting = await("state", "state", "waiting")
    assert.equal("warn", waiting.level)
    assert.equal("transport", waiting.err.kind)
    assert.is_true(waiting.delay <= 0.05)
    assert.is_truthy(waiting.message:find(tostring(waiting.err), 1, true), waiting.message)
    session:close()
    server = nil
  end)

  it("tells how replies failed", function()
    server = support.play {
      { receive = true }, { update = "I found" },
      { error = { status_code = 400, message = "bad words" } }, { close = 1008 },
    } -- stylua: ignore
    listen "debug"
    local session = server:connect()
    local reply = session:send "hello"
    local dropped = session:send "another"
    dropped:cancel()
    local canceled = await("failure", "level", "debug")
    assert.equal("canceled", canceled.err.kind)
    local message, err = reply:message()
    assert.is_nil(message)
    assert.equal("I found", err.text)
    local failed = await("failure", "level", "warn")
    assert.equal("application", failed.err.kind)
    assert.equal(tostring(err), tostring(failed.err))
    assert.is_nil(failed.err.text) -- a word of the conversation
    assert.is_truthy(failed.message:find("bad words", 1, true))
    session:close()
  end)

  it("holds the reply whose end it tells, though its user has dropped it", function()
    server = support.start { "--pace", "0", "--echo" }
    listen "debug"
    local session, now = server:connect(), host.now
    collectgarbage "stop"
    local handle = session:send("hello").handle
    host.now = function()
      if handle:status() == "done" then support.collect() end
      return now()
    end
    finally(function()
      host.now = now
      collectgarbage "restart"
    end)
    assert.equal(5, await("answer").bytes)
    session:close()
  end)

  it("tells what the history says of an answer that was cut off", function()
    server = support.start { "--pace", "0.05", "--echo" }
    listen()
    local session = server:connect { reconnect = FAST, recover = true }
    local reply = session:send "one two three four five six seven eight nine ten"
    assert(reply:next())
    server:kill()
    server:restart()
    reply:message() -- the new server knows nothing of it
    local told = await "recovery"
    assert.equal("info", told.level)
    assert.equal("68e78d0dc5a4b19a030d03d6", told.task_id)
    assert.equal("string", type(told.verdict))
    session:close()
  end)

  for _, level in ipairs { "error", "warn", "info", "debug" } do
    it(("tells nothing below the level asked for: %s"):format(level), function()
      server = support.start { "--pace", "0" }
      listen(level)
      local session = server:connect { reconnect = FAST }
      assert(session:ask "hello")
      server:kill()
      support.wait_until(function() return session:state() == "waiting" end)
      session:close()
      server = nil
      for _, event in ipairs(events) do assert.is_true(LEVELS[event.level] <= LEVELS[level]) end
      assert.equal(level ~= "error", #events > 0)
    end)
  end

  it("is heard by one function, until it is taken away", function()
    server = support.start { "--pace", "0" }
    local first, second = 0, 0
    aui.log(function() first = first + 1 end)
    aui.log(function() second = second + 1 end)
    server:connect():close()
    assert.equal(0, first)
    assert.is_true(second > 0)
    aui.log(nil)
    local before = second
    server:connect():close()
    assert.equal(before, second)
  end)

  it("#native survives a function that fails, and says so once", function()
    server = support.start { "--pace", "0" }
    local ran = child.run(
      [[local aui = require "aui"
      aui.log(function() error "no disk" end, "debug")
      local session = assert(aui.connect { url = ..., task_id = "t" })
      io.write(#assert(session:ask "hello").text > 0 and "answered" or "")
      session:close()]],
      nil,
      server.url
    )
    assert.equal("answered", ran.stdout)
    local expected = "^aui%.log: its function failed and is not called any more: %S+: no disk\n$"
    assert.is_truthy(ran.stderr:find(expected), ran.stderr)
  end)

  it("refuses other arguments at the caller's line", function()
    for argument, call in pairs {
      ["fn: expected a function, got 7"] = function() aui.log(7) end,
      ['level: expected "error", "warn", "info" or "debug", got "loud"'] = function()
        aui.log(print, "loud")
      end,
    } do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.is_truthy(err:find("log_spec.lua:%d+: "), err)
      assert.is_truthy(err:find(argument, 1, true), err)
    end
  end)
end)
