-- The key shows up in nothing that a program can print: errors, tostring, tracebacks, dumps of what it holds. Each
-- program here runs into many failures in an interpreter of its own and prints all it can get at.

local child = require "spec.child"
local cjson = require "cjson"
local socket = require "socket"
local support = require "spec.support"
local wire = require "spec.wire"

-- Each spelling of it that a server may send back has the middle in it.
local MARK = "hunter2"
local KEY = 'k/"' .. MARK .. '" \\&%'
local SPELLINGS = {
  raw = KEY,
  ["percent-encoded"] = "k%2F%22hunter2%22%20%5C%26%25",
  ["percent-encoded in lower case"] = "k%2f%22hunter2%22%20%5c%26%25",
  ["with escapes of JSON"] = 'k/\\"hunter2\\" \\\\&%',
  ["with all escapes of JSON"] = 'k\\/\\"hunter2\\" \\\\&%',
  ["with escapes of JSON by number"] = "k\\u002f\\u0022hunter2\\u0022 \\u005c\\u0026%",
  ["in HTML"] = "k/&quot;hunter2&quot; \\&amp;%",
  ["in HTML by number"] = "k&#47;&#34;hunter2&#34; \\&#38;%",
  ["in HTML by hexadecimal number"] = "k&#x2f;&#x22;hunter2&#x22; \\&#x26;%",
  ["as in a query"] = "k%2F%22hunter2%22+%5C%26%25",
  ["as encodeURI does"] = "k/%22hunter2%22%20%5C&%25",
}

local BASIC = "dXNlcjprLyJodW50ZXIyIiBcJiU=" -- "user:" and the key

-- The arguments: the key and the cases as JSON, each { url =, tls =, auth =, patience = (seconds) }.
local PROLOGUE = [[
local aui, cjson = require "aui", require "cjson"
local KEY, cases = arg[1], cjson.decode(arg[2])

-- What a dumper without the debug library sees.
local function dump(value, seen)
  print(pcall(tostring, value))
  if seen[value] or (type(value) ~= "table" and type(value) ~= "userdata") then return end
  seen[value] = true
  local meta = getmetatable(value)
  if type(meta) == "table" then dump(meta, seen) end
  if type(value) ~= "table" then return end
  for name, item in next, value do
    dump(name, seen)
    dump(item, seen)
  end
end

local function show(...)
  for index = 1, select("#", ...) do dump((select(index, ...)), {}) end
end

local function options_of(case, changes)
  local options = { api_key = KEY, auth = case.auth, url = case.url, tls = case.tls, task_id = "task",
    proxy = case.proxy, timeout = { connect = case.patience, first = case.patience, call = case.patience },
    reconnect = { base = 0.01, max = 0.05, attempts = 2 } }
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end
]]

local FAIL = PROLOGUE
  .. [[
local function meet(case)
  show(aui.connect(options_of(case)))
  local session = assert(aui.session(options_of(case)))
  session:on("state", show)
  local reply = session:send "hello"
  show(session, reply, reply:next(0.2))
  show(session, reply, pcall(reply))
  show(reply:message())
  show(session, reply, session:ask "again")
  show(pcall(aui.run, function() assert(session:ask "again") end))
  show(pcall(aui.run, function() print(debug.traceback(tostring(select(2, session:ask "again")))) error "x" end))
  show(pcall(session.history, session))
  session:close()
  show(session, reply, session:send("late"):message())
  local client = aui.client(options_of(case))
  show(client, pcall(client.create_task, client, { user_id = "ada" }))
  show(client, pcall(client.messages, client, "task"))
  show(pcall(client.connect, client, { user_id = "ada" }))
end
for index, case in ipairs(cases) do
  meet(case)
  print("met", index)
end
local session = aui.session(options_of(cases[1]))
print "the end"
assert(session:ask "uncaught")
]]

local MISUSE = PROLOGUE
  .. [[
local LONG = KEY .. ("x"):rep(10) -- as long as keys are
local function try(fn, ...) show(pcall(fn, ...)) end
for _, name in ipairs { "api_key", "publishable_key", "region", "url", "task_id", "auth", "headers", "allow_plaintext",
  "tls", "timeout", "proxy", "reconnect", "recover", "queue", "rate", "ping_interval", "ping_timeout", "max_message",
  "max_depth", LONG } do
  for _, value in ipairs { LONG, { LONG }, { [LONG] = LONG }, { key = LONG, ca_file = LONG } } do
    if not (name == "api_key" and value == LONG) and not (name == "task_id" and value == LONG) then
      try(aui.session, options_of(cases[1], { [name] = value }))
    end
  end
end
try(aui.session, LONG)
try(aui.connect, { LONG })
try(aui.session, options_of(cases[1], { api_key = KEY .. "\n" }))
try(aui.session, options_of(cases[1], { url = cases[1].url .. "?network_api_key=" .. KEY:gsub("%W", "") }))
local session = assert(aui.session(options_of(cases[1])))
try(session.send, LONG)
try(session.ask, session, { [LONG] = LONG })
try(session.send, session, { text = "x", context = LONG })
try(session.send, session, { text = "x", timeout = LONG })
try(session.on, session, LONG)
try(aui.sleep, LONG)
try(aui.run, LONG)
try(aui.client, LONG)
local client = aui.client(options_of(cases[1]))
try(client.connect, client, LONG)
try(client.connect, client, { [LONG] = LONG })
try(client.create_task, client, { [LONG] = LONG })
try(client.create_task, client, { user_id = LONG, fields = LONG })
try(client.call, client, LONG, "/")
try(client.call, client, "GET", LONG)
print "the end"
]]

