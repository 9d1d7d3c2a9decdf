-- The module is a guest in its host's process: it writes nothing to the terminal, changes no signal, reads no proxy
-- from the environment, and costs nothing while nothing happens.

local aui = require "aui"
local child = require "spec.child"
local wire = require "spec.wire"

-- Asks at `url` and prints the error, if any.
local ASK = [[
  local aui = require "aui"
  local url, ca_file = ...
  local session, err = aui.connect { url = url, task_id = "task", tls = ca_file and { ca_file = ca_file },
    timeout = { connect = 1 }, reconnect = false }
  local message
  if session then message, err = session:ask "hello" end
  print(message and "answered" or err)
]]

-- What goes wrong, a scenario for it, and words of the error.
local FAILURES = {
  { "a refused handshake", { { handshake = { status = 503, body = "Down" } } }, "503: Down" },
  { "a handshake cut", { { handshake = "drop" } }, "handshake" },
  { "garbage", { { handshake = { raw = "garbage\r\n\r\n" } } }, "not HTTP/1.1" },
  { "a cut", { { receive = true }, { update = "I" }, { cut = "fin" } }, "cut" },
  { "a reset", { { receive = true }, { update = "I" }, { cut = "reset" } }, "cut" },
  { "a bad frame", { { receive = true }, { raw = "c100" } }, "reserved bit" },
  { "a close", { { receive = true }, { close = 1011 } }, "1011" },
  { "a timeout", { { handshake = "ignore" } }, "timeout%.connect" },
}

for _, scheme in ipairs(wire.schemes) do
  describe("#native a process that talks " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function ask(server, env, program)
      return child.run(program or ASK, { env = env }, server.url, server.tls and server.tls.ca_file)
    end

    for _, case in ipairs(FAILURES) do
      it("hears nothing on its terminal about " .. case[1], function()
        local result = ask(link:play(case[2]))
        assert.equal("", result.stderr)
        assert.equal(0, result.status)
        local line = result.stdout:match "^([^\n]*)\n$"
        assert.is_string(line, "more than the program's own line: " .. result.stdout)
        assert.matches(case[3], line)
      end)
    end

    it("hears nothing on its terminal about a server that nobody listens for", function()
      local result = ask { url = scheme .. "://127.0.0.1:1/" }
      assert.equal("", result.stderr)
      assert.matches("^transport: connection to 127%.0%.0%.1 port 1 refused\n$", result.stdout)
    end)

    it("does not go through a proxy that the environment names", function()
      local proxy = "http://127.0.0.1:1"
      local env = { http_proxy = proxy, HTTP_PROXY = proxy, https_proxy = proxy, all_proxy = proxy, no_proxy = false }
      assert.equal("answered\n", ask(link:start(), env).stdout)
    end)

    it("survives writing to a connection that the server has reset", function()
      local reset = { { ping = "x" }, { await_pong = true }, { cut = "reset" } }
      local server = link:play { connections = { reset, { { agent = true } } } }
      local result = ask(server, {}, [[
        local aui = require "aui"
        local url, ca_file = ...
        local session = assert(aui.connect { url = url, task_id = "task", tls = ca_file and { ca_file = ca_file } })
        for _ = 1, 20 do session:send(("x"):rep(100000)) end
        local reply = session:send "the last"
        while reply:next() do end
        print "survived"
      ]])
      assert.equal("survived\n", result.stdout)
      assert.equal("", result.stderr)
      assert.equal(0, result.signal)
    end)

    it("keeps its own answer to SIGPIPE", function()
      -- By default SIGPIPE ends a process that writes more into a pipe than its reader and the pipe take.
      local result = ask(link:start(), {}, ASK .. [[
        io.popen("true", "w"):write(("x"):rep(1000000))
        print "SIGPIPE is ignored"
      ]])
      assert.equal(13, result.signal)
    end)

    -- Daemons close these, and libuv aborts when it is to close one of them.
    for _, closed in ipairs { "<&-", ">&-", "2>&-", "<&- >&- 2>&-" } do
      it(("talks without the descriptors closed by %s, and leaves them closed"):format(closed), function()
        local result = ask(link:start(), {}, ([[
          local url, ca_file = ...
          local closed = %q
          if not os.getenv "ALONE" then
            local command = ("%%s %%s %%s %%s %%s"):format(arg[-1], arg[0], url, ca_file or "", closed)
            local shell = io.popen(("ALONE=1 sh -c '%%s'; echo $?"):format(command))
            io.write(shell:read "*a")
            os.exit()
          end
          local aui = require "aui"
          local session = assert(aui.connect { url = url, task_id = "task", tls = ca_file and { ca_file = ca_file } })
          assert(session:ask "hello")
          for number, sign in pairs { [0] = "<", [1] = "^>", [2] = "2>" } do
            local is_closed = closed:find(sign) or closed:find " "
            local file, _, errno = io.open("/proc/self/fd/" .. number)
            if file then file:close() end
            local ENOENT = 2 -- a socket cannot be opened either, for another reason
            assert((errno == ENOENT) == (is_closed ~= nil), "descriptor " .. number)
          end
          session:close()
          os.exit(42, true)
        ]]):format(closed))
        assert.equal("42\n", result.stdout)
        assert.equal("", result.stderr)
      end)
    end

    it("uses next to no CPU while its session idles", function()
      local session = assert(link:connect(link:start()))
      aui.sleep(0.1)
      local before = os.clock()
      aui.sleep(1)
      assert.is_true(os.clock() - before < 0.05, "used " .. os.clock() - before .. " s")
      assert.equal("open", session:state())
    end)
  end)
end
