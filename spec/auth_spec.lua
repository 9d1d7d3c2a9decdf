-- The network API key: where it goes, what a wrong one gives, and that it shows up nowhere.

local aui = require "aui"
local child = require "spec.child"
local cjson = require "cjson"
local support = require "spec.support"

local ODD_KEY = 'hunter2 b&c=d/\195\169%"+#?' .. "\\"
local ODD_KEY_ENCODED = "hunter2%20b%26c%3Dd%2F%C3%A9%25%22%2B%23%3F%5C"

for _, scheme in ipairs { "ws", "wss" } do
  describe(("a key over %s"):format(scheme), function()
    for _, auth in ipairs { "query", "header" } do
      it(("is accepted from the %s"):format(auth), function()
        local server = support.start { "--pace", "0", "--api-key", ODD_KEY, scheme = scheme }
        local session = server:connect { api_key = ODD_KEY, auth = auth }
        assert.is_truthy(assert(session:ask "hello").text)
        session:close()
        server:stop()
      end)

      it(("that is wrong, from the %s, is an error of kind auth"):format(auth), function()
        local server = support.start { "--pace", "0", "--api-key", ODD_KEY, scheme = scheme }
        -- The refusal follows the handshake: it may come before the session is seen open, or behind that.
        local session, err = aui.connect(server:options { api_key = "hunter2-wrong", auth = auth })
        if session then
          local message
          message, err = session:ask "hello"
          assert.is_nil(message)
          session:close()
        end
        assert.are.equal("auth", err.kind)
        assert.are.equal("no", err.delivered)
        assert.is_false(err.retryable)
        assert.are.equal(401, err.status_code)
        assert.are.equal("Not authenticated", err.description)
        assert.are.equal(1008, err.close_code)
        assert.is_truthy(err.message:find("Invalid API key", 1, true))
        server:stop()
      end)
    end
  end)
end

describe("a server that refuses who asks", function()
  local NOTE = " (no api_key was sent)"
  local refusals = {
    { handshake = { status = 401, body = "who are you?" } },
    { handshake = { status = 403 } },
    { close = 1008, reason = "who are you?" },
    { close = 3000 },
    { close = 4001 },
    { error = { status_code = 401, message = "who are you?" } },
  }

  -- What a session with these options is told by a server that does this.
  local function refusal(step, options)
    local server = support.play { step }
    local session, err = aui.connect(server:options(options))
    if session then
      err = select(2, session:ask "hello")
      session:close()
    end
    server:stop()
    assert.are.equal("auth", err.kind)
    return err.message
  end

  for _, step in ipairs(refusals) do
    it(("with %s: whether no key was sent is said"):format(cjson.encode(step)), function()
      if os.getenv "AUI_NETWORK_API_KEY" then return pending "AUI_NETWORK_API_KEY is set" end
      assert.is_truthy(refusal(step):find(NOTE, 1, true))
      assert.is_nil(refusal(step, { api_key = "hunter2-wrong" }):find(NOTE, 1, true))
      assert.is_nil(refusal(step, { headers = { Authorization = "Bearer hunter2" } }):find(NOTE, 1, true))
    end)
  end

  it("is not meant by a failure of another kind", function()
    local server = support.play { { handshake = { status = 404 } } }
    local session, err = aui.connect(server:options())
    assert.is_nil(session)
    assert.is_nil(err.message:find(NOTE, 1, true))
    server:stop()
  end)
end)

describe("the request", function()
  local server

  setup(function() server = support.mirror() end)
  teardown(function() server:stop() end)

  -- What the server was told by a session with these options.
  local function told(options)
    local session = server:connect(options)
    local said = support.said(assert(session:ask "hello"))
    session:close()
    return said
  end

  it("carries the key, percent-encoded, in its query by default", function()
    local said = told { api_key = ODD_KEY }
    assert.are.equal("/?network_api_key=" .. ODD_KEY_ENCODED, said.target)
    assert.is_nil(said.headers["x-network-api-key"])
  end)

  it("carries the key behind the query that the url has", function()
    local said = told { api_key = "hunter2-1", url = server.url .. "?a=1&b=%20" }
    assert.are.equal("/?a=1&b=%20&network_api_key=hunter2-1", said.target)
  end)

  it("carries the key in a header, as it is, and not in its query", function()
    local said = told { api_key = "hunter2 b&c=d/%", auth = "header" }
    assert.are.equal("/", said.target)
    assert.are.equal("hunter2 b&c=d/%", said.headers["x-network-api-key"])
  end)

  it("carries no key when there is none, with an url", function()
    if os.getenv "AUI_NETWORK_API_KEY" then return pending "AUI_NETWORK_API_KEY is set" end
    local said = told {}
    assert.are.equal("/", said.target)
    assert.is_nil(said.headers["x-network-api-key"])
  end)

  it("carries further headers", function()
    local headers = { ["X-Tenant"] = "t 1", ["accept-language"] = "de, en;q=0.5", Origin = "https://e.com" }
    local said = told { headers = headers }
    assert.are.equal("t 1", said.headers["x-tenant"])
    assert.are.equal("de, en;q=0.5", said.headers["accept-language"])
    assert.are.equal("https://e.com", said.headers.origin)
  end)

  it("names the program, in words of its own if it has some", function()
    assert.are.equal("lua-aui/" .. aui._VERSION, told({}).headers["user-agent"])
    assert.are.equal("bot/2", told({ headers = { ["User-agent"] = "bot/2" } }).headers["user-agent"])
  end)

  local FROM_ENVIRONMENT = [[
    local session = assert(require("aui").connect { url = ..., task_id = "t", api_key = select(2, ...) })
    io.write(assert(session:ask "hello").text)
    session:close()
  ]]

  it("#native carries the key of the environment unless the options have one", function()
    local env = { AUI_NETWORK_API_KEY = "hunter2-environment" }
    local ran = child.run(FROM_ENVIRONMENT, { env = env }, server.url)
    assert.are.equal("", ran.stderr)
    assert.are.equal("/?network_api_key=hunter2-environment", cjson.decode(ran.stdout).target)
    ran = child.run(FROM_ENVIRONMENT, { env = env }, server.url, "hunter2-options")
    assert.are.equal("/?network_api_key=hunter2-options", cjson.decode(ran.stdout).target)
  end)
end)

