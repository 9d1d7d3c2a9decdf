-- How answers end before they are complete: error payloads, close frames, cuts, too much. Each ends the reply in one
-- error that says what happened, and the session goes on with a new connection.

local socket = require "socket"
local support = require "spec.support"
local wire = require "spec.wire"

local RECEIVE, AGENT = { receive = true }, { { agent = true } }
local UPDATE, PAYLOAD = { update = "I found" }, {
  status_code = 400,
  description = "Bad request",
  message = "Refused by moderation",
  extra_data = { rule = "spam" },
}

-- A conversation whose first connection ends as the steps say, and whose second is the agent's.
local function broken(...) return { connections = { { ... }, AGENT } } end

-- Code, reason, kind of the error, words of it, retryable.
local CLOSES = {
  { 1000, "", "transport", "1000 %(normal closure%)$", true },
  { 1001, "bye", "transport", "1001 %(going away%): bye$", true },
  { 1008, "banned", "application", "1008 .*: banned$", false },
  { 1011, "", "server", "1011 %(internal server error%)$", true },
  { 1012, "", "server", "1012 %(service restart%)$", true },
  { 1013, "", "server", "1013 %(try again later%)$", true },
  { 4000, "own reason", "application", "4000 .*: own reason$", false },
}

local function ask(session)
  local message, err = session:ask "hello"
  assert.is_nil(message)
  return err
end

