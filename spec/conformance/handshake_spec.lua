-- RFC 6455, section 4, as sessions keep it: the request that opens a WebSocket, and every check of the server's answer.

local wire = require "spec.wire"

local HTTP, UPGRADE = "HTTP/1.1 101 Switching Protocols\r\n", "Upgrade: websocket\r\n"
local CONNECTION, ACCEPT = "Connection: Upgrade\r\n", "Sec-WebSocket-Accept: ${accept}\r\n"
local SWITCH = HTTP .. UPGRADE .. CONNECTION
local UPDATE_OF_NOTHING = wire.frame(0x81, "{}")

local function answer(...) return { handshake = { raw = table.concat { ... } .. "\r\n" } } end

-- Section, what, the server's answer, words of the error.
local VIOLATIONS = {
  { "4.1", "an answer of another protocol", answer "SSH-2.0-OpenSSH_9.2\r\n", "not HTTP/1.1" },
  { "4.1", "a status line of HTTP/2", answer "HTTP/2 101 Yes\r\n", "not HTTP/1.1" },
  { "4.1", "a status line of HTTP/1.0", answer("HTTP/1.0 101 Yes\r\n", UPGRADE, CONNECTION, ACCEPT), "not HTTP/1.1" },
  { "4.1", "no Upgrade", answer(HTTP, CONNECTION, ACCEPT), "Upgrade: websocket" },
  { "4.1", "another Upgrade", answer(HTTP, "Upgrade: h2c\r\n", CONNECTION, ACCEPT), "Upgrade: websocket" },
  { "4.1", "no Connection", answer(HTTP, UPGRADE, ACCEPT), "Connection: Upgrade" },
  { "4.1", "another Connection", answer(HTTP, UPGRADE, "Connection: close\r\n", ACCEPT), "Connection: Upgrade" },
  { "4.1", "no Sec-WebSocket-Accept", answer(SWITCH), "Sec%-WebSocket%-Accept" },
  { "4.1", "a Sec-WebSocket-Accept of another key",
    answer(SWITCH, "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n"), "Sec%-WebSocket%-Accept" },
  { "4.1", "two Sec-WebSocket-Accept", answer(SWITCH, ACCEPT, ACCEPT), "Sec%-WebSocket%-Accept" },
  { "4.1", "an extension that was not offered",
    answer(SWITCH, ACCEPT, "Sec-WebSocket-Extensions: permessage-bzip2\r\n"), "extension that was not offered" },
  { "4.1", "a subprotocol that was not offered", answer(SWITCH, ACCEPT, "Sec-WebSocket-Protocol: chat\r\n"),
    "subprotocol that it was not asked for" },
} -- stylua: ignore

-- What, the server's answer.
local ACCEPTABLE = {
  { "capitals do not matter, nor blanks, nor further tokens",
    answer(HTTP, "UPGRADE:\t WebSocket \r\nconnection:keep-alive, uPGRADE\r\nsec-websocket-accept: ${accept} \r\n") },
  { "the reason phrase and further fields do not matter",
    answer("HTTP/1.1 101 Why not\r\n", UPGRADE, CONNECTION, ACCEPT, "Server: n/1\r\nSec-WebSocket-Version: 13\r\n") },
  { "lines may end in a line feed alone (RFC 9112, 2.2)",
    { handshake = { raw = (HTTP .. UPGRADE .. CONNECTION .. ACCEPT .. "\r\n"):gsub("\r", "") .. "" } } },
  { "a field may be folded (RFC 9112, 5.2)",
    answer(HTTP, "Upgrade: h2c,\r\n websocket\r\nConnection:\r\n\tUpgrade\r\n", ACCEPT) },
  { "no extension and no subprotocol may be named", answer(SWITCH, ACCEPT, "Sec-WebSocket-Extensions:\r\n") },
} -- stylua: ignore

-- The request's lines and its fields, by names in lower case.
local function parse(request)
  local lines, fields = {}, {}
  for line in request:gmatch "(.-)\r\n" do lines[#lines + 1] = line end
  for i = 2, #lines do
    local name, value = lines[i]:match "^([%w-]+): (.*)$"
    assert(name and not fields[name:lower()], "line or name again: " .. lines[i])
    fields[name:lower()] = value
  end
  return lines, fields
end

for _, scheme in ipairs(wire.schemes) do
  describe("a session over " .. scheme .. ",", function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    -- What a session with these options asks for.
    local function request(peer, options)
      local session = assert(link:connect(peer, options))
      session:send("hello"):next(0) -- the peer waits for something
      session:close()
      return parse(peer:report().request)
    end

    it("4.1: the request has all that it must have, and each field once", function()
      local peer = link:peer(UPDATE_OF_NOTHING)
      local lines, fields = request(peer, { url = peer.url .. "a/b?c=%20" })
      assert.equal("GET /a/b?c=%20 HTTP/1.1", lines[1])
      assert.equal(peer.url:match "//(.*)/", fields.host)
      assert.equal("websocket", fields.upgrade)
      assert.equal("Upgrade", fields.connection)
      assert.equal("13", fields["sec-websocket-version"])
      assert.is_nil(fields["sec-websocket-protocol"])
    end)

    it("4.1: the request names the host as the url does", function()
      local peer = link:peer(UPDATE_OF_NOTHING)
      local url = peer.url:gsub("127%.0%.0%.1", "localhost")
      local _, fields = request(peer, { url = url })
      assert.equal(url:match "//(.*)/", fields.host)
    end)

    it("4.1: the key is 16 random bytes in base64, others for each connection", function()
      local peer, seen, first_letters, count = link:peer(UPDATE_OF_NOTHING), {}, {}, 0
      for _ = 1, 10 do
        local _, fields = request(peer)
        local key = fields["sec-websocket-key"]
        assert.matches("^" .. ("[%w+/]"):rep(21) .. "[AQgw]==$", key)
        assert.is_nil(seen[key])
        seen[key] = true
        if not first_letters[key:sub(1, 1)] then count = count + 1 end
        first_letters[key:sub(1, 1)] = true
      end
      assert.is_true(count > 2) -- of 64
    end)

    for _, case in ipairs(VIOLATIONS) do
      local section, what, step, words = case[1], case[2], case[3], case[4]
      it(("%s: %s fails the connection, and the next attempt is a new one"):format(section, what), function()
        local server = link:play { connections = { { step }, { { agent = true } } } }
        local session, err = link:connect(server)
        assert.is_nil(session)
        assert.equal("protocol", err.kind)
        assert.matches(words, err.message)
        assert.equal("no", err.delivered)
        assert.is_false(err.retryable)
        assert.is_table(assert(link:connect(server)):ask "hello")
      end)
    end

    for _, case in ipairs(ACCEPTABLE) do
      it("4.1: in the answer, " .. case[1], function()
        local server = link:play { case[2], { agent = true } }
        assert.is_table(assert(link:connect(server)):ask "hello")
      end)
    end

    it("4.1: the answer may come behind an interim one, and frames right behind it", function()
      local server = link:play {
        answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", SWITCH, ACCEPT),
        { ping = "now" },
        { await_pong = true },
        { agent = true },
      }
      assert.is_table(assert(link:connect(server)):ask "hello")
    end)

    it("4.4: a server that speaks another version is told as a refusal", function()
      local headers = { ["Sec-WebSocket-Version"] = "8, 7" }
      local server = link:play { { handshake = { status = 426, headers = headers, body = "Too new" } } }
      local session, err = link:connect(server)
      assert.is_nil(session)
      assert.equal(426, err.status_code)
      assert.matches("426: Too new$", err.message)
      assert.is_false(err.retryable)
    end)
  end)
end
