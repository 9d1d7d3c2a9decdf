-- A process that forks while it has sessions: its child cannot disturb it, whatever it does, and may have sessions of
-- its own.

local child = require "spec.child"
local wire = require "spec.wire"

-- The server says the rest only when the child, of which nobody knows how long it lives, has probably ended.
local STREAM = {
  { receive = true },
  { update = "I" },
  { wait = 0.4 },
  { update = "I found" },
  { message = { text = "I found it" } },
}

-- Pings are so rare that they do not find out what a child has broken. The child goes on behind in_child, which returns
-- true there.
local PROLOGUE = [[
  local process = require "spec_process"
  local aui = require "aui"
  local url, ca_file = ...
  local options = { url = url, task_id = "task", tls = ca_file and { ca_file = ca_file }, ping_interval = 3600 }
  local function in_child(fn)
    local pid = process.fork()
    if pid == 0 then
      fn()
      return true
    end
    local status, signal = process.wait(pid)
    assert(status == 0 and signal == 0, ("the child ended with status %d, signal %d"):format(status, signal))
  end
]]

for _, scheme in ipairs(wire.schemes) do
  describe("#native a process that talks " .. scheme .. " and forks", function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function run(server, program, preload)
      local env = { LD_PRELOAD = preload or os.getenv "LD_PRELOAD" }
      local result = child.run(PROLOGUE .. program, { env = env }, server.url, server.tls and server.tls.ca_file)
      assert.equal("", result.stderr)
      assert.equal(0, result.signal)
      assert.equal(0, result.status)
      return result.stdout
    end

    -- What children do, with the parent's session and a reply of it at hand.
    local CHILDREN = {
      { "ends", "" },
      { "ends by os.exit that closes the state", "os.exit(0, true)" },
      { "collects the session", "session, reply = nil collectgarbage()" },
      { "closes the session", "session:close() aui.step()" },
      { "cancels the reply", "reply:cancel() aui.step()" },
      { "waits for the reply", "assert(not reply:message())" },
      { "sends", 'assert(not session:ask "again")' },
      { "has a session of its own", 'assert(assert(aui.connect(options)):ask "mine")' },
      { "runs tasks", "aui.run(function() aui.sleep(0.01) end)" },
    }

    for _, case in ipairs(CHILDREN) do
      it("hears the rest of an answer when its child " .. case[1], function()
        local server = link:play { connections = { STREAM, { { agent = true } } } }
        local output = run(server, ([[
          session = assert(aui.connect(options))
          reply = session:send "hello"
          assert(reply:next() == "I")
          if not in_child(function() %s end) then io.write(assert(reply:message()).text) end
        ]]):format(case[2]))
        assert.equal("I found it", output)
      end)
    end

    it("keeps its sessions to itself: the child is told so", function()
      local output = run(link:play(STREAM), [[
        local session, idle = assert(aui.connect(options)), assert(aui.connect(options))
        local reply = session:send "hello"
        assert(reply:next() == "I")
        in_child(function()
          local _, cut = reply:message()
          local _, refused = idle:ask "hello"
          print(cut)
          print(cut.delivered, cut.retryable)
          print(refused)
          print(refused.delivered, refused.retryable)
        end)
      ]])
      local words = "it was made before this process was forked from its parent\n"
      local cut = "transport: the connection was cut: " .. words .. "maybe\tfalse\n"
      assert.equal(cut .. "transport: " .. words .. "no\tfalse\n", output)
    end)

    it("hands connections that idle in a pool to its own sessions, not to its child's", function()
      local function answer(text) return { receive = true }, { message = { text = text } } end
      local first = { answer "1" }
      first[3], first[4] = answer "1"
      local output = run(link:play { connections = { first, { answer "2" } } }, [[
        local pool = aui.pool()
        local function ask()
          local session = assert(pool:connect(options))
          io.write(assert(session:ask "hello").text)
          session:close()
        end
        ask()
        if not in_child(ask) then ask() end
      ]])
      assert.equal("121", output)
    end)

    it("has a child that does not wait for the parent's REST calls, and makes its own", function()
      local server = link:play { connections = { { { agent = true } } }, rest = { "ignore", "serve" } }
      local output = run(server, [[
        local loop = require("aui.net").loop()
        local host, port = url:match "//([^:/]+):(%d+)"
        local target = "/api/v1/external/tasks/68e78d0dc5a4b19a030d03d6/messages"
        local tls = options.tls and { ca_file = options.tls.ca_file, verify = true }
        local request = { host = host, port = tonumber(port), tls = tls, target = target, request_host = host,
          headers = "", timeout = 20, max_body = 2 ^ 20, max_response_head = 2 ^ 14 }
        local inherited = assert(loop:call(1, request))
        for _ = 1, 20 do loop:step(0.01) end
        local is_child = in_child(function()
          loop:step(0)
          assert(loop:ready() == 1)
          print(select(2, inherited:result()).message)
          local own = assert(loop:call(2, request))
          repeat loop:step(1) until loop:ready() == 2
          print((own:result()))
        end)
        assert(is_child or select("#", inherited:result()) == 0)
      ]])
      assert.matches("^it was made before this process was forked from its parent\n%d+\n$", output)
    end)

    it("has a child in whose loop the descriptor has the same number, whatever is free", function()
      run(link:start(), [[
        local file = io.open "/dev/null"
        local session = assert(aui.connect(options))
        local fd = aui.fd()
        file:close()
        in_child(function()
          assert(not session:ask "hello")
          assert(aui.fd() == fd)
        end)
      ]])
    end)

    it("may have many children, who may have some, all of whom talk", function()
      local output = run(link:start(), [[
        local session = assert(aui.connect(options))
        for i = 1, 5 do
          assert(session:ask "hello")
          local function talk_and_fork()
            local own = assert(aui.connect(options))
            assert(own:ask "hello")
            local function talk() assert(assert(aui.connect(options)):ask "hello") end
            if not in_child(talk) then assert(own:ask "hello") end
          end
          if in_child(talk_and_fork) then return end
        end
        print(session:ask "hello" and "answered")
      ]])
      assert.equal("answered\n", output)
    end)
  end)
end

describe("#native a process that forks", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  it("while a name is being resolved has a child that ends, and talks", function()
    -- A thread may hold the lock of the sanitizers' allocator at the fork: the child would wait for it for ever.
    if (os.getenv "LD_PRELOAD" or ""):find "asan" then pending "the sanitizers bear no fork beside a thread" end
    local server = link:start()
    local env = { LD_PRELOAD = child.preload "hanging_names" }
    local result = child.run(PROLOGUE .. [[
      local hanging = aui.session { url = "ws://hanging:1/", task_id = "task" }
      aui.step()
      local function talk() print(assert(aui.connect(options)):ask "hello" and "answered") end
      if not in_child(talk) then print(hanging:state()) end
    ]], { env = env }, (server.url:gsub("127.0.0.1", "localhost")))
    assert.equal("", result.stderr)
    assert.equal("answered\nconnecting\n", result.stdout)
  end)
end)
