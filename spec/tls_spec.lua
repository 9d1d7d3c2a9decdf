-- Whom a session trusts: the certificate has to be valid, of a known authority and for the very name in the url; each
-- failure is told in its own words. nginx verifies names alone, and tells little of why TLS failed otherwise.

local aui = require "aui"
local socket = require "socket"
local support = require "spec.support"
local wire = require "spec.wire"

local link = wire.new "wss"

local function with_host(url, host) return (url:gsub("//127%.0%.0%.1:", "//" .. host .. ":")) end

local function fail_to_connect(server, changes)
  local session, err = link:connect(server, changes)
  assert.is_nil(session)
  assert.equal("transport", err.kind)
  assert.equal("no", err.delivered)
  assert.is_false(err.retryable)
  return err.message
end

describe("a certificate", function()
  after_each(function() link:stop() end)

  it("for the name in the url is accepted", function()
    local server = link:start()
    assert.is_table(assert(link:connect(server, { url = with_host(server.url, "localhost") })):ask "hello")
  end)

  it("#native for the address in the url is accepted, IPv4 and IPv6", function()
    assert.is_table(assert(link:connect(link:start())):ask "hello")
    assert.is_table(assert(link:connect(link:start { "--host", "::1" })):ask "hello")
  end)

  it("for another name is refused", function()
    local server = link:start { "--tls-name", "example.com" }
    local message = fail_to_connect(server, { url = with_host(server.url, "localhost") })
    assert.matches("^TLS: certificate of localhost not accepted: .*hostname mismatch", message)
  end)

  it("#native for a name is refused where the url has an address", function()
    local message = fail_to_connect(link:start { "--tls-name", "localhost" })
    assert.matches("^TLS: certificate of 127%.0%.0%.1 not accepted: .*IP address mismatch", message)
  end)

  it("#native for another address is refused", function()
    local message = fail_to_connect(link:start { "--tls-name", "127.0.0.2" })
    assert.matches("IP address mismatch", message)
  end)

  it("for a part of the name is refused", function()
    local server = link:start { "--tls-name", "local" }
    assert.matches("hostname mismatch", fail_to_connect(server, { url = with_host(server.url, "localhost") }))
  end)

  it("of an authority that the system does not know is refused", function()
    local message = fail_to_connect(link:start { stranger = true })
    assert.matches(("^TLS: certificate of %s not accepted: .*certificate"):format(support.tls_host), message)
  end)

  it("#native of another authority than ca_file's is refused", function()
    local message = fail_to_connect(link:start(), { tls = link:start().tls })
    assert.matches("not accepted", message)
  end)

  it("past its date is refused", function()
    assert.matches("expired", fail_to_connect(link:start { "--tls-expired" }))
  end)

  it("that is refused fails what a background session was to send, at once and with nothing tried again", function()
    local session = link:session(link:start { "--tls-expired" })
    local message, err = session:ask "hello"
    assert.is_nil(message)
    assert.matches("expired", err.message)
    assert.equal("no", err.delivered)
    assert.is_false(err.retryable)
    assert.equal("waiting", session:state())
  end)

  it("of any kind will do with verify = false, for that session alone", function()
    local server = link:start { "--tls-expired", "--tls-name", "example.com" }
    assert.is_table(assert(link:connect(server, { tls = { verify = false } })):ask "hello")
    assert.matches("not accepted", fail_to_connect(server))
  end)
end)

-- The error of connecting by this scheme to a server that says `bytes`, whatever it hears, and hangs up.
local function connect_to_stranger(scheme, bytes)
  local listener = assert(socket.bind("127.0.0.1", 0))
  local port, failure = select(2, listener:getsockname()), nil
  listener:settimeout(0)
  aui.run(function()
    aui.spawn(function()
      local url = ("%s://127.0.0.1:%d/"):format(scheme, port)
      failure = select(2, aui.connect { url = url, tls = scheme == "wss" and { verify = false } or nil })
    end)
    local client
    repeat
      aui.sleep(0.01)
      client = listener:accept()
    until client
    client:receive(1)
    client:send(bytes)
    client:close()
  end)
  listener:close()
  return failure
end

