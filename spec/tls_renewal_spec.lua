-- Certificates and keys are renewed on disk while programs run: what begins a connection reads what the files hold now.

local aui = require "aui"
local certificates = require "spec.certificates"
local cjson = require "cjson"
local wire = require "spec.wire"

local SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1"

describe("#native files of tls that are renewed", function()
  local directory, server, sessions

  -- Two generations of everything.
  setup(function()
    directory = certificates.directory()
    for _, generation in ipairs { "old", "new" } do
      directory:authority(generation .. "-ca")
      directory:certificate(generation .. "-server", generation .. "-ca", SERVER)
      directory:certificate(generation .. "-client", "old-ca", "keyUsage=digitalSignature")
    end
  end)
  teardown(function() directory:remove() end)

  local function show(generation)
    local name = generation .. "-server"
    directory:show { cert = name .. ".pem", key = name .. ".key", client_ca = "old-ca.pem" }
  end

  local function put_client(generation)
    directory:copy(generation .. "-client.pem", "client.pem")
    directory:copy(generation .. "-client.key", "client.key")
  end

  before_each(function()
    directory:copy("old-ca.pem", "ca.pem")
    put_client "old"
    show "old"
    server, sessions = directory:serve(), {}
  end)
  after_each(function()
    for _, session in ipairs(sessions) do session:close() end
    server:stop()
  end)

  local function connect()
    local tls =
      { ca_file = directory:file "ca.pem", cert = directory:file "client.pem", key = directory:file "client.key" }
    local session, err = aui.connect(wire.options { url = server.url, tls = tls })
    table.insert(sessions, session)
    return session, err
  end

  -- The common name of the certificate by which the server knows the session.
  local function subject(session) return cjson.decode(assert(session:ask "who?").text).subject end

  it("are read again for a new session: the authority", function()
    assert(connect())
    show "new"
    local session, err = connect()
    assert.is_nil(session)
    assert.matches("^TLS: certificate of 127%.0%.0%.1 not accepted: ", err.message)
    directory:copy("new-ca.pem", "ca.pem")
    assert.equal("old-client", subject(assert(connect())))
  end)

  it("are read again for a new session: the client's certificate and key", function()
    local before = assert(connect())
    put_client "new"
    assert.equal("new-client", subject(assert(connect())))
    assert.equal("old-client", subject(before)) -- it goes on
  end)

  it("are read again when another file has come into their place", function()
    assert(connect())
    os.rename(directory:file "client.pem", directory:file "kept.pem")
    directory:copy("new-client.pem", "client.pem")
    directory:copy("new-client.key", "client.key")
    assert.equal("new-client", subject(assert(connect())))
  end)

  it("are read again when a session connects again by itself", function()
    local session = assert(connect())
    assert.equal("old-client", subject(session))
    put_client "new"
    assert(session:ask "goodbye")
    wire.await(session, "waiting")
    assert.equal("new-client", subject(session))
  end)

  it("serve on in what they held before while they are half written, or do not fit yet", function()
    assert(connect())
    directory:copy("new-client.pem", "client.pem") -- before its key
    assert.equal("old-client", subject(assert(connect())))
    directory:copy("/dev/null", "client.key")
    assert.equal("old-client", subject(assert(connect())))
    directory:copy("new-client.key", "client.key")
    assert.equal("new-client", subject(assert(connect())))
  end)
end)
