-- Whoever holds an object in a finalizer may call it when its own has run: it works, as one that is closed, or raises.

local aui = require "aui"
local child = require "spec.child"
local core_options = require "spec.core_options"
local engine = require "aui.engine"
local wire = require "spec.wire"

-- Arguments that some method or other can do something with.
local ARGUMENTS = { {}, { 0 }, { '{"text": "x"}', 1, 1, 1 }, { "tls" }, { "h", "/", "" }, { nil, true } }

-- Calls each method of the C object; a value that is no error's words is as good as any.
local function call_everything(object)
  for name, method in pairs(debug.getmetatable(object).__index) do
    for _, arguments in ipairs(name == "step" and { { 0 } } or ARGUMENTS) do
      local ok, err = pcall(method, object, arguments[1], arguments[2], arguments[3], arguments[4])
      assert(ok or type(err) == "string")
    end
  end
  assert.equal("string", type(tostring(object)))
end

local function finalize(object) debug.getmetatable(object).__gc(object) end

-- Finalizes the objects in every order, each time calling all of them after each; `make` returns them in a list.
local function in_every_order(make, count)
  local function permute(order, chosen)
    if #order == count then
      local objects = make()
      for _, index in ipairs(order) do
        finalize(objects[index])
        for _, object in ipairs(objects) do call_everything(object) end
      end
      for _, object in ipairs(objects) do finalize(object) end
      return
    end
    for index = 1, count do
      if not chosen[index] then
        order[#order + 1], chosen[index] = index, true
        permute(order, chosen)
        order[#order], chosen[index] = nil, nil
      end
    end
  end
  permute({}, {})
end

describe("an object of C after its finalizer", function()
  it("is a closed one: session and replies of the engine", function()
    in_every_order(function()
      local session = engine.session(core_options())
      return { session, session:send("{}", 1, 1, 1), (session:send "{}") }
    end, 3)
  end)

  it("#native is a closed one: loop, session and replies of the native loop", function()
    local net = require "aui.net"
    in_every_order(function()
      local loop = assert(net.loop())
      local session = assert(loop:open(1, core_options()))
      return { loop, session, session:send("{}", 1, 1, 1), (session:send "{}") }
    end, 4)
  end)

  it("says why it has no message: a reply", function()
    local reply = engine.session(core_options()):send "{}"
    finalize(reply)
    assert.equal("failed", reply:status())
    assert.equal("", reply:text())
    assert.is_nil(reply:take())
    assert.is_nil(reply:message())
    local err = reply:error()
    assert.equal("canceled", err.kind)
    assert.equal("the reply was dropped", err.message)
    assert.equal("maybe", err.delivered)
  end)

  it("refuses what is sent: a session", function()
    local session = engine.session(core_options())
    finalize(session)
    assert.equal("closed", session:state())
    local reply, err = session:send "{}"
    assert.is_nil(reply)
    assert.equal("canceled", err.kind)
    assert.equal("no", err.delivered)
  end)
end)

describe("what an engine's session is told", function()
  it("is refused when it is out of range, with its name", function()
    for name, bad in pairs {
      max_depth = { -1, 1025, 2 ^ 40, 0 / 0, math.huge },
      max_message = { -1, 0 / 0, math.huge, 2 ^ 60 },
      queue_messages = { -1, 0 / 0 },
      rate_messages = { 2 ^ 32, -1 },
      reconnect_attempts = { 2 ^ 32, -1 },
    } do
      for _, value in ipairs(bad) do
        local ok, err = pcall(engine.session, core_options { [name] = value })
        assert.is_false(ok)
        assert.matches(name .. ": expected a whole number", err)
      end
    end
  end)

  it("is refused when it is missing, with its name: it has no defaults of its own", function()
    local count = 0
    for name, value in pairs(core_options()) do
      if type(value) ~= "string" and name ~= "port" then
        local options = core_options()
        options[name] = nil
        local ok, err = pcall(engine.session, options)
        assert.is_false(ok)
        assert.matches(("%s: expected a %s, got nil"):format(name, type(value)), err)
        count = count + 1
      end
    end
    assert.equal(18, count)
  end)
end)

-- What a finalizer does with a session and its reply.
local USES = {
  "self.reply:cancel()",
  "self.session:close()",
  "self.reply:text()",
  "self.reply:json()",
  "tostring(self.reply) tostring(self.session)",
  "self.reply:message(0)",
  "self.reply:next(0)",
  "self.session:send 'late'",
  "self.session:ask 'late'",
  "self.session:state()",
  "self.reply:on('error', print)",
  "aui.step()",
  "aui.sleep(0.001)",
}

-- What a finalizer makes at exit has none of its own that would run on Lua 5.4.
local NO_LEAKS_TOLD = { ASAN_OPTIONS = "detect_leaks=0" }

-- What a program says that ends before the handler of a reply was called.
local LEFT = "^aui: the program has ended before the handlers of 1 replies[^\n]*\n$"

-- An object with such a finalizer that is made before its session, so that it is finalized after it, or behind it.
local PROGRAM = [[
local aui = require "aui"
local url, before, at_exit = ...
local use = assert((loadstring or load)("local aui, self = ... USE"))
local function with_finalizer(object)
  local function finalizer() pcall(use, aui, object) end
  if _VERSION ~= "Lua 5.1" then return setmetatable(object, { __gc = finalizer }) end
  object.proxy = newproxy(true)
  getmetatable(object.proxy).__gc = finalizer
  return object
end
do
  local chat = {}
  if before == "before" then with_finalizer(chat) end
  chat.session = assert(aui.connect { url = url, task_id = "task" })
  chat.reply = chat.session:send "hello"
  chat.reply:next()
  if before ~= "before" then with_finalizer(chat) end
  if at_exit == "at exit" then kept = chat end
end
collectgarbage()
collectgarbage()
io.write "survived"
]]

describe("#native a finalizer that uses a session and its reply", function()
  local link = wire.new "ws"
  local server

  setup(function() server = link:start() end)
  teardown(function() link:stop() end)

  for _, when in ipairs { "in mid-program", "at exit" } do
    for _, order in ipairs { "before", "behind" } do
      it(("harms nothing %s, %s theirs"):format(when, order), function()
        for _, use in ipairs(USES) do
          local program = PROGRAM:gsub("USE", function() return use end)
          local result = child.run(program, { env = NO_LEAKS_TOLD }, server.url, order, when)
          assert.are.same(
            { use, 0, 0, "survived", "" },
            { use, result.signal, result.status, result.stdout, (result.stderr:gsub(LEFT, "")) }
          )
        end
      end)
    end
  end

  it("may close its session in the scheduler's middle: the others' waits go on", function()
    local done = 0
    aui.run(function()
      for _ = 1, 5 do
        aui.spawn(function()
          local session = link:connect(server)
          assert(session:ask "hello")
          session:close()
          collectgarbage()
          done = done + 1
        end)
      end
    end)
    assert.equal(5, done)
  end)
end)

-- Garbage is collected whenever it may be, and each time `at_collection` is called by a finalizer.
local COLLECTING = [[
local aui = require "aui"
local url, at_collection, over = ..., nil, false
if jit then jit.off() end -- compiled code that finds a collection due for ever never gets on
local function renew()
  local function finalizer()
    if not over then renew() end
    if at_collection then assert(pcall(at_collection)) end
  end
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = finalizer }) end
  getmetatable(newproxy(true)).__gc = finalizer
end
collectgarbage("setpause", 0)
if _VERSION == "Lua 5.4" then collectgarbage("incremental", 0, 1000, 30) else collectgarbage("setstepmul", 0) end
renew()
local session = assert(aui.connect { url = url, task_id = "task" })
BODY
over = true
session:close()
aui.step(60) -- until handlers have heard of everything
io.write "survived"
]]

