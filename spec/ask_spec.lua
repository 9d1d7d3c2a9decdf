-- session:ask in more than one attempt: what surely was not acted on is sent again, and nothing else.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local FAST = { base = 0.01, max = 0.05 }
local ANSWER = { { receive = true }, { message = { text = "answer" } } }

-- A connection that answers with an error.
local function refusal(status, retry_after)
  return { { receive = true }, { refuse = status, retry_after = retry_after } }
end

for _, way in ipairs(wire.ways) do
  describe("session:ask over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    -- A session with a server whose connections play these steps, and which connects again for a message alone.
    local function play(...) return assert(link:connect(link:play { connections = { ... } })) end

    local function assert_failed(kind, message, err)
      assert.is_nil(message)
      assert.equal(kind, err.kind)
      return err
    end

    -- That the server has played all connections but the last one.
    local function assert_next_is_answer(session) assert.equal("answer", assert(session:ask "another").text) end

    it("sends again what was refused, until it is answered", function()
      local session = play(refusal(429), refusal(429), ANSWER)
      assert.equal("answer", assert(session:ask("question", { retries = 3 })).text)
    end)

    it("sends nothing again unless it is told to", function()
      local session = play(refusal(429), refusal(429), ANSWER)
      local err = assert_failed("rate_limit", session:ask "question")
      assert.same({ "no", true }, { err.delivered, err.retryable })
      assert_failed("rate_limit", session:ask("question", {}))
      assert_next_is_answer(session)
    end)

    it("gives up after so many times, with the error of the last", function()
      local session = play(refusal(429), refusal(429), ANSWER)
      local err = assert_failed("rate_limit", session:ask("question", { retries = 1 }))
      assert.equal(429, err.status_code)
      assert_next_is_answer(session)
    end)

    it("does not send again what the agent may have acted on, or what has no chance", function()
      -- What the server does, the error's kind, and whether the message was delivered.
      local hopeless = {
        { { { receive = true }, { cut = "reset" } }, "transport", "maybe" },
        { refusal(500), "server", "maybe" },
        { refusal(422), "application", "yes" },
        { refusal(403), "auth", "no" },
      }
      for _, case in ipairs(hopeless) do
        local session = play(case[1], ANSWER)
        local err = assert_failed(case[2], session:ask("question", { retries = 3 }))
        assert.equal(case[3], err.delivered)
        assert_next_is_answer(session)
      end
    end)

    it("takes timeout.total at most, with all attempts", function()
      local session = play(refusal(429), { { receive = true }, { wait = 3600 } })
      local message = { text = "question", timeout = { total = 2 } }
      local err = assert_failed("timeout", session:ask(message, { retries = 1000 }))
      local rest = err.message:match "^no complete answer within ([%d.]+) s %(timeout%.total%)$"
      assert.is_true(tonumber(rest) < 2, err.message)
      assert.equal("maybe", err.delivered)
    end)

    it("waits for a server that comes back, and for room in the queue", function()
      local server = link:start { "--echo" }
      local reconnect = { base = FAST.base, max = FAST.max, attempts = 1 }
      local session = link:connect(server, { queue = { messages = 1 }, reconnect = reconnect })
      server:kill()
      wire.await(session, "waiting")
      local texts = {}
      aui.run(function()
        for index = 1, 3 do
          aui.spawn(function() texts[index] = assert(session:ask("message " .. index, { retries = 1000 })).text end)
        end
        aui.sleep(0) -- until they have failed, or wait
        server:restart()
      end)
      assert.same({ "message 1", "message 2", "message 3" }, texts)
    end)

    it("does not repeat what can never fit", function()
      local session = link:connect(link:start { "--echo" }, { queue = { bytes = 200 }, reconnect = FAST })
      local message, err = session:ask(("x"):rep(300), { retries = 1000 })
      assert.is_nil(message)
      assert.same({ "overflow", false, "no" }, { err.kind, err.retryable, err.delivered })
    end)

    if link.carrier ~= "websocket" then -- which has no word for how long
      it("leaves a server alone for as long as it asks, if there is the time", function()
        local session, begin = play(refusal(429, 1), ANSWER), aui.now()
        assert.equal("answer", assert(session:ask("question", { retries = 3 })).text)
        assert.is_true(aui.now() - begin >= 1)
        session = play(refusal(429, 3600), ANSWER)
        local message = { text = "question", timeout = { total = 60 } }
        assert.equal(3600, assert_failed("rate_limit", session:ask(message, { retries = 3 })).retry_after)
        assert_next_is_answer(session)
      end)

      it("ends when the session is closed, or its task canceled, in a pause", function()
        local session = play(refusal(429, 300), ANSWER)
        aui.run(function()
          local first = aui.spawn(session.ask, session, "question", { retries = 3 })
          support.wait_until(function() return session:state() == "waiting" end)
          first:cancel()
          local _, err = first:join()
          assert.equal("canceled", err.kind)
        end)
        assert_next_is_answer(session)
        session = play(refusal(429, 1), ANSWER)
        aui.run(function()
          local second = aui.spawn(session.ask, session, "question", { retries = 3 })
          support.wait_until(function() return session:state() == "waiting" end)
          session:close()
          local message, err = second:join()
          assert.is_nil(message)
          assert.equal("canceled: the session is closed", tostring(err))
        end)
      end)
    end
  end)
end