-- All strings, keys included, that a dump of the value would show.
local function strings(value, found, seen)
  found, seen = found or { tostring(value) }, seen or {}
  if type(value) ~= "table" or seen[value] then return found end
  seen[value] = true
  for key, item in pairs(value) do
    found[#found + 1] = tostring(key)
    found[#found + 1] = tostring(item)
    strings(key, found, seen)
    strings(item, found, seen)
  end
  return found
end

local function has_no_secret(value)
  for _, shown in ipairs(strings(value)) do
    assert.is_nil(shown:find("hunter2", 1, true), shown)
  end
end

describe("the key is not seen", function()
  -- Parts of it would do to recognise it: the name hunter2 stands in each spelling that a server may send back.
  local KEY = 'k/\195\169 "hunter2"'

  local function check(steps, options)
    local server = support.play(steps)
    options = server:options(options)
    options.api_key = KEY
    local session, err = aui.connect(options)
    if session then
      has_no_secret(session)
      local reply = session:send "hello"
      has_no_secret(reply)
      err = select(2, reply:message())
      has_no_secret(reply)
      has_no_secret(session)
      session:close()
      has_no_secret(session)
    end
    assert.is_truthy(err)
    has_no_secret(err)
    server:stop()
    return err
  end

  it("in an error payload that repeats it", function()
    local payload = { status_code = 401, message = "bad " .. KEY, description = KEY, extra_data = { [KEY] = { KEY } } }
    local err = check { { receive = true }, { error = payload }, { close = 1008 } }
    assert.are.equal("auth", err.kind)
  end)

  it("in an error payload that repeats it with escapes", function()
    local err = check {
      { receive = true },
      {
        send = [[{"status_code":401,"message":"bad key k\/\u00e9 \"hunter2\"",]]
          .. [["extra_data":{"in":"?network_api_key=k%2F%C3%A9%20%22hunter2%22"}}]],
      },
      { close = 1008 },
    }
    assert.are.equal("auth", err.kind)
    assert.is_truthy(err.message:find("bad key", 1, true))
  end)

  it("in an error payload that repeats it percent-encoded in another way", function()
    local err = check {
      { receive = true },
      { error = { status_code = 401, message = "?network_api_key=k%2f%c3%a9%20%22hunter2%22" } },
      { close = 1008 },
    }
    assert.are.equal("auth", err.kind)
  end)

  it("in the reason of a close that repeats it", function()
    check { { receive = true }, { close = 1008, reason = "bad key " .. KEY } }
  end)

  it("in a refused handshake that repeats it", function()
    check { { handshake = { status = 403, body = "bad key " .. KEY } } }
    check { { handshake = { status = 401, body = '{"detail":"bad key k/\\u00e9 \\"hunter2\\""}' } } }
  end)

  it("in a session that is open or could not be opened", function()
    check { { receive = true }, { cut = "reset" } }
    check({ { receive = true } }, { url = "ws://127.0.0.1:1/" })
  end)

  it("in the complaint about it", function()
    for _, key in ipairs { "hunter2\r\nx: y", "hunter2\n", "hunter2\0", { "hunter2" } } do
      local ok, err = pcall(aui.session, { api_key = key, url = "ws://127.0.0.1:1/" })
      assert.is_false(ok)
      assert.is_truthy(err:find("api_key: ", 1, true))
      has_no_secret(err)
    end
    local ok, err = pcall(aui.session, { api_key = "hunter2", url = "ws://127.0.0.1:1/?network_api_key=hunter2" })
    assert.is_false(ok)
    has_no_secret(err)
  end)
end)
