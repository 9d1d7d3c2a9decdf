-- Whose line misuse is raised at: the user's, however the call has come; and nobody's where there is no such line.

local aui = require "aui"
local child = require "spec.child"
local support = require "spec.support"

local HERE = "spec/blame_spec.lua"
local COLON = "state: call it with a colon: session:state(...)"

local function current_line() return debug.getinfo(2, "l").currentline end

-- What `fn` raises.
local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal("string", type(err))
  return err
end

local function at(line, words) return ("%s:%d: %s"):format(HERE, line, words) end

describe("misuse is raised at the user's line", function()
  local server, session

  setup(function()
    server = support.mirror()
    session = server:connect()
  end)

  teardown(function()
    session:close()
    server:stop()
  end)

  it("where the call is the last thing that a function does", function()
    local line
    local function state() return session.state() end
    local err = raised(function()
      line = current_line() + 1
      state()
      return nil
    end)
    -- Nothing is left of that function but who called it; LuaJIT and Lua 5.2 to 5.4 leave not even a trace.
    assert.equal(at(line, COLON), err)
  end)

  it("where functions of ours call others last", function()
    local line
    local err = raised(function()
      line = current_line() + 1
      local opened = aui.session { url = "ws://127.0.0.1:1/", timeout = { first = 0 } }
      return opened
    end)
    assert.equal(at(line, "timeout.first: expected seconds (a number above 0) or false, got 0"), err)
    err = raised(function()
      line = current_line() + 1
      local opened = aui.pool():connect { url = "ws://" }
      return opened
    end)
    assert.equal(at(line, "url: expected a host, and a port between 1 and 65535 if any, got \"ws://\""), err)
  end)

  it("where a function of C calls ours", function()
    local line = current_line() + 1
    local ok, err = pcall(session.state)
    assert.is_false(ok)
    assert.equal(at(line, COLON), err)
    line = current_line() + 1
    ok, err = pcall(pcall, session.state)
    assert.same({ true, false }, { ok, err })
    ok, err = pcall(string.gsub, "x", ".", session.state)
    assert.same({ false, at(line + 2, COLON) }, { ok, err })
  end)

  it("where a `for` loop or another operator calls ours", function()
    local reply, line = session:send "hello", nil
    reply:on("chunk", function() end)
    local words = "reply:next: the text goes to the handlers that follow the reply's chunks"
    local err = raised(function()
      line = current_line() + 1
      for _ in reply do error "there is text" end
    end)
    assert.equal(at(line, words), err)
    local silly = setmetatable({}, { __index = session.state, __concat = session.state })
    err = raised(function()
      line = current_line() + 1
      local value = silly.field
      return value
    end)
    assert.equal(at(line, COLON), err)
    err = raised(function()
      line = current_line() + 1
      local value = silly .. "x"
      return value
    end)
    assert.equal(at(line, COLON), err)
    assert(reply:message())
  end)

  it("where leaving a block calls ours", function()
    if _VERSION ~= "Lua 5.4" then return pending "only Lua 5.4 does that" end
    local block = "local close = ...\ndo\n  local x <close> = setmetatable({}, { __close = close })\nend"
    local leave = assert(load(block, "@leave"))
    local err = raised(leave, session.close)
    assert.matches("^leave:%d: close: call it with a colon", err)
  end)

  it("in a handler, and in a task", function()
    local line, err
    local reply = session:send "hello"
    reply:on("message", function()
      line = current_line() + 1
      err = raised(function() session.state() end)
    end)
    assert(reply:message())
    aui.step(20)
    assert.equal(at(line, COLON), err)
    aui.run(function()
      line = current_line() + 1
      err = raised(function() session.state() end)
    end)
    assert.equal(at(line, COLON), err)
  end)

  it("in a coroutine, whoever resumes it", function()
    local line
    local co = coroutine.create(function()
      line = current_line() + 1
      session.state()
    end)
    local ok, err = coroutine.resume(co)
    assert.same({ false, at(line, COLON) }, { ok, err })
  end)
end)

