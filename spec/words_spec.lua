-- What servers say of their errors, as users see it: in every shape that bodies have, as words for people, and without
-- the secrets that a server repeats.

local aui = require "aui"
local cjson = require "cjson"
local support = require "spec.support"

local server

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

-- Options of a session that has a key, so that the words about one that has none do not come.
local function with_key(changes)
  local options = { api_key = "the-key-of-these-specs" }
  for name, value in pairs(changes or {}) do options[name] = value end
  return options
end

-- The error of a handshake that is refused with this body, whatever its bytes.
local function refused_with(body, changes, status)
  local head = ("HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n"):format(status or "403 Forbidden", #body)
  server = support.play { { handshake = { raw = head } }, #body > 0 and { raw = to_hex(body) } or nil }
  local session, err = aui.connect(server:options(with_key(changes)))
  assert.is_nil(session)
  return err
end

-- The error of a question that is answered with this frame, and a close behind it unless `code` is nil.
local function answered_with(frame, code, reason, changes)
  server = support.play { { receive = true }, { send = frame }, code and { close = code, reason = reason } or nil }
  local session = server:connect(with_key(changes))
  local message, err = session:ask "question"
  session:close()
  assert.is_nil(message)
  return err
end

local REFUSED = "the server refused the WebSocket handshake with HTTP status 403: "

-- Each: the body, what err.message ends with, and what else the error says.
local SHAPES = {
  {
    { message = "Invalid API key", description = "Not authenticated", extra_data = { a = 1 },
      code = "E1", request_id = "r" },
    "Invalid API key",
    { description = "Not authenticated", extra_data = { a = 1 }, code = "E1", request_id = "r" },
  },
  { { description = "Not authenticated" }, "Not authenticated", { description = "Not authenticated" } },
  { { detail = "Not authenticated" }, "Not authenticated" },
  { { detail = { message = "The key is too old", code = 7 } }, "The key is too old", { code = 7 } },
  { { errors = { "Unauthorized", "Go away" } }, "Unauthorized; Go away" },
  { { error = "invalid_grant", error_description = "The grant is too old" }, "The grant is too old" },
  { { error = "invalid_grant" }, "invalid_grant" },
  {
    { detail = { { loc = { "body", 0, "text" }, msg = "field required", type = "missing" }, { msg = "another" } } },
    "body.0.text: field required; another",
  },
  { { errors = { { loc = { "body", "text" }, msg = "field required" } } }, "body.text: field required" },
  {
    {
      error = {
        code = "forbidden",
        message = "Not your agent",
        request_id = "req-1",
        details = { { field = "agent", message = "is not yours" } },
      },
    },
    "Not your agent",
    { code = "forbidden", request_id = "req-1", extra_data = { { field = "agent", message = "is not yours" } } },
  },
  { { error = { message = { { field = "agent", message = "is not yours" } } } }, "agent: is not yours" },
}

describe("a server's error", function()
  after_each(function() server:stop() end)

  local function check(err, case)
    for _, name in ipairs { "code", "request_id", "description", "extra_data" } do
      assert.are.same((case[3] or {})[name], err[name], name)
    end
  end

  for index, case in ipairs(SHAPES) do
    it(("is understood at the handshake in shape %d"):format(index), function()
      local err = refused_with(cjson.encode(case[1]))
      assert.equal(REFUSED .. case[2], err.message)
      assert.equal("auth", err.kind)
      assert.equal(403, err.status_code)
      check(err, case)
    end)

    it(("is understood before a close with a status in shape %d"):format(index), function()
      local body = { status_code = 403 }
      for name, value in pairs(case[1]) do body[name] = value end
      local err = answered_with(body, 1008)
      assert.equal("the server answered with status 403: " .. case[2], err.message)
      assert.are.same({ "auth", false, "no", 1008 }, { err.kind, err.retryable, err.delivered, err.close_code })
      check(err, case)
    end)
  end

  -- Frames without a status: the close code tells the kind, but for a list of what is invalid.
  local words, list = { detail = "So it is" }, { detail = { { loc = { "text" }, msg = "So it is" } } }
  for _, case in ipairs {
    { words, 1008, "auth", false, "no" },
    { { errors = { "So it is" } }, 1008, "auth", false, "no" },
    { { error = { message = "So it is" } }, 1011, "server", true, "maybe" },
    { words, 4001, "auth", false, "no" },
    { words, 4002, "application", false, "no" },
    { words, 4003, "rate_limit", true, "no" },
    { words, 1000, "application", false, "yes" },
    { words, nil, "application", false, "yes" },
    { list, 1008, "application", false, "yes", 422 },
    { { errors = { { loc = { "text" }, msg = "So it is" } } }, 1008, "application", false, "yes", 422 },
    { list, 1011, "application", false, "yes", 422 },
  } do
    it(("has the kind %s in %s before %s"):format(case[3], cjson.encode(case[1]), tostring(case[2])), function()
      local err = answered_with(case[1], case[2])
      assert.are.same({ case[3], case[4], case[5] }, { err.kind, err.retryable, err.delivered })
      assert.equal(case[2], err.close_code)
      assert.equal(case[6], err.status_code)
      assert.is_truthy(err.message:find "So it is$", err.message)
    end)
  end

  for _, case in ipairs {
    { 3000, "auth", false, "no", "unauthorized" },
    { 3003, "auth", false, "no", "forbidden" },
    { 3008, "timeout", true, "maybe", "timeout" },
    { 4001, "auth", false, "no", "invalid authentication" },
    { 4002, "application", false, "no", "task not found" },
    { 4003, "rate_limit", true, "no", "rate limit exceeded" },
    { 4000, "application", false, "maybe", "no meaning registered" },
  } do
    it(("has the kind %s when it is only the close code %d"):format(case[2], case[1]), function()
      server = support.play { { receive = true }, { close = case[1], reason = "why." } }
      local session = server:connect(with_key())
      local _, err = session:ask "question"
      session:close()
      assert.are.same({ case[2], case[3], case[4] }, { err.kind, err.retryable, err.delivered })
      assert.equal(("the server closed the connection with %d (%s): why."):format(case[1], case[5]), err.message)
    end)
  end

  it("that is a rate limit is waited for, also when only the close code tells", function()
    server = support.play {
      connections = {
        { { receive = true }, { close = 4003 } },
        { { receive = true }, { send = { detail = "Slow down" } }, { close = 4003 } },
        { { receive = true }, { message = { text = "answer" } } },
      },
    }
    local session = server:connect { reconnect = { base = 0.01, max = 0.05 } }
    assert.equal("answer", assert(session:ask "question").text)
    session:close()
  end)

  it("is not seen in an agent's message", function()
    server = support.play {
      { receive = true },
      { send = { event = "workflow", error = { message = "x" } } },
      { send = { status_code = 200, message = "fine" } },
      { send = { ok = true, errors = cjson.decode "[]", detail = "", error = cjson.null } },
      { send = { id = "1", text = "partial", error = "x" } },
      { message = { text = "answer", detail = "x", errors = { "x" }, error = { message = "x" } } },
    }
    local session = server:connect(with_key())
    assert.equal("answer", assert(session:ask "question").text)
    session:close()
  end)

  for status, expected in pairs { ["408 Request Timeout"] = "timeout", ["421 X"] = "server", ["425 Y"] = "server" } do
    it(("may pass when its status is %s"):format(status), function()
      local err = refused_with("", nil, status)
      assert.are.same({ expected, true }, { err.kind, err.retryable })
    end)
  end
end)

describe("the words of a server", function()
  after_each(function() server:stop() end)

  for body, expected in pairs {
    ["Zugriff verweigert f\252r Sie"] = "Zugriff verweigert f\239\191\189r Sie",
    ["nice\194\15531mred\226\128\168second\194\133third\226\128\169end"] = "nice 31mred second third end",
    ["<html><title>403\n Forbidden</title>\n<body>Go <b>away"] = "403 Forbidden Go away",
    ["1 < 2"] = "1 < 2",
    ["\27[31mred"] = "[31mred",
    ['{"message":"\195\188\\u2028\\u0085\\u009b x"}'] = "\195\188 x",
  } do
    it(("%q are UTF-8 on one line"):format(body), function()
      local err = refused_with(body)
      assert.equal(REFUSED .. expected, err.message)
    end)
  end

  it("are none if they are no text", function()
    local err = refused_with "\31\139\8\0\0\0\0\0\0\3compressed"
    assert.equal(REFUSED:sub(1, -3), err.message)
  end)

  it("are cut at a character after 500 bytes", function()
    local long = ("\226\130\172"):rep(100000)
    local err = answered_with({ status_code = 400, message = long, description = ("d"):rep(9999) }, 1008)
    assert.is_true(#err.message <= 500 and #err.message > 490)
    assert.is_truthy(err.message:find "\226\130\172%.%.%.$")
    assert.equal(("d"):rep(497) .. "...", err.description)
    assert.equal("application: " .. err.message, tostring(err))
  end)

  it("are the beginning of a payload that is too long to be one", function()
    local payload = { status_code = 400, message = "x", extra_data = { ("x"):rep(2 ^ 20) } }
    local err = answered_with(payload, 1008, nil, { max_message = 2 ^ 21 })
    assert.is_truthy(err.message:find "^the server answered with status 400: {")
    assert.is_true(#err.message <= 500)
    assert.is_nil(err.extra_data)
    assert.are.same({ "application", "yes" }, { err.kind, err.delivered })
  end)

  it("of a list are the first ones", function()
    local list = {}
    for index = 1, 100 do list[index] = { loc = { "a", index }, msg = "bad" } end
    local err = refused_with(cjson.encode { detail = list })
    assert.is_truthy(err.message:find("a.1: bad; a.2: bad", 1, true), err.message)
    assert.is_true(#err.message <= 500)
  end)
end)

-- That a key is hidden in each spelling is the subject of secrets_spec.lua.
describe("a secret that a server repeats", function()
  after_each(function() server:stop() end)

  local TOKEN = "s3cr3t-t0k3n-of-me"

  for how, headers in pairs {
    ["Authorization"] = { Authorization = "Bearer " .. TOKEN },
    ["Authorization in another case"] = { ["proxy-AUTHORIZATION"] = "Token token=\"" .. TOKEN .. "\"" },
    ["Cookie"] = { Cookie = "theme=dark; session=" .. TOKEN },
    ["a header that nobody knows"] = { ["X-Tenant-Token"] = TOKEN },
    ["the key's header"] = { ["X-Network-API-Key"] = TOKEN },
  } do
    for given, option in pairs { ["a table"] = headers, ["a function"] = function() return headers end } do
      it(("is hidden when it is of %s, in headers that are %s"):format(how, given), function()
        local err = refused_with(
          cjson.encode {
            message = "token " .. TOKEN .. " is not active",
            description = TOKEN,
            extra_data = { [TOKEN] = { TOKEN } },
            code = TOKEN,
            request_id = TOKEN,
          },
          { headers = option }
        )
        assert.equal(REFUSED .. "token *** is not active", err.message)
        assert.are.same({ "***", "***", "***" }, { err.description, err.code, err.request_id })
        assert.are.same({ ["***"] = { "***" } }, err.extra_data)
      end)
    end
  end

  it("is hidden when it is of the URL's query", function()
    server = support.play { { handshake = { status = 403, body = "no " .. TOKEN .. "/+ here" } } }
    local changes = { url = server.url .. "?lang=en&token=" .. TOKEN .. "%2F%2b&x=1" }
    local session, err = aui.connect(server:options(with_key(changes)))
    assert.is_nil(session)
    assert.equal(REFUSED .. "no *** here", err.message)
  end)

  it("is hidden in the reason of a close, and in what aui.log is told", function()
    local told = {}
    aui.log(function(event) told[#told + 1] = event.message end, "debug")
    local err = answered_with("[]", 1008, "no " .. TOKEN, { headers = { Authorization = "Bearer " .. TOKEN } })
    aui.log(nil)
    assert.is_truthy(err.message:find "no %*%*%*$", err.message)
    assert.is_nil(table.concat(told, "\n"):find(TOKEN, 1, true))
  end)

  it("is hidden when there are tags in it, its own or the page's", function()
    local headers = { ["X-A"] = "k3y-<a>-k3y", ["X-B"] = "k3y -plain-k3y" }
    local err = refused_with("<p>k3y-<a>-k3y, k3y<wbr/>-plain-k3y</p>", { headers = headers })
    assert.equal(REFUSED .. "***, ***", err.message)
  end)

  it("is hidden when the words are cut in the middle of it", function()
    local key = ("k3y-"):rep(10)
    local err = answered_with("[]", 1008, ("x"):rep(100) .. key:sub(1, 20), { api_key = key })
    assert.is_truthy(err.message:find "x%*%*%*$", err.message)
  end)

  it("is hidden when it is the password of the Basic scheme", function()
    local headers = { Authorization = "Basic YWRhOnMzY3IzdDpwdw==" } -- ada:s3cr3t:pw
    local err = refused_with("ada's s3cr3t:pw, YWRhOnMzY3IzdDpwdw==, is wrong", { headers = headers })
    assert.equal(REFUSED .. "ada's ***, ***, is wrong", err.message)
  end)

  it("leaves other words as they are when it is short", function()
    local err = refused_with("the task is not one of key e, nor of e1", { api_key = "e" })
    assert.equal(REFUSED .. "the task is not one of key ***, nor of e1", err.message)
  end)

  it("leaves the words that a header without secrets has", function()
    local headers = { Accept = "application/json", ["X-A"] = "here" }
    local err = refused_with("no application/json here", { headers = headers })
    assert.equal(REFUSED .. "no application/json here", err.message)
  end)
end)

describe("a header that is a secret", function()
  local ANOTHER = "ws://0.0.0.0:1/" -- this machine in truth

  local function refused(headers)
    local ok, err = pcall(aui.session, { url = ANOTHER, headers = headers })
    assert.is_false(ok)
    return err
  end

  for _, name in ipairs { "Authorization", "cookie", "Proxy-Authorization", "X-Network-Api-Key" } do
    it(("is not sent to another machine in the clear: %s"):format(name), function()
      local words = ('headers["%s"]: is not sent over ws:// to another machine; use wss://'):format(name)
      assert.is_truthy(refused({ [name] = "x" }):find(words, 1, true))
    end)
  end

  it("is not sent there when a function gives it", function()
    local session = aui.session {
      url = ANOTHER,
      headers = function() return { Authorization = "x" } end,
      task_id = "t",
      reconnect = false,
    }
    local _, err = session:ask "question"
    session:close()
    assert.equal("auth", err.kind)
    assert.is_truthy(err.message:find('headers["Authorization"]: is not sent over ws://', 1, true), err.message)
  end)

  it("may be sent there if the user says so, and to this machine", function()
    local headers = { Cookie = "a=b" }
    aui.session({ url = ANOTHER, headers = headers, allow_plaintext = true }):close()
    for _, host in ipairs { "127.0.0.1", "[::1]", "localhost", "LOCALHOST." } do
      aui.session({ url = ("ws://%s:1/"):format(host), headers = headers }):close()
    end
  end)
end)
