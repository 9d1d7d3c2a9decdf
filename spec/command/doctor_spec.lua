-- aui doctor in set-ups that are broken, each in its own way: what it says is what is wrong, and what to do is what
-- helps. Nothing that it prints has a key or a password.

local person = require "spec.examples.person"
local support = require "spec.support"

local PATH = "/api/v1/external/session"
local KEY, PUBLISHABLE = "hunter2-key", "pk_network_hunter2"
local ANYWHERE = "ws://127.0.0.1:1" .. PATH

describe("aui doctor", function()
  local servers = {}
  after_each(function()
    for _, server in ipairs(servers) do person.stop(server) end
    servers = {}
  end)

  local function keep(server)
    servers[#servers + 1] = server
    return server
  end

  local function examine(env)
    local aui = person.run("lua/aui/command/main.lua", { "doctor" }, nil, env)
    local status = aui:finish()
    assert.equal("", aui.errors)
    assert.is_nil(aui.output:find("hunter2", 1, true), aui.output)
    return status, aui.output
  end

  -- What it found wrong, which must be one thing, and the advice.
  local function diagnosis(env)
    local status, output = examine(env)
    assert.equal(1, status, output)
    local bad, rest = output:match "\nBAD  ([^\n]*)\n(.*)$"
    assert.is_nil(rest:find("BAD", 1, true), output)
    return bad, rest:match "^  %->(.-)\nSomething is wrong: see above%.\n$"
  end

  local function assert_found(env, words, advice)
    local bad, what_to_do = diagnosis(env)
    assert.matches(words, bad)
    assert.matches(advice, what_to_do, 1, true)
  end

  it("finds nothing wrong where nothing is, in either API", function()
    local server = keep(support.start {})
    local status, output = examine { AUI_URL = server.url, AUI_NETWORK_API_KEY = KEY }
    assert.equal(0, status, output)
    assert.matches("OpenSSL 3.", output, 1, true)
    assert.matches("\nok   AUI_NETWORK_API_KEY: a key of 11 characters\n", output, 1, true)
    assert.matches("\nok   session: opened\nAll is well.\n$", output)
    status, output = examine { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = PUBLISHABLE }
    assert.equal(0, status, output)
    assert.matches("\nok   REST call: answered\nAll is well.\n$", output)
  end)

  it("finds that there is no key", function()
    assert_found({}, "^options: api_key: expected", "Set AUI_NETWORK_API_KEY")
  end)

  it("finds a key that was not copied well", function()
    assert_found({ AUI_URL = ANYWHERE, AUI_NETWORK_API_KEY = KEY .. " " }, "a blank", "Copy the key again")
    assert_found({ AUI_URL = ANYWHERE, AUI_NETWORK_API_KEY = '"' .. KEY .. '"' }, "a quote", "Leave the quotes out")
  end)

  it("finds a key of the other API", function()
    local publishable = { AUI_URL = ANYWHERE, AUI_NETWORK_API_KEY = PUBLISHABLE }
    assert_found(publishable, "of the other API", "Set AUI_PUBLISHABLE_KEY")
    local network = { AUI_URL = "http://127.0.0.1:1/apollo-api", AUI_PUBLISHABLE_KEY = KEY }
    assert_found(network, "of the other API", "Set AUI_NETWORK_API_KEY")
  end)

  it("finds a key that is refused", function()
    local server = keep(support.start { "--api-key", "hunter2-right", "--publishable-key", "pk_network_hunter2-right" })
    assert_found({ AUI_URL = server.url, AUI_NETWORK_API_KEY = KEY }, "^REST call: auth: ", "does not accept the key")
    local env = { AUI_URL = server:base(), AUI_PUBLISHABLE_KEY = PUBLISHABLE }
    assert_found(env, "^REST call: auth: ", "does not accept the key")
  end)

  it("finds an address that is none", function()
    assert_found({ AUI_URL = "localhost:80" }, "^options: url: expected", "AUI_URL is to be ws://")
  end)

  it("finds a name that nobody knows", function()
    assert_found({ AUI_URL = "ws://nowhere.invalid" .. PATH }, "name not found: nowhere%.invalid", "spelt right")
  end)

  it("finds that nobody listens", function()
    assert_found({ AUI_URL = ANYWHERE }, "connection to 127%.0%.0%.1 port 1 refused", "is the server up")
  end)

  it("finds TLS where the address has none, and none where it has", function()
    local secure = keep(support.start { scheme = "wss" })
    local env = { AUI_URL = (secure.url:gsub("^wss", "ws")) }
    assert_found(env, "does it want TLS", "Write wss://")
    local plain = keep(support.start {})
    env = { AUI_URL = (plain.url:gsub("^ws", "wss")) }
    assert_found(env, "does not speak TLS", "write ws://")
  end)

  it("finds an authority that is not trusted", function()
    local server = keep(support.start { scheme = "wss" })
    assert_found({ AUI_URL = server.url }, "certificate of 127%.0%.0%.1 not accepted", "does not trust")
    local status, output = examine { AUI_URL = server.url, SSL_CERT_FILE = server.tls.ca_file }
    assert.equal(0, status, output)
  end)

  it("finds a certificate, or a clock, that is out of date", function()
    local server = keep(support.start { "--tls-expired", scheme = "wss" })
    local env = { AUI_URL = server.url, SSL_CERT_FILE = server.tls.ca_file }
    assert_found(env, "certificate has expired", "clock right")
  end)

  it("finds a proxy that is not there, and one that wants a password", function()
    local env = { AUI_URL = "ws://agent.test" .. PATH, HTTPS_PROXY = "http://ada:hunter2@127.0.0.1:1" }
    assert_found(env, "^REST call: transport: .*proxy", "HTTPS_PROXY says which proxy")
    env.HTTPS_PROXY = keep(support.real_proxy("tinyproxy", "ada:hunter2")).url:gsub("/$", "")
    assert_found(env, "refused the tunnel with HTTP status 407", "HTTPS_PROXY says which proxy")
  end)

  it("finds a server that speaks something else", function()
    local server = keep(support.mirror())
    local env = { AUI_URL = ("ws://127.0.0.1:%d%s"):format(server.port, PATH) }
    assert_found(env, "^REST call: ", "AUI_URL")
  end)
end)
