-- A server of this machine that is not there, at a port that the kernel may give to whoever connects: now and then that
-- is the very port, and the socket is connected to itself.

local aui = require "aui"
local support = require "spec.support"

local RANGE = "/proc/sys/net/ipv4/ip_local_port_range" -- of our network namespace
local ATTEMPTS = 40 -- by which one of four ports was the one, almost surely

local function read_file(name)
  local file = assert(io.open(name))
  local text = file:read "*a"
  file:close()
  return text
end

local function write_file(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

describe("A server that is not there", function()
  it("#native is not taken for the client itself", function()
    if not os.getenv "AUI_OWN_NETWORK" then
      pending "no network namespace of our own: spec/faults/own_network makes one for root"
      return
    end
    local range = read_file(RANGE)
    finally(function() write_file(RANGE, range) end)
    write_file(RANGE, "50000 50003")
    local session = assert(aui.session {
      url = "ws://127.0.0.1:50000/",
      task_id = "t",
      reconnect = { base = 0.002, max = 0.002 },
    })
    local attempts, words = 0, {}
    session:on("state", function(state, err)
      if state ~= "waiting" then return end
      attempts = attempts + 1
      words[err.message] = true
    end)
    support.wait_until(function() return attempts >= ATTEMPTS end)
    session:close()
    assert.same({ ["connection to 127.0.0.1 port 50000 refused"] = true }, words)
  end)
end)
