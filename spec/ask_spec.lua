-- session:ask in more than one attempt: what surely was not acted on is sent again, and nothing else.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local FAST = { base = 0.01, max = 0.05 }
local ANSWER = { { receive = true }, { message = { text = "answer" } } }

-- A connection that answers with an error payload.
local function refusal(status, extra_data)
  return { { receive = true }, { error = { status_code = status, extra_data = extra_data } }, { close = 1008 } }
end

for _, scheme in ipairs(wire.schemes) do
  describe("session:ask over " .. scheme, function()
    local link, log = wire.new(scheme), nil
    before_each(function() log = os.tmpname() end)
    after_each(function()
      link:stop()
      os.remove(log)
    end)

    -- A session with a server whose connections play these steps, and which connects again for a message alone.
    local function play(...)
      return link:connect(link:play({ connections = { ... } }, { "--log", log }))
    end

    -- How often the message has come.
    local function attempts() return #support.logged_messages(log) end

    local function assert_failed(kind, times, message, err)
      assert.is_nil(message)
      assert.equal(kind, err.kind)
      assert.equal(times, attempts())
      return err
    end

    it("sends again what was refused, until it is answered", function()
      local session = play(refusal(429), refusal(429), ANSWER)
      assert.equal("answer", assert(session:ask("question", { retries = 3 })).text)
      assert.equal(3, attempts())
    end)

    it("sends nothing again unless it is told to", function()
      local session = play(refusal(429), ANSWER)
      local err = assert_failed("rate_limit", 1, session:ask "question")
      assert.same({ "no", true }, { err.delivered, err.retryable })
      assert.equal("answer", assert(session:ask("question", {})).text)
    end)

    it("gives up after so many times, with the error of the last", function()
      local session = play(refusal(429), refusal(429), ANSWER)
      local err = assert_failed("rate_limit", 2, session:ask("question", { retries = 1 }))
      assert.equal(429, err.status_code)
    end)

    it("does not send again what the agent may have acted on, or what has no chance", function()
      local cut = { { receive = true }, { cut = "reset" } }
      assert.equal("maybe", assert_failed("transport", 1, play(cut, ANSWER):ask("question", { retries = 3 })).delivered)
      local err = assert_failed("server", 1, play(refusal(500), ANSWER):ask("question", { retries = 3 }))
      assert.equal("maybe", err.delivered)
      assert_failed("application", 1, play(refusal(422), ANSWER):ask("question", { retries = 3 }))
      err = assert_failed("auth", 1, play(refusal(401), ANSWER):ask("question", { retries = 3 }))
      assert.same({ "no", false }, { err.delivered, err.retryable })
    end)

    it("leaves a server alone for as long as it asks, if there is the time", function()
      local session, begin = play(refusal(429, { retry_after = 0.8 }), ANSWER), aui.now()
      assert.equal("answer", assert(session:ask("question", { retries = 3 })).text)
      assert.is_true(aui.now() - begin >= 0.8)
      session = play(refusal(429, { retry_after = 3600 }), ANSWER)
      local message = { text = "question", timeout = { total = 60 } }
      assert.equal(3600, assert_failed("rate_limit", 1, session:ask(message, { retries = 3 })).retry_after)
    end)

    it("takes timeout.total at most, with all attempts", function()
      local session = play(refusal(429), { { receive = true }, { wait = 3600 } })
      local message = { text = "question", timeout = { total = 2 } }
      local err = assert_failed("timeout", 2, session:ask(message, { retries = 1000 }))
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

    it("ends when the session is closed, or its task canceled, in a pause", function()
      local session = play(refusal(429, { retry_after = 300 }), ANSWER)
      aui.run(function()
        local first = aui.spawn(session.ask, session, "question", { retries = 3 })
        support.wait_until(function() return session:state() == "waiting" end)
        first:cancel()
        local _, err = first:join()
        assert.equal("canceled", err.kind)
        assert.equal(1, attempts())
      end)
      session = play(refusal(429, { retry_after = 1 }), ANSWER)
      aui.run(function()
        local second = aui.spawn(session.ask, session, "question", { retries = 3 })
        support.wait_until(function() return session:state() == "waiting" end)
        session:close()
        local message, err = second:join()
        assert.is_nil(message)
        assert.equal("canceled: the session is closed", tostring(err))
        assert.equal(1, attempts())
      end)
    end)
  end)
end
