-- Proxies, real ones and one that does what those would not: sessions and calls go through their tunnels, over ws and
-- wss, and each failure is told in words that name the proxy.

local aui = require "aui"
local certificates = require "spec.certificates"
local child = not ngx and require "spec.child"
local new_loop = ngx and require "spec.openresty.loop" or require("aui.net").loop
local socket = require "socket"
local support = require "spec.support"
local wire = require "spec.wire"

local USER = "ann:sesame7-hunter2"

local function hex(text)
  return (text:gsub(".", function(char) return ("%02x"):format(char:byte()) end))
end

-- The proxy's URL with "user:password" in it.
local function with_user(proxy, user) return (proxy.url:gsub("//", "//" .. user .. "@")) end

local function named(proxy) return ("the proxy 127.0.0.1:%d"):format(proxy.port) end

-- The URL of a server by another name of its host.
local function by_name(server, name) return (server.url:gsub("//[^:/]+", "//" .. name)) end

local function closed_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return port
end

local function fail(link, server, changes)
  local session, err = link:connect(server, changes)
  assert.is_nil(session)
  assert.equal("no", err.delivered)
  return err
end

-- A session that connects again and asks the history, in either case through the proxy.
local function connect_to_recover(link, server, proxy, timeout)
  local changes = { proxy = proxy, reconnect = { base = 0.01, max = 0.05 }, recover = true, timeout = timeout }
  return assert(link:connect(server, changes))
end

local function assert_refused(err, proxy, words, retryable)
  assert.equal(named(proxy) .. " refused the tunnel with HTTP status " .. words, err.message)
  assert.equal("transport", err.kind)
  assert.equal(retryable, err.retryable)
end

for _, kind in ipairs { "squid", "tinyproxy" } do
  describe(kind, function()
    local open_proxy, closed_proxy
    setup(function()
      open_proxy = support.real_proxy(kind)
      closed_proxy = support.real_proxy(kind, USER)
    end)
    teardown(function()
      open_proxy:stop()
      closed_proxy:stop()
    end)

    for _, scheme in ipairs(wire.schemes) do
      describe("over " .. scheme, function()
        local link = wire.new(scheme)
        after_each(function() link:stop() end)

        it("leads sessions to the server", function()
          local server = link:start { "--echo" }
          for _, proxy in ipairs { open_proxy.url, with_user(open_proxy, "any:one"), with_user(closed_proxy, USER) } do
            local session = assert(link:connect(server, { proxy = proxy }))
            assert.equal("hello", assert(session:ask "hello").text)
          end
        end)

        it("leads long texts both ways", function()
          local server = link:start { "--echo" }
          local text = ("0123456789abcdef"):rep(2 ^ 14)
          local session = assert(link:connect(server, { proxy = with_user(closed_proxy, USER) }))
          assert.equal(text, assert(session:ask(text)).text)
        end)

        it("leads the calls of a client, and tells them why it does not", function()
          local server = link:start()
          local function list(proxy)
            local client = aui.client { url = server.url, tls = server.tls, proxy = proxy, retries = 0 }
            return client:list_tasks { user_id = "ann" }
          end
          assert.same({}, assert(list(with_user(closed_proxy, USER))).tasks)
          local page, err = list(closed_proxy.url)
          assert.is_nil(page)
          assert.matches(": the proxy [%d.:]+ refused the tunnel with HTTP status 407 ", err.message)
          assert.same({ "transport", false, "no" }, { err.kind, err.retryable, err.delivered })
        end)

        it("leads to the history after a cut in the middle of an answer, and to the server again", function()
          local server = link:play {
            connections = {
              {
                { receive = true },
                { update = "I fou" },
                { wait = 0.05 },
                { record = { text = "I found it" } },
                { cut = "reset" },
              },
              { { receive = true }, { message = { text = "next" } } },
            },
          }
          local session = connect_to_recover(link, server, with_user(closed_proxy, USER))
          local reply = session:send "question"
          assert.equal("I found it", (support.read(reply)))
          assert.equal("I found it", assert(reply:message()).text)
          assert.equal("next", assert(session:ask "again").text)
        end)

        it("tells that it cannot reach the server", function()
          local words = { squid = "503 (Service Unavailable)", tinyproxy = "500 (Unable to connect)" }
          local nobody = { url = ("%s://127.0.0.1:%d/"):format(scheme, closed_port()) }
          assert_refused(fail(link, nobody, { proxy = open_proxy.url }), open_proxy, words[kind], true)
        end)

        it("tells that it asks for a password, and that it does not accept one", function()
          local required = "407 (Proxy Authentication Required)"
          local server, refused = link:start(), kind == "squid" and required or "401 (Unauthorized)"
          local err = fail(link, server, { proxy = closed_proxy.url })
          assert_refused(err, closed_proxy, required .. ": it asks for a user name and a password", false)
          err = fail(link, server, { proxy = with_user(closed_proxy, "ann:hunter2-wrong") })
          assert_refused(err, closed_proxy, refused .. ": it does not accept the user name and password", false)
        end)
      end)
    end

    it("leads to IPv6 addresses", function()
      local link = wire.new "ws"
      local server = link:start { "--host", "::1" }
      assert.is_truthy(server.url:find("[::1]", 1, true))
      assert.is_table(assert(link:connect(server, { proxy = open_proxy.url })):ask "hello")
      link:stop()
    end)

    if kind == "squid" then
      it("resolves names that nobody else knows", function()
        local link = wire.new "ws"
        local server = link:start()
        for _, name in ipairs { "known-to-the-proxy.test", "xn--bcher-kva.test" } do
          local changes = { proxy = open_proxy.url, url = by_name(server, name) }
          assert.is_table(assert(link:connect(server, changes)):ask "hello")
        end
        link:stop()
      end)
    end
  end)
