-- Sessions that lose their server: they connect again by themselves, their messages wait, and their users are told.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local FAST = { base = 0.01, max = 0.05 }
local SESSIONS = math.min(200, tonumber(os.getenv "AUI_SESSIONS") or 200)

-- What the session's handlers are told from now on, as { state, err, delay }.
local function follow(session)
  local told = {}
  session:on("state", function(state, err, delay) told[#told + 1] = { state = state, err = err, delay = delay } end)
  return told
end

local function first(told, state)
  for _, entry in ipairs(told) do
    if entry.state == state then return entry end
  end
end

local function await(told, state)
  support.wait_until(function() return first(told, state) ~= nil end)
  return first(told, state)
end

local function until_state(session, state)
  support.wait_until(function() return session:state() == state end)
end

-- The texts and tasks of the messages in the simulator's log.
local function messages_in(log)
  local messages = {}
  for index, message in ipairs(support.logged_messages(log)) do
    messages[index] = message.task_id .. ": " .. message.text
  end
  return messages
end

for _, way in ipairs(wire.ways) do
  describe("a session over " .. way, function()
    local link = wire.new(way)
    after_each(function() link:stop() end)

    -- A server that is not there yet, but whose port is known.
    local function absent(...)
      local server = link:start { ... }
      server:kill()
      return server
    end

    -- A session that has asked once; its connection then ends in this step, while the host is busy.
    local function ask_once(ending)
      local once = { { receive = true }, { message = { text = "one" } }, { wait = 0.2 }, ending }
      local again = { { receive = true }, { message = { text = "two" } } }
      local server = link:play { connections = { once, again } }
      local session = assert(link:connect(server, { reconnect = FAST }))
      local up = server:connections()
      assert.equal("one", assert(session:ask "one").text)
      server:await_end(up)
      return session
    end

    -- In each, an idle connection ends while the host is busy.
    local UNSEEN = {
      ["was cut"] = function() return ask_once { cut = "fin" } end,
      ["was reset"] = function() return ask_once { cut = "reset" } end,
      ["died with its server"] = function()
        local server = link:start { "--echo" }
        local session = link:connect(server, { reconnect = FAST })
        server:kill()
        server:await_end(1)
        server:restart()
        return session
      end,
    }
    for what, prepare in pairs(UNSEEN) do
      it("sends nothing on a connection that " .. what .. " while the host was busy", function()
        local session = prepare()
        assert.equal("two", assert(session:ask "two").text)
      end)
    end

    it("does not outlast its messages while it waits for its next attempt", function()
      local server = absent "--echo"
      local session = link:session(server, { reconnect = { base = 0.01, max = 3600 } })
      local patient, told = session:send "zero", follow(session)
      support.wait_until(function()
        local last = told[#told]
        return last and last.state == "waiting" and last.delay and last.delay > 1.5
      end)
      server:restart()
      assert.equal("one", assert(session:ask { text = "one", timeout = { first = 1 } }).text)
      assert.equal("zero", assert(patient:message()).text)
    end)

    it("sends a message again that a rate limit held off", function()
      local limited = { { receive = true }, { refuse = 429 } }
      local server = link:play {
        connections = {
          limited,
          link.by_stream and limited or { { handshake = { status = 429 } } },
          { { receive = true }, { message = { text = "once" } }, { wait = 3600 } },
        },
      }
      local session = link:connect(server, { reconnect = FAST })
      local told = follow(session)
      assert.equal("once", assert(session:ask "question").text)
      assert.equal("rate_limit", first(told, "waiting").err.kind)
    end)

    it("says that a rate limit was it when a message is held off until its time is over", function()
      local handshake = { handshake = { status = 429, headers = { ["Retry-After"] = "60" } } }
      local refusal = { { receive = true }, { refuse = 429, retry_after = 60 } }
      local server = link:play { connections = { link.by_stream and refusal or { handshake } } }
      local session = link:session(server, { reconnect = FAST, timeout = { first = 0.3 } })
      local message, err = session:ask "question"
      assert.is_nil(message)
      assert.same({ "rate_limit", 429, 60, "no", true }, {
        err.kind, err.status_code, err.retry_after, err.delivered, err.retryable,
      }) -- stylua: ignore
      assert.matches("^rate_limit: no .* within 0%.3 s %(timeout%.first%): ", tostring(err))
    end)

    it("tries only so often, and then for each message once", function()
      local server = absent "--echo"
      local session = link:session(server, { reconnect = { base = 0.01, attempts = 3 } })
      local told = follow(session)
      for _ = 1, 2 do
        local message, err = session:ask "question"
        assert.is_nil(message)
        assert.equal("transport", err.kind)
        assert.equal("no", err.delivered)
        assert.equal("waiting", session:state())
      end
      support.wait_until(function() return told[#told].state == "waiting" and not told[#told].delay end)
      server:restart()
      assert.equal("question", assert(session:ask "question").text)
    end)

    it("tells of attempts that fail, however short they are", function()
      local session = link:session(absent(), { reconnect = { base = 0.05, max = 0.05, attempts = 4 } })
      local reply = session:send "question"
      local told, waits = follow(session), 0
      support.wait_until(function() return told[#told] and told[#told].state == "waiting" and not told[#told].delay end)
      for _, entry in ipairs(told) do
        if entry.state == "waiting" then
          assert.equal("transport", entry.err.kind)
          waits = waits + 1
        end
      end
      assert.is_true(waits >= 2 and waits <= 5) -- fewer only if one turn of the loop took longer than a delay
      assert.equal("failed", reply:status())
    end)

    it("does not try again what the server refuses for good", function()
      local server = link:start { "--api-key", "right", "--publishable-key", "pk_network_right" }
      local session = link:session(server, { reconnect = FAST, api_key = not link.carrier and "hunter2-wrong" or nil })
      local told = follow(session)
      local message, err = session:ask "question"
      assert.is_nil(message)
      assert.equal("auth", err.kind)
      local waiting = await(told, "waiting")
      assert.equal(401, waiting.err.status_code)
      assert.is_nil(waiting.delay)
      assert.equal("waiting", session:state())
    end)

    it("waits for a reason to connect again when reconnect is false", function()
      local server = link:start { "--echo" }
      local session = link:connect(server, { reconnect = false })
      server:kill()
      until_state(session, "waiting")
      local _, err = session:ask "nobody hears this"
      assert.equal("transport", err.kind)
      server:restart()
      assert.equal("one", assert(session:ask "one").text)
    end)

    it("can be closed while it waits, which ends what is pending", function()
      local session = link:session(absent(), { reconnect = { base = 60, max = 60 } })
      local reply = session:send "never"
      until_state(session, "waiting")
      session:close()
      assert.equal("closed", session:state())
      local _, err = reply:message()
      assert.equal("canceled", err.kind)
      assert.equal("no", err.delivered)
    end)

    it("gives a message up that waits too long for a connection", function()
      local session = link:session(absent(), { reconnect = FAST, timeout = { first = 0.1 } })
      local _, err = session:ask "question"
      assert.equal("timeout", err.kind)
      assert.equal("no", err.delivered)
      assert.is_truthy(err.message:find("no connection within 0.1 s (timeout.first): ", 1, true))
    end)

    it("is not tried twice by aui.connect", function()
      local server = absent()
      for _, base in ipairs { 1e-6, 0.001, 60 } do -- however soon the next attempt may be
        local session, err = link:connect(server, { reconnect = { base = base } })
        assert.is_nil(session)
        assert.equal("transport", err.kind)
      end
      if link.by_stream then return end -- which is open once it is connected
      server = link:play { connections = { { { handshake = { status = 503 } } }, { { agent = true } } } }
      local session, err = link:connect(server, { reconnect = { base = 1e-6, max = 1e-6 } })
      assert.is_nil(session)
      assert.equal(503, err.status_code)
      server = link:play { connections = { { { handshake = "drop" } }, { { agent = true } } } }
      session, err = link:connect(server, { reconnect = { base = 1e-6, max = 1e-6 } })
      assert.is_nil(session)
      assert.equal("transport", err.kind)
    end)

    if not link.by_stream then -- whose connection lasts, and has a handshake and an orderly end
      it("that is idle finds its server again when that is restarted", function()
        local server = link:start { "--echo" }
        local session = link:connect(server, { reconnect = FAST })
        local told = follow(session)
        server:kill()
        local waiting = await(told, "waiting")
        assert.equal("transport", waiting.err.kind)
        assert.is_true(waiting.delay >= 0 and waiting.delay <= 0.05)
        server:restart()
        until_state(session, "open")
        assert.equal("two", assert(session:ask "two").text)
      end)

      it("says why a connection was lost even when it is replaced at once", function()
        local once = { { receive = true }, { message = { text = "one" } }, { cut = "reset" } }
        local server = link:play { connections = { once, { { agent = true } } } }
        local session = link:connect(server, { reconnect = FAST })
        local told = follow(session)
        assert.equal("one", assert(session:ask "question").text)
        await(told, "open")
        assert.equal("connecting", told[1].state)
        assert.equal("transport", told[1].err.kind)
        assert.is_nil(told[1].delay)
        assert.equal(2, #told)
        assert.is_nil(told[2].err)
      end)

      it("gets through refusals and cuts to a server that works, and tells what happens", function()
        local server = link:play {
          connections = {
            { { handshake = { status = 503, headers = { ["Retry-After"] = "1" } } } },
            { { receive = true }, { update = "It is" }, { cut = "reset" } },
            { { agent = true } },
          },
        }
        local session = link:session(server, { reconnect = FAST })
        local told = follow(session)
        local one, two = session:send "one", session:send "two"
        local _, err = one:message()
        assert.equal("transport", err.kind)
        assert.equal("It is", err.text)
        assert.is_string(assert(two:message()).text)
        local waiting = first(told, "waiting")
        assert.equal(503, waiting.err.status_code)
        assert.equal(1, waiting.err.retry_after)
        -- A tenth on top: those who are told the same do not come back together. The clock has milliseconds.
        assert.is_true(waiting.delay > FAST.max and waiting.delay < 1.1005)
        assert.same({ "waiting", "connecting", "open" }, { told[1].state, told[2].state, told[3].state })
        assert.is_nil(told[2].err)
      end)

      -- What comes of a message when the server asks for so much time.
      local function ask_a_busy_server(retry_after)
        local refusal = { handshake = { status = 503, headers = { ["Retry-After"] = retry_after } } }
        local session = link:session(link:play { connections = { { refusal } } }, { reconnect = FAST })
        local told = follow(session)
        wire.await(session, "waiting") -- the refusal has come, however slow the machine is
        local message, err = session:ask { text = "one", timeout = { first = 0.3 } }
        assert.is_nil(message)
        assert.equal("timeout", err.kind)
        assert.equal("no", err.delivered)
        assert.equal(503, err.status_code)
        return err, first(told, "waiting")
      end

      it("tells each message that waited in vain how long the server wants to be left alone", function()
        local err, waiting = ask_a_busy_server "60"
        assert.equal(60, err.retry_after)
        assert.is_true(waiting.delay > 59 and waiting.delay <= 66)
      end)

      it("leaves a server alone until a date", function()
        local err, waiting = ask_a_busy_server(os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + 60))
        assert.is_true(err.retry_after >= 50 and err.retry_after <= 60)
        assert.is_true(waiting.delay > err.retry_after - 1 and waiting.delay <= 66)
      end)

      it("leaves no server alone for longer than five minutes", function()
        local err, waiting = ask_a_busy_server "2147483647"
        assert.equal(2147483647, err.retry_after)
        assert.is_true(waiting.delay > 299 and waiting.delay <= 330)
      end)

      it("tells of a retry after an orderly close when that is known, not before", function()
        local server = link:play { connections = { { { close = 1013 } }, { { agent = true } } } }
        local session = link:session(server, { reconnect = { base = 0.2 } })
        local told = follow(session)
        local waiting = await(told, "waiting")
        assert.equal(1013, waiting.err.close_code)
        assert.is_true(waiting.delay >= 0 and waiting.delay <= 0.2)
        support.wait_until(function() return told[#told].state == "open" end)
      end)

      it("stays down after an orderly close, until the next message", function()
        local turn = { { receive = true }, { message = { text = "fine" } }, { close = 1000 } }
        local session = link:connect(link:play(turn), { reconnect = FAST })
        for _ = 1, 2 do
          local told = follow(session)
          assert.equal("fine", assert(session:ask "question").text)
          local waiting = await(told, "waiting")
          assert.equal(1000, waiting.err.close_code)
          assert.is_nil(waiting.delay)
          assert.equal("waiting", session:state())
        end
      end)

      it("sends nothing on a connection that the server has closed while the host was busy", function()
        local once = { { receive = true }, { message = { text = "one" } }, { wait = 0.2 }, { close = 1001 } }
        local server = link:play { connections = { once, { { receive = true }, { message = { text = "two" } } } } }
        local session = link:connect(server, { reconnect = FAST })
        assert.equal("one", assert(session:ask "one").text)
        server:await_bytes()
        assert.equal("two", assert(session:ask "two").text)
      end)
    end
  end)
end

for _, scheme in ipairs(wire.schemes) do
  describe("a session of the tasks API, whose servers keep nothing, over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    it("keeps its messages in order, with their tasks, while its server is restarted", function()
      local log = os.tmpname()
      local server = link:start { "--echo", "--pace", "0.05", "--log", log }
      local session = link:connect(server, { reconnect = FAST })
      local begun = session:send(("a long story "):rep(200))
      local waiting = {}
      for i = 1, 3 do waiting[i] = session:send { text = "message " .. i, task_id = "task" .. i } end
      assert(begun:next())
      server:kill()
      local message, err = begun:message()
      assert.is_nil(message)
      assert.equal("transport", err.kind)
      assert.equal("maybe", err.delivered)
      assert.equal(begun:text(), err.text)
      waiting[4] = session:send { text = "message 4", task_id = "task4" }
      server:restart()
      local expected = {}
      for i = 1, 4 do
        assert.equal("message " .. i, assert(waiting[i]:message()).text)
        expected[i] = ("task%d: message %d"):format(i, i)
      end
      assert.same(expected, messages_in(log))
      os.remove(log)
    end)

    it(("is one of %d that survive their server, each message ending once"):format(SESSIONS), function()
      local server = link:start { "--echo", "--pace", "0.05" }
      local story = ("a long story "):rep(200)
      local streaming, failed, waited, later = 0, 0, 0, 0
      aui.run(function()
        for i = 1, SESSIONS do
          aui.spawn(function()
            local session = link:session(server, { reconnect = FAST, timeout = { connect = 60 } })
            local one, two = session:send(story), session:send("second " .. i)
            assert(one:next())
            streaming = streaming + 1
            local message, err = one:message()
            assert(not message and err.kind == "transport" and err.delivered == "maybe", tostring(err))
            failed = failed + 1
            assert(assert(two:message()).text == "second " .. i)
            waited = waited + 1
            assert(assert(session:ask("third " .. i)).text == "third " .. i)
            later = later + 1
            assert(select(2, one:message()) == err)
          end)
        end
        support.wait_until(function() return streaming == SESSIONS end)
        server:kill()
        server:restart()
      end)
      assert.same({ SESSIONS, SESSIONS, SESSIONS }, { failed, waited, later })
    end)
  end)
end

describe("a session over wss", function()
  local link = wire.new "wss"
  after_each(function() link:stop() end)

  it("does not try a server again whose certificate it does not trust", function()
    local session = link:session(link:start { stranger = true }, { reconnect = FAST })
    local told = follow(session)
    local _, err = session:ask "question"
    assert.equal("transport", err.kind)
    assert.is_false(err.retryable)
    assert.is_nil(await(told, "waiting").delay)
  end)
end)

describe("the option reconnect", function()
  -- Each is { value, what the error says }.
  local REFUSED = {
    { true, "reconnect: expected a table, got true" },
    { 5, "reconnect: expected a table, got 5" },
    { { bas = 1 }, 'reconnect: unknown option "bas"; did you mean "base"?' },
    { { base = 0 }, "reconnect.base: expected seconds (a number above 0), got 0" },
    { { base = false }, "reconnect.base: expected seconds (a number above 0), got false" },
    { { max = "1" }, 'reconnect.max: expected seconds (a number above 0), got "1"' },
    { { max = 0 / 0 }, "reconnect.max: expected seconds (a number above 0), got" },
    { { reset_after = -1 }, "reconnect.reset_after: expected seconds (a number above 0), got -1" },
    { { attempts = 0 }, "reconnect.attempts: expected a whole number between 1 and 4294967295, got 0" },
    { { attempts = 1.5 }, "reconnect.attempts: expected a whole number between 1 and 4294967295, got 1.5" },
    { { attempts = false }, "reconnect.attempts: expected a whole number between 1 and 4294967295, got false" },
  }
  for index, case in ipairs(REFUSED) do
    it(("is refused by name (%d)"):format(index), function()
      local ok, err = pcall(function()
        local session = aui.session { url = "ws://127.0.0.1:1/", reconnect = case[1] }
        return session
      end)
      assert.is_false(ok)
      local words = err:match "^spec/reconnect_spec%.lua:%d+: (.*)$"
      assert.equal(case[2], words and words:sub(1, #case[2]))
    end)
  end

  it("takes times of any length", function()
    for _, value in ipairs { 1e-9, 1e300, 1 / 0 } do
      local reconnect = { base = value, max = value, reset_after = value, attempts = 1 }
      assert(aui.session { url = "ws://127.0.0.1:1/", reconnect = reconnect }):close()
    end
  end)
end)
