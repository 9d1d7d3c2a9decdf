-- Frames as servers may send them, and as they must not (RFC 6455, section 5): the first are read, the second end the
-- connection with the close code that the RFC asks for.

local cjson = require "cjson"
local wire = require "spec.wire"

local TEXT, CONTINUATION, BINARY, CLOSE, PING = 0x1, 0x0, 0x2, 0x8, 0x9
local FIN, MASKED = 0x80, 0x80

-- A server's frame of less than 64 KiB.
local function frame(first_byte, payload)
  local n = #payload
  if n < 126 then return string.char(first_byte, n) .. payload end
  return string.char(first_byte, 126, math.floor(n / 256), n % 256) .. payload
end

local function update(text)
  local event = { event = "thread-message-text-content-updated", data = { text = text } }
  return frame(FIN + TEXT, cjson.encode(event))
end

local function final_json(text)
  return cjson.encode { id = "8a37d5ea", text = text, sender = { id = "agent", type = "agent" } }
end

local FINAL = frame(FIN + TEXT, final_json "done")

-- What, the bytes, the close code and words of the error.
local VIOLATIONS = {
  { "a masked frame", string.char(FIN + TEXT, MASKED + 2, 0, 0, 0, 0) .. "{}", 1002, "masked" },
  { "the first reserved bit", frame(FIN + TEXT + 0x40, "{}"), 1002, "reserved bit" },
  { "the second reserved bit", frame(FIN + TEXT + 0x20, "{}"), 1002, "reserved bit" },
  { "the third reserved bit on a ping", frame(FIN + PING + 0x10, ""), 1002, "reserved bit" },
  { "a reserved opcode", frame(FIN + 0x3, "{}"), 1002, "reserved opcode" },
  { "a reserved control opcode", frame(FIN + 0xB, ""), 1002, "reserved opcode" },
  { "a ping of 126 bytes", frame(FIN + PING, ("p"):rep(126)), 1002, "125 bytes" },
  { "a fragmented ping", frame(PING, ""), 1002, "fragmented control" },
  { "a continuation of nothing", frame(FIN + CONTINUATION, "{}"), 1002, "no message to continue" },
  { "a message inside a fragmented one", frame(TEXT, "{") .. frame(FIN + TEXT, "{}"), 1002, "inside a fragmented" },
  { "a length of two bytes that fits seven bits", string.char(FIN + TEXT, 126, 0, 2) .. "{}", 1002, "shortest" },
  { "a length of eight bytes that fits two", string.char(FIN + TEXT, 127, 0, 0, 0, 0, 0, 0, 9, 9), 1002, "shortest" },
  { "a length with the top bit", string.char(FIN + TEXT, 127, 128, 0, 0, 0, 0, 0, 0, 0), 1002, "length" },
  { "a binary message", frame(FIN + BINARY, "{}"), 1003, "binary" },
  { "bytes that are not UTF-8", frame(FIN + TEXT, '{"data":"\255"}'), 1007, "UTF%-8" },
  { "an overlong form of UTF-8", frame(FIN + TEXT, '{"data":"\192\175"}'), 1007, "UTF%-8" },
  { "a surrogate in UTF-8", frame(FIN + TEXT, '{"data":"\237\160\128"}'), 1007, "UTF%-8" },
  { "a character that the message's end cuts", frame(FIN + TEXT, '{"data":"\226\130'), 1007, "UTF%-8" },
  { "a message that is not JSON", frame(FIN + TEXT, "hello"), 1007, "JSON" },
  { "a message whose JSON breaks off", frame(FIN + TEXT, '{"data":'), 1007, "JSON" },
  { "a close code of one byte", frame(FIN + CLOSE, "\3"), 1002, "close frame" },
  { "the close code 1005", frame(FIN + CLOSE, "\3\237"), 1002, "close frame" },
  { "the close code 1006", frame(FIN + CLOSE, "\3\238"), 1002, "close frame" },
  { "the close code 999", frame(FIN + CLOSE, "\3\231"), 1002, "close frame" },
  { "a close reason that is not UTF-8", frame(FIN + CLOSE, "\3\232\255"), 1007, "UTF%-8" },
}

