-- How servers may refuse or break the WebSocket handshake: it is told with the server's own words, whether the session
-- was made by aui.connect or in the background, and the next message tries anew. Which answers RFC 6455 allows is the
-- subject of conformance/handshake_spec.lua.

local wire = require "spec.wire"

local function answer(status, headers, body) return { status = status, headers = headers, body = body } end

local JSON_REFUSAL = [[
{"status_code": 401, "description": "Not authenticated", "message": "Invalid API key", "extra_data": {"a": 1}}]]
local HTML = "<html><head><title>Sorry</title></head>\n<body><p>We are being  repaired</p></body></html>"
local SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
local ACCEPT = "Sec-WebSocket-Accept: ${accept}\r\n"

-- What the server does, the kind of the error, its words, and fields of it.
local REFUSALS = {
  { "301", answer(301, { Location = "/elsewhere" }), "protocol", "301 %(redirects are not followed%)",
    { status_code = 301, retryable = false } },
  { "401 with an error payload", answer(401, nil, JSON_REFUSAL), "auth", "401: Invalid API key",
    { status_code = 401, retryable = false, description = "Not authenticated", extra_data = { a = 1 } } },
  { "401 with an error payload behind a byte order mark, in which a character was cut in two",
    answer(401, nil, '\239\187\191{"detail":"No \\ud83d access","error":{"code":"e7"}}'), "auth",
    "401: No \239\191\189 access %(no api_key was sent%)$", { status_code = 401, code = "e7" } },
  { "403 with a detail", answer(403, nil, '{"detail":"No access"}'), "auth", "403: No access",
    { status_code = 403, retryable = false } },
  { "404 without a body", answer(404), "application", "404", { status_code = 404, retryable = false } },
  { "422 with a list of details", answer(422, nil, '{"detail":[{"loc":["query","key"],"msg":"field required"}]}'),
    "application", "422: query.key: field required", { status_code = 422, retryable = false } },
  { "429 with Retry-After", answer(429, { ["Retry-After"] = "17" }), "rate_limit", "429",
    { status_code = 429, retryable = true, retry_after = 17 } },
  { "500 with a page", answer(500, { ["Content-Type"] = "text/html" }, HTML), "server",
    "500: Sorry We are being repaired$", { status_code = 500, retryable = true } },
  { "503 with an error payload", answer(503, { ["Retry-After"] = "3" }, '{"message":"Down for repair"}'), "server",
    "503: Down for repair", { status_code = 503, retryable = true, retry_after = 3 } },
  { "200", answer(200, nil, "Hello"), "protocol", "200", { status_code = 200, retryable = false } },
  { "401 with a folded field",
    { raw = 'HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm="x",\r\n  error="y"\r\nContent-Length: 0\r\n\r\n' },
    "auth", "401", { status_code = 401, retryable = false } },
  { "401 whose length cannot be understood", { raw = "HTTP/1.1 401 No\r\nContent-Length: x\r\n\r\n" },
    "auth", "401", { status_code = 401, retryable = false } },
  { "600", { raw = "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n" }, "server", "600",
    { status_code = 600, retryable = true } },
  { "999", { raw = "HTTP/1.1 999 X\nContent-Length: 4\n\nBusy" }, "server", "999: Busy$",
    { status_code = 999, retryable = true } },
  { "garbage", { raw = "\1\2\3 garbage\r\n\r\n" }, "protocol", "not HTTP/1.1", { retryable = false } },
  { "a head that does not end", { raw = SWITCH .. "X: " .. ("x"):rep(17000) },
    "overflow", "head of the server's answer .*%(max_response_head%)$", { retryable = false } },
  { "many small headers", { raw = SWITCH .. ("A: b\r\n"):rep(3000) },
    "overflow", "head of the server's answer .*%(max_response_head%)$", { retryable = false } },
} -- stylua: ignore

local function assert_refused(case, err)
  local kind, words, fields = case[3], case[4], case[5]
  assert.equal(kind, err.kind)
  assert.matches(words, err.message)
  assert.equal("no", err.delivered)
  for name, value in pairs(fields) do assert.same(value, err[name]) end
