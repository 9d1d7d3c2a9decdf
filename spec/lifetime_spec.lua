-- What ends when nobody holds it any more: sessions and replies that are dropped, and those of a program that ends.

local aui = require "aui"
local cjson = require "cjson"
local child = require "spec.child"
local steps = require "spec.steps"
local support = require "spec.support"
local wire = require "spec.wire"

local collect, open_descriptors = support.collect, support.open_descriptors

-- How many descriptors are open once what earlier cases dropped is gone, the loop, which opens some for good at its
-- first connection, has those, and the token for the server is there.
local function settled_descriptors(server)
  aui.connect { url = "ws://localhost:1/" }
  if server.carrier then
    local o = wire.options(server)
    assert(aui.client({ publishable_key = o.publishable_key, url = o.url, tls = o.tls }):welcome_message())
  end
  collect()
  aui.sleep(0.05)
  return open_descriptors()
end

-- Runs the loop until no more descriptors are open, for 10 s at most.
local function assert_descriptors(expected)
  local patience = 1000
  while open_descriptors() > expected and patience > 0 do
    aui.sleep(0.01)
    patience = patience - 1
  end
  assert.is_true(open_descriptors() <= expected)
end

for _, way in ipairs(wire.ways) do
  describe("what is dropped over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    -- aui.connect, but `link` does not keep the session.
    local function connect(server) return assert(aui.connect(wire.options(server))) end

    it("leaves nothing behind: a session that is open", function()
      local server, weak = link:start(), setmetatable({}, { __mode = "k" })
      local before = settled_descriptors(server)
      for _ = 1, 20 do weak[connect(server)] = true end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

    it("leaves nothing behind: a session with a reply under way, and the reply", function()
      local server = link:play(steps.times(20, { { receive = true }, { update = "I" } }))
      local weak = setmetatable({}, { __mode = "k" })
      local before = settled_descriptors(server)
      for _ = 1, 20 do
        local session = connect(server)
        local reply = session:send "hello"
        assert.equal("I", reply:next())
        weak[session], weak[reply] = true, true
      end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

    if not link.by_stream then
      it("leaves nothing behind: a session that is still connecting", function()
        local server, weak = link:play { { handshake = "ignore" } }, setmetatable({}, { __mode = "k" })
        local before = settled_descriptors(server)
        for _ = 1, 20 do
          local session = aui.session(wire.options(server))
          aui.sleep(0.005)
          weak[session], weak[session:send "hello"] = true, true
        end
        collect()
        assert.is_nil(next(weak))
        assert_descriptors(before)
      end)
    end

    it("leaves nothing behind: a session that could not connect", function()
      local server, weak = link:start(), setmetatable({}, { __mode = "k" })
      local before = settled_descriptors(server)
      server:kill()
      for _ = 1, 20 do
        local session = aui.session(wire.options(server))
        assert.is_nil(session:ask "hello")
        weak[session] = true
      end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

    if not link.carrier then
      it("says goodbye to the server: a session", function()
        local peer = link:peer "\129\2{}"
        do
          local session = connect(peer)
          local reply = session:send "hello"
          assert.is_nil(reply:next(0.1))
        end
        local before = open_descriptors()
        collect()
        assert_descriptors(before - 1)
        assert.same({ { opcode = 8, close_code = 1000 } }, peer:report().frames)
      end)
    end

    it("does not concern a reply that is kept without its session", function()
      local scenario, text = { { receive = true } }, ""
      for _ = 1, 20 do
        text = text .. "I found it. "
        scenario[#scenario + 1], scenario[#scenario + 2] = { update = text }, { wait = 0.005 }
      end
      scenario[#scenario + 1] = { message = { text = text } }
      local reply = connect(link:play(scenario)):send "hello"
      local shown = ""
      for chunk, keep in reply do
        collect()
        shown = shown:sub(1, keep) .. chunk
      end
      assert.equal(text, shown)
      assert.equal(text, assert(reply:message()).text)
    end)

    it("does not concern the next message: a reply that was not read", function()
      local server = link:play {
        connections = { { { receive = true }, { update = "old" }, { wait = 60 } }, { { agent = true } } },
      }
      local session = link:connect(server)
      assert.equal("old", session:send("hello"):next())
      collect()
      assert.is_table(session:ask "again")
    end)
  end)
end

for _, way in ipairs(wire.ways) do
  describe("#native a program with sessions open over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    local PROLOGUE = [[
      local aui = require "aui"
local cjson = require "cjson"
      local options = require("cjson").decode((...))
      session = assert(aui.connect(options))
      reply = session:send "hello"
      assert(reply:next())
      connecting = assert(aui.session(options))
      aui.spawn(function() aui.sleep(60) end)
    ]]
    local closes = _VERSION ~= "Lua 5.1" or jit -- luacheck: ignore jit (PUC Lua 5.1 never closes its state in os.exit)
    local closing = link.by_stream and 1 or 2 -- the server's answer to a close frame is awaited
    -- With the exit status, and how many tasks it says that it leaves.
    local ENDS = {
      { "at its last line", "", 0, 1 },
      { "by os.exit", "os.exit(0)", 0, 0 },
      { "by os.exit that closes the state", "os.exit(0, true)", 0, closes and 1 or 0 },
      { "by os.exit inside a task", "aui.run(function() aui.sleep(0) os.exit(7, true) end)", 7, 0 },
      { "with a task that closes the session", "aui.spawn(function() session:close() end) aui.step()", 0, closing },
    }

    for _, case in ipairs(ENDS) do
      local how, last_words, status, left = case[1], case[2], case[3], case[4]
      local words = left > 0 and ("aui: the program has ended before %d of its tasks"):format(left) or ""
      it("ends at once, with no words but of its tasks, " .. how, function()
        local server = link:play { { receive = true }, { update = "I" }, { wait = 60 } }
        local result = child.run(PROLOGUE .. last_words, {}, cjson.encode(wire.options(server)))
        assert.equal(words, (result.stderr:gsub(" %(aui.spawn%) had: [^\n]*\n$", "")))
        assert.equal(0, result.signal)
        assert.equal(status, result.status)
        assert.is_true(result.seconds < 10, "took " .. result.seconds .. " s")
      end)
    end
  end)
end

describe("#native a task that has ended, and is held,", function()
  local function coroutine_is_gone(fn)
    local seen = setmetatable({}, { __mode = "v" })
    local task
    pcall(aui.run, function()
      task = aui.spawn(function()
        seen.coroutine = coroutine.running()
        fn()
      end)
      aui.sleep(0.001)
      task:cancel()
    end)
    collect()
    return seen.coroutine == nil and task:status() ~= "pending"
  end

  it("holds its coroutine no more", function() assert.is_true(coroutine_is_gone(function() aui.sleep(0) end)) end)

  it("holds it no more when it was canceled", function()
    assert.is_true(coroutine_is_gone(function() aui.sleep(60) end))
  end)
end)