for _, scheme in ipairs(wire.schemes) do
  describe("frames over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    it("are read in fragments of one byte with a ping between every two", function()
      local server = link:play {
        { receive = true },
        { update = "Grüße, 你", fragment = 1, ping_between = true },
        { update = "Grüße, 你好 😀", fragment = 1, ping_between = true },
        { message = { text = "Grüße, 你好 😀!" }, fragment = 1, ping_between = true },
      }
      local message = assert(link:connect(server):ask "hello")
      assert.equal("Grüße, 你好 😀!", message.text)
    end)

    it("are read when every byte comes by itself", function()
      local whole = update "one" .. frame(FIN + PING, "p") .. update "one two" .. FINAL
      local steps = { { receive = true } }
      for i = 1, #whole do
        steps[#steps + 1] = { raw = ("%02x"):format(whole:byte(i)) }
        steps[#steps + 1] = { wait = 0.0001 } -- makes it a write of its own
      end
      assert.equal("done", assert(link:connect(link:play(steps)):ask("hello")).text)
    end)

    it("may be empty, also inside a message", function()
      local json = final_json "done"
      local last = frame(CONTINUATION, "") .. frame(FIN + CONTINUATION, "")
      local bytes = frame(TEXT, "") .. frame(CONTINUATION, json) .. last
      assert.equal("done", assert(link:connect(link:peer(bytes)):ask("hello")).text)
    end)

    it("of pings are answered with the same payload, before and within an answer", function()
      local server = link:play {
        { ping = "early" },
        { await_pong = true },
        { receive = true },
        { update = "I" },
        { ping = ("p"):rep(125) },
        { await_pong = true },
        { ping = "" },
        { await_pong = true },
        { message = { text = "I found it" } },
      }
      assert.equal("I found it", assert(link:connect(server):ask("hello")).text)
    end)

    it("of pongs that nobody asked for are no matter", function()
      local bytes = frame(FIN + 0xA, "stray") .. FINAL
      assert.equal("done", assert(link:connect(link:peer(bytes)):ask("hello")).text)
    end)

    for _, case in ipairs(VIOLATIONS) do
      local what, bytes, close_code, words = case[1], case[2], case[3], case[4]
      it("end the connection with " .. close_code .. " when the server sends " .. what, function()
        local peer = link:peer(update "so far" .. bytes, FINAL)
        local session = link:connect(peer)
        local message, err = session:ask "hello"
        assert.is_nil(message)
        assert.equal("protocol", err.kind)
        assert.matches(words, err.message)
        assert.equal(close_code, err.close_code)
        assert.equal("maybe", err.delivered)
        assert.equal("so far", err.text)
        assert.equal("done", assert(session:ask("again")).text)
        local report = peer:report()
        assert.same({ { opcode = CLOSE, close_code = close_code } }, report.frames)
        assert.equal("eof", report["end"])
      end)
    end

    it("that are still to come are dropped after a violation", function()
      local peer = link:peer(update "so far" .. frame(FIN + BINARY, "") .. FINAL, FINAL)
      local session = link:connect(peer)
      local message, err = session:ask "hello"
      assert.is_nil(message)
      assert.equal("so far", err.text)
    end)

    it("that exceed max_message end the connection with 1009, before they have come", function()
      local announced = string.char(FIN + TEXT, 127, 0, 0, 0, 0, 0x7F, 0, 0, 0)
      local peer = link:peer(update "so far" .. announced, FINAL)
      local session = link:connect(peer, { max_message = 1000 })
      local message, err = session:ask "hello"
      assert.is_nil(message)
      assert.equal("overflow", err.kind)
      assert.matches("1000 bytes %(max_message%)", err.message)
      assert.is_false(err.retryable)
      assert.equal("so far", err.text)
      assert.equal("done", assert(session:ask("again")).text)
      assert.same({ { opcode = CLOSE, close_code = 1009 } }, peer:report().frames)
    end)

    it("count for max_message together when they are fragments of one message", function()
      local json = final_json(("x"):rep(500))
      local bytes = frame(TEXT, json:sub(1, 300)) .. frame(FIN + CONTINUATION, json:sub(301))
      local peer = link:peer(bytes)
      assert.equal("overflow", select(2, link:connect(peer, { max_message = #json - 1 }):ask("hello")).kind)
      assert.is_table(link:connect(peer, { max_message = #json }):ask "hello")
      assert.same({ { opcode = CLOSE, close_code = 1009 } }, peer:report().frames)
    end)

    it("may carry JSON as deep as max_depth and no deeper", function()
      local function nested(levels) return frame(FIN + TEXT, ("["):rep(levels) .. ("]"):rep(levels)) .. FINAL end
      local peer = link:peer(nested(65), nested(64), nested(4), nested(3))
      local _, err = link:connect(peer):ask "hello"
      assert.equal("overflow", err.kind)
      assert.matches("deeper than 64 levels", err.message)
      assert.is_table(link:connect(peer):ask "hello")
      err = select(2, link:connect(peer, { max_depth = 3 }):ask "hello")
      assert.equal("overflow", err.kind)
      assert.matches("3 levels %(max_depth%)$", err.message)
      assert.is_table(link:connect(peer, { max_depth = 3 }):ask "hello")
    end)
  end)
end
