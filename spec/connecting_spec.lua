-- What stands between a session and its server before a byte is exchanged: names, addresses, refusals.

local aui = require "aui"
local child = require "spec.child"
local namespaces = require "spec.namespaces"
local socket = require "socket"
local wire = require "spec.wire"

local link = wire.new "ws"

-- A port of 127.0.0.1 at which nobody listens.
local function free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local port = select(2, listener:getsockname())
  listener:close()
  return port
end

local function fail_to_connect(url)
  local session, err = aui.connect { url = url, task_id = "task" }
  assert.is_nil(session)
  assert.equal("transport", err.kind)
  assert.equal("no", err.delivered)
  assert.is_true(err.retryable)
  return err.message
end

-- A program that connects and tells how that went.
local CONNECT = [[
  local aui = require "aui"
  local session, err = aui.connect { url = ..., task_id = "task" }
  print(session and session:state() or err)
]]

-- Connects by the name "twofold", which has an IPv6 address and an IPv4 one, and returns what CONNECT has printed.
local function connect_to_twofold(server)
  local namespace, hosts = namespaces.with_hosts "::1 twofold\n127.0.0.1 twofold\n"
  local url = server.url:gsub("//.*:", "//twofold:")
  local result = child.run(CONNECT, { under = namespace }, url)
  os.remove(hosts)
  assert.equal("", result.stderr)
  return result.stdout
end

-- A listener on ::1 that never accepts, and whose queue is full: who connects to it hears nothing.
local function black_hole(port)
  local listener = socket.tcp6()
  listener:setoption("ipv6-v6only", true)
  assert(listener:bind("::1", port))
  assert(listener:listen(0))
  local sockets = { listener }
  for _ = 1, 3 do
    local caller = socket.tcp6()
    caller:settimeout(0)
    caller:connect("::1", port)
    sockets[#sockets + 1] = caller
  end
  return sockets
end

describe("connecting", function()
  after_each(function() link:stop() end)

  for _, scheme in ipairs(wire.schemes) do
    it("to a name that does not exist says so, over " .. scheme, function()
      local message = fail_to_connect(scheme .. "://no-such-agent.invalid/")
      assert.matches("no%-such%-agent%.invalid", message)
      assert.matches("^name ", message)
    end)

    it("to a port where nobody listens says who refused, over " .. scheme, function()
      local port = free_port()
      local message = fail_to_connect(("%s://127.0.0.1:%d/"):format(scheme, port))
      assert.equal(("connection to 127.0.0.1 port %d refused"):format(port), message)
    end)
  end

  it("that is refused fails what a background session was to send, and succeeds once somebody listens", function()
    local port = free_port()
    local session = link:session({ url = ("ws://127.0.0.1:%d/api/v1/external/session"):format(port) })
    local message, err = session:ask "hello"
    assert.is_nil(message)
    assert.matches("refused", err.message)
    assert.equal("no", err.delivered)
    assert.equal("", err.text)
    assert.equal("waiting", session:state())
    link:start { "--port", port }
    assert.is_table(session:ask "hello")
  end)

  it("by the name localhost reaches a server that listens on 127.0.0.1 alone", function()
    local server = link:start()
    local session = link:connect(server, { url = server.url:gsub("127%.0%.0%.1", "localhost") })
    assert.is_table(assert(session):ask "hello")
  end)

  for _, address in ipairs { "::1", "127.0.0.1" } do
    it("#native by a name of both families reaches a server that listens on " .. address .. " alone", function()
      assert.equal("open\n", connect_to_twofold(link:start { "--host", address }))
    end)
  end

  it("#native by a name whose first address is silent reaches the server at the other, of the other family", function()
    local server = link:start()
    local silent = black_hole(server.port)
    assert.equal("open\n", connect_to_twofold(server))
    for _, each in ipairs(silent) do each:close() end
  end)

  it("#native without a way to the server says that it is unreachable", function()
    local result = child.run(CONNECT, { under = namespaces.enter "-n" }, "ws://127.0.0.1:1/")
    assert.equal("transport: connection to 127.0.0.1 port 1 failed: network is unreachable\n", result.stdout)
  end)

  it("by an IPv6 address in brackets reaches a server there", function()
    assert.is_table(assert(link:connect(link:start { "--host", "::1" })):ask "hello")
  end)

  it("many times at once to names and ports that fail ends in an error each", function()
    local port, failures = free_port(), 0
    aui.run(function()
      for i = 1, 8 do
        aui.spawn(function()
          local host = i % 2 == 0 and ("no-such-agent-%d.invalid"):format(i) or "127.0.0.1"
          local session, err = aui.connect { url = ("ws://%s:%d/"):format(host, port) }
          assert(not session and err.kind == "transport")
          failures = failures + 1
        end)
      end
    end)
    assert.equal(8, failures)
  end)
end)
