-- RFC 6455, sections 5, 8 and 10, as sessions keep them: what a server's frames may be, which ones end the connection
-- with which close code, and what a client's frames look like on the wire.

local cjson = require "cjson"
local wire = require "spec.wire"

local TEXT, CONTINUATION, BINARY, CLOSE, PING, PONG = 0x1, 0x0, 0x2, 0x8, 0x9, 0xA
local FIN, MASKED = 0x80, 0x80
local frame = wire.frame

local function update_json(text)
  return cjson.encode { event = "thread-message-text-content-updated", data = { text = text } }
end

local function update(text) return frame(FIN + TEXT, update_json(text)) end

local function final_json(text)
  return cjson.encode { id = "8a37d5ea", text = text, sender = { id = "agent", type = "agent" } }
end

local FINAL = frame(FIN + TEXT, final_json "done")

-- The beginning of a text frame that is to have 20 bytes more.
local function unfinished(payload) return string.char(FIN + TEXT, #payload + 20) .. payload end

local function close(code) return frame(FIN + CLOSE, string.char(math.floor(code / 256), code % 256)) end

-- Section, what, the bytes, the close code and words of the error. Nothing comes behind the bytes.
local VIOLATIONS = {
  { "5.1", "a masked frame", string.char(FIN + TEXT, MASKED + 2, 0, 0, 0, 0) .. "{}", 1002, "masked" },
  { "5.1", "a masked ping", string.char(FIN + PING, MASKED, 0, 0, 0, 0), 1002, "masked" },
  { "5.2", "the first reserved bit", frame(FIN + TEXT + 0x40, "{}"), 1002, "reserved bit" },
  { "5.2", "the second reserved bit", frame(FIN + TEXT + 0x20, "{}"), 1002, "reserved bit" },
  { "5.2", "the third reserved bit on a ping", frame(FIN + PING + 0x10, ""), 1002, "reserved bit" },
  { "5.2", "a reserved opcode", frame(FIN + 0x3, "{}"), 1002, "reserved opcode" },
  { "5.2", "a reserved control opcode", frame(FIN + 0xB, ""), 1002, "reserved opcode" },
  { "5.2", "a length of two bytes that fits seven bits", string.char(FIN + TEXT, 126, 0, 2) .. "{}", 1002, "shortest" },
  { "5.2", "a length of eight bytes that fits two", string.char(FIN + TEXT, 127, 0, 0, 0, 0, 0, 0, 9, 9), 1002,
    "shortest" },
  { "5.2", "a length with the top bit", string.char(FIN + TEXT, 127, 128, 0, 0, 0, 0, 0, 0, 0), 1002, "length" },
  { "5.4", "a continuation of nothing", frame(FIN + CONTINUATION, "{}"), 1002, "no message to continue" },
  { "5.4", "a message inside a fragmented one", frame(TEXT, "{") .. frame(FIN + TEXT, "{}"), 1002,
    "inside a fragmented" },
  { "5.5", "a ping of 126 bytes", frame(FIN + PING, ("p"):rep(126)), 1002, "125 bytes" },
  { "5.5", "a fragmented ping", frame(PING, ""), 1002, "fragmented control" },
  { "5.5.1", "a close code of one byte", frame(FIN + CLOSE, "\3"), 1002, "close frame" },
  { "5.5.1", "a close reason that is not UTF-8", frame(FIN + CLOSE, "\3\232\255"), 1007, "UTF%-8" },
  { "5.6", "a binary message that is not JSON", frame(FIN + BINARY, "\0"), 1007, "JSON" },
  { "5.6", "the first fragment of a binary message that is not UTF-8", frame(BINARY, "\255"), 1007, "UTF%-8" },
  { "7.4.1", "the close code 1004", close(1004), 1002, "close frame" },
  { "7.4.1", "the close code 1005", close(1005), 1002, "close frame" },
  { "7.4.1", "the close code 1006", close(1006), 1002, "close frame" },
  { "7.4.1", "the close code 1015", close(1015), 1002, "close frame" },
  { "7.4.1", "a message that is not JSON", frame(FIN + TEXT, "hello"), 1007, "JSON" },
  { "7.4.1", "a message whose JSON breaks off", frame(FIN + TEXT, '{"data":'), 1007, "JSON" },
  { "7.4.2", "the close code 0", close(0), 1002, "close frame" },
  { "7.4.2", "the close code 999", close(999), 1002, "close frame" },
  { "7.4.2", "the close code 2999", close(2999), 1002, "close frame" },
  { "7.4.2", "the close code 5000", close(5000), 1002, "close frame" },
  { "8.1", "bytes that are not UTF-8", frame(FIN + TEXT, '{"data":"\255"}'), 1007, "UTF%-8" },
  { "8.1", "an overlong form of UTF-8", frame(FIN + TEXT, '{"data":"\192\175"}'), 1007, "UTF%-8" },
  { "8.1", "a surrogate in UTF-8", frame(FIN + TEXT, '{"data":"\237\160\128"}'), 1007, "UTF%-8" },
  { "8.1", "a character that the message's end cuts", frame(FIN + TEXT, '{"data":"\226\130'), 1007, "UTF%-8" },
  { "8.1", "a byte that is not UTF-8, and not yet the rest", unfinished "\255", 1007, "UTF%-8" },
  { "8.1", "the same behind what equals the last message", unfinished(update_json("so far"):sub(1, -4) .. "\255"), 1007,
    "UTF%-8" },
  { "8.1", "the same in a fragment that is not the last", frame(TEXT, '{"data":"\240\159') .. frame(FIN + PING, "") ..
    frame(CONTINUATION, "\192"), 1007, "UTF%-8" },
} -- stylua: ignore

for _, scheme in ipairs(wire.schemes) do
  describe("a session over " .. scheme .. ",", function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    for _, case in ipairs(VIOLATIONS) do
      local section, what, bytes, close_code, words = case[1], case[2], case[3], case[4], case[5]
      it(("%s: %s ends the connection with %d"):format(section, what, close_code), function()
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

    it("5.2: a frame's bytes may come one by one", function()
      local whole = update "one" .. frame(FIN + PING, "p") .. update "one two" .. FINAL
      local steps = { { receive = true } }
      for i = 1, #whole do
        steps[#steps + 1] = { raw = ("%02x"):format(whole:byte(i)) }
        steps[#steps + 1] = { wait = 0.0001 } -- makes it a write of its own
      end
      assert.equal("done", assert(link:connect(link:play(steps)):ask("hello")).text)
    end)

    it("5.2: a client writes each length in its shortest form, and each message as one frame of text", function()
      local peer = link:peer(FINAL)
      local function sent(text)
        local session = link:connect(peer)
        assert(session:ask(text))
        session:close()
        return peer:report().sent[1]
      end
      local around = #sent("x").payload - 1
      local heads = { [125] = "81fd", [126] = "81fe007e", [65535] = "81feffff", [65536] = "81ff0000000000010000" }
      for n, head in pairs(heads) do
        local message = sent(("x"):rep(n - around))
        assert.equal(n, #message.payload)
        assert.equal(head, message.head)
        assert.equal(("x"):rep(n - around), cjson.decode(message.payload).text)
      end
    end)

    it("5.3, 10.3: every frame of a client has a mask of its own, that nobody could know", function()
      local peer = link:peer(frame(FIN + PING, ""):rep(12) .. FINAL)
      local masks, count, values = {}, 0, {}
      for _ = 1, 5 do
        local session = link:connect(peer)
        assert(session:ask "hello")
        session:close()
        local sent = peer:report().sent
        assert.equal(14, #sent) -- message, pongs, close
        for _, each in ipairs(sent) do
          assert.is_nil(masks[each.mask])
          masks[each.mask] = true
          for byte in each.mask:gmatch ".." do
            if not values[byte] then count = count + 1 end
            values[byte] = true
          end
        end
      end
      assert.is_true(count > 100) -- of 280 drawn from 256, some 170 differ
    end)

    it("5.6: a message may come as binary data, if it is JSON as ever", function()
      local bytes = frame(FIN + BINARY, update_json "so") .. frame(BINARY, update_json "so far")
        .. frame(FIN + CONTINUATION, "") .. frame(FIN + BINARY, final_json "so far, so good")
      assert.equal("so far, so good", assert(link:connect(link:peer(bytes)):ask("hello")).text)
    end)

    it("5.4: fragments may have one byte each, and a ping between every two", function()
      local server = link:play {
        { receive = true },
        { update = "Grüße, 你", fragment = 1, ping_between = true },
        { update = "Grüße, 你好 😀", fragment = 1, ping_between = true },
        { message = { text = "Grüße, 你好 😀!" }, fragment = 1, ping_between = true },
      }
      local message = assert(link:connect(server):ask "hello")
      assert.equal("Grüße, 你好 😀!", message.text)
    end)

    it("5.4: fragments may be empty", function()
      local json = final_json "done"
      local last = frame(CONTINUATION, "") .. frame(FIN + CONTINUATION, "")
      local bytes = frame(TEXT, "") .. frame(CONTINUATION, json) .. last
      assert.equal("done", assert(link:connect(link:peer(bytes)):ask("hello")).text)
    end)

    it("5.5.2: pings are answered with the same payload, before and within an answer", function()
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

    it("5.5.3: pings that come together are answered one by one, also inside a message", function()
      local json, pings = final_json "done", {}
      for i = 1, 10 do pings[i] = frame(FIN + PING, "payload " .. i) end
      local bytes = frame(TEXT, json:sub(1, 9)) .. table.concat(pings) .. frame(FIN + CONTINUATION, json:sub(10))
      local peer = link:peer(bytes)
      local session = link:connect(peer)
      assert(session:ask "hello")
      session:close()
      local sent = peer:report().sent
      for i = 1, 10 do
        assert.equal(("%x"):format(FIN + PONG), sent[i + 1].head:sub(1, 2))
        assert.equal("payload " .. i, sent[i + 1].payload)
      end
    end)

    it("5.5.3: pongs that nobody asked for are no matter", function()
      local bytes = frame(FIN + PONG, "stray") .. FINAL
      assert.equal("done", assert(link:connect(link:peer(bytes)):ask("hello")).text)
    end)

    it("10.4: what exceeds max_message ends the connection with 1009, before it has come", function()
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

    it("10.4: fragments of one message count for max_message together", function()
      local json = final_json(("x"):rep(500))
      local bytes = frame(TEXT, json:sub(1, 300)) .. frame(FIN + CONTINUATION, json:sub(301))
      local peer = link:peer(bytes)
      assert.equal("overflow", select(2, link:connect(peer, { max_message = #json - 1 }):ask("hello")).kind)
      assert.is_table(link:connect(peer, { max_message = #json }):ask "hello")
      assert.same({ { opcode = CLOSE, close_code = 1009 } }, peer:report().frames)
    end)
  end)
end
