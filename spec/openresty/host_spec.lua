-- What is nginx's own: sessions live and end with their request, in the phases that can wait, and cost a worker nothing
-- once they are gone. The requests are made to spec/openresty/handlers.lua.

local cjson = require "cjson"
local lfs = require "lfs"
local support = require "spec.support"

local build_dir = assert(os.getenv "AUI_BUILD", "AUI_BUILD: expected the build's directory")
local prefix, nginx

local function execute(command)
  local ok = os.execute(command)
  return ok == true or ok == 0
end

local function exists(file)
  local handle = io.open(file)
  if handle then handle:close() end
  return handle ~= nil
end

local function await(condition, what)
  local limit = os.time() + 30
  while not condition() do
    assert(os.time() <= limit, what)
    os.execute "sleep 0.02"
  end
end

local function start()
  prefix = os.tmpname()
  os.remove(prefix)
  local words = "spec/openresty/serve %s %s spec/openresty/host.conf >%s.log 2>&1"
  nginx = assert(io.popen(words:format(build_dir, prefix, prefix), "w"))
  await(function() return exists(prefix .. "/ready") end, "nginx does not start")
end

-- Ends nginx; what it has to complain about.
local function stop()
  nginx:close()
  local file = assert(io.open(prefix .. ".log"))
  local complaints = file:read "*a"
  file:close()
  os.remove(prefix .. ".log")
  return complaints
end

-- The words of curl for a request with these options of a session; `patience` in seconds.
local function curl(path, options, patience, socket)
  local words = "curl --silent --unix-socket %s/%s --max-time %g --data '%s' 'http://localhost/%s'"
  return words:format(prefix, socket or "socket", patience or 10, cjson.encode(options or {}), path)
end

-- The response to a request, which must come in time.
local function request(...)
  local pipe = assert(io.popen(curl(...) .. "; echo \"[$?]\""))
  local response, status = pipe:read("*a"):match "^(.-)\n?%[(%d+)%]\n$"
  pipe:close()
  assert.equal("0", status, "curl's exit status")
  return response
end

-- How many descriptors the worker has open; its process.
local function worker_descriptors()
  local worker, count = request "worker", 0
  for _ in lfs.dir("/proc/" .. worker .. "/fd") do count = count + 1 end
  return count, worker
end

-- Whether bytes have arrived at this port that nobody has read yet.
local function has_unread(port)
  local pattern = (":%04X %%x+:%%x+ 01 %%x+:(%%x+)"):format(port) -- 01: the connection is established
  for line in io.lines "/proc/net/tcp" do
    local count = line:match(pattern)
    if count and tonumber(count, 16) > 0 then return true end
  end
  return false
end

