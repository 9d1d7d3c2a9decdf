-- Messages that servers compress (permessage-deflate, RFC 7692), as sessions read them: from aui-sim, and from two
-- servers that share no code with this project.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local frame = wire.frame

local FIN, COMPRESSED, TEXT, CONTINUATION, PING = 0x80, 0x40, 0x1, 0x0, 0x9
local SWITCH = "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Accept: ${accept}\r\n"
local OFFER = "permessage-deflate; client_no_context_takeover; client_max_window_bits"

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

local function raw(...) return { raw = to_hex(table.concat { ... }) } end

-- How many bytes a session has received during fn.
local function received(session, fn)
  local before = session:stats().bytes_received
  fn()
  return session:stats().bytes_received - before
end

describe("an offer of compression", function()
  local link = wire.new "ws"
  local proxy

  after_each(function()
    link:stop()
    if proxy then proxy:stop() end
    proxy = nil
  end)

  -- What a session with these options offers.
  local function offer(peer, options)
    local session = assert(link:connect(peer, options))
    session:send("hello"):next(0) -- the peer waits for something
    session:close()
    return peer:report().request:match "\r\nSec%-WebSocket%-Extensions: ([^\r]*)\r\n"
  end

  it("is made where compression is true, and is not where it is false", function()
    local peer = link:peer(frame(FIN + TEXT, "{}"))
    assert.equal(OFFER, offer(peer, { compression = true }))
    assert.is_nil(offer(peer, { compression = false }))
  end)

  it("is not made to this machine by default, but is to another one", function()
    local peer = link:peer(frame(FIN + TEXT, "{}"))
    assert.is_nil(offer(peer))
    assert.is_nil(offer(peer, { compression = "auto" }))
    proxy = support.proxy { "tunnel" }
    local elsewhere = peer.url:gsub("127%.0%.0%.1", "agent.example")
    assert.equal(OFFER, offer(peer, { url = elsewhere, proxy = proxy.url:gsub("/$", "") }))
  end)
end)

-- What a server answers to the offer, and words of the error.
local ILLEGAL = {
  { "permessage-deflate, permessage-bzip2", "extension that was not offered" },
  { "permessage-deflate\r\nSec-WebSocket-Extensions: permessage-deflate", "permessage%-deflate twice" },
  { "permessage-deflate; server_max_window_bits=16", "unknown, repeated or has no valid value" },
  { "permessage-deflate; client_max_window_bits", "unknown, repeated or has no valid value" },
  { "permessage-deflate; level=9", "unknown, repeated or has no valid value" },
  { 'permessage-deflate; server_max_window_bits="10', "Sec%-WebSocket%-Extensions is malformed" },
}

describe("an answer to the offer of compression that is illegal", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  for _, case in ipairs(ILLEGAL) do
    it("fails the connection: " .. case[1]:gsub("\r\n", " and "), function()
      local answer = SWITCH .. "Sec-WebSocket-Extensions: " .. case[1] .. "\r\n\r\n"
      local server = link:play { { handshake = { raw = answer } } }
      local session, err = link:connect(server, { compression = true })
      assert.is_nil(session)
      assert.equal("protocol", err.kind)
      assert.matches(case[2], err.message)
      assert.equal("no", err.delivered)
    end)
  end
end)

-- By python3-websockets and by Node's ws: what they are told to agree to, and whether updates may refer to others.
local TERMS = {
  { "with its default", {}, true },
  { "without takeover", { server_no_context_takeover = true, client_no_context_takeover = true }, false },
  { "with the smallest windows", { server_max_window_bits = 9, client_max_window_bits = 9 }, false },
  { "with a window that one answer fits", { server_max_window_bits = 13 }, true },
}

