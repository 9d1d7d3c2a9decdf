-- TLS sessions are resumed by later connections to the same name and port under the same policy, and by no others: what
-- was verified once stands for what would be verified in the same way. The servers tell what was resumed.

local aui = require "aui"
local certificates = require "spec.certificates"
local cjson = require "cjson"
local support = require "spec.support"
local wire = require "spec.wire"

local link = wire.new "wss"

local function by_host(url, host) return (url:gsub("//[^:/]+:", "//" .. host .. ":")) end

describe("a TLS session", function()
  local directory, authority, server

  setup(function()
    directory = certificates.directory()
    authority = support.start { scheme = "wss" } -- nginx trusts its certificate, too
    directory:copy(authority.tls_dir .. "/server.pem", "server.pem")
    directory:copy(authority.tls_dir .. "/server.key", "server.key")
    for _, name in ipairs { "old", "new" } do directory:authority(name) end
    directory:certificate("address", "old", "subjectAltName=IP:127.0.0.1")
    directory:certificate("name", "old", "subjectAltName=DNS:localhost")
    directory:certificate("both", "old", "subjectAltName=DNS:localhost,IP:127.0.0.1")
    for _, name in ipairs { "ann", "bob" } do directory:certificate(name, "old", "keyUsage=digitalSignature") end
    directory:show { cert = "server.pem", key = "server.key" }
    server = directory:serve()
  end)
  teardown(function()
    server:stop()
    authority:stop()
    directory:remove()
  end)
  before_each(function() server.tls = authority.tls end)
  after_each(function() link:stop() end)

  -- Lets the server speak this version of TLS alone, by a certificate of the directory. It has new keys then, by which
  -- it refuses the tickets that it has given before.
  local function show(version, name, client_ca)
    name = name or "server"
    local settings = { cert = name .. ".pem", key = name .. ".key", client_ca = client_ca }
    settings.oldest, settings.newest = version, version
    directory:show(settings)
  end

  -- What the server knows of a new session.
  local function said(changes)
    local session = assert(link:connect(server, changes))
    local answer = cjson.decode(assert(session:ask "who?").text)
    session:close()
    return answer
  end

  local function resumes(changes) return said(changes).resumed end

  local function assert_refused(words, changes)
    local session, err = link:connect(server, changes)
    assert.is_nil(session)
    assert.matches("not accepted: .*" .. words, err.message)
    assert.is_false(err.retryable)
  end

  for _, version in ipairs { "TLSv1_2", "TLSv1_3" } do
    describe("of " .. version, function()
      it("is resumed by each session after the first", function()
        show(version)
        assert.is_false(resumes())
        for _ = 1, 3 do assert.is_true(resumes()) end
      end)

      it("is resumed by a session that connects again", function()
        show(version)
        local session = assert(link:connect(server))
        assert(session:ask "goodbye")
        wire.await(session, "waiting")
        assert.is_true(cjson.decode(assert(session:ask "who?").text).resumed)
      end)

      it("is not resumed where the server refuses, which does no harm", function()
        show(version)
        assert.is_false(resumes())
        show(version)
        assert.is_false(resumes())
        assert.is_true(resumes())
      end)

      it("is not resumed where the server speaks another version meanwhile, which does no harm", function()
        show(version)
        assert.is_false(resumes())
        show(version == "TLSv1_2" and "TLSv1_3" or "TLSv1_2")
        assert.is_false(resumes())
        assert.is_true(resumes())
      end)

      it("that was not verified is not resumed where it would have to be, nor the other way round", function()
        local unverified = { tls = { verify = false } }
        show(version)
        assert.is_false(resumes(unverified))
        assert.is_false(resumes())
        assert.is_true(resumes(unverified))
        assert.is_true(resumes())
        show(version, "name") -- of an authority that nobody knows here
        assert.is_false(resumes(unverified))
        assert_refused("certificate")
      end)

      it("#native is not resumed for another name of the server's, whether its certificate has that or not", function()
        server.tls = { ca_file = directory:file "old.pem" }
        local by_name = { url = by_host(server.url, "localhost") }
        show(version, "name")
        assert.is_false(resumes(by_name))
        assert_refused "IP address mismatch"
        assert.is_true(resumes(by_name))
        show(version, "both")
        assert.is_false(resumes(by_name))
        assert.is_false(resumes())
        assert.is_true(resumes())
      end)

      it("#native is not resumed by who shows another certificate, or trusts other authorities", function()
        local function as(name, ca)
          local own = { cert = directory:file(name .. ".pem"), key = directory:file(name .. ".key") }
          own.ca_file = directory:file(ca .. ".pem")
          return { tls = own }
        end
        show(version, "address", "old.pem")
        for _, name in ipairs { "ann", "bob" } do
          for _, expected in ipairs { false, true } do
            local answer = said(as(name, "old"))
            assert.same({ name, expected }, { answer.subject, answer.resumed })
          end
        end
        assert_refused("certificate", as("ann", "new"))
      end)

      it("#native is not resumed once the file of authorities has been renewed", function()
        directory:copy("old.pem", "ca.pem")
        server.tls = { ca_file = directory:file "ca.pem" }
        show(version, "address")
        assert.is_false(resumes())
        assert.is_true(resumes())
        directory:copy("new.pem", "ca.pem")
        assert_refused "certificate"
        directory:copy("old.pem", "ca.pem")
        assert.is_false(resumes())
      end)
    end)
  end
end)

