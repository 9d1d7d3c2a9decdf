-- Several Lua states in one process, in threads and one after another: they share nothing that they could feel.

local child = require "spec.child"
local wire = require "spec.wire"

-- What each state does; one session is left open.
local CONVERSATION = [[
  local aui = require "aui"
  local url, ca_file = %q, %q
  local options = { url = url, task_id = "task", tls = ca_file ~= "" and { ca_file = ca_file } or nil }
  local session = assert(aui.connect(options))
  assert(session:ask "hello")
  aui.session(options):send "left alone"
]]

for _, scheme in ipairs(wire.schemes) do
  describe("#native the states of a process that talks " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function run(program, preload)
      local server = link:start()
      local conversation = CONVERSATION:format(server.url, server.tls and server.tls.ca_file or "")
      local result = child.run(program, { env = { LD_PRELOAD = preload } }, conversation)
      assert.equal("", result.stderr)
      assert.equal(0, result.signal)
      assert.equal(0, result.status)
    end

    it("close what is theirs once, and leave no more open than the first of them", function()
      run([[
        local process = require "spec_process"
        local function count()
          local status, _, exit_status = os.execute "exit $(ls /proc/$PPID/fd | wc -l)"
          return exit_status or status -- Lua 5.1 returns the latter alone
        end
        process.states(..., 1, 1)
        local before = count()
        process.states(..., 1, 10)
        local after = count()
        assert(after == before, ("%d descriptors, then %d"):format(before, after))
      ]], child.preload "strict_close")
    end)

    it("work side by side, and end while others begin", function()
      run('require "spec_process".states(..., 8, 6)', os.getenv "LD_PRELOAD")
    end)
  end)
end
