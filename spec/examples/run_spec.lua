-- What starts a program beside a simulator: a signal is for the program, and the simulator ends with it.

local socket = require "socket"
local uv = require "luv"

local PROGRAM = [[
print(os.getenv "AUI_URL")
io.stdout:flush()
while true do require("aui").sleep(60) end
]]
local PATIENCE = 20 -- seconds

-- Runs the loop until `is_done()`.
local function wait(what, is_done)
  local timer, late = uv.new_timer(), false
  timer:start(PATIENCE * 1000, 0, function() late = true end)
  while not late and not is_done() do uv.run "once" end
  timer:close()
  assert(is_done(), "waited in vain for " .. what)
end

local function is_listening(port)
  local client = socket.tcp()
  local connected = client:connect("127.0.0.1", port)
  client:close()
  return connected ~= nil
end

describe("script/demo", function()
  it("ends by SIGTERM, with all that it has started", function()
    local file = os.tmpname()
    local program = assert(io.open(file, "w"))
    program:write(PROGRAM)
    program:close()
    local output, said, ended, signal = uv.new_pipe(), "", false, nil
    local process = assert(uv.spawn("script/demo", { args = { file }, stdio = { nil, output, 2 } }, function(_, by)
      ended, signal = true, by
    end))
    output:read_start(function(_, bytes) said = said .. (bytes or "") end)
    wait("the program", function() return said:find "\n" end)
    local port = tonumber(said:match ":(%d+)/")
    assert.is_true(is_listening(port))
    process:kill "sigterm"
    wait("the end", function() return ended end)
    assert.equal(15, signal)
    local limit = os.time() + PATIENCE
    while is_listening(port) do assert(os.time() <= limit, "the simulator goes on") end
    output:close()
    process:close()
    uv.run "nowait"
    os.remove(file)
  end)
end)