-- The handshakes that aui-sim has logged: whether each resumed a session.
local function handshakes(log)
  local list = {}
  for line in io.lines(log) do
    local event = cjson.decode(line)
    if event.event == "handshake" then list[#list + 1] = event.resumed end
  end
  return list
end

describe("a TLS session of the agent's", function()
  local log

  before_each(function() log = os.tmpname() end)
  after_each(function()
    link:stop()
    os.remove(log)
  end)

  it("is resumed by call after call where no connection is kept, and by what connects then", function()
    local closes = { status = 200, headers = { ["Content-Type"] = "application/json" }, body = "{}" }
    local server = link:play({ rest = { closes, closes, closes } }, { "--log", log })
    local client = aui.client(wire.options(server))
    for _ = 1, 3 do assert(client:call("GET", "/anything")) end
    assert(link:connect(server))
    assert.same({ false, true, true, true }, handshakes(log))
  end)

  it("is resumed after a reset", function()
    local cut, answered = { cut = "reset" }, { message = { text = "yes" } }
    local connections = { { { receive = true }, cut }, { { receive = true }, answered } }
    local server = link:play({ connections = connections }, { "--log", log })
    local session = assert(link:connect(server))
    assert.is_nil(session:ask "hello")
    assert(session:ask "still there?")
    assert.same({ false, true }, handshakes(log))
  end)

  it("is resumed by many at once, each by a ticket of its own", function()
    local server = link:start { "--log", log }
    local function connect_all()
      local sessions = {}
      aui.run(function()
        aui.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(index)
          sessions[index] = assert(link:connect(server))
          assert(sessions[index]:ask "hello")
        end)
      end)
      for _, session in ipairs(sessions) do session:close() end
    end
    connect_all()
    connect_all()
    local list = handshakes(log)
    assert.equal(16, #list)
    for index = 9, 16 do assert.is_true(list[index]) end
  end)

  it("#native is resumed by whatever way the server is reached", function()
    local server = link:start { "--log", log }
    local proxy = support.proxy { "tunnel" }
    finally(function() proxy:stop() end)
    for _, way in ipairs { false, proxy.url } do
      assert(assert(link:connect(server, { proxy = way })):ask "hello")
    end
    assert.same({ false, true }, handshakes(log))
  end)

  it("#native is not resumed by a child of the process", function()
    local child = require "spec.child"
    local server = link:start { "--log", log }
    local program = [[
      local process = require "spec_process"
      local aui = require "aui"
      local url, ca_file = ...
      local function ask()
        local session = assert(aui.connect { url = url, task_id = "task", tls = { ca_file = ca_file } })
        assert(session:ask "hello")
        session:close()
      end
      ask()
      ask()
      local pid = process.fork()
      ask()
      if pid ~= 0 then assert(process.wait(pid) == 0) end
    ]]
    local env = { LD_PRELOAD = os.getenv "LD_PRELOAD" }
    local result = child.run(program, { env = env }, server.url, server.tls.ca_file)
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
    local list = handshakes(log)
    table.sort(list, function(a, b) return not a and b end)
    assert.same({ false, false, true, true }, list) -- the first of the parent, that of the child
  end)
end)