local function run_collecting(server, body)
  local program = COLLECTING:gsub("BODY", function() return body end)
  local result = child.run(program, { env = NO_LEAKS_TOLD, limit = 60 }, server.url)
  assert.are.same({ 0, 0, "survived", "" }, { result.signal, result.status, result.stdout, result.stderr })
end

describe("#native a finalizer that runs the loop", function()
  local link = wire.new "ws"

  after_each(function() link:stop() end)

  it("takes nothing from a wait that is about to begin: of a message", function()
    run_collecting(
      link:start(),
      [[
      for moment = 1, 40 do
        local reply, count = session:send "hello", 0
        function at_collection()
          count = count + 1
          if count == moment then reply:message() end
        end
        assert(reply:message(5))
        at_collection = nil
      end
      ]]
    )
  end)

  it("takes nothing from a wait that is about to begin: of a chunk, and of the end", function()
    run_collecting(
      link:start(),
      [[
      for moment = 1, 40 do
        local reply, count = session:send "hello", 0
        function at_collection()
          count = count + 1
          if count == moment then reply:message() end
        end
        local text = ""
        local chunk, keep = reply:next(5)
        while chunk do
          text = text:sub(1, keep) .. chunk
          chunk, keep = reply:next(5)
        end
        at_collection = nil
        assert(not keep, keep)
        assert(text == reply:message().text)
      end
      ]]
    )
  end)

  it("does not spoil text that is handed over meanwhile", function()
    local steps = { { receive = true } } -- each update makes the text twice as long, which moves it
    for size = 10, 18 do steps[#steps + 1] = { tokens = 1, token_bytes = 2 ^ size } end
    steps[#steps + 1] = { message = {} }
    run_collecting(
      link:play { { ["repeat"] = 20, steps = steps } },
      [[
      for _ = 1, 20 do
        local reply, applied, texts = session:send "hello", "", {}
        at_collection = aui.step
        local chunk, keep = reply:next()
        while chunk do
          applied = applied:sub(1, keep) .. chunk
          texts[#texts + 1] = reply:text()
          chunk, keep = reply:next()
        end
        at_collection = nil
        local whole = assert(reply:message()).text
        assert(applied == whole, "the chunks")
        for _, text in ipairs(texts) do assert(text == whole:sub(1, #text), "a text") end
      end
      ]]
    )
  end)

  it("does not spoil an error of the session that is handed over meanwhile", function()
    local refusal = { status_code = 503, description = ("d"):rep(2000), message = ("busy "):rep(100) }
    run_collecting(
      link:play { { receive = true }, { error = refusal }, { close = 1011 } },
      [[
      local told = 0
      for _ = 1, 20 do
        local other = assert(aui.session { url = url, task_id = "task", reconnect = { base = 0.001, max = 0.001 } })
        other:on("state", function(_, err) told = told + (err and #err.message > 0 and 1 or 0) end)
        at_collection = aui.step
        other:ask "hello"
        at_collection = nil
        other:close()
      end
      assert(told > 0)
      ]]
    )
  end)
end)

-- Lua before 5.3 may collect garbage before it copies bytes that it is given.
describe("an exchange whose output is wanted", function()
  -- An object that nobody holds, with this finalizer.
  local function abandon(finalizer)
    local newproxy = rawget(_G, "newproxy") -- of Lua 5.1, where tables have no finalizers
    if newproxy then
      getmetatable(newproxy(true)).__gc = finalizer
    else
      setmetatable({}, { __gc = finalizer })
    end
  end

  -- Calls `during` in the collection that making a string of the output may cause.
  local function output_while(exchange, during)
    local armed, filler = false, {}
    abandon(function()
      if armed then during() end
    end)
    collectgarbage("setstepmul", 1000000)
    armed = true
    for index = 1, 2 ^ 17 do filler[index] = index end
    local output = exchange:output()
    armed = false
    collectgarbage("setstepmul", 200)
    return output, #filler
  end

  it("has its bytes, though a finalizer ends it meanwhile", function()
    for _ = 1, 20 do
      local options = { method = "POST", target = "/", request_host = "h", headers = "", body = ("b"):rep(150000) }
      options.timeout, options.max_body, options.max_response_head = 1e9, 1000, 16384
      local exchange = engine.exchange(options)
      exchange:phase "connect"
      exchange:connected()
      local output = output_while(exchange, function() exchange:cancel "no more" end)
      assert.is_true(output == nil or output:find "^POST / HTTP/1.1\r\n" ~= nil)
    end
  end)
end)
