-- Whom a session trusts: the certificate has to be valid, of a known authority and for the very name in the url; each
-- failure is told in its own words. nginx verifies names alone, and tells little of why TLS failed otherwise.

local aui = require "aui"
local certificates = require "spec.certificates"
local child = require "spec.child"
local cjson = require "cjson"
local namespaces = require "spec.namespaces"
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

-- Which certificates a server shows, and by whom it is trusted, when neither is aui-sim's.
describe("#native a certificate", function()
  local directory, server

  setup(function()
    directory = certificates.directory()
    directory:authority "root"
    directory:certificate("intermediate", "root", "basicConstraints=critical,CA:TRUE")
    directory:certificate("server", "intermediate", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    directory:certificate("localhost", "root", "keyUsage=digitalSignature") -- its common name is all that it has
    directory:certificate("client", "root", "keyUsage=digitalSignature")
  end)
  teardown(function() directory:remove() end)
  before_each(function()
    directory:show { cert = "server.pem", key = "server.key" }
    server = directory:serve()
  end)
  after_each(function()
    link:stop()
    server:stop()
  end)

  local function trusting(name, changes)
    local tls = { ca_file = directory:file(name .. ".pem") }
    for key, value in pairs(changes or {}) do tls[key] = value end
    return { tls = tls }
  end

  it("of an intermediate authority is accepted where ca_file has that alone", function()
    assert.is_table(assert(link:connect(server, trusting "intermediate")):ask "hello")
  end)

  it("of an intermediate authority that is not shown is refused where ca_file has the root alone", function()
    assert.matches("unable to get local issuer certificate", fail_to_connect(server, trusting "root"))
  end)

  it("with a common name alone is refused, in words that say why", function()
    directory:show { cert = "localhost.pem", key = "localhost.key" }
    for _, host in ipairs { "localhost", "127.0.0.1" } do
      local changes = trusting "root"
      changes.url = with_host(server.url, host)
      local words = "TLS: certificate of %s not accepted: it has no subjectAltName, and a common name does not count"
      assert.equal(words:format(host), fail_to_connect(server, changes))
    end
  end)

  it("of the client's that the server demands and does not get fails for good", function()
    directory:show { cert = "server.pem", key = "server.key", client_ca = "root.pem" }
    local message = fail_to_connect(server, trusting "intermediate")
    assert.matches("TLS: 127%.0%.0%.1 refused the connection: certificate required$", message)
  end)

  it("of the client's that the server does not trust fails for good", function()
    directory:show { cert = "server.pem", key = "server.key", client_ca = "intermediate.pem" }
    local own = { cert = directory:file "client.pem", key = directory:file "client.key" }
    local message = fail_to_connect(server, trusting("intermediate", own))
    assert.matches("TLS: 127%.0%.0%.1 refused the connection: unknown ca$", message)
  end)

  it("is for the name without the dot that ends it in the url, and so is the name that the server is told", function()
    local under, hosts = namespaces.with_hosts "127.0.0.1 localhost localhost.\n"
    local program = [[
      local aui = require "aui"
      local url, ca_file = ...
      local session = assert(aui.connect { url = url, task_id = "task", tls = { ca_file = ca_file } })
      print(session:ask("who?").text)
    ]]
    local url = with_host(server.url, "localhost.")
    local result = child.run(program, { under = under }, url, directory:file "intermediate.pem")
    os.remove(hosts)
    assert.equal("", result.stderr)
    local said = cjson.decode(result.stdout)
    assert.equal("localhost", said.name)
    assert.equal(("localhost.:%d"):format(server.port), said.host)
  end)
end)

-- A server by aui-sim's certificate, which nginx trusts too; `settings` as of Directory:show.
local function serve_with(directory, settings)
  local authority = link:start()
  directory:copy(authority.tls_dir .. "/server.pem", "server.pem")
  directory:copy(authority.tls_dir .. "/server.key", "server.key")
  settings.cert, settings.key = "server.pem", "server.key"
  directory:show(settings)
  local server = directory:serve()
  server.tls = authority.tls
  link.servers[#link.servers + 1] = server
  return server
end

-- What the server is told by a session: see spec/servers/tls_mirror.py.
local function said_by(server, changes)
  return cjson.decode(assert(assert(link:connect(server, changes)):ask "who?").text)
end

describe("a version of TLS", function()
  local directory

  before_each(function() directory = certificates.directory() end)
  after_each(function()
    link:stop()
    directory:remove()
  end)

  it("1.2 is spoken, with a server that has no newer one", function()
    assert.equal("TLSv1.2", said_by(serve_with(directory, { newest = "TLSv1_2" })).version)
  end)

  it("1.3 is spoken, with a server that has no other", function()
    assert.equal("TLSv1.3", said_by(serve_with(directory, { oldest = "TLSv1_3" })).version)
  end)

  local function fail_with_old_one()
    local session, err = link:connect(serve_with(directory, { oldest = "TLSv1", newest = "TLSv1_1" }))
    assert.is_nil(session)
    assert.equal("transport", err.kind)
    return err
  end

  it("1.1 is not spoken", function() assert.matches("no version in common", fail_with_old_one().message) end)

  it("#native 1.1 is not spoken, also when tried again", function()
    local err = fail_with_old_one()
    assert.equal("TLS: no version in common with 127.0.0.1 (here: 1.2 and newer)", err.message)
    assert.is_false(err.retryable)
  end)
end)

-- What is nginx's own.
if ngx then
  local dialler = require "aui.host.nginx.dialler"

  describe("wss in nginx", function()
    local directory

    before_each(function() directory = certificates.directory() end)
    after_each(function()
      link:stop()
      directory:remove()
    end)

    it("tells the server the name, and checks it, without the dot that ends it in the url", function()
      local server = serve_with(directory, {})
      local said = said_by(server, { url = server.url:gsub("localhost", "localhost.") })
      assert.equal("localhost", said.name)
      assert.equal(("localhost.:%d"):format(server.port), said.host)
    end)

    -- Of a handshake that fails without waiting, resty.core says the number of the last certificate's failure too.
    it("does not take what failed for the certificate that failed before", function()
      assert.matches("expired", fail_to_connect(link:start { "--tls-expired" }))
      local listener = assert(socket.bind("127.0.0.1", 0))
      local port = select(2, listener:getsockname())
      local connection = ngx.socket.tcp()
      assert(dialler.connect(connection, { host = "127.0.0.1", port = port }))
      local peer = assert(listener:accept())
      peer:send "220 ready\r\n" -- lies there when the handshake begins
      local place = { host = "localhost", port = port, tls = {} }
      local ok, why, retryable = dialler.prepare(connection, place, function() end)
      peer:close()
      listener:close()
      assert.is_nil(ok)
      assert.matches("^TLS: the handshake failed", why)
      assert.is_true(retryable)
    end)
  end)
end

-- The error of connecting by this scheme to a server that says `bytes`, whatever it hears, and hangs up.
local function connect_to_stranger(scheme, bytes)
  return wire.fail_at_stranger(bytes, function(port)
    local url = ("%s://127.0.0.1:%d/"):format(scheme, port)
    return aui.connect { url = url, tls = scheme == "wss" and { verify = false } or nil }
  end)
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

  it("#native to a server that ends TLS in order before it is open may be tried again", function()
    local err = connect_to_stranger("wss", "\21\3\3\0\2\1\0") -- close_notify
    assert.equal("TLS handshake: the server ended the connection", err.message)
    assert.is_true(err.retryable)
  end)

  it("#native to a server that finds our bytes damaged may be tried again", function()
    local err = connect_to_stranger("wss", "\21\3\3\0\2\2\20") -- bad_record_mac
    assert.matches("^TLS: 127%.0%.0%.1 ended the connection: .*bad record mac", err.message)
    assert.is_true(err.retryable)
  end)

  it("#native to a server that has no version in common fails for good and says so", function()
    local err = connect_to_stranger("wss", "\21\3\3\0\2\2\70") -- protocol_version
    assert.equal("TLS: no version in common with 127.0.0.1 (here: 1.2 and newer)", err.message)
    assert.is_false(err.retryable)
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

  it("to a server that hangs up without a word, as many do that speak TLS, asks whether that was meant", function()
    local url = link:start().url:gsub("^wss:", "ws:")
    for _, ask in ipairs { aui.connect, function(options) return aui.client(options):task "task" end } do
      local _, err = ask { url = url, task_id = "task", retries = 0 }
      assert.equal("transport", err.kind)
      assert.matches("%(does it want TLS: wss:// or https://%?%)$", err.message)
    end
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