describe("in nginx", function()
  local server, descriptors

  lazy_setup(function()
    start()
    server = support.start { "--pace", "0", "--echo" }
  end)
  lazy_teardown(function()
    server:stop()
    assert.equal("", stop())
  end)

  local function options(changes)
    local all = { url = server.url, task_id = "task", reconnect = false }
    for name, value in pairs(changes or {}) do all[name] = value end
    return all
  end

  local function with_scenario(scenario, fn)
    local player = support.play(scenario)
    fn(player)
    player:stop()
  end

  -- Waits until the worker has as many descriptors open as before the case.
  local function assert_nothing_left()
    await(function() return worker_descriptors() <= descriptors end, "descriptors are left")
  end

  before_each(function()
    request("converse", options()) -- what nginx opens once
    descriptors = worker_descriptors()
  end)

  it("sessions work in the content, access and rewrite phases and in timers", function()
    for _, path in ipairs { "converse", "in/access", "in/rewrite", "timer" } do
      assert.equal("hello", request(path, options()))
    end
  end)

  it("a session never gets a connection that somebody has left in nginx's default pool", function()
    local port = server.url:match ":(%d+)/"
    assert.equal("hello", request("converse_beside_others?port=" .. port, options { timeout = { first = 5 } }))
  end)

  it("light threads may be killed while they wait: the others go on, and hear of errors", function()
    assert.equal("hello unheard", request("kill_waiting", options()))
    assert_nothing_left()
  end)

  it("other phases say that they cannot wait", function()
    local problem = "nothing can wait in nginx's %s phase: sessions are for the content, access and rewrite phases, "
      .. "and for timers (ngx.timer.at) | "
    local expected = "transport: " .. problem .. "transport: GET /api/v1/external/tasks/task: " .. problem
    local pipe = io.popen(curl("in/header_filter") .. " --include")
    local header = pipe:read("*a"):match "X%-Complaint: ([^\r]+)"
    pipe:close()
    request "in/log"
    local complaints = { header_filter = header, log = request "log", init_worker = request "init_worker" }
    for phase, complaint in pairs(complaints) do
      local words = expected:format(phase, phase)
      assert.equal(words, complaint:sub(1, #words))
      assert.is_truthy(complaint:find("nothing can wait in nginx's " .. phase .. " phase", #words, true))
    end
  end)

  it("a handler that forgets to close its session ends all the same, while others use its worker", function()
    local forgetful = {}
    for i = 1, 3 do
      forgetful[i] = io.popen(curl("forget", options(), 5))
      -- nginx uses the coroutine of the handler that has ended again.
      os.execute("sleep 0.1; " .. curl("hold", options(), 6) .. " >/dev/null &")
    end
    local before = os.time()
    for _, pipe in ipairs(forgetful) do
      assert.equal("hello\n", pipe:read "*a")
      pipe:close()
    end
    assert.is_true(os.time() - before <= 3)
    assert_nothing_left()
  end)

  it("a handler that forgets a session which does not get its connection ends, too", function()
    with_scenario({ { handshake = "ignore" } }, function(player)
      assert.equal("", request("forget_while_connecting", options { url = player.url }, 5))
    end)
    assert_nothing_left()
  end)

  it("a session may be handed from one light thread to another", function()
    assert.equal("hello\nhello", request("hand_over", options()))
  end)

  it("a coroutine that is never resumed again does not keep its request from ending", function()
    assert.equal("hello", request("abandon", options(), 5))
    assert.equal("hello", request("abandon_open", options(), 5))
  end)

  it("ngx.exit and an error in the handler leave nothing behind", function()
    assert.equal("hello", request("exit", options(), 5))
    assert.is_truthy(request("fail", options(), 5):find("500 Internal Server Error", 1, true))
    assert_nothing_left()
  end)

  it("a session used from another request says so, and so does one whose request is gone", function()
    local player = support.play { { receive = true }, { wait = 3600 } }
    finally(function() player:stop() end)
    os.execute(curl("hold", options { url = player.url }, 2) .. " >/dev/null &")
    local words = "the session belongs to another request: it can be used in the request (or timer) that opened it"
    os.execute "sleep 0.5"
    for _ = 1, 2 do
      local count = 0
      for line in request("steal", {}, 5):gmatch "[^\n]+" do
        count = count + 1
        assert.is_truthy(line:find("handlers.lua:%d+: "), line)
        assert.is_truthy(line:find(words, 1, true), line)
      end
      assert.equal(3, count)
      os.execute "sleep 2"
    end
  end)

  it("a client that goes takes the session along", function()
    assert.is_false(execute(curl("hold", options(), 0.5) .. " >/dev/null"))
    assert_nothing_left()
  end)

  it("a key's token is its worker's: its exchange goes on when the request that began it is gone", function()
    local log = os.tmpname()
    local agent = support.start { "--log", log }
    local client_options = { publishable_key = "pk_network_hunter2-host", url = agent:base() }
    os.execute("kill -STOP " .. agent.pid)
    local client = io.popen("echo $$; exec " .. curl("welcome", client_options))
    local process = client:read "*l"
    await(function() return has_unread(agent.port) end, "no exchange has begun")
    os.execute("kill " .. process)
    client:close()
    os.execute("kill -CONT " .. agent.pid)
    assert.matches("^Hello", request("welcome", client_options))
    assert.matches("^Hello", request("welcome", client_options))
    local tokens = 0
    for line in io.lines(log) do
      if cjson.decode(line).event == "token" then tokens = tokens + 1 end
    end
    assert.equal(1, tokens)
    agent:stop()
    os.remove(log)
  end)

  it("a TLS session is resumed where the same authorities are trusted, in that location alone", function()
    local log = os.tmpname()
    local agent = support.start { "--echo", "--log", log, "--tls-dir", prefix .. "/tls/localhost" }
    local by_name = options { url = agent.url:gsub("//127%.0%.0%.1:", "//localhost:") }
    for _ = 1, 2 do assert.equal("hello", request("converse", by_name)) end
    assert.matches("^transport: TLS: certificate of localhost not accepted", request("in/distrust", by_name))
    local resumed = {}
    for line in io.lines(log) do
      local event = cjson.decode(line)
      if event.event == "handshake" then resumed[#resumed + 1] = event.resumed end
    end
    assert.same({ false, true }, resumed)
    agent:stop()
    os.remove(log)
  end)

  it("a call's connection is kept for the location that has verified it, alone", function()
    local agent = support.start { "--tls-dir", prefix .. "/tls/localhost" }
    local base = agent:base():gsub("//127%.0%.0%.1:", "//localhost:")
    local client_options = { publishable_key = "pk_network_hunter2-tls", url = base }
    assert.matches("^Hello", request("welcome", client_options))
    assert.matches("certificate of localhost not accepted", request("in/distrust/call", client_options))
    assert.matches("^Hello", request("welcome", client_options))
    agent:stop()
  end)

  it("a deadline passes though nobody waits", function()
    with_scenario({ { receive = true }, { wait = 3600 } }, function(player)
      local expected = "timeout: no complete answer within 0.2 s (timeout.total)"
      assert.equal(expected, request("nobody_waits", options { url = player.url }))
    end)
  end)

  it("long messages go and come", function()
    assert.equal("900000", request("measure?n=900000", options(), 60))
    with_scenario({ { receive = true }, { message = { text = ("x"):rep(20e6) } } }, function(player)
      assert.equal("20000000", request("measure?n=1", options { url = player.url, max_message = 2 ^ 25 }, 60))
    end)
  end)

  it("a server that does not read holds up neither send nor close", function()
    with_scenario({ { read = false } }, function(player)
      local expected = "timeout: no complete answer within 1 s (timeout.total), after send: pending"
      assert.equal(expected, request("unread", options { url = player.url, queue = { bytes = 64e6 } }, 60))
    end)
    assert_nothing_left()
  end)

  it("a name says that there is no resolver, if there is none", function()
    local url = server.url:gsub("127.0.0.1", "localhost")
    assert.equal("hello", request("converse", options { url = url }))
    local expected = "transport: name localhost not resolved: nginx has no resolver (directive resolver)"
    assert.equal(expected, request("converse", options { url = url }, 5, "unresolved"))
  end)

  it("TLS takes its authorities from the configuration, and names alone", function()
    local words = "transport: tls.%s: not in nginx, whose directive %s has its place"
    local trusted, own = { ca_file = "x" }, { cert = "x", key = "y" }
    local function refusal(tls) return request("converse", options { url = "wss://localhost:1/", tls = tls }) end
    assert.equal(words:format("ca_file", "lua_ssl_trusted_certificate"), refusal(trusted))
    assert.equal(words:format("cert", "lua_ssl_certificate"), refusal(own))
    with_scenario({ { read = false } }, function(player)
      local url = player.url:gsub("^ws:", "wss:")
      assert.equal(
        "transport: TLS: certificate of 127.0.0.1 not accepted: nginx can verify names only, not addresses",
        request("converse", options { url = url })
      )
    end)
  end)

  it("sessions that are gone cost neither the worker memory nor their request", function()
    local function measure(n)
      local lua, resident = request("sessions?n=" .. n, options(), 60):match "^(%S+) (%S+)$"
      return tonumber(lua), tonumber(resident)
    end
    for _ = 1, 3 do measure(200) end
    local lua_before, resident_before = measure(200)
    for _ = 1, 5 do measure(200) end
    local lua_after, resident_after = measure(200)
    assert.is_true(lua_after - lua_before < 100, lua_after - lua_before .. " kB of Lua's memory")
    assert.is_true(resident_after - resident_before < 4000, resident_after - resident_before .. " kB")
    assert_nothing_left()
  end)

  it("what a REST call was answered is let go of without the garbage collector", function()
    local answer = { status = 200, body = ("x"):rep(4e6) }
    local answers = { answer, answer, answer, answer, answer, answer }
    with_scenario({ connections = { { { receive = true } } }, rest = answers }, function(player)
      local grown = tonumber(request(("calls?n=6&port=%s"):format(player.url:match ":(%d+)/")))
      assert.is_true(grown < 20000, grown .. " kB")
    end)
  end)

  it("what a thread waits for is not collected as garbage", function()
    assert.equal("5", request("collect?n=5", options { timeout = { connect = 2 } }, 30))
  end)

  it("a reload lets workers with open sessions end", function()
    local _, old = worker_descriptors()
    os.execute(curl("forget", options(), 20) .. " >/dev/null &")
    os.execute(("kill -HUP $(cat %s/nginx.pid)"):format(prefix))
    await(function() return not exists(("/proc/%s/stat"):format(old)) end, "the old worker goes on")
    assert.are_not.equal(old, select(2, worker_descriptors()))
    assert.equal("hello", request("converse", options()))
  end)
end)
