-- What the requests of spec/openresty/host_spec.lua do in nginx. The body of a request is the options of a session, as
-- JSON; the response is what came of it, in a line of text.

local aui = require "aui"
local base = require "resty.core.base"
local cjson = require "cjson"
local ffi = require "ffi"
local host = require "aui.host"
local semaphore = require "ngx.semaphore"

local handlers = {}

local kept = {} -- between requests

local function options()
  ngx.req.read_body()
  return cjson.decode(ngx.req.get_body_data())
end

-- The session's answer, or the error, as text.
local function outcome(session, err)
  if not session then return tostring(err) end
  local message
  message, err = session:ask "hello"
  return message and message.text or tostring(err)
end

local function open() return aui.connect(options()) end

--- One question, with everything closed.
function handlers.converse()
  local session, err = open()
  ngx.say(outcome(session, err))
  if session then session:close() end
  return ngx.exit(200)
end

--- The same, when somebody has left a connection to the server (argument port) in nginx's default pool.
function handlers.converse_beside_others()
  local socket = ngx.socket.tcp()
  assert(socket:connect("127.0.0.1", tonumber(ngx.var.arg_port)))
  assert(socket:setkeepalive())
  return handlers.converse()
end

--- What the agent of the threads API says first.
function handlers.welcome()
  local answer, err = aui.client(options()):welcome_message()
  ngx.say(answer and answer.welcome_message or tostring(err))
end

--- The session is not closed.
function handlers.forget() ngx.say(outcome(open())) end

function handlers.forget_while_connecting() aui.session(options()) end

--- A light thread opens the session and ends; the handler goes on with it.
function handlers.hand_over()
  local session
  local thread = ngx.thread.spawn(function() session = assert(open()) end)
  ngx.thread.wait(thread)
  ngx.say(outcome(session))
  ngx.sleep(3)
  ngx.say(outcome(session))
end

--- The session belongs to a coroutine that is never resumed again.
function handlers.abandon()
  coroutine.wrap(function()
    local session, err = open()
    ngx.say(outcome(session, err))
    session:close()
    coroutine.yield()
  end)()
end

-- Nothing leads to the coroutine or its session any more when this has returned.
local function leave_suspended()
  coroutine.wrap(function()
    local session, err = open()
    ngx.say(outcome(session, err))
    coroutine.yield()
  end)()
end

--- The same, and the session is not closed.
function handlers.abandon_open()
  leave_suspended()
  ngx.sleep(0.1)
  collectgarbage()
  collectgarbage()
end

function handlers.exit()
  ngx.print(outcome(open()))
  ngx.exit(200)
end

function handlers.fail()
  outcome(open())
  error "the handler fails on purpose"
end

--- Holds an open session until the client goes, or for 30 s.
function handlers.hold()
  kept.session = open()
  kept.reply = kept.session:send "hello"
  ngx.say "open"
  ngx.flush(true)
  ngx.sleep(30)
end

