-- aui.pool: sessions that leave their connections for the next ones.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

describe("a pool", function()
  local log

  before_each(function() log = os.tmpname() end)
  after_each(function() os.remove(log) end)

  -- The connections by which the simulator's agent got its messages, in order.
  local function connections()
    local numbers = {}
    for index, message in ipairs(support.logged_messages(log)) do numbers[index] = message.connection end
    return numbers
  end

  for _, scheme in ipairs(wire.schemes) do
    describe("over " .. scheme, function()
      local link = wire.new(scheme)
      after_each(function() link:stop() end)

      local function start(...) return link:start { "--echo", "--log", log, ... } end

      local function converse(pool, server, changes)
        local session = assert(pool:connect(wire.options(server, changes)))
        assert.equal("hello", assert(session:ask "hello").text)
        session:close()
        assert.equal("closed", session:state())
      end

      it("hands the connection of a closed session to the next one", function()
        local server, pool = start(), aui.pool()
        for _ = 1, 3 do converse(pool, server) end
        assert.same({ 1, 1, 1 }, connections())
      end)

      it("hands it on when it was not used at all", function()
        local server, pool = start(), aui.pool()
        for _ = 1, 2 do assert(pool:connect(wire.options(server))):close() end
        converse(pool, server)
        assert.same({ 1 }, connections())
      end)

      it("makes as many connections as there are sessions at once", function()
        local server, pool = start(), aui.pool()
        local one = assert(pool:connect(wire.options(server)))
        local two = assert(pool:connect(wire.options(server)))
        assert(one:ask "one")
        assert(two:ask "two")
        one:close()
        two:close()
        converse(pool, server)
        assert.same({ 1, 2, 2 }, connections()) -- the last one given back is the liveliest
      end)

      it("keeps keys, urls and headers apart", function()
        local server, pool = start(), aui.pool()
        local other_url = server.url:gsub("/api/", "/other/api/")
        for _, changes in ipairs {
          { api_key = "one" }, { api_key = "two" }, { api_key = "one", auth = "header" },
          { api_key = "one", url = other_url }, { api_key = "one", headers = { ["X-A"] = "b" } }, { api_key = "one" },
        } do converse(pool, server, changes) end -- stylua: ignore
        assert.same({ 1, 2, 3, 4, 5, 1 }, connections())
      end)

      it("keeps tasks apart", function()
        local server, pool = start(), aui.pool()
        for _, task_id in ipairs { "one", "two", "one" } do converse(pool, server, { task_id = task_id }) end
        assert.same({ 1, 2, 1 }, connections())
      end)

      it("knows a key that is a function by the function", function()
        local server, pool = start(), aui.pool()
        local asked = 0
        local function new_key(key)
          return function()
            asked = asked + 1
            return key
          end
        end
        local one, two = new_key "k", new_key "k" -- each with a variable of its own: else one function on Lua 5.2, 5.3
        for _, key in ipairs { one, one, two, one } do converse(pool, server, { api_key = key }) end
        assert.same({ 1, 1, 2, 1 }, connections())
        assert.equal(2, asked)
      end)

      it("keeps pools apart", function()
        local server = start()
        converse(aui.pool(), server)
        converse(aui.pool(), server)
        assert.same({ 1, 2 }, connections())
      end)

      it("never reuses a connection on which an answer was cancelled, pending or has failed", function()
        local server, pool = start("--pace", "0.02"), aui.pool()
        local session = assert(pool:connect(wire.options(server)))
        local reply = session:send "a b c d e f"
        assert(reply:next())
        reply:cancel()
        session:close()
        session = assert(pool:connect(wire.options(server)))
        reply = session:send "a b c d e f"
        assert(reply:next())
        session:close()
        assert.equal("canceled", select(2, reply:message()).kind)
        session = assert(pool:connect(wire.options(server, { timeout = { total = 0.01 } })))
        assert.equal("timeout", select(2, session:ask "a b c d e f").kind)
        session:close()
        converse(pool, server)
        assert.same({ 1, 2, 3, 4 }, connections())
      end)

      it("gets over a server that was restarted while its connection was idle", function()
        local server, pool = start(), aui.pool()
        converse(pool, server)
        server:kill()
        server:restart()
        converse(pool, server, { recover = false })
        assert.same({ 1 }, connections()) -- the new server counts anew
      end)

      it("does not keep more idle connections than its size", function()
        local server, pool = start(), aui.pool { size = 1 }
        local sessions = {}
        for i = 1, 3 do sessions[i] = assert(pool:connect(wire.options(server))) end
        for i = 1, 3 do sessions[i]:close() end
        local kept = assert(pool:connect(wire.options(server)))
        local fresh = assert(pool:connect(wire.options(server)))
        assert(kept:ask "kept")
        assert(fresh:ask "fresh")
        local numbers = connections()
        assert.is_true(numbers[1] <= 3)
        assert.equal(4, numbers[2])
        kept:close()
        fresh:close()
      end)

      it("does not keep them longer than its time", function()
        local server, pool = start(), aui.pool { idle = 0.05 }
        converse(pool, server)
        aui.sleep(0.15)
        converse(pool, server)
        assert.same({ 1, 2 }, connections())
      end)

      -- In nginx nobody reads a connection that lies in its pool.
      it("#native answers pings on idle connections", function()
        local steps = {
          { receive = true }, { message = { text = "hello" } },
          { wait = 0.1 }, { ping = "are you there?" }, { await_pong = true },
        } -- stylua: ignore
        local server = link:play({ connections = { { { ["repeat"] = 3, steps = steps } } } }, { "--log", log })
        local pool = aui.pool()
        for _ = 1, 3 do
          converse(pool, server)
          aui.sleep(0.3)
        end
        assert.same({ 1, 1, 1 }, connections())
      end)

      it("lets go of idle connections that are dead", function()
        local dead = { { receive = true }, { message = { text = "hello" } }, { pong = false }, { wait = 3600 } }
        local server = link:play({ connections = { dead, dead } }, { "--log", log })
        local pool = aui.pool()
        for _ = 1, 2 do
          converse(pool, server, { recover = false, ping_interval = 0.05, ping_timeout = 0.05 })
          aui.sleep(0.3)
        end
        assert.same({ 1, 2 }, connections())
      end)

      for name, what in pairs {
        pinged = { ping = "?" },
        closed = { close = 1000 },
        ["closed for an error"] = { close = 1011 },
        ended = { cut = "fin" },
        reset = { cut = "reset" },
      } do
        local kept = { { receive = true }, { message = { text = "hello" } } }
        local first = { kept[1], kept[2], { wait = 0.2 }, what, kept[1], kept[2] }

        -- `await` lets the time of the event pass.
        local function assert_delivered(await)
          local server, pool = link:play({ connections = { first, kept } }, { "--log", log }), aui.pool()
          converse(pool, server, { recover = false })
          await()
          converse(pool, server, { recover = false })
          assert.equal(2, #connections())
        end

        it("loses no message where an idle connection is " .. name, function()
          assert_delivered(function() aui.sleep(1) end)
        end)

        it("loses no message where an idle connection is " .. name .. " while the program is busy", function()
          assert_delivered(function() os.execute "sleep 1" end)
        end)
      end

      it("#native does not hand on a connection on which the agent spoke while it was idle", function()
        local talkative = {
          { receive = true }, { message = { text = "hello" } }, { wait = 0.1 }, { message = { text = "by the way" } },
          { wait = 3600 },
        } -- stylua: ignore
        local server = link:play({ connections = { talkative, talkative } }, { "--log", log })
        local pool = aui.pool()
        for _ = 1, 2 do
          converse(pool, server)
          aui.sleep(1)
        end
        assert.same({ 1, 2 }, connections())
      end)

      it("#native says goodbye on connections that were idle for too long, and on those too many", function()
        local final = '{"id":"1","text":"hello","sender":{"id":"a","type":"agent"}}'
        local peer = link:peer(wire.frame(0x81, final))
        local pool = aui.pool { size = 1, idle = 0.2 }
        local one = assert(pool:connect(wire.options(peer)))
        local two = assert(pool:connect(wire.options(peer)))
        for _, session in ipairs { one, two } do assert(session:ask "hello") end
        for _, session in ipairs { one, two } do session:close() end
        aui.sleep(0.6)
        for _ = 1, 2 do assert.same({ { opcode = 8, close_code = 1000 } }, peer:report().frames) end
      end)

      it("serves first connections: one that is lost is replaced by a new one, with a new key", function()
        local lost = { { receive = true }, { cut = "fin" } }
        local kept = { { receive = true }, { message = { text = "hello" } } }
        local server, pool = link:play({ connections = { lost, kept } }, { "--log", log }), aui.pool()
        local asked = 0
        local function key()
          asked = asked + 1
          return "k"
        end
        local options = wire.options(server, { api_key = key, reconnect = { base = 0.01 } })
        local one = assert(pool:connect(options))
        assert(pool:connect(options)):close()
        assert.equal("transport", select(2, one:ask "one").kind)
        assert(one:ask "two")
        one:close()
        assert.same({ 1, 3 }, connections())
        assert.equal(3, asked)
      end)

      it("closes what its server ended before it was given back", function()
        local server = link:play { { receive = true }, { message = { text = "hello" } }, { cut = "fin" } }
        local pool = aui.pool()
        assert(aui.connect(wire.options(server))):close() -- what is opened once
        collectgarbage "stop" -- which would close it in the end
        finally(function() collectgarbage "restart" end)
        local before = support.open_descriptors()
        for _ = 1, 3 do
          local session = assert(pool:connect(wire.options(server)))
          assert(session:ask "hello")
          server:await_end(1)
          aui.sleep(0.001)
          session:close()
        end
        support.wait_until(function() return support.open_descriptors() <= before end)
      end)

      it("reports a server that is not there as aui.connect does", function()
        local server, pool = start(), aui.pool()
        server:kill()
        local session, err = pool:connect(wire.options(server))
        assert.is_nil(session)
        assert.equal("transport", err.kind)
        server:restart()
      end)
    end)
  end

  it("takes only options that make sense", function()
    for expected, options in pairs {
      ["options: expected a table, got 7"] = 7,
      ['options: unknown option "sise"; did you mean "size"?'] = { sise = 1 },
      ["size: expected a whole number between 1 and 65536, got 0"] = { size = 0 },
      ["idle: expected seconds (a number above 0), got 0"] = { idle = 0 },
    } do
      local ok, err = pcall(aui.pool, options)
      assert.is_false(ok)
      assert.is_truthy(err:find(expected, 1, true), err)
    end
  end)

  it("refuses a bad option of its sessions at the caller's line", function()
    local pool = aui.pool()
    local ok, err = pcall(function() pool:connect { url = "http://x" } end)
    assert.is_false(ok)
    assert.is_truthy(err:find('pool_spec.lua:%d+: url: expected "ws://...', 1), err)
  end)

  it("tells what it is", function()
    assert.equal("aui.Pool (size 2, idle 3 s)", tostring(aui.pool { size = 2, idle = 3 }))
  end)
end)