-- Keys and tokens of the threads API, which have no spaces.
local PUBLISHABLE_KEY, TOKEN = 'pk_network_01K3XQ"' .. MARK .. '"/\\&%', 'token/"' .. MARK .. '"/\\&%'

-- Each case is of a server at which every call fails.
local EXCHANGE = PROLOGUE
  .. [[
for index, case in ipairs(cases) do
  local client = aui.client { publishable_key = KEY, url = case.url, tls = case.tls, retries = 0,
    headers = { ["X-Secret"] = KEY } }
  show(client, pcall(client.send_message, client, { user_id = "ada", text = "hello" }))
  show(client, pcall(client.messages, client, "thread"))
  show(pcall(aui.run, function() error(debug.traceback(tostring(select(2, client:welcome_message())))) end))
  show(pcall(client.connect, client, { [KEY] = KEY }), pcall(client.rerun, client, { [KEY] = KEY }))
  print("met", index)
end
print "the end"
]]

-- Each case is of a server that lets nobody in.
local THREADS = PROLOGUE
  .. [[
for _, case in ipairs(cases) do
  local session = aui.session {
    publishable_key = KEY, url = case.url, tls = case.tls, user_id = "ada", carrier = case.carrier,
  }
  local reply = session:send "hello"
  show(session, reply, reply:message())
  show(session, session:ask "again")
  session:close()
  show(session)
end
print "the end"
]]

local function assert_silent(ran)
  assert.is_truthy(ran.stdout:find("the end", 1, true), ran.stderr)
  assert.is_nil((ran.stdout .. ran.stderr):find(MARK, 1, true))
end

-- What a server says that repeats the key, as steps of its connections.
local function echoes(spelling)
  local json = '{"status_code":401,"message":"no key %s here","extra_data":{"%s":["%s"]}}'
  local payload = json:gsub("%%s", (cjson.encode(spelling):sub(2, -2):gsub("%%", "%%%%")))
  return {
    { { receive = true }, { send = payload }, { close = 1008, reason = spelling } },
    { { receive = true }, { close = 4000, reason = spelling } },
    { { handshake = { status = 403, body = spelling } } },
    { { handshake = { status = 401, body = payload } } },
    { { handshake = { status = 503, body = '{"cut":"' .. spelling } } },
  }
end

