-- HTTP requests, as the module `aui.net` offers them to lua/aui, and lua/aui/host/nginx/call.lua does inside nginx:
-- answers told apart from failures, whole ones from cut ones, and each failure told in its own words, over http and
-- https alike.

local certificates = require "spec.certificates"
local child = require "spec.child"
local core_options = require "spec.core_options"
local new_loop = ngx and require "spec.openresty.loop" or require("aui.net").loop
local socket = require "socket"
local support = require "spec.support"

local collect, open_descriptors = support.collect, support.open_descriptors

local BASE = "/api/v1/external/"
local TASK = "68e78d0dc5a4b19a030d03d6"
local KEY = "hunter2-that-nobody-sees"
local CLOSED = { kind = "canceled", message = "the call is closed", retryable = false, delivered = "maybe" }
local HELLO = '{"task_id":"' .. TASK .. '","text":"hello"}'

local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)
local loop, servers = nil, {}

local function remember(server)
  servers[#servers + 1] = server
  return server
end

local function stop()
  for _, server in ipairs(servers) do server:stop() end
  servers = {}
end

-- Options of a call from this server; `changes` go before them.
local function options_for(server, changes)
  local options = {
    host = server.tls_dir and support.tls_host or "127.0.0.1",
    port = tonumber(server.port),
    tls = server.tls or (server.tls_dir and {}),
    target = BASE .. "tasks/" .. TASK .. "/messages",
    headers = "x-network-api-key: " .. KEY .. "\r\n",
    timeout = 20,
    max_body = 64 * 1024 * 1024,
    max_response_head = 16 * 1024,
  }
  for name, value in pairs(changes or {}) do options[name] = value end
  if options.tls then
    local tls = { verify = true }
    for name, value in pairs(options.tls) do tls[name] = value end
    options.tls = tls
  end
  local host = options.host:find(":", 1, true) and "[" .. options.host .. "]" or options.host
  options.request_host = options.request_host or host .. ":" .. options.port
  return options
end

local function under_way(call) return select("#", call:result()) == 0 end

-- Steps the loop until the condition is true; raises if that takes too long.
local function run_until(condition)
  local limit = loop:now() + 90
  while not condition() do
    assert(loop:now() < limit, "waited in vain")
    loop:step(1)
  end
end

local next_id = 0

-- The result of a call, of which the loop must tell once.
local function call(server, changes)
  next_id = next_id + 1
  local object = assert(loop:call(next_id, options_for(server, changes)))
  assert.is_true(under_way(object))
  run_until(function() return not under_way(object) end)
  assert.equal(next_id, loop:ready())
  assert.is_nil(loop:ready())
  return object:result()
end

-- The words and the kind of a failure, which never tell the key.
local function fail(server, changes)
  local status, err = call(server, changes)
  assert.is_nil(status)
  assert.is_nil(err.message:find(KEY, 1, true))
  return err.message, err.kind
end

for scheme, socket_scheme in pairs { http = "ws", https = "wss" } do
  describe("a call over " .. scheme, function()
    before_each(function() loop = assert(new_loop()) end)
    after_each(function()
      loop = nil
      collect()
      stop()
    end)

    local function start(...) return remember(support.start { "--pace", "0", scheme = socket_scheme, ... }) end

    -- A server with these answers to the first calls.
    local function answer(...)
      local scenario = { connections = { { { agent = true } } }, rest = { ... } }
      return remember(support.play(scenario, { scheme = socket_scheme }))
    end

    local function raw(bytes) return answer { raw = bytes } end

    it("gets what a GET is answered", function()
      local status, body, retry_after = call(start(), { target = BASE .. "tasks?user_id=ann" })
      assert.equal(200, status)
      assert.equal('{"tasks":[],"total":0,"page":1,"size":10}', body)
      assert.is_nil(retry_after)
    end)

    it("gets what a POST is answered, and then the history", function()
      local server = start()
      local status, message = call(server, { method = "POST", target = BASE .. "message", body = HELLO })
      assert.equal(200, status)
      local _, history = call(server)
      assert.equal("[", history:sub(1, 1))
      assert.is_truthy(history:find('"text":"hello"', 1, true))
      assert.is_truthy(history:find(message, 1, true))
    end)

    it("sends a body of many pieces", function()
      local text = ("x"):rep(300000)
      local body = '{"task_id":"' .. TASK .. '","text":"' .. text .. '"}'
      local server = start()
      assert.equal(200, (call(server, { method = "POST", target = BASE .. "message", body = body })))
      local _, history = call(server)
      assert.is_truthy(history:find(text, 1, true))
    end)

    it("sends a POST without a body", function()
      assert.equal(422, (call(start(), { method = "POST", target = BASE .. "message" })))
    end)

    it("gets the answer to a wrong key", function()
      local status, body = call(start("--api-key", "another"))
      assert.equal(401, status)
      assert.is_truthy(body:find "Not authenticated")
      assert.equal(404, (call(start("--api-key", KEY))))
    end)

    it("gets answers of any other status, a redirect included", function()
      local server = start()
      assert.equal(404, (call(server, { target = "/nowhere" })))
      assert.equal(422, (call(server, { method = "POST", target = BASE .. "message", body = "{}" })))
      server = answer(
        { status = 302, headers = { Location = "/" }, body = "elsewhere" },
        { status = 429, headers = { ["Retry-After"] = "17" }, body = "slow" },
        { status = 503, headers = { ["Retry-After"] = "Fri, 31 Dec 1999 23:59:59 GMT" }, body = "busy" }
      )
      assert.same({ 302, "elsewhere" }, { call(server) })
      assert.same({ 429, "slow", 17 }, { call(server) })
      assert.same({ 503, "busy", 0 }, { call(server) }) -- the date is over
    end)

    it("gets an empty body", function()
      assert.same({ 200, "" }, { call(answer { status = 200 }) })
      assert.same({ 204, "" }, { call(raw "HTTP/1.1 204 No Content\r\n\r\n") })
      assert.same({ 200, "" }, { call(raw "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n") })
    end)

    it("gets a chunked body", function()
      local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      assert.same({ 200, "hello, you" }, { call(raw(head .. "5\r\nhello\r\n5\r\n, you\r\n0\r\n\r\n")) })
      local long = ("0123456789abcdef"):rep(0x2000)
      assert.same({ 200, long .. long }, { call(raw(head .. ("20000\r\n" .. long .. "\r\n"):rep(2) .. "0\r\n\r\n")) })
    end)

    it("gets a body that the end of the connection ends", function()
      assert.same({ 200, "hello" }, { call(raw "HTTP/1.1 200 OK\r\n\r\nhello") })
    end)

    it("gets an answer whose lines end in LF alone, with a folded field and any status of three digits", function()
      local head = "HTTP/1.1 999 Odd\nX: a\n b\nTransfer-Encoding: chunked\n\n"
      assert.same({ 999, "hello" }, { call(raw(head .. "5\nhello\n0\n\n")) })
      assert.same({ 600, "hello" }, { call(raw "HTTP/1.1 600 Odd\r\nContent-Length:\r\n 5\r\n\r\nhello") })
    end)

    it("fails at once, whatever size too long a chunk has", function()
      local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      for _, bytes in ipairs { "80000000\r\n", "1\r\n[\r\nFFFFFFF4\r\nxxxx", "ffffffffffffffff\r\nx" } do
        local words, kind = fail(raw(head .. bytes))
        assert.matches("^the answer's body is longer than %d+ bytes %(max_response_body%)$", words)
        assert.equal("overflow", kind)
      end
      for _, bytes in ipairs { "10000000000000000\r\nx", "1\r\n[\r\n100000000000000001\r\nxxxx" } do
        assert.equal("the answer breaks the chunked coding", (fail(raw(head .. bytes))))
      end
    end)

    it("gets a body as long as max_body, and fails for one byte more", function()
      local length, chunked = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\n" ..
        "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
      for _, bytes in ipairs { length, chunked, "HTTP/1.1 200 OK\r\n\r\nhello" } do
        local server = answer({ raw = bytes }, { raw = bytes })
        assert.same({ 200, "hello" }, { call(server, { max_body = 5 }) })
        local words, kind = fail(server, { max_body = 4 })
        assert.equal("the answer's body is longer than 4 bytes (max_response_body)", words)
        assert.equal("overflow", kind)
      end
    end)

    it("fails when the connection ends before an answer", function()
      local server = answer("drop", { raw = "" }, { raw = "HTTP/1.1 200 OK\r\nContent-Le" })
      for _ = 1, 3 do
        local words, kind = fail(server)
        assert.matches("^the connection was cut before an answer in HTTP/1.1", words)
        assert.equal("transport", kind)
      end
    end)

    local function assert_cut(bytes)
      local words, kind = fail(raw(bytes))
      assert.matches("^the connection was cut in the middle of the answer", words)
      assert.equal("transport", kind)
    end

    it("fails when the connection ends in the body", function()
      local head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      local cuts = { "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", head, head .. "5\r\nhel",
        head .. "5\r\nhello\r\n" }
      for _, bytes in ipairs(cuts) do assert_cut(bytes) end
    end)

    it("fails when the connection ends behind the last chunk", function()
      assert_cut "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    end)

    it("fails when the body is encoded, but for that of a refusal, whose status says enough", function()
      local fields = "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
      local words, kind = fail(raw("HTTP/1.1 200 OK\r\n" .. fields))
      assert.equal("the server's answer has a Content-Encoding, for which nobody had asked: gzip", words)
      assert.equal("protocol", kind)
      assert.same({ 500, "" }, { call(raw("HTTP/1.1 500 No\r\n" .. fields)) })
    end)

    it("fails when the answer breaks HTTP", function()
      local head, length = "HTTP/1.1 200 OK\r\n", "Content-Length: 5\r\n"
      local broken = {
        ["is not HTTP/1.1"] = { "HTTP/1.1 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", head .. "no colon\r\n\r\n" },
        ["cannot be understood"] = {
          head .. "Content-Length: five\r\n\r\nhello",
          head .. "Content-Length: -5\r\n\r\nhello",
          head .. length .. "Content-Length: 4\r\n\r\nhello",
          head .. length .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
          head .. "Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        },
        ["breaks the chunked coding"] = { head .. "Transfer-Encoding: chunked\r\n\r\nhello\r\n" },
      }
      for pattern, cases in pairs(broken) do
        for _, bytes in ipairs(cases) do
          local words, kind = fail(raw(bytes))
          assert.matches(pattern, words)
          assert.equal("protocol", kind)
        end
      end
    end)

    it("fails when the answer's head is too long", function()
      local words, kind = fail(raw("HTTP/1.1 200 OK\r\n" .. ("X: 1234567890\r\n"):rep(2000) .. "\r\n"))
      assert.matches("head of the server's answer exceeds the limit %(max_response_head%)", words)
      assert.equal("overflow", kind)
    end)

    it("gets the final answer that follows an interim one", function()
      local final = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
      assert.same({ 200, "hello" }, { call(raw("HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" .. final)) })
    end)

    it("fails when the server switches to another protocol", function()
      local words, kind = fail(raw "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")
      assert.matches("switched to another protocol", words)
      assert.equal("protocol", kind)
    end)

    it("fails when the answer is not HTTP", function()
      local words = fail(raw "SSH-2.0-x\r\n\r\n")
      assert.is_truthy(words:find("HTTP/1.1", 1, true))
    end)

    it("fails when there is no more than an interim answer", function()
      fail(raw "HTTP/1.1 103 Early Hints\r\n\r\n")
    end)

    it("fails when the answer takes longer than timeout", function()
      local begin = loop:now()
      local words, kind = fail(answer "ignore", { timeout = 0.2 })
      assert.equal("the server did not answer within 0.2 s (timeout.call)", words)
      assert.equal("timeout", kind)
      assert.is_true(loop:now() - begin >= 0.2)
    end)

    it("fails when nobody listens, or the name is not known", function()
      local server = { port = 1, tls = start().tls }
      assert.equal("connection to 127.0.0.1 port 1 refused", (fail(server)))
      assert.equal("name not found: nowhere.invalid", (fail(server, { host = "nowhere.invalid" })))
    end)

    it("works by name", function() assert.equal(404, (call(start(), { host = "localhost" }))) end)

    it((scheme == "https" and "#native " or "") .. "works by IPv6 address", function()
      assert.equal(404, (call(start("--host", "::1"), { host = "::1" })))
    end)

    it("#native takes no notice of a proxy in the environment", function()
      local server = start()
      local result = child.run(
        [[local net, port, ca_file = require "aui.net", ...
          local loop = assert(net.loop())
          local call = assert(loop:call(1, { host = "127.0.0.1", port = tonumber(port), target = "/", timeout = 20,
            max_body = 1e6, max_response_head = 1e4, request_host = "127.0.0.1:" .. port,
            tls = ca_file and { ca_file = ca_file, verify = true } }))
          while select("#", call:result()) == 0 do loop:step(1) end
          io.write(tostring((call:result())))]],
        { env = { http_proxy = "127.0.0.1:1", https_proxy = "127.0.0.1:1" } },
        tostring(server.port),
        server.tls and server.tls.ca_file
      )
      assert.equal("404", result.stdout)
    end)

    it("#native is one of 200 at once, beside sessions on the same loop", function()
      local server = start()
      local sessions, calls, news = {}, {}, {}
      for i = 1, 20 do
        local options = options_for(server, { target = BASE .. "session", connect_timeout = 60 })
        sessions[i] = assert(loop:open(1000 + i, core_options(options)))
      end
      for i = 1, 200 do
        local options = options_for(server, { target = BASE .. "tasks?user_id=u" .. i, timeout = 60 })
        calls[i] = assert(loop:call(i, options))
      end
      local replies = {}
      for i, session in ipairs(sessions) do replies[i] = session:send(HELLO) end
      run_until(function()
        for id in loop.ready, loop do news[id] = (news[id] or 0) + 1 end
        for _, object in ipairs(calls) do
          if under_way(object) then return false end
        end
        for _, reply in ipairs(replies) do
          if reply:status() == "pending" then return false end
        end
        return true
      end)
      for id in loop.ready, loop do news[id] = (news[id] or 0) + 1 end
      for i, object in ipairs(calls) do
        local status, err = object:result()
        assert.same({ 200 }, { status, status ~= 200 and err or nil })
        assert.equal(1, news[i])
      end
      for _, reply in ipairs(replies) do assert.equal("done", reply:status()) end
    end)

    -- Begins 20 calls, lets the condition come true for all of them, and drops them by `drop`: nothing must be left.
    local function assert_leaves_nothing(server, changes, condition, drop)
      collect()
      call(server, { timeout = 0.3 }) -- what the loop opens once
      loop:step(0.05)
      local before = open_descriptors()
      local calls = {}
      for i = 1, 20 do calls[i] = assert(loop:call(i, options_for(server, changes))) end
      if condition then run_until(function() return condition(before) end) end
      drop(calls)
      calls = nil -- luacheck: ignore
      collect()
      run_until(function() return open_descriptors() == before end)
      assert.is_nil(loop:ready())
    end

    local function close_all(calls)
      for _, object in ipairs(calls) do
        object:close()
        object:close()
        assert.same({ nil, CLOSED }, { object:result() })
      end
    end

    local function forget_all() end

    for name, drop in pairs { ["collected #native"] = forget_all, closed = close_all } do
      it("leaves nothing behind when it is " .. name .. ": before anything, and while a name is resolved", function()
        assert_leaves_nothing(answer("ignore"), {}, nil, drop)
        assert_leaves_nothing(answer("ignore"), { host = "localhost" }, nil, drop)
      end)

      it("leaves nothing behind when it is " .. name .. ": while it connects or waits for the answer", function()
        local ignored = {}
        for i = 1, 21 do ignored[i] = "ignore" end
        local function some_connected(before) return open_descriptors() > before end
        local function all_connected(before) return open_descriptors() >= before + 20 end
        assert_leaves_nothing(answer(unpack(ignored)), {}, some_connected, drop)
        assert_leaves_nothing(answer(unpack(ignored)), {}, all_connected, drop)
      end)
    end

    it("#native may be under way when the program ends", function()
      local server = answer "ignore"
      local result = child.run(
        [[local net, port, ca_file = require "aui.net", ...
          local loop = assert(net.loop())
          local options = { host = "127.0.0.1", port = tonumber(port), target = "/", headers = "", timeout = 20,
            max_body = 1e6, max_response_head = 1e4, request_host = "127.0.0.1:" .. port,
            tls = ca_file and { ca_file = ca_file, verify = true } }
          calls = {}
          for id = 1, 3 do
            calls[id] = assert(loop:call(id, options))
            for _ = 1, 20 do loop:step(0.005) end
          end]],
        nil,
        tostring(server.port),
        server.tls and server.tls.ca_file
      )
      assert.same({ 0, 0, "" }, { result.status, result.signal, result.stderr })
    end)
  end)
end

describe("the connection of a call", function()
  local ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
  local listener, connections

  before_each(function()
    loop = assert(new_loop())
    listener = assert(socket.bind("127.0.0.1", 0))
    listener:settimeout(0)
    connections = {}
  end)
  after_each(function()
    listener:close()
    for _, connection in ipairs(connections) do connection.socket:close() end
    loop = nil
    collect()
  end)

  -- The next request that has come whole, if there is one.
  local function take_request(connection)
    local bytes, _, partial = connection.socket:receive(65536)
    connection.received = connection.received .. (bytes or partial or "")
    local head = connection.received:match "^.-\r\n\r\n"
    local length = head and #head + (head:match "Content%-Length: (%d+)" or 0)
    if not head or #connection.received < length then return nil end
    connection.received = connection.received:sub(length + 1)
    connection.requests = connection.requests + 1
    return head
  end

  -- Lets the server take connections and requests, and give its answer to each: bytes, or false to hang up.
  local function serve(answer)
    local accepted = listener:accept()
    if accepted then
      accepted:settimeout(0)
      connections[#connections + 1] = { socket = accepted, received = "", requests = 0 }
    end
    for index, connection in ipairs(connections) do
      local request = take_request(connection)
      local bytes = request and answer(index, connection.requests)
      if bytes then connection.socket:send(bytes) end
      if request and not bytes then connection.socket:close() end
    end
  end

  local function begin(changes)
    local _, port = listener:getsockname()
    next_id = next_id + 1
    return assert(loop:call(next_id, options_for({ port = port }, changes)))
  end

  local function finish(object, answer)
    local limit = loop:now() + 90
    while under_way(object) do
      assert(loop:now() < limit, "waited in vain")
      loop:step(0.01)
      serve(answer)
    end
    while loop:ready() do end -- luacheck: ignore
    return object:result()
  end

  local function always(bytes)
    return function() return bytes end
  end

  local POST = { method = "POST", body = "hello" }

  it("serves the next one to the same place", function()
    for i = 1, 3 do
      assert.same({ 200, "hello" }, { finish(begin(i == 2 and POST or nil), always(ANSWER)) })
    end
    assert.equal(1, #connections)
    assert.equal(3, connections[1].requests)
  end)

  it("is the only one that it opens", function()
    local answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
    for i = 1, 3 do
      assert.equal(200, (finish(begin(), always(answer))))
      assert.equal(i, #connections)
    end
  end)

  it("serves no other while the call is under way, nor after it was given up", function()
    local first, second = begin(), begin()
    finish(first, always(ANSWER))
    assert.equal(200, (finish(second, always(ANSWER))))
    assert.equal(2, #connections)
    local third = begin()
    for _ = 1, 5 do loop:step(0.01) end
    third:close()
    assert.equal(200, (finish(begin(), always(ANSWER))))
    assert.is_true(#connections >= 3)
  end)

  it("serves nobody when its answer does not allow that, or more than the answer has come", function()
    local answers = { "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", ANSWER .. "HTTP/1.1 408 Too late\r\n\r\n" }
    for i, answer in ipairs(answers) do
      assert.same({ 200, "hello" }, { finish(begin(), always(answer)) })
      assert.equal(i, #connections)
    end
  end)

  it("serves nobody who asks another host", function()
    finish(begin(), always(ANSWER))
    assert.equal(200, (finish(begin { host = "localhost" }, always(ANSWER))))
    assert.equal(2, #connections)
  end)

  for what, changes in pairs { GET = {}, POST = POST } do
    it("may have ended before the next one, which is no failure of a " .. what, function()
      finish(begin(), always(ANSWER))
      connections[1].socket:close()
      assert.same({ 200, "hello" }, { finish(begin(changes), always(ANSWER)) })
      assert.equal(2, #connections)
    end)

    it("may have got an answer before the next one, which is not that of a " .. what, function()
      finish(begin(), always(ANSWER))
      connections[1].socket:send "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
      assert.same({ 200, "hello" }, { finish(begin(changes), always(ANSWER)) })
      assert.equal(2, #connections)
    end)
  end

  -- The server hangs up on the second request of a connection.
  local function hang_up(_, request) return request < 2 and ANSWER end

  it("may end as the next one is sent: a GET is sent again, once, but no POST, which may have been acted on", function()
    finish(begin(), hang_up)
    assert.same({ 200, "hello" }, { finish(begin(), hang_up) })
    assert.equal(2, #connections)
    local status, err = finish(begin(POST), hang_up)
    assert.same({ nil, "transport", "maybe" }, { status, err.kind, err.delivered })
    assert.matches("^the connection was cut before an answer", err.message)
    assert.equal(2, #connections)
    finish(begin(), always(ANSWER))
    assert.equal("transport", select(2, finish(begin(), always(false))).kind)
    assert.equal(4, #connections)
  end)
end)

if ngx then -- whose cosockets wait as long as they are told
  describe("a call from a server that never comes to an end", function()
    local HEAD = "HTTP/1.1 200 OK\r\n"
    local beginnings = {
      ["the head"] = HEAD .. "X: y",
      ["a body of known length"] = HEAD .. "Content-Length: 9999999\r\n\r\nhello",
      ["a chunk"] = HEAD .. "Transfer-Encoding: chunked\r\n\r\nfffff\r\nhello",
      ["the size of a chunk"] = HEAD .. "Transfer-Encoding: chunked\r\n\r\n0",
      ["a row of chunks"] = HEAD .. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      ["a body without a length"] = HEAD .. "\r\nhello",
    }
    local listener, client

    before_each(function()
      loop = assert(new_loop())
      listener = assert(socket.bind("127.0.0.1", 0))
      listener:settimeout(0)
    end)
    after_each(function()
      listener:close()
      if client then client:close() end
      client, loop = nil, nil
      collect()
    end)

    -- Begins a call, which is answered with these bytes.
    local function begin(bytes, timeout)
      local _, port = listener:getsockname()
      local object = assert(loop:call(1, options_for({ port = port }, { timeout = timeout })))
      local request
      repeat
        loop:step(0.01)
        client = client or listener:accept()
        if client then client:settimeout(0) end
        request = client and client:receive "*l"
      until request or not under_way(object)
      client:send(bytes)
      return object
    end

    local function drip(place) client:send(place == "a row of chunks" and "1\r\n0\r\n" or "0") end
    local function be_silent() end

    local function has_hung_up() return select(2, client:receive "*a") ~= "timeout" end

    for place, bytes in pairs(beginnings) do
      for how, go_on in pairs { ["bytes go on coming"] = drip, ["nothing more comes"] = be_silent } do
        it(("ends in time when in %s %s, and so does its connection"):format(place, how), function()
          local begin_time = loop:now()
          local object = begin(bytes, 0.3)
          run_until(function()
            go_on(place)
            return not under_way(object)
          end)
          assert.is_true(loop:now() - begin_time < 10)
          local missing = place == "the head" and "the server did not answer" or "the answer was not complete"
          local status, err = object:result()
          assert.same({ nil, missing .. " within 0.3 s (timeout.call)" }, { status, err.message })
          assert.same({ "timeout", true, "maybe" }, { err.kind, err.retryable, err.delivered })
          assert.equal(1, loop:ready())
          run_until(function()
            go_on(place)
            return has_hung_up()
          end)
          assert.is_nil(loop:ready())
        end)
      end

      it(("ends when it is closed in %s, and so does its connection"):format(place), function()
        local object = begin(bytes, 60)
        for _ = 1, 5 do loop:step(0.01) end
        object:close()
        assert.same({ nil, CLOSED }, { object:result() })
        run_until(function()
          drip(place)
          return has_hung_up()
        end)
        assert.is_nil(loop:ready())
      end)
    end
  end)
end

describe("whom a call over https trusts", function()
  before_each(function() loop = assert(new_loop()) end)
  after_each(function()
    loop = nil
    collect()
    stop()
  end)

  local function start(...) return remember(support.start { scheme = "wss", ... }) end

  it("is not another name's owner", function()
    local words, kind = fail(start("--tls-name", "example.com"), { host = "localhost" })
    assert.equal("TLS: certificate of localhost not accepted: hostname mismatch", words)
    assert.equal("transport", kind)
  end)

  it("#native is not another address's owner, IPv4 and IPv6", function()
    for address, name in pairs { ["127.0.0.1"] = "127.0.0.2", ["::1"] = "::2" } do
      local words = fail(start("--host", address, "--tls-name", name), { host = address })
      assert.equal("TLS: certificate of " .. address .. " not accepted: IP address mismatch", words)
    end
  end)

  it("is nobody of another authority", function()
    local words = ("^TLS: certificate of %s not accepted: .*certificate"):format(support.tls_host)
    assert.matches(words, (fail(remember(support.start { scheme = "wss", stranger = true }))))
  end)

  it("#native is nobody of another authority than ca_file's", function()
    assert.matches("not accepted", (fail(start(), { tls = start().tls })))
  end)

  it("is nobody past the date", function()
    assert.matches("expired", (fail(start "--tls-expired")))
  end)

  -- Anybody on the way can end TCP, but not TLS (RFC 8446, 6.1). nginx does not tell the one from the other.
  it("#native is nobody who ends a body with the connection, but not with TLS", function()
    local directory, authority = certificates.directory(), start()
    directory:copy(authority.tls_dir .. "/server.pem", "server.pem")
    directory:copy(authority.tls_dir .. "/server.key", "server.key")
    local function show(answer) directory:show { cert = "server.pem", key = "server.key", answer = answer } end
    show "HTTP/1.1 200 OK\r\n\r\n[]"
    local server = remember(directory:serve())
    local words, kind = fail(server, { tls = authority.tls })
    local ends = { "Content-Length: 2\r\n\r\n[]", "Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n" }
    for _, rest in ipairs(ends) do -- which tell the end themselves
      show("HTTP/1.1 200 OK\r\n" .. rest)
      assert.same({ 200, "[]" }, { call(server, { tls = authority.tls }) })
    end
    directory:remove()
    assert.equal("the connection was cut in the middle of the answer: TLS ended without close_notify", words)
    assert.equal("transport", kind)
  end)

  it("is anybody with verify = false, for that call alone", function()
    local server = start("--tls-expired", "--tls-name", "example.com")
    assert.equal(404, (call(server, { tls = { verify = false } })))
    assert.matches("not accepted", (fail(server)))
  end)

  -- The failure of a call from a server that says `bytes` to whoever connects, and hangs up.
  local function fail_with(bytes)
    local listener = assert(socket.bind("127.0.0.1", 0))
    listener:settimeout(0)
    local _, port = listener:getsockname()
    local object = assert(loop:call(1, options_for({ port = port, tls = start().tls })))
    run_until(function()
      local client = listener:accept()
      if client then
        client:send(bytes)
        client:shutdown "send"
        client:settimeout(0.05)
        client:receive "*a"
        client:close()
      end
      return not under_way(object)
    end)
    listener:close()
    return select(2, object:result()).message
  end

  it("#native is nobody who does not speak TLS, who hangs up, or who refuses", function()
    assert.matches("^TLS: the server does not speak TLS here", fail_with "HTTP/1.1 400 Bad\r\n\r\n")
    assert.equal("TLS handshake: the server ended the connection", fail_with "")
    assert.equal("TLS: 127.0.0.1 refused the connection: handshake failure", fail_with "\21\3\3\0\2\2\40")
  end)

  it("#native is what the options say, which must be usable", function()
    local object, words = loop:call(1, options_for({ port = 1 }, { tls = { ca_file = "/nowhere/ca.pem" } }))
    assert.is_nil(object)
    assert.equal("tls.ca_file: cannot use /nowhere/ca.pem: No such file or directory", words)
  end)
end)

describe("#native the options of a call", function()
  before_each(function() loop = assert(new_loop()) end)

  it("may be long", function()
    local server = remember(support.start())
    local field = "X-Long: " .. ("x"):rep(1000) .. "\r\n"
    assert.equal(404, (call(server, { target = "/" .. ("x"):rep(3000), headers = field:rep(3) })))
    stop()
  end)

  it("are checked for the method and a body that does not go with it", function()
    local server = { port = 1 }
    assert.error_matches(function() loop:call(1, options_for(server, { method = "HEAD" })) end, "method: expected")
    assert.error_matches(function() loop:call(1, options_for(server, { body = "x" })) end, "body: not expected")
  end)
end)
