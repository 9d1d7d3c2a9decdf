-- A server that reads nothing of a long message is heard all the same.

local child = require "spec.child"
local namespaces = require "spec.namespaces"
local wire = require "spec.wire"

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
  local refusal = wire.frame(0x81, '{"status_code": 413, "message": "too long"}') .. wire.frame(0x88, "\3\241")
  local patience = { first = false, idle = false, total = false }
  local changes = { queue = { bytes = 2 ^ 24 }, ping_interval = false, timeout = patience }
  local session = assert(link:connect(link:deaf_peer(refusal), changes))
  print(select(2, session:send(("x"):rep(2 ^ 23)):message(10)))
  link:stop()
]]

describe("a server that reads nothing", function()
  for _, scheme in ipairs(wire.schemes) do
    it("#native of a long message can say why, over " .. scheme, function()
      local result = child.run(SEND_MUCH, { under = namespaces.enter("-n", "sh", "-c", SMALL_BUFFERS, "sh") }, scheme)
      assert.equal("", result.stderr)
      assert.equal("application: the server answered with status 413: too long\n", result.stdout)
    end)
  end
end)
