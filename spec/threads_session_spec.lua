-- Sessions with a publishable key: messages are POSTs, answered by Server-Sent Events, or go by WebSocket.

local aui = require "aui"
local cjson = require "cjson"
local wire = require "spec.wire"

local QUICK = { base = 0.001, max = 0.01 } -- the pauses between attempts

local keys = 0

-- Tokens are shared by all clients of a key: here each case has one of its own.
local function new_key()
  keys = keys + 1
  return ("pk_network_hunter2-s%d-%d"):format(keys, os.time())
end

local NO_BALANCE = { message = "no more", status_code = 402, error_code = "balance" }

-- How a server behaves, as steps of each carrier's scenarios.
local STEPS = {
  stream = {
    script = "streams",
    nothing_but_a_cut = { { thread = false }, { cut = "reset" } },
    no_resumption = {
      { response = { status = 410, body = '{"error":{"code":"replay_unavailable","message":"gone"}}' } },
    },
    error_of_a_turn = {
      { { error = NO_BALANCE }, { done = true } },
      { { agent = true }, { done = true } },
    },
  },
  websocket = {
    script = "connections",
    nothing_but_a_cut = { { receive = true, recorded = false }, { cut = "reset" } },
    no_resumption = { { agent = true } },
    error_of_a_turn = {
      { { receive = true }, { send = { type = "error", seq = 1, data = NO_BALANCE } }, { agent = true } },
    },
  },
}

-- Calls it for each scheme and carrier.
local function everywhere(define)
  for _, scheme in ipairs(wire.schemes) do
    for carrier in pairs(STEPS) do define(scheme, carrier) end
  end
end

