-- What ends when nobody holds it any more: sessions and replies that are dropped, and those of a program that ends.

local aui = require "aui"
local child = require "spec.child"
local support = require "spec.support"
local wire = require "spec.wire"

local collect, open_descriptors = support.collect, support.open_descriptors

-- How many descriptors are open once what earlier cases dropped is gone, and the loop, which opens some for good at its
-- first connection, has those.
local function settled_descriptors()
  aui.connect { url = "ws://localhost:1/" }
  collect()
  aui.sleep(0.05)
  return open_descriptors()
end

-- Runs the loop until as many descriptors are open, for 10 s at most.
local function assert_descriptors(expected)
  local patience = 1000
  while open_descriptors() ~= expected and patience > 0 do
    aui.sleep(0.01)
    patience = patience - 1
  end
  assert.equal(expected, open_descriptors())
end

for _, scheme in ipairs(wire.schemes) do
  describe("what is dropped over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    -- aui.connect, but `link` does not keep the session.
    local function connect(server) return assert(aui.connect(wire.options(server))) end

    it("leaves nothing behind: a session that is open", function()
      local server, weak = link:start(), setmetatable({}, { __mode = "k" })
      local before = settled_descriptors()
      for _ = 1, 20 do weak[connect(server)] = true end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

    it("leaves nothing behind: a session with a reply under way, and the reply", function()
      local server = link:play { { receive = true }, { update = "I" } }
      local weak = setmetatable({}, { __mode = "k" })
      local before = settled_descriptors()
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

    it("leaves nothing behind: a session that is still connecting", function()
      local server, weak = link:play { { handshake = "ignore" } }, setmetatable({}, { __mode = "k" })
      local before = settled_descriptors()
      for _ = 1, 20 do
        local session = aui.session(wire.options(server))
        aui.sleep(0.005)
        weak[session], weak[session:send "hello"] = true, true
      end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

    it("leaves nothing behind: a session that could not connect", function()
      local server, weak = link:play { { handshake = { status = 503 } } }, setmetatable({}, { __mode = "k" })
      local before = settled_descriptors()
      for _ = 1, 20 do
        local session = aui.session(wire.options(server))
        assert.is_nil(session:ask "hello")
        weak[session] = true
      end
      collect()
      assert.is_nil(next(weak))
      assert_descriptors(before)
    end)

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

    it("does not concern a reply that is kept without its session", function()
      local server = link:play {
        { receive = true },
        { ["repeat"] = 20, steps = { { update = "I" }, { update = "I found" }, { wait = 0.005 } } },
        { message = { text = "I found it" } },
      }
      local reply = connect(server):send "hello"
      local shown = ""
      for chunk, keep in reply do
        collect()
        shown = shown:sub(1, keep) .. chunk
      end
      assert.equal("I found it", shown)
      assert.equal("I found it", assert(reply:message()).text)
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

  describe("#native a program with sessions open over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local PROLOGUE = [[
      local aui = require "aui"
      local url, ca_file = ...
      local options = { url = url, task_id = "task", tls = ca_file and { ca_file = ca_file } }
      session = assert(aui.connect(options))
      reply = session:send "hello"
      assert(reply:next())
      connecting = assert(aui.session(options))
      aui.spawn(function() aui.sleep(60) end)
    ]]
    local closes = _VERSION ~= "Lua 5.1" or jit -- luacheck: ignore jit (PUC Lua 5.1 never closes its state in os.exit)
    -- With the exit status, and how many tasks it says that it leaves.
    local ENDS = {
      { "at its last line", "", 0, 1 },
      { "by os.exit", "os.exit(0)", 0, 0 },
      { "by os.exit that closes the state", "os.exit(0, true)", 0, closes and 1 or 0 },
      { "by os.exit inside a task", "aui.run(function() aui.sleep(0) os.exit(7, true) end)", 7, 0 },
      { "with a task that closes the session", "aui.spawn(function() session:close() end) aui.step()", 0, 2 },
    }

    for _, case in ipairs(ENDS) do
      local how, last_words, status, left = case[1], case[2], case[3], case[4]
      local words = left > 0 and ("aui: the program has ended before %d of its tasks"):format(left) or ""
      it("ends at once, with no words but of its tasks, " .. how, function()
        local server = link:play { { receive = true }, { update = "I" }, { wait = 60 } }
        local result = child.run(PROLOGUE .. last_words, {}, server.url, server.tls and server.tls.ca_file)
        assert.equal(words, (result.stderr:gsub(" %(aui.spawn%) had: [^\n]*\n$", "")))
        assert.equal(0, result.signal)
        assert.equal(status, result.status)
        assert.is_true(result.seconds < 10, "took " .. result.seconds .. " s")
      end)
    end
  end)
end