--- Uses the session and the reply of `hold`.
function handlers.steal()
  local complaints = {}
  for _, use in ipairs {
    function() kept.session:send "hello" end,
    function() kept.session:close() end,
    function() kept.reply:next() end,
  } do
    complaints[#complaints + 1] = tostring(select(2, pcall(use)))
  end
  ngx.say(table.concat(complaints, "\n"))
end

--- A timer asks, while the request waits for it.
function handlers.timer()
  local given, done = options(), nil
  ngx.timer.at(0, function()
    local session, err = aui.connect(given)
    done = outcome(session, err)
    session:close()
  end)
  repeat
    ngx.sleep(0.01)
  until done
  ngx.say(done)
end

--- Nobody waits for the reply whose time is over.
function handlers.nobody_waits()
  local session = open()
  local reply = session:send { text = "hello", timeout = { total = 0.2 } }
  repeat
    ngx.sleep(0.01)
  until reply:status() ~= "pending"
  local _, err = reply:message()
  ngx.say(tostring(err))
  session:close()
end

--- How long the answer is to a message of so many bytes (argument n).
function handlers.measure()
  local session = open()
  local message, err = session:ask(("x"):rep(tonumber(ngx.var.arg_n)))
  ngx.say(message and #message.text or tostring(err))
  session:close()
end

--- The server does not read what is sent.
function handlers.unread()
  local session = open()
  local reply = session:send { text = ("0123456789"):rep(2e6), timeout = { total = 1 } }
  local status = reply:status()
  local _, err = reply:message()
  session:close()
  ngx.say(tostring(err), ", after send: ", status)
end

-- The worker's, in kilobytes.
local function resident_memory()
  local file = io.open "/proc/self/statm"
  local pages = file:read("*a"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * 4
end

--- So many REST calls (argument n) to a port (argument port), while no garbage is collected; by how many kilobytes the
--- worker's memory has grown then.
function handlers.calls()
  local source = { waiters = {}, notices = 0 }
  function source:on_event() host.notify(self) end
  local id = host.register(source)
  collectgarbage "stop"
  local before = resident_memory()
  for _ = 1, tonumber(ngx.var.arg_n) do
    local seen = source.notices
    local call = host.start_call(id, {
      host = "127.0.0.1", port = tonumber(ngx.var.arg_port), timeout = 20, max_body = 2 ^ 26, max_response_head = 1e4,
    }) -- stylua: ignore
    while select("#", call:result()) == 0 do
      host.wait(source, nil, seen)
      seen = source.notices
    end
    assert(call:result())
    call:close()
  end
  ngx.say(resident_memory() - before)
  collectgarbage "restart"
end

--- So many sessions, one after another (argument n); how much of Lua's memory is in use then, in kilobytes, and the
--- worker's resident memory, in kilobytes.
function handlers.sessions()
  local given = options()
  for _ = 1, tonumber(ngx.var.arg_n) do
    local session = assert(aui.connect(given))
    assert(session:ask "hello")
    session:close()
  end
  collectgarbage()
  collectgarbage()
  ngx.say(collectgarbage "count", " ", resident_memory())
end

-- The wait of ngx.semaphore as LuaJIT may compile it: while it waits, nothing on its stack holds the semaphore.
local function wait_unheld(self, seconds)
  local err, length = base.get_string_buf(128), base.get_size_ptr()
  length[0] = 128
  local result = ffi.C.ngx_http_lua_ffi_sema_wait(base.get_request(), self.sem, seconds * 1000, err, length)
  if result == base.FFI_OK then return true end
  if result ~= base.FFI_AGAIN then return nil, "timeout" end
  self = nil -- luacheck: ignore
  return coroutine._yield() -- luacheck: ignore
end

-- A function that has all garbage collected as soon as its caller lets nginx go on, before those go on whom the caller
-- wakes later.
local function collector()
  local due = semaphore.new()
  ngx.thread.spawn(function()
    while due:wait(60) do
      collectgarbage()
      collectgarbage()
    end
  end)
  return function() due:post(1) end
end

--- So many sessions (argument n), each of a pool of its own, whose keys come from a function; all garbage is collected
--- between its end and what follows from it. How many got an answer.
function handlers.collect()
  local given, collect, answers = options(), collector(), 0
  function given.api_key()
    collect()
    return "key"
  end
  local wait = semaphore.wait
  semaphore.wait = wait_unheld
  for _ = 1, tonumber(ngx.var.arg_n) do
    local session = aui.pool():connect(given)
    if session then
      if session:ask "hello" then answers = answers + 1 end
      session:close()
    end
  end
  semaphore.wait = wait
  ngx.say(answers)
  ngx.exit(200)
end

--- Light threads that wait for a reply, a time and aui.run are killed; then the session answers, and a task fails.
function handlers.kill_waiting()
  local session, told = assert(open()), nil
  local function kill(fn)
    local thread = ngx.thread.spawn(fn) -- which waits when this returns
    assert(ngx.thread.kill(thread))
  end
  kill(function() session:send("hello"):message() end)
  kill(function() aui.sleep(3600) end)
  kill(function() aui.run(function() aui.sleep(0.05) end) end)
  aui.log(function(event) told = event.err:match "^[^\n]*" end, "error")
  aui.spawn(error, "unheard", 0)
  aui.sleep(0.1)
  aui.log(nil)
  collectgarbage() -- the reply that was waited for is dropped
  ngx.say(outcome(session), " ", tostring(told))
  session:close()
end

function handlers.worker() ngx.say(ngx.worker.pid()) end

-- ---- Phases that cannot wait ----

local URL = "ws://127.0.0.1:1/api/v1/external/session"

local function complaint()
  local _, err = aui.connect { url = URL, task_id = "task" }
  local _, of_call = aui.client({ url = URL }):task "task"
  local _, misuse = pcall(aui.sleep, 0)
  return ("%s | %s | %s"):format(tostring(err), tostring(of_call), tostring(misuse))
end

local init_worker
function handlers.in_init_worker() init_worker = complaint() end
function handlers.init_worker() ngx.say(init_worker) end

function handlers.in_header_filter() ngx.header["X-Complaint"] = complaint() end -- luacheck: ignore

local log
function handlers.in_log() log = complaint() end
function handlers.log() ngx.say(log) end

return handlers