for _, scheme in ipairs(wire.schemes) do
  describe("an answer over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    for _, close_code in ipairs { 1008, 1011 } do
      it("refused by an error payload and close " .. close_code .. " ends in the payload's words", function()
        local server = link:play(broken(RECEIVE, UPDATE, { error = PAYLOAD }, { close = close_code, reason = "x" }))
        local session = assert(link:connect(server))
        local err = ask(session)
        assert.equal("application", err.kind)
        assert.matches("400: Refused by moderation$", err.message)
        assert.equal(400, err.status_code)
        assert.equal("Bad request", err.description)
        assert.same({ rule = "spam" }, err.extra_data)
        assert.equal(close_code, err.close_code)
        assert.equal("yes", err.delivered)
        assert.equal("I found", err.text)
        assert.is_table(session:ask "again")
      end)
    end

    it("refused by an error payload, after which the connection is cut, still ends in the payload's words", function()
      for _, cut in ipairs { "fin", "reset" } do
        local refusal = { error = { status_code = 429, message = "Slow down" } }
        local session = assert(link:connect(link:play(broken(RECEIVE, refusal, { cut = cut }))))
        local err = ask(session)
        assert.equal("rate_limit", err.kind)
        assert.matches("Slow down", err.message)
        assert.is_true(err.retryable)
        assert.is_table(session:ask "again")
      end
    end)

    it("refused by an error payload without any close ends all the same", function()
      local session = assert(link:connect(link:play(broken(RECEIVE, { error = { status_code = 500 } }))))
      local err = ask(session)
      assert.equal("server", err.kind)
      assert.equal(500, err.status_code)
      assert.is_table(session:ask "again")
    end)

    for _, case in ipairs(CLOSES) do
      local code, reason, kind, words, retryable = case[1], case[2], case[3], case[4], case[5]
      it("that a close " .. code .. " ends fails with the code and the reason", function()
        local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, { close = code, reason = reason }))))
        local err = ask(session)
        assert.equal(kind, err.kind)
        assert.matches(words, err.message)
        assert.equal(code, err.close_code)
        assert.equal(retryable, err.retryable)
        assert.equal("I found", err.text)
        assert.is_not.equal("no", err.delivered)
        assert.is_table(session:ask "again")
      end)
    end

    for _, cut in ipairs { "fin", "reset" } do
      local function assert_cut(err, text)
        assert.equal("transport", err.kind)
        assert.matches("cut", err.message)
        assert.equal(1006, err.close_code)
        assert.equal("maybe", err.delivered)
        assert.is_true(err.retryable)
        assert.equal(text, err.text)
      end

      it("cut between two frames (" .. cut .. ") fails with what had come", function()
        local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, { cut = cut }))))
        assert_cut(ask(session), "I found")
        assert.is_table(session:ask "again")
      end)

      it("cut before it began (" .. cut .. ") fails", function()
        local session = assert(link:connect(link:play(broken(RECEIVE, { cut = cut }))))
        assert_cut(ask(session), "")
        assert.is_table(session:ask "again")
      end)

      it("cut in the middle of a frame (" .. cut .. ") fails with what the frames before said", function()
        local half_a_frame = { raw = "817e 0100 7b22" }
        local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, half_a_frame, { cut = cut }))))
        assert_cut(ask(session), "I found")
        assert.is_table(session:ask "again")
      end)
    end

    -- nginx does not tell under TLS.
    it((scheme == "wss" and "#native " or "") .. "cut by a reset says so", function()
      local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, { cut = "reset" }))))
      assert.matches("reset by peer", ask(session).message)
    end)

    it("is read when its JSON is as deep as max_depth, and fails when it is deeper", function()
      local final = wire.frame(0x81, '{"id":"1","text":"done","sender":{"id":"a","type":"agent"}}')
      local function nested(levels) return wire.frame(0x81, ("["):rep(levels) .. ("]"):rep(levels)) .. final end
      local peer = link:peer(nested(65), nested(64), nested(4), nested(3))
      local err = ask(link:connect(peer))
      assert.equal("overflow", err.kind)
      assert.matches("deeper than 64 levels", err.message)
      assert.is_table(link:connect(peer):ask "hello")
      assert.equal("overflow", ask(link:connect(peer, { max_depth = 3 })).kind)
      assert.is_table(link:connect(peer, { max_depth = 3 }):ask "hello")
    end)

    it("can be streamed up to the cut, where the error is raised once the text is read", function()
      local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, { cut = "fin" }))))
      local reply, shown = session:send "hello", ""
      local ok, err = pcall(function()
        for chunk in reply do shown = shown .. chunk end
      end)
      assert.is_false(ok)
      assert.equal("transport", err.kind)
      assert.equal("I found", shown)
    end)

    it("lost with its connection does not take along the message that waits behind it", function()
      local session = assert(link:connect(link:play(broken(RECEIVE, UPDATE, { cut = "fin" }))))
      local first, second = session:send "one", session:send "two"
      assert.equal("transport", select(2, first:message()).kind)
      assert.is_table(second:message())
    end)

    it("comes whole over a new connection when the server went while nobody was asking", function()
      for _, ending in ipairs { { close = 1000 }, { close = 1001 }, { cut = "fin" }, { cut = "reset" } } do
        local session = link:session(link:play(broken(ending)))
        wire.await(session, "waiting")
        assert.is_table(session:ask "hello")
      end
    end)
  end)

  describe("session:close over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    it("says 1000 and ends what is pending as canceled", function()
      local peer = link:peer ""
      local session = assert(link:connect(peer))
      local first, second = session:send "one", session:send "two"
      assert.is_nil(first:next(0.2))
      session:close()
      assert.equal("canceled", select(2, first:message()).kind)
      assert.equal("maybe", select(2, first:message()).delivered)
      assert.equal("canceled", select(2, second:message()).kind)
      assert.equal("no", select(2, second:message()).delivered)
      assert.equal("closed", session:state())
      assert.same({ { opcode = 8, close_code = 1000 } }, peer:report().frames)
    end)

    local MUTE = { close_reply = false }
    local FLOOD = { ["repeat"] = 1000000, steps = { { update = ("x"):rep(10000) } } }
    local STUBBORN = {
      ["does not answer it"] = { MUTE },
      ["reads nothing"] = { MUTE, { read = false } },
      ["goes on talking"] = { MUTE, { receive = true }, FLOOD },
      ["goes on talking and reads nothing"] = { MUTE, { receive = true }, { read = false }, FLOOD },
    }
    for what, steps in pairs(STUBBORN) do
      it("does not wait for ever for a server that " .. what, function()
        local session = assert(link:connect(link:play(steps)))
        local reply = session:send(("x"):rep(900000)) -- more than the socket takes
        reply:next(0.1)
        session:close()
        assert.equal("closed", session:state())
        assert.equal("canceled", select(2, reply:message()).kind)
      end)
    end

    it("does not wait for a handshake that nobody answers, be it of TLS or of WebSocket", function()
      local listener = assert(socket.bind("127.0.0.1", 0))
      local host = scheme == "ws" and "127.0.0.1" or support.tls_host
      local session = link:session { url = ("%s://%s:%d/"):format(scheme, host, select(2, listener:getsockname())) }
      local reply = session:send "hello"
      assert.is_nil(reply:next(0.1))
      session:close()
      listener:close()
      assert.equal("closed", session:state())
      assert.equal("canceled", select(2, reply:message()).kind)
      assert.equal("no", select(2, reply:message()).delivered)
    end)

    it("does not wait for the next attempt to connect", function()
      local server = link:start()
      server:kill()
      local session = link:session(server, { reconnect = { base = 3600, max = 3600 } })
      local reply = session:send "hello"
      wire.await(session, "waiting")
      session:close()
      assert.equal("closed", session:state())
      assert.equal("canceled", select(2, reply:message()).kind)
    end)

    it("leaves replies that say so, and nothing to do", function()
      local session = assert(link:connect(link:play { { receive = true }, UPDATE, { wait = 3600 } }))
      local reply = session:send "hello"
      assert.equal("I found", (reply:next()))
      session:close()
      for _ = 1, 2 do assert.equal("canceled", select(2, reply:next()).kind) end
      assert.equal("I found", reply:text())
      assert.equal("aui.Reply (failed)", tostring(reply))
      reply:cancel()
      local ok, err = pcall(reply)
      assert.is_false(ok)
      assert.equal("canceled", err.kind)
    end)
  end)
end
