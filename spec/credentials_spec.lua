-- A key and headers that are functions: asked before each connection.

local aui = require "aui"
local support = require "spec.support"

local FAST = { base = 0.01, max = 0.05 }

describe("api_key and headers as functions", function()
  local server, session

  local function open(changes)
    session = assert(aui.session(server:options(changes)))
    return session
  end

  after_each(function()
    if session then session:close() end
    server:stop()
    session = nil
  end)

  -- Counts how often it was asked.
  local function counter(prefix)
    local count = 0
    return function()
      count = count + 1
      return prefix .. count
    end
  end

  it("say what the request carries", function()
    server = support.mirror()
    open { api_key = counter "key-", headers = function() return { ["X-Tenant"] = "t" } end }
    local said = support.said(assert(session:ask "hello"))
    assert.equal("/?network_api_key=key-1", said.target)
    assert.equal("t", said.headers["x-tenant"])
  end)

  it("are asked when aui.connect makes its connection", function()
    server = support.mirror()
    session = assert(aui.connect(server:options { api_key = counter "key-", auth = "header" }))
    local said = support.said(assert(session:ask "hello"))
    assert.equal("key-1", said.headers["x-network-api-key"])
  end)

  it("are asked anew before each connection", function()
    server = support.start { "--pace", "0", "--api-key", "key-2" }
    open { api_key = counter "key-", reconnect = false }
    local err = select(2, session:ask "with the first key")
    assert.equal("auth", err.kind)
    assert.equal(401, err.status_code)
    assert.is_truthy(session:ask "with the second key")
  end)

  it("may wait, in which others run on", function()
    server = support.start { "--pace", "0", "--api-key", "late" }
    local gate, asked = false, 0
    open {
      api_key = function()
        asked = asked + 1
        support.wait_until(function() return gate end)
        return "late"
      end,
    }
    aui.run(function()
      local reply = session:send "hello"
      support.wait_until(function() return asked == 1 end)
      assert.equal("connecting", session:state())
      gate = true
      assert.is_truthy(reply:message().text)
    end)
    assert.equal(1, asked)
  end)

  it("that return nil and why not are asked again", function()
    server = support.start { "--pace", "0", "--api-key", "third" }
    local asked, told = 0, {}
    open {
      reconnect = FAST,
      api_key = function()
        asked = asked + 1
        if asked < 3 then return nil, "the vault is locked" end
        return "third"
      end,
    }
    session:on("state", function(state, err) told[#told + 1] = state == "waiting" and err or nil end)
    assert.is_truthy(session:ask("hello").text)
    assert.equal(3, asked)
    assert.equal("auth: api_key: the vault is locked", tostring(told[1]))
    assert.is_true(told[1].retryable)
    assert.equal("no", told[1].delivered)
  end)

  it("that raise or return nonsense end what waits, until the next message", function()
    server = support.start { "--pace", "0", "--api-key", "good" }
    local answers = {
      { function() error "broken" end, "api_key: .*: broken" },
      { function() error { code = 7 } end, "api_key: table: 0x%x+" },
      { function() error(setmetatable({}, { __tostring = error })) end, "api_key: a table that cannot be shown" },
      { function() end, "api_key: expected a string, got nothing" },
      { function() return 12 end, "api_key: expected a string, got a number" },
      { function() return "" end, "api_key: expected a key, got an empty string" },
      { function() return "a\r\nb" end, "api_key: must not contain CR, LF or NUL" },
    }
    local current
    open { reconnect = FAST, api_key = function() return current() end }
    for _, case in ipairs(answers) do
      local expected
      current, expected = case[1], case[2]
      local message, err = session:ask "hello"
      assert.is_nil(message)
      assert.equal("auth", err.kind)
      assert.is_false(err.retryable)
      assert.equal("no", err.delivered)
      assert.is_truthy(err.message:find("^" .. expected .. "$"), err.message)
    end
    current = function() return "good" end
    assert.is_truthy(session:ask "hello")
  end)

  it("that give bad headers end what waits", function()
    server = support.start { "--pace", "0" }
    local headers
    open { reconnect = FAST, headers = function() return headers end }
    for given, expected in pairs {
      [true] = "headers: expected a table, got true",
      [{ ["X-A"] = "a\r\nX-B: b" }] = 'headers["X-A"]: must not contain CR, LF or NUL',
      [{ Upgrade = "h2c" }] = 'headers["Upgrade"]: is set by the WebSocket handshake itself',
    } do
      headers = given
      local err = select(2, session:ask "hello")
      assert.equal("auth: " .. expected, tostring(err))
    end
    headers = nil -- none at all is fine
    assert.is_truthy(session:ask "hello")
  end)

  it("that do not return are waited for no longer than timeout.connect", function()
    server = support.start { "--pace", "0", "--api-key", "late" }
    local gate = false
    local asked = 0
    open {
      reconnect = FAST,
      timeout = { connect = 0.05, first = 20 },
      api_key = function()
        asked = asked + 1
        support.wait_until(function() return gate end)
        return "late"
      end,
    }
    local errors = {}
    session:on("state", function(state, err) errors[#errors + 1] = state == "waiting" and err or nil end)
    local reply = session:send "hello"
    support.wait_until(function() return #errors >= 2 end)
    local words = "timeout: the key, the token or the headers were not given within 0.05 s (timeout.connect)"
    assert.equal(words, tostring(errors[1]))
    assert.equal(1, asked) -- one that has not answered is not asked again
    gate = true
    assert.is_truthy(reply:message())
  end)

  it("are not waited for by a session that is closed or forgotten", function()
    server = support.start { "--pace", "0" }
    local gate, ended = false, 0
    local function slow()
      support.wait_until(function() return gate end)
      ended = ended + 1
      return "k"
    end
    open { api_key = slow }
    aui.step()
    session:close()
    assert.equal("closed", session:state())
    local function forgotten() -- not here, where the stack may hold it
      return setmetatable({ aui.session(server:options { api_key = slow }) }, { __mode = "v" })
    end
    local weak = forgotten()
    aui.step()
    support.wait_until(function() -- LuaJIT: what has looked at it last may still have it on its stack
      support.collect()
      return weak[1] == nil
    end)
    gate = true
    support.wait_until(function() return ended == 2 end)
  end)

  it("never show the keys they gave", function()
    server = support.play { { receive = true }, { close = 1008, reason = "bad: hunter2-1" } }
    open { api_key = counter "hunter2-" }
    local err = select(2, session:ask "hello")
    assert.is_truthy(err.message:find("bad: ***", 1, true), err.message)
  end)

  it("never show the end of a key that begins like the one before it", function()
    server = support.play {
      connections = {
        { { receive = true }, { close = 1011 } },
        { { receive = true }, { close = 1008, reason = "bad: hunter2-11" } },
      },
    }
    local keys = { "hunter2-1", "hunter2-11" }
    open { api_key = function() return table.remove(keys, 1) end }
    session:ask "hello"
    local err = select(2, session:ask "hello")
    assert.is_truthy(err.message:find "bad: %*%*%*$", "some of the key is shown")
  end)

  it("never show the keys they gave to a session that has left its connection in a pool", function()
    server = support.play { { receive = true }, { close = 1008, reason = "bad: hunter2-1" } }
    local pool, options = aui.pool(), server:options { api_key = counter "hunter2-" }
    assert(pool:connect(options)):close()
    session = assert(pool:connect(options))
    local err = select(2, session:ask "hello")
    assert.is_truthy(err.message:find("bad: ***", 1, true), "what the key was is shown")
  end)
end)