end

for _, scheme in ipairs(wire.schemes) do
  describe("a handshake over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    for _, case in ipairs(REFUSALS) do
      local what, step = case[1], { handshake = case[2] }
      it("answered by " .. what .. " fails aui.connect, and the next attempt is a new one", function()
        local server = link:play { connections = { { step }, { { agent = true } } } }
        local session, err = link:connect(server)
        assert.is_nil(session)
        assert_refused(case, err)
        assert.is_table(assert(link:connect(server)):ask "hello")
      end)

      it("answered by " .. what .. " fails what a background session was to send; the next message connects", function()
        local server = link:play { connections = { { step }, { { agent = true } } } }
        local session = link:session(server)
        local message, err = session:ask "hello"
        assert.is_nil(message)
        assert_refused(case, err)
        assert.equal("", err.text)
        assert.equal("waiting", session:state())
        assert.is_table(session:ask "hello")
      end)
    end

    it("refused with a body that breaks off, or does not end in time, is a refusal", function()
      local refusal = { handshake = { raw = "HTTP/1.1 503 No\r\nContent-Length: 100\r\n\r\nDown for re" } }
      local endings = { { refusal, { cut = "fin" } }, { refusal, { cut = "reset" } }, { refusal } }
      local server = link:play { connections = endings }
      for _ = 1, 3 do
        local session, err = link:connect(server, { timeout = { connect = 1 } })
        assert.is_nil(session)
        assert.equal("server", err.kind)
        assert.equal(503, err.status_code)
        assert.matches("503: Down for re$", err.message)
      end
    end)

    it("that is cut without an answer is a failure of the transport", function()
      local server = link:play { { handshake = "drop" } }
      local session, err = link:connect(server)
      assert.is_nil(session)
      assert.equal("transport", err.kind)
      assert.matches("handshake", err.message)
      assert.equal("no", err.delivered)
      assert.is_true(err.retryable)
    end)

    it("that is cut within the answer is an error, without a hang", function()
      local server = link:play { { handshake = { raw = SWITCH:sub(1, 40) } }, { cut = "fin" } }
      local session, err = link:connect(server)
      assert.is_nil(session)
      assert.equal("transport", err.kind)
      assert.is_true(err.retryable)
    end)

    it("that is reset within the answer is an error, without a hang", function()
      local server = link:play { { handshake = { raw = SWITCH:sub(1, 40) } }, { cut = "reset" } }
      local session, err = link:connect(server)
      assert.is_nil(session)
      assert.equal("transport", err.kind)
    end)

    it("accepts a head of max_response_head bytes and refuses a longer one", function()
      local filler = "X-Filler: " .. ("x"):rep(2000) .. "\r\n"
      local head = SWITCH .. filler .. ACCEPT .. "\r\n"
      local bytes = #head - #"${accept}" + 28 -- of the SHA-1 hash in base64
      local server = link:play { { handshake = { raw = head } } }
      assert.is_table(link:connect(server, { max_response_head = bytes }))
      local session, err = link:connect(server, { max_response_head = bytes - 1 })
      assert.is_nil(session)
      assert.equal("overflow", err.kind)
    end)

    it("with a wrong key is followed by the agent's refusal, which is told without the key", function()
      local server = link:start { "--api-key", "right" }
      local session, err = link:connect(server, { api_key = "hunter2-wrong" })
      if session then -- the refusal had not come with the handshake's answer
        err = select(2, session:ask "hello")
      end
      assert.equal("auth", err.kind)
      assert.equal(401, err.status_code)
      assert.equal(1008, err.close_code)
      assert.matches("Invalid API key", err.message)
      assert.is_nil(tostring(err):find("hunter2", 1, true))
    end)

    it("refused in words that repeat the key does not show it", function()
      local server = link:play { { handshake = answer(401, nil, '{"message":"no such key: hunter2-wrong"}') } }
      local _, err = link:connect(server, { api_key = "hunter2-wrong" })
      assert.matches("no such key: %*%*%*", err.message)
    end)
  end)
end