end

for _, scheme in ipairs(wire.schemes) do
  describe("a proxy over " .. scheme, function()
    local link, proxy = wire.new(scheme), nil
    after_each(function()
      link:stop()
      if proxy then proxy:stop() end
      proxy = nil
    end)

    local function start(...)
      proxy = support.proxy { ... }
      return proxy
    end

    local function fail_by(deed, changes)
      start(deed)
      changes = changes or {}
      changes.proxy = proxy.url
      return fail(link, link:start(), changes)
    end

    it("is asked for a tunnel in the words of HTTP, with the credentials that its URL has", function()
      local server = link:start()
      start "tunnel"
      local place = server.url:match "//([^/]+)"
      local users = { "", "Aladdin:open%20sesame@", "Aladdin:open sesame@", "@", "ann@", "a%2Fb:p:%C3%BC@c@" }
      for _, user in ipairs(users) do
        local by = "http://" .. user .. proxy.url:match "//(.*)$"
        assert.is_table(assert(link:connect(server, { proxy = by })):ask "hello")
      end
      local request = ("CONNECT %s HTTP/1.1\r\nHost: %s\r\n"):format(place, place)
      local basic = "Proxy-Authorization: Basic "
      assert.same({
        request .. "\r\n",
        request .. basic .. "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
        request .. basic .. "QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n",
        request .. "\r\n",
        request .. basic .. "YW5uOg==\r\n\r\n",
        request .. basic .. "YS9iOnA6w7xAYw==\r\n\r\n",
      }, proxy.heads())
    end)

    it("serves the calls of a session, and each new connection", function()
      local server = link:play {
        connections = {
          {
            { receive = true },
            { update = "fou" },
            { wait = 0.05 },
            { record = { text = "found" } },
            { cut = "reset" },
          },
          { { receive = true }, { message = { text = "next" } } },
        },
      }
      start "tunnel"
      local session = connect_to_recover(link, server, proxy.url)
      assert.equal("found", assert(session:ask "question").text)
      assert.equal("next", assert(session:ask "again").text)
      assert.equal(3, #proxy.heads())
    end)

    it("may still have a message under way that the history lacks: it is not sent again", function()
      local server = link:play {
        connections = {
          {
            { receive = true },
            { message = { text = "first" } }, -- by which the session learns an id
            { receive = true, recorded = false },
            { cut = "reset" },
          },
          { { receive = true }, { message = { text = "next" } } },
        },
      }
      start "tunnel"
      local session = connect_to_recover(link, server, proxy.url, { first = 1 })
      assert.equal("first", assert(session:ask "one").text)
      local message, err = session:ask "question"
      assert.is_nil(message)
      assert.equal("maybe", err.delivered)
      assert.equal("next", assert(session:ask "again").text)
    end)

    it("that ends in the middle of an answer is gone through again, for its rest", function()
      local text = ("0123456789abcdef"):rep(4096)
      local server = link:play {
        connections = {
          {
            { receive = true },
            { message = { text = "first" } }, -- by which the session learns an id
            { receive = true },
            { record = { text = text .. "!" } },
            { update = text },
            { receive = true },
          },
          { { receive = true }, { message = { text = "next" } } },
        },
      }
      start("tunnel:00008000", "tunnel")
      local session = connect_to_recover(link, server, proxy.url)
      assert.equal("first", assert(session:ask "one").text)
      assert.equal(text .. "!", (support.read(session:send "question")))
      assert.equal("next", assert(session:ask "again").text)
      assert.equal(3, #proxy.heads())
    end)

    it("that is not there is told of as the proxy", function()
      local port = closed_port()
      local err = fail(link, link:start(), { proxy = ("http://127.0.0.1:%d"):format(port) })
      assert.equal(("proxy: connection to 127.0.0.1 port %d refused"):format(port), err.message)
      assert.equal("transport", err.kind)
      assert.is_true(err.retryable)
    end)

    it("that says nothing is waited for no longer than timeout.connect", function()
      local err = fail_by("say:", { timeout = { connect = 0.3 } })
      assert.equal(named(proxy) .. " did not open a tunnel within 0.3 s (timeout.connect)", err.message)
      assert.equal("timeout", err.kind)
      assert.is_true(err.retryable)
    end)

    it("that says nothing is left when the session is closed", function()
      start "say:"
      local session = link:session(link:start(), { proxy = proxy.url })
      support.wait_until(function() return #proxy.heads() == 1 end)
      session:close()
      assert.equal("closed", session:state())
    end)

    it("that is none is told apart", function()
      local answers = { "220 mail.example ESMTP\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n" }
      for _, bytes in ipairs(answers) do
        local err = fail_by("say:" .. hex(bytes))
        assert.equal(("the answer of %s is not HTTP/1.1"):format(named(proxy)), err.message)
        assert.equal("transport", err.kind)
        assert.is_false(err.retryable)
        proxy:stop()
      end
      proxy = nil
    end)

    it("that speaks TLS is told apart", function()
      local err = fail_by("say:" .. "15030300020228")
      assert.equal(named(proxy) .. " speaks TLS: give it as https://", err.message)
      assert.is_false(err.retryable)
    end)

    it("may not talk without end", function()
      local err = fail_by "endless"
      assert.equal(("the answer of %s has a head of more than 16384 bytes"):format(named(proxy)), err.message)
      assert.is_false(err.retryable)
    end)

    it("that ends the connection is told of", function()
      local err = fail_by "cut:"
      assert.equal(named(proxy) .. " ended the connection without an answer", err.message)
      assert.is_true(err.retryable)
      proxy:stop()
      err = fail_by("cut:" .. hex "HTTP/1.1 200 Conn")
      assert.equal(named(proxy) .. " ended the connection in the middle of its answer", err.message)
      assert.is_true(err.retryable)
    end)

    it("need not say why it refuses", function()
      local err = fail_by("say:" .. hex "HTTP/1.1 407\r\n\r\n")
      assert_refused(err, proxy, "407: it asks for a user name and a password", false)
    end)

    it("that repeats the credentials does not give them away", function()
      local server = link:start()
      for _, words in ipairs { "Zm9vOm9wZW4tc2VzYW1l", "foo:open-sesame", "open-sesame" } do
        start("cut:" .. hex(("HTTP/1.1 403 No %s here\r\n\r\n"):format(words)))
        local err = fail(link, server, { proxy = with_user(proxy, "foo:open-sesame") })
        assert.matches("refused the tunnel with HTTP status 403 %(No [a-z:]*%*%*%* here%)$", err.message)
        proxy:stop()
      end
      proxy = nil
    end)

    it("is tried again when it was in trouble, and not when it has refused for good", function()
      local server = link:start()
      start("cut:", "cut:" .. hex "HTTP/1.1 503 Busy\r\n\r\n", "tunnel")
      local session = link:session(server, { proxy = proxy.url, reconnect = { base = 0.01, max = 0.02 } })
      assert.is_table(session:ask "hello")
      assert.equal(3, #proxy.heads())
      proxy:stop()
      start("cut:" .. hex "HTTP/1.1 403 No\r\n\r\n", "tunnel")
      session = link:session(server, { proxy = proxy.url, reconnect = { base = 0.01, max = 0.02 } })
      local message, err = session:ask "hello"
      assert.is_nil(message)
      assert_refused(err, proxy, "403 (No)", false)
      assert.equal("waiting", session:state())
      assert.equal(1, #proxy.heads())
    end)

    it("tells pools apart, as its users do", function()
      local server, pool = link:start(), aui.pool()
      start "tunnel"
      for _, by in ipairs { proxy.url, with_user(proxy, "a:b"), with_user(proxy, "a:c"), proxy.url, false } do
        local session = assert(pool:connect(wire.options(server, { proxy = by })))
        assert.is_table(session:ask "hello")
        session:close()
      end
      assert.equal(3, #proxy.heads())
    end)

    -- The result of a GET of the server by a proxy, which is one by `credentials`, or none if they are false.
    local function call(loop, port, credentials)
      local host = support.tls_host
      local by = credentials ~= false and { host = "127.0.0.1", port = tonumber(proxy.port), credentials = credentials }
      local trust = link.servers[1] and link.servers[1].tls or {}
      local tls = scheme == "wss" and { verify = true, ca_file = trust.ca_file }
      local object = assert(loop:call(1, {
        host = host,
        port = port,
        tls = tls or nil,
        proxy = by or nil,
        proxy_name = by and "the proxy's name" or nil,
        request_host = host,
        target = "/api/v1/external/tasks?user_id=ann",
        timeout = 20,
        max_body = 1024,
        max_response_head = 1024,
      }))
      local limit = loop:now() + 20
      while select("#", object:result()) == 0 and loop:now() < limit do loop:step(1) end
      return object:result()
    end

    it("tells the connections apart that calls leave for each other, as its users do", function()
      local server, loop = link:start(), assert(new_loop())
      start "tunnel"
      for _, credentials in ipairs { "a:b", "a:b", "a:c", "a:b", false, false, "a:c" } do
        assert.equal(200, (call(loop, tonumber(server.port), credentials)))
      end
      assert.equal(2, #proxy.heads())
    end)

    it("gives a failure of its own to a call", function()
      start("say:" .. hex "HTTP/1.1 502 Bad Gateway\r\n\r\n")
      local status, err = call(assert(new_loop()), 1)
      assert.is_nil(status)
      assert.equal(named(proxy) .. " refused the tunnel with HTTP status 502 (Bad Gateway)", err.message)
      assert.same({ "transport", true, "no" }, { err.kind, err.retryable, err.delivered })
    end)
  end)
end

describe("bytes behind a proxy's answer", function()
  local link, proxy
  after_each(function()
    link:stop()
    proxy:stop()
  end)

  it("are the server's", function()
    link = wire.new "ws"
    proxy = support.proxy { "hurried:" .. hex "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n" }
    local err = fail(link, { url = "ws://127.0.0.1:1/" }, { proxy = proxy.url })
    assert.equal("WebSocket handshake: the server's answer is not HTTP/1.1", err.message) -- it was not asked yet
    assert.equal("protocol", err.kind)
  end)

  it("are none of TLS if the server has not been greeted", function()
    link = wire.new "wss"
    proxy = support.proxy { "hurried:" .. hex "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n" }
    local err = fail(link, { url = ("wss://%s:1/"):format(support.tls_host) }, { proxy = proxy.url })
    assert.equal("transport", err.kind)
    assert.is_false(err.retryable)
  end)
end)

describe("#native a proxy that speaks TLS", function()
  local directory, link, proxy
  setup(function()
    directory = certificates.directory()
    directory:authority "ca"
    directory:certificate("server", "ca", "subjectAltName=IP:127.0.0.1,DNS:localhost")
  end)
  teardown(function() directory:remove() end)
  after_each(function()
    link:stop()
    proxy:stop()
  end)

  -- nginx has no part in this, so that a session's authorities are those of both.
  local function trust(server)
    local both = directory:file "both.pem"
    local words = "cat %s %s >%s"
    assert(os.execute(words:format(directory:file "ca.pem", server.tls and server.tls.ca_file or "", both)))
    return { ca_file = both }
  end

  for _, scheme in ipairs(wire.schemes) do
    it("leads to a server over " .. scheme, function()
      link, proxy = wire.new(scheme), support.proxy({ "tunnel" }, directory.path)
      local server = link:start { "--echo" }
      local by = with_user(proxy, USER)
      local text = ("0123456789abcdef"):rep(2 ^ 14)
      local pool = aui.pool()
      for _ = 1, 2 do
        local session = assert(pool:connect(wire.options(server, { proxy = by, tls = trust(server) })))
        assert.equal(text, assert(session:ask(text)).text)
        assert.equal("hello", assert(session:ask "hello").text)
        session:close()
      end
      assert.equal(1, #proxy.heads())
      assert.matches("\r\nProxy%-Authorization: Basic ", proxy.heads()[1])
    end)

    it("leads to the history after a cut, over " .. scheme, function()
      link, proxy = wire.new(scheme), support.proxy({ "tunnel" }, directory.path)
      local server = link:play {
        connections = {
          { { receive = true }, { update = "I fou" }, { record = { text = "I found it" } }, { cut = "reset" } },
          { { receive = true }, { message = { text = "next" } } },
        },
      }
      local session = assert(link:connect(server, {
        proxy = proxy.url,
        tls = trust(server),
        reconnect = { base = 0.01, max = 0.05 },
        recover = true,
      }))
      assert.equal("I found it", assert(session:ask "question").text)
      assert.equal("next", assert(session:ask "again").text)
    end)

    it("is trusted by its certificate alone, over " .. scheme, function()
      link, proxy = wire.new(scheme), support.proxy({ "tunnel" }, directory.path)
      local server = link:start()
      local unverified = scheme == "wss" and { verify = false } or nil -- that is said of the server
      local err = fail(link, server, { proxy = proxy.url, tls = unverified })
      assert.matches("^proxy: TLS: certificate of 127%.0%.0%.1 not accepted: ", err.message)
      assert.is_false(err.retryable)
      assert.same({}, proxy.heads())
    end)

    it("tells its failures as others do, over " .. scheme, function()
      link, proxy = wire.new(scheme), support.proxy({
        "cut:" .. hex "HTTP/1.1 200",
        "say:" .. hex "HTTP/1.1 502 Bad Gateway\r\n\r\n",
        "say:",
      }, directory.path)
      local server = link:start()
      local changes = { proxy = proxy.url, tls = trust(server), timeout = { connect = 20 } }
      local err = fail(link, server, changes)
      assert.equal(named(proxy) .. " ended the connection in the middle of its answer", err.message)
      assert.is_true(err.retryable)
      assert_refused(fail(link, server, changes), proxy, "502 (Bad Gateway)", true)
      changes.timeout.connect = 0.5
      err = fail(link, server, changes)
      assert.equal(named(proxy) .. " did not open a tunnel within 0.5 s (timeout.connect)", err.message)
    end)
  end

  it("is told apart from one that does not", function()
    link, proxy = wire.new "ws", support.proxy { "greet:" .. hex "HTTP/1.1 400 Bad Request\r\n\r\n" }
    local err = fail(link, link:start(), { proxy = (proxy.url:gsub("^http", "https")) })
    assert.matches("^proxy: TLS: the server does not speak TLS here", err.message)
    assert.is_false(err.retryable)
  end)

  it("is told of when it ends the connection instead", function()
    link, proxy = wire.new "ws", support.proxy { "hangup" }
    local err = fail(link, link:start(), { proxy = (proxy.url:gsub("^http", "https")) })
    assert.matches("^proxy: TLS handshake: ", err.message)
    assert.is_true(err.retryable)
  end)
end)

describe("#native the environment's proxy", function()
  local proxy, server
  before_each(function()
    proxy, server = support.proxy { "tunnel" }, support.start { "--pace", "0" }
  end)
  after_each(function()
    proxy:stop()
    server:stop()
  end)

  local PROGRAM = [[
    local aui = require "aui"
    local options = { url = arg[1], task_id = "task", reconnect = false }
    if arg[2] == "without" then options.proxy = false end
    local ok, session, err = pcall(aui.connect, options)
    if not ok or not session then return print(ok and err or session) end
    print(session:ask "hello" and "answered")
    session:close()
  ]]
  local CLEAN = {}
  for _, name in ipairs { "https_proxy", "all_proxy", "no_proxy" } do
    CLEAN[name], CLEAN[name:upper()] = false, false
  end

  local function run(env, url, ...)
    local clean = setmetatable({}, { __index = CLEAN })
    for name, value in pairs(CLEAN) do clean[name] = value end
    for name, value in pairs(env) do clean[name] = value end
    local ran = child.run(PROGRAM, { env = clean }, url, ...)
    assert.equal("", ran.stderr)
    return (ran.stdout:gsub("\n$", ""))
  end

  it("is used, by any of its names, with or without a scheme", function()
    local url = by_name(server, "agent.test") -- whose address the proxy makes up
    local plain = proxy.url:match "//(.*)/$"
    for _, env in ipairs {
      { HTTPS_PROXY = proxy.url },
      { https_proxy = plain },
      { ALL_PROXY = proxy.url },
      { all_proxy = plain },
      { https_proxy = proxy.url, HTTPS_PROXY = "http://127.0.0.1:1", ALL_PROXY = "http://127.0.0.1:1" },
      { https_proxy = "", HTTPS_PROXY = "ann:b@" .. plain, ALL_PROXY = "http://127.0.0.1:1", NO_PROXY = "example" },
    } do
      assert.equal("answered", run(env, url))
    end
    assert.equal(6, #proxy.heads())
  end)

  it("is not used for this machine, nor by who wants none", function()
    local env = { HTTPS_PROXY = "http://127.0.0.1:1" }
    assert.equal("answered", run(env, server.url))
    assert.equal("answered", run(env, by_name(server, "localhost")))
    assert.equal("answered", run({ HTTPS_PROXY = "socks4://nobody" }, server.url, "without"))
    assert.same({}, proxy.heads())
  end)

  it("that cannot be used is an error that names the variable, and shows nothing of a password", function()
    local socks = 'HTTPS_PROXY: expected "http://..." or "https://...", as socks4:// is not supported$'
    assert.matches(socks, run({ HTTPS_PROXY = "socks4://ann:hunter2@127.0.0.1:1" }, "ws://agent.test/"))
    local words = run({ all_proxy = "http://ann:hunter2/3@127.0.0.1:1" }, "ws://agent.test/")
    assert.matches("all_proxy: expected nothing behind host and port", words)
    assert.is_nil(words:find("hunter2", 1, true))
  end)
end)

describe("the option proxy", function()
  local function problem_with(proxy)
    local ok, problem = pcall(function() aui.session { url = "ws://127.0.0.1:1/", proxy = proxy } end)
    assert.is_false(ok)
    assert.matches("proxy_spec%.lua:%d+: ", problem)
    return (problem:gsub("^.-:%d+: ", ""))
  end

  it("is an URL of HTTP, or false", function()
    local expected = 'proxy: expected "http://..." or "https://..."'
    assert.equal("proxy: expected an URL or false, got a boolean", problem_with(true))
    assert.equal("proxy: expected an URL or false, got a table", problem_with {})
    assert.equal(expected, problem_with "")
    assert.equal(expected, problem_with "127.0.0.1:3128")
    assert.equal(expected .. ", as socks5:// is not supported", problem_with "SOCKS5://127.0.0.1:1080")
    assert.equal(expected, problem_with "hunter2-hunter2-hunter2://127.0.0.1:1080")
    local nothing = "proxy: expected nothing behind host and port "
      .. "(percent-encode what user name and password have of / ? #)"
    assert.equal(nothing, problem_with "http://127.0.0.1:1/path")
    assert.equal(nothing, problem_with "http://ann:se/same@127.0.0.1:1/")
    assert.equal(nothing, problem_with "http://127.0.0.1?x")
    local host = "proxy: expected a host, and a port between 1 and 65535 if any"
    local wrong = { "", ":1", "h:0", "h:65536", "h:1:2", "a:b@", "[::1", "[g]:1", "h:hunter2", ("h"):rep(254) }
    for _, rest in ipairs(wrong) do assert.equal(host, problem_with("http://" .. rest)) end
    local idn = 'proxy: expected the host name in ASCII: write it as "xn--bcher-kva"'
    assert.equal(idn, problem_with "http://bücher:1")
    assert.equal("proxy: must not have a colon (%3A) in its user name", problem_with "http://a%3Ab:c@h")
    local controls = "proxy: must not have control characters in its user name or password"
    assert.equal(controls, problem_with "http://a:%0d%0aX:@h")
    assert.equal(controls, problem_with "http://a%00@h")
  end)

  if ngx then
    it("cannot be https://, which would be TLS inside of TLS", function()
      local words = "proxy: https:// proxies cannot be used in nginx, whose cosockets speak no TLS inside of TLS: "
      assert.equal(words .. "expected http://...", problem_with "https://127.0.0.1:1")
    end)
  end

  it("makes a key that would go over an open network a mistake, on loopback too", function()
    local ok, problem = pcall(aui.session, { url = "ws://127.0.0.1:1/", api_key = "k", proxy = "http://elsewhere:1" })
    assert.is_false(ok)
    assert.matches("url: a key is not sent over ws://", problem)
  end)

  it("may have tls.ca_file mean the proxy alone", function()
    local ok, problem = pcall(aui.session, { url = "ws://127.0.0.1:1/", tls = {}, proxy = "http://127.0.0.1:1" })
    assert.is_false(ok)
    assert.matches("tls: has no meaning for a ws:// url", problem)
  end)
end)

describe("who the environment excepts from its proxy", function()
  local find = require("aui.option.proxy").find
  local getenv = os.getenv
  after_each(function() os.getenv = getenv end) -- luacheck: ignore

  local function goes_by_proxy(no_proxy, host)
    local env = { HTTPS_PROXY = "http://p:1", NO_PROXY = no_proxy }
    os.getenv = function(name) return env[name] end -- luacheck: ignore
    local found = find(nil, host)
    return found ~= nil and found.name == "p:1"
  end

  for _, case in ipairs {
    { "a name and all below it", "example.com", "example.com EXAMPLE.com. a.example.com b.a.example.com",
      "notexample.com example.com.org com example" },
    { "a name behind a dot, likewise", ".example.com", "example.com a.example.com", "aexample.com" },
    { "a name with a final dot", "Example.Com.", "example.com a.example.com.", "example.org" },
    { "several, between commas and spaces", "a.test, b.test c.test,,\td.test", "a.test b.test c.test x.d.test",
      "e.test" },
    { "nobody by a port, or by a pattern", "a.test:443,*.b.test,c*", "", "a.test b.test x.b.test c.test" },
    { "all", "*", "a 192.0.2.1 2001:db8::1", "" },
    { "addresses", "192.0.2.1,2001:db8::1,[2001:db8::2]", "192.0.2.1 2001:DB8:0:0::0.0.0.1 2001:db8::2",
      "192.0.2.2 192.0.2.10 2001:db8::3" },
    { "networks", "192.0.2.0/24,10.0.0.0/9,2001:db8::/33",
      "192.0.2.1 192.0.2.255 10.127.0.1 2001:db8:7fff::1", "192.0.3.1 10.128.0.1 2001:db8:8000::1 example.com" },
    { "networks of all or one address", "0.0.0.0/0,2001:db8::1/128", "192.0.2.1 2001:db8::1", "2001:db8::2" },
    { "nobody by what is no network", "192.0.2.1/33,2001:db8::1/129,300.1.1.1,1.2.3/8,/8,.,192.0.2.1/x", "",
      "192.0.2.1 2001:db8::1 1.2.3.4" },
    { "an address by a name's end no more than a name", "2.1,test", "a.test", "192.0.2.1" },
    { "this machine, whatever is listed", "",
      "localhost LOCALHOST. x.localhost 127.0.0.1 127.1.2.3 ::1 ::ffff:127.0.0.1",
      "localhost.example localhosts 128.0.0.1 ::2 ::ffff:128.0.0.1" },
  } do -- stylua: ignore
    it(case[1], function()
      for host in case[3]:gmatch "%S+" do assert.is_false(goes_by_proxy(case[2], host), host) end
      for host in case[4]:gmatch "%S+" do assert.is_true(goes_by_proxy(case[2], host), host) end
    end)
  end
end)