for kind, name in pairs { py = "python3-websockets", js = "Node's ws" } do
  describe("a session with a server by " .. name, function()
    local server, session

    after_each(function()
      if session then session:close() end
      server:stop()
      session = nil
    end)

    for _, terms in ipairs(TERMS) do
      it("reads what is compressed " .. terms[1], function()
        server = support.compressor(kind, terms[2])
        session = server:connect { compression = true }
        for _ = 1, 3 do
          local n = received(session, function()
            local reply = session:send "go"
            local shown = support.read(reply)
            local message = assert(reply:message())
            assert.is_truthy(message.extensions) -- it was agreed to
            assert.equal(message.text, shown)
            assert.is_true(#shown > 4000)
          end)
          assert.is_true(n < (terms[3] and 12000 or 60000), n .. " bytes") -- of 90 kB
        end
      end)
    end

    it("reads what is not compressed where that is off", function()
      server = support.compressor(kind, {})
      session = server:connect { compression = false }
      local n = received(session, function() assert(session:ask "go") end)
      assert.is_true(n > 80000, n .. " bytes")
    end)
  end)
end

for _, scheme in ipairs(wire.schemes) do
  describe("over " .. scheme .. ", a compressed answer", function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function play(...) return link:play({ { receive = true }, ... }, { "--compress" }) end

    -- The error of a session to which the server says this.
    local function failure(...)
      local session = assert(link:connect(play(...), { compression = true, max_message = 1000 }))
      local message, err = session:ask "hello"
      assert.is_nil(message)
      return err
    end

    it("is the same in a fraction of the bytes, reply after reply", function()
      local server = link:start { "--compress", "--tokens", "200" }
      local session = assert(link:connect(server, { compression = true }))
      for _ = 1, 3 do
        local n = received(session, function()
          local reply = session:send "go"
          assert.equal(support.read(reply), assert(reply:message()).text)
          assert.equal(1000, #reply:text())
        end)
        assert.is_true(n < 8000, n .. " bytes") -- of 130 kB
      end
    end)

    it("may come in fragments, with pings between them, beside what is not compressed", function()
      local update = '{"event":"thread-message-text-content-updated","data":{"text":"one two"}}'
      local server = play(
        { update = "one", fragment = 1, ping_between = true },
        raw(frame(FIN + TEXT, update)),
        { update = "one two three" },
        { message = {}, fragment = 7 }
      )
      local session = assert(link:connect(server, { compression = true }))
      local reply = session:send "hello"
      assert.equal("one two three", support.read(reply))
      assert.equal("one two three", assert(reply:message()).text)
    end)

    it("that is too long when it is inflated ends the connection as any that is too long", function()
      local err = failure { send = ("x"):rep(1001) }
      assert.equal("overflow", err.kind)
      assert.equal(1009, err.close_code)
      assert.matches("more than 1000 bytes %(max_message%)", err.message)
      assert.is_false(err.retryable)
    end)

    it("that is too long on the wire ends it, too", function()
      local err = failure(raw(string.char(FIN + COMPRESSED + TEXT, 127, 0, 0, 0, 0, 0x7f, 0, 0, 0)))
      assert.equal("overflow", err.kind)
      assert.equal(1009, err.close_code)
    end)

    -- What, the bytes, the close code and words of the error.
    local VIOLATIONS = {
      { "that cannot be inflated", frame(FIN + COMPRESSED + TEXT, "\255\255"), 1007, "cannot be inflated" },
      { "that breaks off", frame(FIN + COMPRESSED + TEXT, "\242\72"), 1007, "cannot be inflated" },
      { "that refers to what never came", frame(FIN + COMPRESSED + TEXT, "\242\0\17\0\0"), 1007, "cannot be inflated" },
      { "that is not UTF-8 when inflated", frame(FIN + COMPRESSED + TEXT, "\0\1\0\254\255\255\0"), 1007, "UTF%-8" },
      { "whose second fragment says that it is compressed",
        frame(COMPRESSED + TEXT, "\242\72") .. frame(FIN + COMPRESSED + CONTINUATION, "\205\201\201\7\0"), 1002,
        "reserved bit" },
      { "with another reserved bit", frame(FIN + COMPRESSED + 0x20 + TEXT, "\0"), 1002, "reserved bit" },
      { "beside a ping that says so of itself", frame(FIN + COMPRESSED + PING, "\0"), 1002, "reserved bit" },
    } -- stylua: ignore

    for _, case in ipairs(VIOLATIONS) do
      it(case[1] .. " fails the connection", function()
        local err = failure(raw(case[2]))
        assert.equal("protocol", err.kind)
        assert.equal(case[3], err.close_code)
        assert.matches(case[4], err.message)
      end)
    end

    it("goes on with its window in the pool's next session", function()
      local server, pool = link:start { "--compress", "--tokens", "100" }, aui.pool()
      for round = 1, 3 do
        local session = assert(pool:connect(wire.options(server, { compression = true })))
        local n = received(session, function() assert.equal(500, #assert(session:ask "go").text) end)
        session:close()
        assert.is_true(n < 4000, n .. " bytes in round " .. round) -- of 35 kB
      end
    end)
  end)
end

describe("the threads API's WebSocket", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  it("is compressed, too", function()
    local server = link:start { "--compress", "--cumulative", "--tokens", "200" }
    local session = assert(aui.connect {
      url = server:base(),
      publishable_key = "pk_network_hunter2",
      user_id = "ada",
      carrier = "websocket",
      compression = true,
    })
    local n = received(session, function() assert.equal(1000, #assert(session:ask "go").text) end)
    session:close()
    assert.is_true(n < 30000, n .. " bytes")
  end)
end)