describe("wss", function()
  after_each(function() link:stop() end)

  it("#native to a server that speaks plain text fails and says so", function()
    local err = connect_to_stranger("wss", "HTTP/1.1 400 Bad Request\r\n\r\n")
    assert.equal("transport", err.kind)
    assert.matches("does not speak TLS here .*ws://", err.message)
    assert.is_false(err.retryable)
  end)

  it("#native to an aui-sim that speaks plain HTTP fails at once and says so", function()
    local server = wire.new("ws"):start()
    finally(function() server:stop() end)
    local session, err = aui.connect { url = server.url:gsub("^ws:", "wss:"), timeout = { connect = 60 } }
    assert.is_nil(session)
    assert.equal("transport", err.kind)
    assert.matches("does not speak TLS here .*ws://", err.message)
  end)

  it("to a server that hangs up in the TLS handshake fails and may be tried again", function()
    local err = connect_to_stranger("wss", "")
    assert.equal("transport", err.kind)
    assert.matches("^TLS", err.message)
    assert.is_true(err.retryable)
  end)

  it("#native to a server that has heard but a part, as behind a broken connection, may be tried again", function()
    local err = connect_to_stranger("wss", "\21\3\3\0\2\2\50") -- a fatal alert: decode_error
    assert.equal("transport", err.kind)
    assert.matches("^TLS: 127%.0%.0%.1 ended the connection: .*decode error", err.message)
    assert.is_true(err.retryable)
  end)

  it("#native to a server that does not want it fails for good", function()
    local err = connect_to_stranger("wss", "\21\3\3\0\2\2\49") -- access_denied
    assert.matches("^TLS: 127%.0%.0%.1 refused the connection: .*access denied", err.message)
    assert.is_false(err.retryable)
  end)

  it("#native cut without TLS's goodbye is told from an orderly end", function()
    local server = link:play { { receive = true }, { update = "I" }, { cut = "fin" } }
    local _, err = assert(link:connect(server)):ask "hello"
    assert.matches("close_notify", err.message)
  end)
end)

describe("ws", function()
  after_each(function() link:stop() end)

  it("to a server that asks for TLS by an alert fails and says so", function()
    local err = connect_to_stranger("ws", "\21\3\3\0\2\2\10") -- unexpected_message
    assert.equal("protocol", err.kind)
    assert.equal("WebSocket handshake: the server speaks TLS here: use wss://", err.message)
    assert.is_false(err.retryable)
  end)

  it("to a server that speaks TLS fails without a hang", function()
    local server = link:start()
    local session, err = aui.connect { url = server.url:gsub("^wss:", "ws:"), task_id = "task" }
    assert.is_nil(session)
    assert.is_true(err.kind == "protocol" or err.kind == "transport")
  end)
end)

describe("#native the option tls", function()
  after_each(function() link:stop() end)

  -- nil and an error from both, about this file.
  local function assert_unusable(tls, words)
    for _, open in ipairs { aui.connect, aui.session } do
      local session, err = open { url = "wss://127.0.0.1:1/", tls = tls }
      assert.is_nil(session)
      assert.equal("transport", err.kind)
      assert.matches(words, err.message)
      assert.is_false(err.retryable)
    end
  end

  it("with a ca_file that is not there, or holds no certificate, is an error that names it", function()
    assert_unusable({ ca_file = "/nowhere/ca.pem" }, "^tls%.ca_file: cannot use /nowhere/ca%.pem: ")
    assert_unusable({ ca_file = "spec/tls_spec.lua" }, "^tls%.ca_file: cannot use spec/tls_spec%.lua: ")
  end)

  it("with a cert or key that is not there, or is none, is an error that names it", function()
    local directory = link:start().tls.ca_file:match "^(.*)/"
    local cert, key = directory .. "/server.pem", directory .. "/server.key"
    assert_unusable({ cert = "/nowhere/c.pem", key = key }, "^tls%.cert: cannot use /nowhere/c%.pem: ")
    assert_unusable({ cert = key, key = key }, "^tls%.cert: cannot use ")
    assert_unusable({ cert = cert, key = "/nowhere/k.pem" }, "^tls%.key: cannot use /nowhere/k%.pem: ")
    assert_unusable({ cert = cert, key = cert }, "^tls%.key: cannot use ")
  end)

  it("with a key of another certificate is an error that says so", function()
    local one, other = link:start().tls.ca_file:match "^(.*)/", link:start().tls.ca_file:match "^(.*)/"
    assert_unusable({ cert = one .. "/server.pem", key = other .. "/server.key" }, "^tls%.key: .*mismatch")
  end)

  it("with a cert and key that fit is used", function()
    local server = link:start()
    local directory = server.tls.ca_file:match "^(.*)/"
    local tls = { ca_file = server.tls.ca_file, cert = directory .. "/server.pem", key = directory .. "/server.key" }
    assert.is_table(assert(link:connect(server, { tls = tls })):ask "hello")
  end)
end)
