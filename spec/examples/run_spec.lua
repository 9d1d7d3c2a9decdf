-- What starts a program beside a simulator: SIGTERM ends it, with all that it has started. (That of the game is in
-- spec/love.)

local network = require "spec.examples.irc_network"
local socket = require "socket"
local started = require "spec.started"

local PROGRAM = [[
print(os.getenv "AUI_URL")
io.stdout:flush()
while true do require("aui").sleep(60) end
]]

local function free_port()
  local server = assert(socket.bind("127.0.0.1", 0))
  local _, port = server:getsockname()
  server:close()
  return port
end

local function is_listening(port)
  local client = socket.tcp()
  local connected = client:connect("127.0.0.1", port)
  client:close()
  return connected ~= nil
end

describe("SIGTERM ends, with all that it has started,", function()
  it("script/demo", function()
    local file = os.tmpname()
    local program = assert(io.open(file, "w"))
    program:write(PROGRAM)
    program:close()
    local demo = started.new("script/demo", { file })
    demo:wait_for ":%d+/"
    demo:terminate()
    assert.equal(15, demo.signal)
    os.remove(file)
  end)

  it("the bridge to IRC", function()
    local irc = network.start()
    local ada = irc:join("ada", "#shop")
    local bridge = started.new("examples/irc/run", { "127.0.0.1:" .. irc.port, "#shop", "aui" })
    ada:see "^:aui!%S+ JOIN ()"
    bridge:terminate()
    ada:see "^:aui!%S+ QUIT ()"
    irc:stop()
  end)

  it("Neovim", function()
    local editor = started.new("examples/neovim/run", { "--headless", "-c", "lua print(vim.env.AUI_URL)" })
    editor:wait_for ":%d+/"
    editor:terminate()
  end)

  it("the gateway", function()
    local port = free_port()
    local gateway = started.new("examples/openresty/run", { tostring(port) }, { GATEWAY_WORKERS = "2" })
    gateway:wait("the gateway", function() return is_listening(port) end)
    gateway:terminate()
    assert.equal(143, gateway.status)
  end)
end)
