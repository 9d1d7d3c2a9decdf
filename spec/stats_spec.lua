-- session:stats: what a session has moved and met, and how long the newest message's answer took.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local HEAD, MASK = 2, 4 -- bytes of a short frame beside its payload
-- Sent and received for one message with two updates; in the threads API there is one with the thread, too.
local FRAMES = { ws = { 1, 3 }, stream = { 0, 0 }, ["wss of threads"] = { 1, 4 } }
local NO_PINGS = { ping_interval = false } -- whose frames would be counted

for _, way in ipairs(wire.ways) do
  describe("the figures of a session over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    it("are numbers from the beginning, but for times of what was not yet", function()
      local server = link:start()
      server:kill()
      local session = link:session(server)
      assert.same({
        bytes_received = 0,
        bytes_sent = 0,
        frames_received = 0,
        frames_sent = 0,
        updates_folded = 0,
        reconnects = 0,
      }, session:stats())
      assert.equal("0", tostring(session:stats().frames_sent))
    end)

    it("have bytes and frames both ways, and updates that nobody had read", function()
      local session = link:connect(link:play {
        { receive = true }, { update = "I" }, { update = "I found" }, { message = { text = "I found" } },
      }, NO_PINGS) -- stylua: ignore
      local before = session:stats()
      assert.equal(not link.by_stream, before.bytes_sent > 0 and before.bytes_received > 0) -- the handshake
      assert.same({ 0, 0 }, { before.frames_sent, before.frames_received })
      local reply = session:send "q"
      assert(reply:message())
      local after = session:stats()
      assert.is_true(after.bytes_sent - before.bytes_sent > #'{"text":"q"}')
      assert.is_true(after.bytes_received - before.bytes_received > #reply:json())
      assert.same(FRAMES[way], { after.frames_sent, after.frames_received })
      assert.equal(1, after.updates_folded)
    end)

    it("have the times of the newest message, also when its reply is gone", function()
      local session = link:connect(link:play {
        { receive = true }, { wait = 0.2 }, { update = "I" }, { message = { text = "I found" } },
        { receive = true }, { update = "B" }, { wait = 3600 },
      }) -- stylua: ignore
      local function times() return session:stats().first_chunk, session:stats().message end
      local reply = session:send "question"
      assert.same({}, { times() })
      assert(reply:message())
      reply = nil -- luacheck: ignore
      support.collect()
      local first_chunk, message = times()
      assert.is_true(first_chunk >= 0.19)
      assert.is_true(message >= first_chunk)
      reply = session:send "another"
      assert.same({}, { times() })
      assert.equal("B", (reply:next()))
      first_chunk, message = times()
      assert.is_true(first_chunk >= 0)
      assert.is_nil(message)
      reply:cancel()
    end)

    it("count connections after the first", function()
      local answer = { { receive = true }, { message = { text = "fine" } }, { cut = "fin" } }
      local session = link:connect(link:play { connections = { answer, answer, answer } })
      for reconnects = 0, 2 do
        assert(session:ask "question")
        assert.equal(reconnects, session:stats().reconnects)
        wire.await(session, "waiting")
      end
    end)

    if not link.carrier then -- else there are no pools
      it("stay when the session is closed, and its connection serves another", function()
        local server, pool = link:start { "--echo" }, aui.pool()
        local session = assert(pool:connect(wire.options(server, NO_PINGS)))
        assert(session:ask "question")
        session:close()
        local stats = session:stats()
        assert.is_true(stats.frames_sent >= 1)
        local next_one = assert(pool:connect(wire.options(server, NO_PINGS)))
        assert.equal(0, next_one:stats().frames_sent)
        assert(next_one:ask "question")
        assert.equal(1, next_one:stats().frames_sent)
        next_one:close()
        assert.same(stats, session:stats())
      end)

      it("have each byte of a frame", function()
        local session = link:connect(link:start { "--echo" }, NO_PINGS)
        local before, json = session:stats().bytes_sent, '{"task_id":"t","text":"q"}'
        assert(session:ask { text = "q", task_id = "t" })
        assert.equal(HEAD + MASK + #json, session:stats().bytes_sent - before)
      end)
    end
  end)
end