everywhere(function(scheme, carrier)
  describe(("a session of the threads API by %s over %s"):format(carrier, scheme), function()
    local steps = STEPS[carrier]
    local link, log = wire.new(scheme), nil
    before_each(function() log = os.tmpname() end)
    after_each(function()
      link:stop()
      os.remove(log)
    end)

    local function options_of(server, changes)
      local options = {
        publishable_key = new_key(),
        url = server:base(),
        tls = server.tls,
        user_id = "ada",
        carrier = carrier,
        reconnect = QUICK,
        timeout = { connect = 20, first = 20, idle = 20, total = 60, call = 20 },
      }
      for name, value in pairs(changes or {}) do options[name] = value end
      return options
    end

    local function keep(session, err)
      table.insert(link.sessions, session)
      return session, err
    end

    local function connect(server, changes) return keep(aui.connect(options_of(server, changes))) end

    local function start(...) return link:start { "--echo", "--log", log, ... } end

    -- A server whose streams or connections, and calls, go so.
    local function play(scripts, calls)
      return link:play({ [steps.script] = scripts, rest = calls }, { "--echo", "--log", log })
    end

    -- The fields of the log's lines about this.
    local function logged(event)
      local found = {}
      for line in io.lines(log) do
        local entry = cjson.decode(line)
        if entry.event == event then found[#found + 1] = entry end
      end
      return found
    end

    it("streams answers in a thread that the server makes", function()
      local session = assert(connect(start()))
      assert.is_nil(session.thread_id)
      assert.same({}, session:history())
      local reply = session:send "one two three four"
      local shown = {}
      for chunk in reply do shown[#shown + 1] = chunk end
      assert.equal("one two three four", table.concat(shown))
      local message = assert(reply:message())
      assert.equal("one two three four", message.text)
      assert.same({}, message.options)
      assert.equal(reply.id, message.id)
      assert.is_string(session.thread_id)
      assert.equal("five", assert(session:ask { text = "five", image_url = "https://example.com/cat.png" }).text)
      assert.equal(4, #assert(session:history()))
    end)

    it("keeps messages of one thread together that were sent before it was known", function()
      local session = assert(keep(aui.session(options_of(start()))))
      local replies = {}
      for index = 1, 3 do replies[index] = session:send("number " .. index) end
      for index = 1, 3 do assert.equal("number " .. index, assert(replies[index]:message()).text) end
      assert.equal(6, #assert(session:history()))
      assert.equal(1, #logged "token")
    end)

    it("waits for its token no longer than timeout.connect", function()
      local session, err = connect(play(nil, { "ignore" }), { timeout = { connect = 0.1, call = 20 } })
      assert.is_nil(session)
      local words = "timeout: the key, the token or the headers were not given within 0.1 s (timeout.connect)"
      assert.equal(words, tostring(err))
    end)

    it("does not end with the patience of who asked for the token first", function()
      local server, key = play(nil, { "ignore", "serve" }), new_key()
      local hasty = aui.client(options_of(server, { publishable_key = key, timeout = { call = 0.1 } }))
      local results, errors = aui.map({ 1, 2 }, function(which)
        if which == 1 then return { hasty:call("GET", "/health") } end
        return assert(assert(connect(server, { publishable_key = key })):ask "one").text
      end)
      assert.same({}, errors)
      assert.is_nil(results[1][1])
      assert.equal("timeout", results[1][2].kind)
      assert.equal("one", results[2])
      assert.equal(1, #logged "token")
    end)

    it("asks for a token though an earlier session with the same options has had one", function()
      local server, key = start(), { publishable_key = new_key() }
      for _, text in ipairs { "one", "two" } do
        local session = assert(connect(server, key))
        assert.equal(text, assert(session:ask(text)).text)
        server:kill() -- which forgets the tokens it gave
        server:restart()
      end
    end)

    it("goes on in a thread of the past", function()
      local server = start()
      local first = assert(connect(server))
      assert(first:ask "one")
      local second = assert(connect(server, { thread_id = first.thread_id }))
      assert.equal(first.thread_id, second.thread_id)
      assert(second:ask { text = "two", user_id = "grace" })
      assert.equal(4, #assert(second:history()))
    end)

    it("shows texts that are cumulative as such", function()
      local session = assert(connect(link:start { "--cumulative" }))
      local text = ""
      local reply = session:send "a built-in microwave, at least 20 liters"
      for chunk, kept in reply do text = text:sub(1, kept) .. chunk end
      assert.equal(assert(reply:message()).text, text)
    end)

    it("finds an answer that cannot be resumed in the transcript", function()
      local session = assert(connect(play {
        { { agent = 2 }, { cut = "reset" } },
        steps.no_resumption,
      }))
      local reply, text = session:send "one two three four five six seven", ""
      for chunk, kept in reply do text = text:sub(1, kept) .. chunk end
      assert.equal("one two three four five six seven", text)
      assert.equal(1, #logged "message")
    end)

    it("tells that it is not known what became of a message in an unknown thread", function()
      local session = assert(connect(play { steps.nothing_but_a_cut, { { agent = true } } }))
      local message, err = session:ask "one"
      assert.is_nil(message)
      assert.same({ "transport", "maybe" }, { err.kind, err.delivered })
      assert.equal("two", assert(session:ask "two").text)
    end)

    it("tells what the server says of a turn, and goes on", function()
      local session = assert(connect(play(steps.error_of_a_turn)))
      local message, err = session:ask "one"
      assert.is_nil(message)
      assert.same({ "application", 402, "balance", "yes" }, { err.kind, err.status_code, err.code, err.delivered })
      assert.equal("two", assert(session:ask "two").text)
      assert.equal(0, session:stats().reconnects)
    end)

    it("gives up an answer that is cancelled", function()
      local session = assert(connect(play { { { agent = 1 }, { wait = 60 } }, { { agent = true } } }))
      local reply = session:send "one two three"
      assert(reply:next())
      reply:cancel()
      assert.equal("canceled", select(2, reply:message()).kind)
      assert.equal("two", assert(session:ask "two").text)
    end)

    it("tells why it cannot connect", function()
      local session, err = connect(start("--publishable-key", "pk_network_other"))
      assert.is_nil(session)
      assert.same({ "auth", 401, false, "no" }, { err.kind, err.status_code, err.retryable, err.delivered })
      local words = "POST /management/v1/auth/token: the server answered with status 401"
      assert.matches(words, err.message, 1, true)
      session, err = connect(play(nil, { { status = 503, headers = { ["Retry-After"] = "7" }, body = "busy" } }))
      assert.is_nil(session)
      assert.same({ "server", 503, true, 7 }, { err.kind, err.status_code, err.retryable, err.retry_after })
      local server = start()
      server:kill()
      session, err = connect(server)
      assert.is_nil(session)
      assert.same({ "transport", true }, { err.kind, err.retryable })
    end)

    if carrier == "stream" then
      it("has the suggestions that newer agents send behind the message", function()
        local session = assert(connect(link:start { "--runtime", "2" }))
        local message = assert(session:ask "a built-in microwave, at least 20 liters")
        assert.equal(3, #message.followup_suggestions)
        assert.equal(2, #assert(session:history()))
      end)

      it("resumes an answer where it was cut", function()
        local session = assert(connect(play {
          { { agent = 2 }, { cut = "reset" } },
          { { agent = 2 }, { cut = "fin" } },
          { { comment = "still there" }, { agent = true }, { done = true } },
        }))
        local reply, shown = session:send "one two three four five six seven", {}
        for chunk in reply do shown[#shown + 1] = chunk end
        assert.equal("one two three four five six seven", table.concat(shown))
        assert.equal("one two three four five six seven", assert(reply:message()).text)
        assert.equal(1, #logged "message") -- the turn was run once
      end)

      it("does not resume where it does not connect again", function()
        local server = play { { { agent = 1 }, { done = true } } }
        local session = assert(connect(server, { reconnect = false }))
        local message, err = session:ask "one two three"
        assert.is_nil(message)
        assert.same({ "transport", "maybe", true }, { err.kind, err.delivered, err.retryable })
        assert.equal("the server ended the answer before it was complete", err.message)
      end)

      it("renews a token once that ended early", function()
        local body = '{"error":{"code":"unauthorized","message":"ended"}}'
        local unauthorized = { response = { status = 401, body = body } }
        local fine = { { agent = true } }
        local session = assert(connect(play { fine, { unauthorized }, fine, { unauthorized }, { unauthorized } }))
        assert.equal("one", assert(session:ask "one").text)
        assert.equal("two", assert(session:ask "two").text)
        assert.equal(2, #logged "token")
        local message, err = session:ask "three"
        assert.is_nil(message)
        assert.same({ "auth", 401, "no" }, { err.kind, err.status_code, err.delivered })
        assert.equal(3, #logged "token")
        assert.equal("four", assert(session:ask "four").text)
      end)

      it("renews a token once where nothing else connects again by itself, too", function()
        local unauthorized, fine = { response = { status = 401, body = "ended" } }, { { agent = true } }
        local session = assert(connect(play { fine, { unauthorized }, fine }, { reconnect = false }))
        for _, text in ipairs { "one", "two" } do assert.equal(text, assert(session:ask(text)).text) end
        assert.equal(2, #logged "token")
      end)

      it("rests between two messages, and connects for the next", function()
        local server = start()
        local session = assert(connect(server))
        assert(session:ask "one")
        server:kill()
        wire.await(session, "waiting")
        server:restart()
        local fresh = session:ask "two" -- its thread is gone with the server
        assert.is_nil(fresh)
        assert.equal("open", connect(server):state())
      end)

      it("tells what the server says of a message, and goes on with a stream that is short", function()
        local session = assert(connect(play {
          { { response = { status = 422, body = '{"error":{"code":"bad","message":"no"}}' } } },
          { { agent = 1 }, { done = true } },
          { { agent = true }, { done = true } },
        }, nil, { reconnect = false }))
        local message, err = session:ask "two"
        assert.is_nil(message)
        assert.same({ "application", 422, "bad", "yes" }, { err.kind, err.status_code, err.code, err.delivered })
        assert.equal("the server answered with status 422: no", err.message)
        message = session:ask "three" -- resumed
        assert.equal("three", message.text)
      end)
    else
      it("keeps its connection from message to message", function()
        local session = assert(connect(start()))
        for _, text in ipairs { "one", "two" } do assert.equal(text, assert(session:ask(text)).text) end
        local stats = session:stats()
        assert.same({ 0, 2 }, { stats.reconnects, stats.frames_sent })
      end)

      it("does not look for a lost answer in a thread whose id is none", function()
        local thread = { type = "thread", seq = 0, data = { thread_id = ".." } }
        local update = { type = "event", seq = 1, data = { data = { text = "o" } } }
        local lost = { { receive = true, recorded = false }, { send = thread }, { send = update }, { cut = "fin" } }
        local session = assert(connect(play { lost, { { agent = true } } }))
        local message, err = session:ask "one"
        assert.is_nil(message)
        assert.same({ "transport", "maybe" }, { err.kind, err.delivered })
        assert.same({}, session:history())
        assert.equal("two", assert(session:ask "two").text)
      end)

      it("finds another connection, and its thread, when its own is lost", function()
        local session = assert(connect(play { { { agent = 6 }, { cut = "fin" } }, { { agent = true } } }))
        assert.equal("one", assert(session:ask "one").text)
        local thread_id = session.thread_id
        assert.equal("two three four", assert(session:ask "two three four").text)
        assert.equal(thread_id, session.thread_id)
        assert.equal(4, #assert(session:history()))
      end)

      it("renews a token once that ended early", function()
        local body = '{"error":{"code":"unauthorized","message":"ended"}}'
        local unauthorized = { { handshake = { status = 401, body = body } } }
        local lost = { { agent = 6 }, { cut = "fin" } }
        local session = assert(connect(play { unauthorized, lost, unauthorized, lost, unauthorized, unauthorized }))
        assert.equal(2, #logged "token")
        assert.equal("one", assert(session:ask "one").text)
        assert.equal("two three four", assert(session:ask "two three four").text)
        assert.equal(3, #logged "token")
        assert.equal("five six seven eight", assert(session:ask "five six seven eight").text)
        wire.await(session, "waiting")
        local message, err = session:ask "nine"
        assert.is_nil(message)
        assert.same({ "auth", 401, "no", false }, { err.kind, err.status_code, err.delivered, err.retryable })
      end)

      it("renews a token once where nothing else connects again by itself, too", function()
        local unauthorized = { { handshake = { status = 401, body = "ended" } } }
        local function lost(text)
          local message = { type = "message", seq = 1, data = { id = text, text = text } }
          return { { receive = true }, { send = message }, { cut = "fin" } }
        end
        local server = play { unauthorized, lost "one", unauthorized, lost "two", unauthorized, unauthorized }
        local session = assert(connect(server, { reconnect = false }))
        for _, text in ipairs { "one", "two" } do
          assert.equal(text, assert(session:ask(text)).text)
          wire.await(session, "waiting")
        end
        assert.equal(3, #logged "token")
        local message, err = session:ask "three"
        assert.is_nil(message)
        assert.same({ "auth", 401, "no", false }, { err.kind, err.status_code, err.delivered, err.retryable })
      end)

      it("tells that an agent answers by streams only", function()
        local session, err = connect(link:start { "--runtime", "2" })
        if session then -- it was open, and the error is on its way
          session, err = session:ask "one"
        end
        assert.is_nil(session)
        assert.same({ "application", 400, false }, { err.kind, err.status_code, err.retryable })
        assert.matches('use carrier = "stream"', err.message, 1, true)
      end)

      it("tells what the server says of the session", function()
        local session = assert(connect(start(), { thread_id = "unknown" }))
        local message, err = session:ask "one"
        assert.is_nil(message)
        assert.same({ "application", 404, "no", false }, { err.kind, err.status_code, err.delivered, err.retryable })
        assert.is_nil(err.message:find "carrier")
      end)

      it("speaks to no server that chooses another subprotocol than its own, and shows no token", function()
        for _, chosen in ipairs { "hunter2", "" } do
          local headers = { ["Sec-WebSocket-Protocol"] = chosen }
          local session, err = connect(play { { { handshake = { status = 101, headers = headers } } } })
          assert.is_nil(session)
          assert.same({ "protocol", 101, false }, { err.kind, err.status_code, err.retryable })
          assert.matches("subprotocol", err.message, 1, true)
          assert.is_nil(err.message:find "hunter2")
        end
      end)
    end
  end)
end)

describe("what a session of the threads API is given", function()
  local PLACE = { publishable_key = "pk_network_hunter2", url = "http://127.0.0.1:9/apollo-api" }

  local function raises(words, call)
    local ok, message = pcall(call)
    assert.is_false(ok)
    assert.matches(words, message, 1, true)
    assert.is_nil(tostring(message):find "hunter2")
  end

  it("is checked", function()
    local session = assert(aui.session(PLACE))
    raises("user_id: expected a string, here or in the session's options", function() session:send "one" end)
    raises('unknown option "task_id"', function() session:send { text = "one", task_id = "x" } end)
    raises("image_url: expected a string", function() session:send { text = "one", user_id = "a", image_url = 1 } end)
    raises("text: expected some text", function() session:send { text = "" } end)
    session:close()
    raises("thread_id: has no meaning beside api_key", function()
      aui.session { url = "ws://127.0.0.1:9/", thread_id = "x" }
    end)
    raises("carrier: has no meaning beside api_key", function()
      aui.session { url = "ws://127.0.0.1:9/", carrier = "websocket" }
    end)
    raises('carrier: expected "stream" or "websocket", got "sse"', function()
      aui.session { publishable_key = "pk_network_hunter2", carrier = "sse" }
    end)
    local no_pool = "publishable_key: has no meaning in a pool: a connection serves its thread alone; "
      .. "keep the thread's session open instead"
    raises(no_pool, function() aui.pool():connect(PLACE) end)
    raises(no_pool, function() aui.client(PLACE):pool() end)
  end)
end)
