-- Random sequences of calls of the Lua API, misuse included, in tasks, coroutines, handlers and finalizers, under a
-- random collector, with aui-sim as peer. A finding is a crash, an error that is nobody's words, or a session that does
-- not answer in the end; a hang is for whoever runs this to notice.
--
-- Arguments: SEED COUNT: how many calls. The same seed draws the same calls, though time may order what they do anew.

local aui = require "aui"
local core_options = require "spec.core_options"
local engine = require "aui.engine"
local net = require "aui.net"
local support = require "spec.support"

local seed, count = assert(tonumber(arg[1]), "SEED expected"), assert(tonumber(arg[2]), "COUNT expected")
print(("seed %d"):format(seed))
if jit then jit.off() end -- luacheck: ignore jit (compiled code that finds a collection due for ever never gets on)

local close_coroutine = coroutine.close -- luacheck: ignore (Lua 5.4)

-- ---- Dice ----

local state = seed % 2147483646 + 1

-- From 1 to n.
local function dice(n)
  state = state * 16807 % 2147483647
  return state % n + 1
end

local function one_of(list) return list[dice(#list)] end

-- Such as no argument should be, and some that should.
local function anything()
  return one_of {
    function() return nil end,
    function() return -1 end,
    function() return 0 end,
    function() return 0.001 end,
    function() return 0 / 0 end,
    function() return math.huge end,
    function() return 2 ^ 53 end,
    function() return true end,
    function() return "" end,
    function() return "text" end,
    function() return "\255\0" end,
    function() return ("x"):rep(dice(100000)) end,
    function() return {} end,
    function() return { text = "text" } end,
    function() return { text = "text", context = { list = { 1, 2 }, deep = { deep = {} } } } end,
    function() return print end,
    function() return coroutine.create(print) end,
    function() return io.stdout end,
  }()
end

local function anything_but_time() -- what would wait too long
  local value = anything()
  return type(value) == "number" and value > 1 and 0.01 or value
end

-- ---- What is held, so that it can be called again ----

local held = { session = {}, reply = {}, task = {}, pool = {}, client = {}, coroutine = {}, off = {}, raw = {} }

local function hold(kind, value)
  if value == nil then return end
  local list = held[kind]
  list[#list < 8 and #list + 1 or dice(8)] = value
end

local function let_go(kind) held[kind][dice(8)] = held[kind][#held[kind]] held[kind][#held[kind]] = nil end

local function any(kind) return held[kind][dice(#held[kind] + 1)] end

-- ---- Findings ----

local function is_finding(err)
  if type(err) ~= "string" then return false end
  if err:find "attempt to yield" then return false end -- Lua 5.1, across what it cannot yield through
  return err:find "aui/[%w_/]+%.lua:%d+: attempt to" or err:find "cannot resume dead"
end

-- Tells a finding; other errors are as good as any result.
local function judge(ok, ...)
  if not ok and is_finding((...)) then
    io.stderr:write(("finding, seed %d: %s\n%s\n"):format(seed, (...), debug.traceback()))
    os.exit(1)
  end
  return ok, ...
end

local function try(fn, ...) return judge(pcall(fn, ...)) end

-- ---- Peers ----

local EVERY_FAULT = {
  connections = {
    { { receive = true }, { update = "A" }, { message = { text = "AB" } }, { receive = true }, { cut = "reset" } },
    { { handshake = { status = 503 } } },
    { { receive = true }, { update = "A" }, { error = { status_code = 500 } }, { close = 1011 } },
    { { receive = true }, { update = "AB" }, { update = "B" }, { raw = "c100" } },
    { { handshake = "drop" } },
    { { receive = true }, { update = "A" }, { wait = 0.3 }, { cut = "fin" } },
    { { agent = true } },
  },
  streams = {
    { { agent = 1 }, { cut = "reset" } },
    { { agent = true }, { done = true } },
    { { response = { status = 503 } } },
    { { agent = 2 }, { wait = 0.3 }, { cut = "fin" } },
    { { response = { status = 401 } } },
    { { event = "A" }, { error = { message = "no", status_code = 429 } }, { done = true } },
    { { thread = false }, { event = "A" }, { done = true } },
  },
  rest = { "serve", { status = 503 }, "drop", { status = 200, body = "[1" }, { status = 429 }, "serve", "ignore" },
}
local servers = {
  support.play(EVERY_FAULT),
  support.start { "--pace", "0" },
  support.start { "--pace", "0.002", "--cumulative", "--token-lifetime", "1" },
  support.start { "--echo", "--pace", "0" },
  { url = "ws://127.0.0.1:1/api/v1/external/session" },
}
local WHOLE = servers[4]

local SOMETHING_AS_KEY = {
  "pk_network_a",
  "pk_network_b",
  "another",
  function() return "pk_network_a" end,
  function()
    aui.sleep(0.001)
    return one_of { "pk_network_a", nil }, "none just now"
  end,
  function() error "no key" end,
}

-- What sessions of either API are given.
local function common_options()
  return {
    timeout = { connect = 0.2, first = 0.1, idle = 0.1, total = 0.3, call = 0.1 },
    reconnect = one_of { false, { base = 0.001, max = 0.01, attempts = dice(3) } },
    recover = one_of { true, false },
    queue = one_of { { messages = dice(3) }, { bytes = 1000 }, {} },
    ping_interval = one_of { 0.01, 20 },
    rate = dice(10) == 1 and { messages = 1, per = 0.01 } or nil,
  }
end

local function options()
  local given = common_options()
  given.url, given.task_id, given.api_key = one_of(servers).url, one_of { "one", "two" }, one_of(SOMETHING_AS_KEY)
  -- Not `timeout`, whose defaults outlast anybody's patience here.
  if dice(20) == 1 then given[one_of { "task_id", "tls", "queue", "max_message", "odd" }] = anything() end
  return given
end

local function thread_options()
  local given = common_options()
  given.url = one_of(servers).url:gsub("^ws", "http"):gsub("/api/v1/.*$", "/apollo-api")
  given.publishable_key = one_of(SOMETHING_AS_KEY)
  given.carrier, given.user_id = one_of { "stream", "websocket" }, one_of { "ada", "grace" }
  if dice(20) == 1 then given[one_of { "thread_id", "carrier", "user_id", "queue", "odd" }] = anything() end
  return given
end

-- ---- Calls ----

local perform -- one call at random

local function few_calls(depth)
  for _ = 1, dice(4) do perform(depth + 1) end
end

local function handler(depth)
  return function()
    if dice(8) == 1 then error(one_of { "a handler", {}, 1 }) end
    if dice(3) == 1 then few_calls(depth) end
  end
end

local function with_finalizer(object, depth)
  local function finalizer() try(few_calls, depth) end
  if _VERSION ~= "Lua 5.1" then return setmetatable(object, { __gc = finalizer }) end
  object.proxy = newproxy(true) -- luacheck: ignore (Lua 5.1)
  getmetatable(object.proxy).__gc = finalizer
  return object
end

local function call_method(object, ...)
  local class = debug.getmetatable(object)
  local names = {}
  for name in pairs(class.__index) do names[#names + 1] = name end
  table.sort(names)
  local name = one_of(names)
  if name == "step" then return class.__index.step(object, 0) end
  return class.__index[name](object, ...)
end

local calls = {
  function() hold("session", aui.session(options())) end,
  function() hold("session", aui.session(options())) end,
  function() hold("session", (aui.connect(options()))) end,
  function() hold("session", aui.session(thread_options())) end,
  function() hold("session", aui.session(thread_options())) end,
  function() hold("session", (aui.connect(thread_options()))) end,
  function() any("session"):history() end,
  function() hold("pool", aui.pool { size = dice(3), idle = 0.05 }) end,
  function() hold("session", (any("pool"):connect(options()))) end,
  function() hold("client", aui.client(options())) end,
  function() hold("session", (any("client"):connect { user_id = one_of { "ada", nil } })) end,
  function() hold("session", any("client"):session()) end,
  function() hold("pool", any("client"):pool()) end,
  function() any("client"):create_task { user_id = one_of { "ada", anything() } } end,
  function() any("client"):send_message { task_id = one_of { "one", "two" }, text = "hello" } end,
  function() any("client"):messages(one_of { "one", "two" }) end,
  function() hold("client", aui.client(thread_options())) end,
  function() any("client"):send_message { user_id = "ada", text = "hello" } end,
  function() any("client"):welcome_message() end,
  function() call_method(any "client", anything_but_time(), anything_but_time(), anything()) end,
  function() hold("reply", any("session"):send(("x"):rep(2000))) end,
  function() hold("reply", any("session"):send { text = "hi", timeout = { total = 0.01 } }) end,
  function() hold("reply", any("session"):send "hello") end,
  function() hold("reply", any("session"):send(anything())) end,
  function() any("session"):ask "hello" end,
  function() any("session"):ask("hello", { retries = one_of { 0, 1, 2 } }) end,
  function() any("session"):close() end,
  function() return any("session"):state(), any("session"):stats(), tostring(any "session"), tostring(any "reply") end,
  function() any("reply"):next(one_of { 0, 0.001, 0.01 }) end,
  function() any("reply"):message(one_of { 0, 0.001, 0.05 }) end,
  function() any("reply"):message() end,
  function() for _ in any "reply" do if dice(3) == 1 then break end end end,
  function() any("reply"):cancel() end,
  function() return any("reply"):text(), any("reply"):json(), any("reply"):status(), any("reply").id end,
  function(depth) hold("off", any("reply"):on(one_of { "chunk", "message", "error" }, handler(depth))) end,
  function(depth) hold("off", any("session"):on("state", handler(depth))) end,
  function() any("off")() end,
  function() call_method(any "session", anything_but_time(), anything_but_time()) end,
  function() call_method(any "reply", anything_but_time(), anything_but_time()) end,
  function() aui.step(one_of { nil, 0, 0.001 }) end,
  function() aui.sleep(one_of { 0, 0.001, 0.005 }) end,
  function() aui.sleep(anything_but_time()) end,
  function() return aui.timeout(), aui.fd() end,
  function(depth) aui.run(few_calls, depth) end,
  function(depth) aui.run(few_calls, depth) end,
  function(depth)
    hold("task", aui.spawn(function()
      hold("coroutine", coroutine.running())
      few_calls(depth)
      if dice(20) == 1 then error(one_of { "a task", {}, false }) end
    end))
  end,
  function() return any("task"):join(one_of { 0, 0.001, 0.01 }) end,
  function() return any("task"):status(), tostring(any "task") end,
  function() any("task"):cancel() end,
  function(depth)
    aui.map({ 1, 2, 3 }, function(item)
      few_calls(depth)
      if item == 2 then error(one_of { "an item", {}, false }) end
    end, { at_once = dice(3) })
  end,
  function(depth)
    local co = coroutine.create(function() try(few_calls, depth) end)
    hold("coroutine", co)
    coroutine.resume(co)
  end,
  function() coroutine.resume(any "coroutine") end,
  function() if close_coroutine then close_coroutine(any "coroutine") end end,
  function(depth) with_finalizer({ any "session", any "reply" }, depth) end,
  function() aui.log(one_of { function() end, function(event) return event.message .. "!" end, error }, "debug") end,
  function() aui.log(nil) end,
  function(depth) aui.log(function() if dice(30) == 1 then few_calls(depth) end end, "debug") end,
  function() aui[one_of { "connect", "session", "pool", "run", "spawn", "log", "step" }](anything(), anything()) end,
  function() aui.map(anything(), anything(), anything()) end,
  function() let_go(one_of { "session", "reply", "task", "pool", "coroutine", "off", "raw" }) end,
  function() let_go(one_of { "session", "reply" }) end,
  -- What stands below all that.
  function()
    local name = one_of { "max_depth", "max_message", "rate_per", "queue_bytes" }
    hold("raw", engine.session(core_options { [name] = anything() }))
  end,
  function() hold("raw", engine.session(core_options())) end,
  function() hold("raw", (net.loop())) end,
  function() hold("raw", (any("raw"):open(dice(9), core_options { port = dice(70000), pool = anything() }))) end,
  function() hold("raw", (any("raw"):send('{"text": "x"}', 1, 1, 1))) end,
  function() call_method(any "raw", anything_but_time(), anything_but_time(), anything_but_time()) end,
  function() any("raw"):receive(one_of { "HTTP/1.1 101 OK\r\n", "\r\n", "\129\2{}", "\136\0", "\255" }) end,
  function() debug.getmetatable(any "raw").__gc(any "raw") end,
}

local function stir_collector()
  one_of {
    function() collectgarbage() end,
    function() collectgarbage "step" end,
    function() collectgarbage("step", dice(100)) end,
    function() collectgarbage("setpause", one_of { 0, 100, 200 }) end,
    function() collectgarbage("setstepmul", one_of { 100, 200, 1000 }) end,
    function() if _VERSION == "Lua 5.4" then collectgarbage "generational" end end,
    function() if _VERSION == "Lua 5.4" then collectgarbage "incremental" end end,
  }()
end

local left = count

function perform(depth)
  if left <= 0 or depth > 6 then return end
  left = left - 1
  if dice(4) == 1 then stir_collector() end
  return try(one_of(calls), depth)
end

while left > 0 do perform(0) end

-- What is left comes to its end, and then everything works.
aui.log(nil)
if dice(2) == 1 then
  for kind in pairs(held) do held[kind] = {} end
end
local patience = 100
while not try(aui.run, function() aui.sleep(0.001) end) do
  patience = patience - 1
  assert(patience > 0, "aui.run does not come to an end without an error")
end
local answers = aui.run(function()
  local session = assert(WHOLE:connect())
  local message = assert(session:ask "whole")
  session:close()
  return message.text
end)
assert(answers == "whole", answers)
answers = aui.run(function()
  local texts = {}
  for _, carrier in ipairs { "stream", "websocket" } do
    local given = { url = WHOLE:base(), publishable_key = "pk_network_a", user_id = "ada", carrier = carrier }
    local session = assert(aui.connect(given))
    texts[#texts + 1] = assert(session:ask "whole").text
    session:close()
  end
  return table.concat(texts, " ")
end)
assert(answers == "whole whole", answers)
for index = 1, #servers - 1 do servers[index]:stop() end
print(("%d calls"):format(count))
