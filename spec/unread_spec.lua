-- A server that reads nothing of a long message is heard all the same.

local child = require "spec.child"
local namespaces = require "spec.namespaces"

-- Sockets have small buffers: most of the message waits in the program. What is preloaded is not for ip, of whose leaks
-- a sanitizer would tell.
local SMALL_BUFFERS = [[
  LD_PRELOAD= ip link set lo up
  for direction in r w; do echo 4096 16384 32768 > /proc/sys/net/ipv4/tcp_${direction}mem; done
  exec "$@"
]]

-- Nothing but what the server says ends the message, or makes the session look into the socket.
local SEND_MUCH = [[
  local wire = require "spec.wire"
  local link = wire.new(...)
  local function refuse()
    if link.by_stream then
      local head, body = "HTTP/1.1 413 X\r\nContent-Length: 32\r\n\r\n", '{"error":{"message":"too long"}} '
      return link:stage { stream = { { "deaf", head .. body } } }
    end
    return link:deaf_peer(wire.frame(0x81, '{"status_code": 413, "message": "too long"}') .. wire.frame(0x88, "\3\241"))
  end
  local patience = { first = false, idle = false, total = false }
  local changes = { queue = { bytes = 2 ^ 24 }, ping_interval = false, timeout = patience }
  local session = assert(link:connect(refuse(), changes))
  print(select(2, session:send(("x"):rep(2 ^ 23)):message(10)))
  link:stop()
]]

describe("a server that reads nothing", function()
  for _, way in ipairs { "ws", "wss", "stream" } do
    it("#native of a long message can say why, over " .. way, function()
      local result = child.run(SEND_MUCH, { under = namespaces.enter("-n", "sh", "-c", SMALL_BUFFERS, "sh") }, way)
      assert.equal("", result.stderr)
      assert.equal("application: the server answered with status 413: too long\n", result.stdout)
    end)
  end
end)