for _, scheme in ipairs(wire.schemes) do
  describe("#native the key over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function case_of(server, auth) return { url = server.url, tls = server.tls, auth = auth, patience = 5 } end

    for how, spelling in pairs(SPELLINGS) do
      it("is not shown by failures that repeat it " .. how, function()
        local cases = {}
        for index, steps in ipairs(echoes(spelling)) do
          cases[index] = case_of(link:play(steps), index % 2 == 0 and "header" or "query")
        end
        local ran = child.run(FAIL, {}, KEY, cjson.encode(cases))
        assert_silent(ran)
        assert.is_truthy(ran.stdout:find("***", 1, true))
        assert.is_truthy(ran.stdout:find("met\t" .. #cases, 1, true))
        assert.are.equal(1, ran.status)
      end)
    end

    it("is not shown by failures of the connection, nor while an answer is in doubt", function()
      local listener = assert(socket.bind("127.0.0.1", 0)) -- nobody accepts
      local silent = { url = ("%s://127.0.0.1:%d/"):format(scheme, select(2, listener:getsockname())) }
      local doubt = link:play {
        connections = { { { receive = true }, { cut = "reset" } }, { { receive = true } } },
        rest = { "ignore", "ignore", "ignore" },
      }
      local untrusted = case_of(link:start())
      untrusted.tls = nil -- over ws there is nothing to distrust, and it works
      local cases = {
        { url = scheme .. "://127.0.0.1:1/" }, silent, untrusted, case_of(doubt), case_of(doubt, "header"),
        case_of(link:play { { handshake = "drop" } }), case_of(link:play { { receive = true } }),
        case_of(link:play { { raw = "c1 00" } }),
      } -- stylua: ignore
      for _, case in ipairs(cases) do case.patience = 0.3 end -- most of them end so
      local ran = child.run(FAIL, {}, KEY, cjson.encode(cases))
      listener:close()
      assert_silent(ran)
      assert.is_truthy(ran.stdout:find("met\t" .. #cases, 1, true))
      assert.are.equal(1, ran.status)
    end)

    it("is not shown, nor is a proxy's password, by failures of the proxy that repeat it", function()
      local server, cases, proxies = link:start(), {}, {}
      local function hex(text)
        return (text:gsub(".", function(char) return ("%02x"):format(char:byte()) end))
      end
      for index, words in ipairs { SPELLINGS.raw, SPELLINGS["percent-encoded"], BASIC } do
        proxies[index] = support.proxy { "cut:" .. hex(("HTTP/1.1 407 %s\r\n\r\n"):format(words)) }
        cases[index] = case_of(server)
        cases[index].proxy = "http://user:k%2F%22hunter2%22%20%5C%26%25@" .. proxies[index].url:match "//(.*)$"
      end
      cases[#cases + 1] = { url = server.url, tls = server.tls, proxy = "http://u:" .. MARK .. "x@127.0.0.1:1" }
      for _, case in ipairs(cases) do case.patience = 5 end
      local ran = child.run(FAIL, {}, KEY, cjson.encode(cases))
      for _, proxy in ipairs(proxies) do proxy:stop() end
      assert_silent(ran)
      assert.is_nil(ran.stdout:find(BASIC, 1, true))
      assert.is_truthy(ran.stdout:find("HTTP status 407 (***)", 1, true))
      assert.is_truthy(ran.stdout:find("met\t" .. #cases, 1, true))
    end)

    it("is not shown, nor is the token that it is exchanged for, by failures that repeat both", function()
      local cases = {}
      local grant = { status = 200, body = cjson.encode { access_token = TOKEN, expires_in = 3600 } }
      for index, words in ipairs {
        { PUBLISHABLE_KEY, TOKEN },
        { cjson.encode(PUBLISHABLE_KEY), cjson.encode(TOKEN) },
        { "pk_network_01K3XQ%22hunter2%22%2F%5C%26%25", "token%2F%22hunter2%22%2F%5C%26%25" },
      } do
        local said = ("%s and %s"):format(words[1], words[2])
        local refusal = { status = 401, body = cjson.encode { error = "invalid", error_description = said } }
        local fault = { error = { code = "bad", message = said, request_id = said, details = { { field = said } } } }
        local failure = { status = 400, body = cjson.encode(fault) }
        local server = link:play { rest = { grant, failure, refusal, refusal, refusal, grant, failure } }
        cases[index] = { url = server:base(), tls = server.tls }
      end
      local ran = child.run(EXCHANGE, {}, PUBLISHABLE_KEY, cjson.encode(cases))
      assert_silent(ran)
      assert.is_truthy(ran.stdout:find("*** and ***", 1, true))
      assert.is_truthy(ran.stdout:find("met\t" .. #cases, 1, true))
    end)

    local REFUSED = {
      stream = "auth: the server answered with status 401",
      websocket = "auth: the server refused the WebSocket handshake with HTTP status 401",
    }

    for carrier, words in pairs(REFUSED) do
      it("is not shown, nor is its token, by sessions of threads by " .. carrier, function()
        local grants = {}
        for index = 1, 10 do
          grants[index] = { status = 200, body = cjson.encode { access_token = TOKEN, expires_in = 3600 } }
        end
        local server = link:play { rest = grants }
        local case = { url = server:base(), tls = server.tls, carrier = carrier }
        local ran = child.run(THREADS, {}, PUBLISHABLE_KEY, cjson.encode { case })
        assert_silent(ran)
        assert.is_truthy(ran.stdout:find(words, 1, true))
      end)
    end

    it("is not shown by complaints about options and arguments, wherever it is given", function()
      assert_silent(child.run(MISUSE, {}, KEY, cjson.encode { case_of(link:start()) }))
    end)
  end)
end

describe("#native a dump", function()
  it("shows what tables hold, so that the silence of others means something", function()
    local ran = child.run(PROLOGUE .. "show(setmetatable({}, { __index = { deep = { [KEY] = 1 } } }))", {}, KEY, "[]")
    assert.is_truthy(ran.stdout:find(MARK, 1, true))
  end)

  it("of a client shows no query of its url, which may be a secret", function()
    local url = ("ws://127.0.0.1:1/api/v1/external/session?token=%s%s"):format(MARK, MARK)
    local program = PROLOGUE .. "show(aui.client { url = cases[1].url })"
    local ran = child.run(program, {}, KEY, cjson.encode { { url = url } })
    assert.is_truthy(ran.stdout:find("aui.Client (ws://127.0.0.1:1/api/v1/external/session)", 1, true))
    assert.is_nil(ran.stdout:find(MARK, 1, true))
  end)
end)
