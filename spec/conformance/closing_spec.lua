-- RFC 6455, sections 5.5.1 and 7, as sessions keep them: the closing handshake, begun by the server or by the client.

local support = require "spec.support"
local wire = require "spec.wire"

local TEXT, CLOSE, PING = 0x81, 0x88, 0x89
local frame = wire.frame
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)

local function close(code, reason)
  return frame(CLOSE, string.char(math.floor(code / 256), code % 256) .. (reason or ""))
end

local UPDATE = frame(TEXT, '{"event":"thread-message-text-content-updated","data":{"text":"so far"}}')
local FINAL = frame(TEXT, '{"id":"1","text":"done","sender":{"id":"agent","type":"agent"}}')
local MAY_BE_SENT = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999 }

for _, scheme in ipairs(wire.schemes) do
  describe("a session over " .. scheme .. ",", function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    -- Asks the peer, which closes instead of answering; returns the error.
    local function ask(peer)
      local session = assert(link:connect(peer))
      local message, err = session:ask "hello"
      assert.is_nil(message)
      session:close()
      return err
    end

    it("5.5.1, 7.4: every code that a server may send is told, and answered with itself", function()
      local closes = {}
      for i, code in ipairs(MAY_BE_SENT) do closes[i] = UPDATE .. close(code) end
      local peer = link:peer(unpack(closes))
      for _, code in ipairs(MAY_BE_SENT) do
        local err = ask(peer)
        assert.equal(code, err.close_code)
        assert.equal("so far", err.text)
        assert.same({ { opcode = 8, close_code = code } }, peer:report().frames)
      end
    end)

    it("5.5.1, 7.1.5: a close without a code is told as 1005, and answered without one", function()
      local peer = link:peer(UPDATE .. frame(CLOSE, ""))
      local err = ask(peer)
      assert.equal("transport", err.kind)
      assert.equal(1005, err.close_code)
      assert.equal("so far", err.text)
      assert.same({ { opcode = 8 } }, peer:report().frames)
    end)

    it("5.5.1: a close may come inside a fragmented message", function()
      local peer = link:peer(UPDATE .. frame(0x01, '{"id":"1",') .. close(1001))
      local err = ask(peer)
      assert.equal(1001, err.close_code)
      assert.equal("so far", err.text)
      assert.same({ { opcode = 8, close_code = 1001 } }, peer:report().frames)
    end)

    it("5.5.1, 5.5.2: what comes behind a close is neither read nor answered", function()
      for _, behind in ipairs { frame(PING, "p"), FINAL, close(1011), frame(0x8F, "a violation") } do
        local peer = link:peer(close(1001) .. behind)
        local err = ask(peer)
        assert.equal(1001, err.close_code)
        assert.equal("", err.text)
        assert.same({ { opcode = 8, close_code = 1001 } }, peer:report().frames)
      end
    end)

    it("5.5.1: a client's close is its last frame: the ping that crosses it gets no answer", function()
      local peer = link:peer(FINAL)
      local session = assert(link:connect(peer))
      assert(session:ask "hello")
      session:close() -- the peer pings before it answers this
      local report = peer:report()
      assert.same({ { opcode = 8, close_code = 1000 } }, report.frames)
      assert.equal("eof", report["end"])
    end)

    it("6.1: a message that waits is sent on a connection that is open, not on one that closes", function()
      local peer = link:peer(UPDATE .. close(1001), FINAL)
      local session = assert(link:connect(peer))
      local first, second = session:send "one", session:send "two"
      assert.equal(1001, select(2, first:message()).close_code)
      assert.equal("done", assert(second:message()).text)
      local report = peer:report()
      assert.same({ { opcode = 8, close_code = 1001 } }, report.frames)
      assert.matches('"one"', report.sent[1].payload)
    end)

    it("7.1.1: a client's close reaches a server that goes on sending, and no reset does", function()
      local much = { frame(0x8F, ("a violation "):rep(500)), times = 1000 }
      local peer = link:peer(much, FINAL)
      local session = assert(link:connect(peer))
      local descriptors = support.open_descriptors()
      assert.equal(1002, select(2, session:ask "hello").close_code)
      assert.equal("done", assert(session:ask("again")).text)
      support.wait_until(function() return support.open_descriptors() == descriptors end)
      local report = peer:report()
      assert.same({ { opcode = 8, close_code = 1002 } }, report.frames)
      assert.equal("eof", report["end"])
    end)

    it("7.1.6: the longest reason is told as it is", function()
      local reason = ("Grüße "):rep(15) .. "ü!" -- 123 bytes
      local err = ask(link:peer(close(4000, reason)))
      assert.equal(4000, err.close_code)
      assert.is_truthy(err.message:find(reason, 1, true))
    end)

    it("7.1.7: what comes behind a violation is dropped", function()
      local peer = link:peer(UPDATE .. frame(0x8F, "") .. FINAL)
      local err = ask(peer)
      assert.equal(1002, err.close_code)
      assert.equal("so far", err.text)
    end)
  end)
end