describe("misuse is raised without a line", function()
  local session

  setup(function() session = assert(aui.session { url = "ws://127.0.0.1:1/", task_id = "t" }) end)
  teardown(function() session:close() end)

  it("where a method is a coroutine's first function", function()
    local ok, err = coroutine.resume(coroutine.create(session.state))
    assert.same({ false, COLON }, { ok, err })
  end)

  it("where a method is given to us in the place of a function of the user's", function()
    local err = raised(aui.run, session.state)
    assert.equal(COLON, err:match "^[^\n]*")
    local event
    aui.log(function(its_event) event = its_event end, "error")
    local reply = session:send "never"
    reply:on("error", session.state)
    reply:cancel()
    aui.step(20)
    aui.log(nil)
    assert.equal(COLON, event.err:match "^[^\n]*")
  end)

  it("where the user's function has no lines", function()
    local function calls(state) state() end
    if string.dump(calls, true) == string.dump(calls) then return pending "this Lua strips nothing" end
    assert.equal(COLON, raised(load(string.dump(calls, true)), session.state))
  end)
end)

-- What a program prints that loads the module's files, twice, under names of chunks that it makes up, and misuses each
-- `copy` (1 and 2) of the module on the lines 3 and 2 of a chunk "user". `naming` is an expression for the chunk's name
-- of a `file` below lua/aui.
local function misused_under(naming)
  local program = [[
    local load = loadstring or load -- Lua 5.1
    local function name_of(file, copy) return (NAMING) end
    local copies = {}
    for copy = 1, 2 do
      for file in io.popen("cd lua/aui && find * -name '*.lua'"):lines() do
        local module = ("aui/" .. file):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
        package.loaded[module] = nil
        package.preload[module] = function(...)
          return assert(load(assert(io.open("lua/aui/" .. file)):read "*a", name_of(file, copy)))(...)
        end
      end
      copies[copy] = require "aui"
    end
    local user = "local aui = ...\nlocal function last()\n local session = aui.session {}\n return session\nend\nlast()"
    for _, aui in ipairs(copies) do
      print(pcall(load(user, "@user"), aui))
      print(pcall(load("local aui = ...\naui.pool(5)", "@user"), aui))
    end
  ]]
  local expanded = program:gsub("NAMING", (naming:gsub("%%", "%%%%")))
  local ran = child.run(expanded, { env = { AUI_NETWORK_API_KEY = false, AUI_PUBLISHABLE_KEY = false } })
  assert.equal("", ran.stderr)
  return ran.stdout
end

describe("#native where the module's files", function()
  local WORDS = "api_key: expected it or publishable_key, "
    .. "or in the environment AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY"
  local BLAMED = ("false\tuser:3: %s\nfalse\tuser:2: options: expected a table, got 5\n"):format(WORDS):rep(2)
  local UNKNOWN = ("false\t%s\nfalse\toptions: expected a table, got 5\n"):format(WORDS):rep(2)

  it("are a game's virtual ones, the user's line is known", function()
    assert.equal(BLAMED, misused_under "'@aui/' .. file")
    assert.equal(BLAMED, misused_under "'@/game.love/lib/aui/' .. file")
  end)

  it("have the names that Windows gives them, the user's line is known", function()
    assert.equal(BLAMED, misused_under [['@.\\lua\\aui\\' .. file:gsub('/', '\\')]])
  end)

  it("are found in two folders, the user's line is known", function()
    assert.equal(BLAMED, misused_under "(file:find 'init.lua$' and '@/one/aui/' or '@/two/aui/') .. file")
  end)

  it("are there twice, in two folders, the user's line is known to both", function()
    assert.equal(BLAMED, misused_under "'@/copy ' .. copy .. '/aui/' .. file")
  end)

  it("are stripped, or parts of a bundle, nobody is blamed", function()
    assert.equal(UNKNOWN, misused_under "'=?'")
    assert.equal(UNKNOWN, misused_under "'=(bundle)'")
    assert.equal(UNKNOWN, misused_under "'@bundle.lua'")
    assert.equal(UNKNOWN, misused_under "'@' .. file:gsub('/', '_')")
    assert.equal(UNKNOWN, misused_under "nil")
  end)
end)

describe("#native resty.aui outside of nginx", function()
  it("is refused at the line that requires it", function()
    local ran = child.run 'local ok, err = pcall(function()\n  require "resty.aui"\nend)\nprint(err)'
    assert.matches(':2: resty.aui: this is not nginx; use require "aui"\n$', ran.stdout)
  end)
end)
