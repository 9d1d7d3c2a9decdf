-- Bad options: each is refused at the caller's line, by name, before anything is sent.

local aui = require "aui"
local child = require "spec.child"
local cjson = require "cjson"
local options_module = require "aui.option"
local rows = require "aui.option.rows"

local URL = "ws://127.0.0.1:1/"

-- The options with an url, unless they say where to connect themselves.
local function complete(options)
  if type(options) == "table" and not options.url and not options.region then options.url = URL end
  return options
end

-- Calls `open`, which must raise: at the line in this file where it is called, with the words that follow.
local function refused(open, options)
  local line = debug.getinfo(1, "l").currentline + 1
  local ok, err = pcall(function() local session = open(options) return session end) -- luacheck: ignore
  assert.is_false(ok)
  assert.are.equal("string", type(err))
  local place, words = err:match "^(spec/options_spec%.lua:%d+): (.*)$"
  assert.are.equal("spec/options_spec.lua:" .. line, place)
  return words
end

-- Each is { options, what the error says }.
local REFUSED = {
  { nil, "options: expected a table, got nothing" },
  { "ws://127.0.0.1/", 'options: expected a table, got "ws://127.0.0.1/"' },
  { { taskid = "x" }, 'options: unknown option "taskid"; did you mean "task_id"?' },
  { { apikey = "x" }, 'options: unknown option "apikey"; did you mean "api_key"?' },
  { { header = {} }, 'options: unknown option "header"; did you mean "headers"?' },
  { { time_out = 1 }, 'options: unknown option "time_out"; did you mean "timeout"?' },
  { { [("x"):rep(25)] = 1 }, "options: unknown option a string of 25 bytes" },
  { ("x"):rep(25), "options: expected a table, got a string of 25 bytes" },
  { { nothing_like_it = 1 }, 'options: unknown option "nothing_like_it"' },
  { { "ws://127.0.0.1/" }, "options: unknown option 1" },

  { { url = 1 }, "url: expected a string, got 1" },
  { { url = "http://127.0.0.1/" },
    'url: expected "ws://..." or "wss://...", got "http://127.0.0.1/"'
      .. '; did you mean "ws://...", or to give a publishable_key?' },
  { { url = "HTTPS://h/api?token=hunter2" },
    'url: expected "ws://..." or "wss://...", got "HTTPS://h/api?..."'
      .. '; did you mean "wss://...", or to give a publishable_key?' },
  { { url = "127.0.0.1" }, 'url: expected "ws://..." or "wss://...", got "127.0.0.1"' },
  { { url = "127.0.0.1:7788/api/v1/external/session" },
    'url: expected "ws://..." or "wss://...", got "127.0.0.1:7788/api/v1/external/session"' },
  { { url = "" }, 'url: expected "ws://..." or "wss://...", got ""' },
  { { url = "a-key-that-stands-at-the-wrong-place" },
    'url: expected "ws://..." or "wss://...", got a string of 36 bytes' },
  { { url = "ws://" }, 'url: expected a host, and a port between 1 and 65535 if any, got "ws://"' },
  { { url = "ws://:80/" }, "url: expected a host" },
  { { url = "ws://h:0/" }, "url: expected a host, and a port between 1 and 65535" },
  { { url = "ws://h:65536/" }, "url: expected a host, and a port between 1 and 65535" },
  { { url = "ws://h:x/" }, 'url: expected a host, and a port between 1 and 65535 if any, got "ws://h:.../"' },
  { { url = "ws://[::1/" }, "url: expected a host" },
  { { url = "ws://[name]:1/" }, "url: expected a host" },
  { { url = "ws://" .. ("h"):rep(254) .. "/" }, "url: expected a host" },
  { { url = "ws://user:secret@h/" },
    'url: must not carry a user name or password; use api_key, got "ws://h/"' },
  { { url = "ftp://user:secret/?#@h/" }, 'url: expected "ws://..." or "wss://...", got "ftp://..."' },
  { { url = "ws://h/#part" }, "url: must not have a fragment" },
  { { url = "ws://h/?network_api_key=k" }, "url: must not carry network_api_key; use api_key" },
  { { url = "ws://h/a b?c" },
    'url: expected printable ASCII without spaces (percent-encode the rest), got "ws://h/a b?..."' },
  { { url = "ws://h/\r\nX: y" }, "url: expected printable ASCII" },
  { { url = "ws://h\n/" }, "url: expected printable ASCII" },
  { { url = "ws://h/\0" }, "url: expected printable ASCII" },
  { { url = "ws://h/\195\169" }, "url: expected printable ASCII" },
  { { url = "ws://h\195:80/" }, "url: expected printable ASCII" },
  { { url = "ws://us\195\169r:secret@h/" }, "url: must not carry a user name or password" },
  { { url = "ws://[fe80::1%25eth0]:7788/" }, "url: must not have the zone of an IPv6 address (%...)" },
  { { url = "ws://h:-1/" }, "url: expected a host, and a port between 1 and 65535" },

  { { region = "mars", api_key = "k" }, 'region: expected "gcp" or "azure" or "aws", got "mars"' },
  { { region = 1, api_key = "k" }, 'region: expected "gcp" or "azure" or "aws", got 1' },
  { { region = false, url = "ws://h/" }, "region: give either region or url, not both" },
  { { region = "gcp", url = URL }, "region: give either region or url, not both" },

  { { api_key = 1 }, "api_key: expected a string, got a number" },
  { { api_key = false }, "api_key: expected a string, got a boolean" },
  { { api_key = "" }, "api_key: expected a key, got an empty string" },
  { { api_key = "a\rb" }, "api_key: must not contain CR, LF or NUL" },
  { { api_key = "a\nb", auth = "header" }, "api_key: must not contain CR, LF or NUL" },
  { { api_key = "a\0b" }, "api_key: must not contain CR, LF or NUL" },
  { { api_key = "k", url = "ws://example.com/" }, "url: a key is not sent over ws:// to another machine" },
  { { api_key = "k", url = "ws://127.0.0.1.example.com/" }, "url: a key is not sent over ws:// to another machine" },
  { { api_key = "k", url = "ws://10.0.0.1/", auth = "header" }, "url: a key is not sent over ws:// to another" },
  { { allow_plaintext = "yes" }, 'allow_plaintext: expected a boolean, got "yes"' },
  { { auth = "cookie" }, 'auth: expected "query" or "header", got "cookie"' },
  { { auth = true }, 'auth: expected "query" or "header", got true' },
  { { auth = false }, 'auth: expected "query" or "header", got false' },

  { { headers = "X: y" }, 'headers: expected a table, got "X: y"' },
  { { headers = { "X: y" } }, "headers[1]: expected a header name" },
  { { headers = { ["X Y"] = "z" } }, 'headers["X Y"]: expected a header name' },
  { { headers = { ["X:"] = "z" } }, 'headers["X:"]: expected a header name' },
  { { headers = { [""] = "z" } }, 'headers[""]: expected a header name' },
  { { headers = { ["X\r\nY"] = "z" } }, ("headers[%q]: expected a header name"):format "X\r\nY" },
  { { headers = { X = 1 } }, 'headers["X"]: expected a string, got 1' },
  { { headers = { X = "a\r\nEvil: b" } }, 'headers["X"]: must not contain CR, LF or NUL' },
  { { headers = { X = "a\nb" } }, 'headers["X"]: must not contain CR, LF or NUL' },
  { { headers = { X = "a\0b" } }, 'headers["X"]: must not contain CR, LF or NUL' },
  { { headers = { Host = "h" } }, 'headers["Host"]: is set by the WebSocket handshake itself' },
  { { headers = { ["Sec-WebSocket-Key"] = "h" } }, 'headers["Sec-WebSocket-Key"]: is set by the' },

  { { task_id = 1 }, "task_id: expected a string, got 1" },
  { { task_id = "" }, "task_id: expected an id, got an empty string" },
  { { task_id = "a\0b" }, "task_id: must not contain NUL" },
  { { task_id = "\255" }, "task_id: expected valid UTF-8" },

  { { tls = {} }, "tls: has no meaning for a ws:// url" },
  { { url = "wss://h/", tls = true }, "tls: expected a table, got true" },
  { { url = "wss://h/", tls = { ca = "x" } }, 'tls: unknown option "ca"' },
  { { url = "wss://h/", tls = { cafile = "x" } }, 'tls: unknown option "cafile"; did you mean "ca_file"?' },
  { { url = "wss://h/", tls = { ca_file = 1 } }, "tls.ca_file: expected a string, got 1" },
  { { url = "wss://h/", tls = { verify = "no" } }, 'tls.verify: expected a boolean, got "no"' },
  { { url = "wss://h/", tls = { cert = "x" } }, "tls.cert: cert and key go together" },
  { { url = "wss://h/", tls = { key = "x" } }, "tls.cert: cert and key go together" },
  { { url = "wss://h/", tls = { ca_file = "-----BEGIN\n" } }, "tls.ca_file: expected the path of a PEM file" },
  { { url = "wss://h/", tls = { cert = 1, key = "x" } }, "tls.cert: expected a string, got 1" },
  { { url = "wss://h/", tls = { cert = "x", key = 1 } }, "tls.key: expected a string, got 1" },

  { { timeout = 5 }, "timeout: expected a table, got 5" },
  { { timeout = { first = 0 } }, "timeout.first: expected seconds (a number above 0) or false, got 0" },
  { { timeout = { idle = -1 } }, "timeout.idle: expected seconds (a number above 0) or false, got -1" },
  { { timeout = { total = "1" } }, 'timeout.total: expected seconds (a number above 0) or false, got "1"' },
  { { timeout = { connect = 0 / 0 } }, "timeout.connect: expected seconds (a number above 0) or false, got" },
  { { timeout = { connect = true } }, "timeout.connect: expected seconds (a number above 0) or false" },
  { { timeout = { conect = 1 } }, 'timeout: unknown option "conect"; did you mean "connect"?' },
  { { timeout = { totl = 1 } }, 'timeout: unknown option "totl"; did you mean "total"?' },

  { { max_message = 0 }, "max_message: expected a whole number between 1 and 4503599627370496, got 0" },
  { { max_message = 1.5 }, "max_message: expected a whole number" },
  { { max_message = "1" }, "max_message: expected a whole number" },
  { { max_message = 1 / 0 }, "max_message: expected a whole number" },
  { { max_message = 0 / 0 }, "max_message: expected a whole number" },
  { { max_response_head = 1 }, "max_response_head: expected a whole number" },
  { { max_response_head = true }, "max_response_head: expected a whole number" },
  { { max_depth = 0 }, "max_depth: expected a whole number between 1 and 1024, got 0" },
  { { max_depth = 1025 }, "max_depth: expected a whole number between 1 and 1024, got 1025" },
  { { max_depth = {} }, "max_depth: expected a whole number between 1 and 1024, got a table" },
}

-- Host names, and what to write in their place.
for name, written in pairs {
  ["m\195\188nchen.Example"] = "xn--mnchen-3ya.example",
  ["b\195\188cher"] = "xn--bcher-kva",
  ["\228\190\139\229\173\144.\230\181\139\232\175\149"] = "xn--fsqu00a.xn--0zwm56d",
  ["\240\159\146\169.la"] = "xn--ls8h.la",
  ["\216\167\217\132\216\175\217\136\217\132\216\169"] = "xn--mgber7fbx",
} do
  local problem = ('url: expected the host name in ASCII: write it as "%s"'):format(written)
  REFUSED[#REFUSED + 1] = { { url = ("wss://%s:80/"):format(name) }, problem }
end

for _, name in ipairs { "connect", "session" } do
  describe(("aui.%s refuses"):format(name), function()
    for index = 1, #REFUSED do
      local options, expected = REFUSED[index][1], REFUSED[index][2]
      it(("%d: %s"):format(index, expected:gsub("%c", "?")), function()
        local words = refused(aui[name], complete(options))
        assert.are.equal(expected, words:sub(1, #expected))
      end)
    end
  end)
end

describe("aui.session takes", function()
  -- Each is opened and closed at once: nobody listens there, nor has to.
  local ACCEPTED = {
    { url = "ws://127.0.0.1:1" },
    { url = "ws://127.0.0.1:/x" },
    { url = "WS://localhost:1/a?b=c", api_key = "k" },
    { url = "ws://[::1]:1/", api_key = "k" },
    { url = "ws://127.1.2.3:1/", api_key = "k" },
    { url = "wss://127.0.0.1:1/", api_key = "k", auth = "header", tls = { verify = false } },
    { url = URL, timeout = { connect = false, first = false, idle = 0.5, total = false } },
    { url = URL, headers = {}, max_message = 1, max_response_head = 128, max_depth = 1 },
  }
  for index, options in ipairs(ACCEPTED) do
    it(("good options (%d)"):format(index), function()
      if os.getenv "AUI_NETWORK_API_KEY" then return pending "AUI_NETWORK_API_KEY is set" end
      local session = assert(aui.session(options))
      session:close()
      assert.are.equal("closed", session:state())
    end)
  end

  -- Those that lead elsewhere are not opened.
  it("a key in plain text to another machine, if that is allowed", function()
    local options = { url = "ws://192.0.2.1:8080/a", api_key = "k", allow_plaintext = true }
    local place = options_module.read(options).service.endpoint
    assert.are.same({ "192.0.2.1", 8080, "/a" }, { place.host, place.port, place.target() })
  end)

  it("a region with its own address, which is shown without the key", function()
    local places = {
      gcp = { "data-services.aui.io", "/api/ia-controller" },
      azure = { "azure.aui.io", "/api/ia-controller" },
      aws = { "aws.aui.io", "/ia-controller" },
    }
    for region, where in pairs(places) do
      local host, base = where[1], where[2]
      local place = options_module.read({ region = region, api_key = "hunter2" }).service.endpoint
      assert.are.same({ "wss", host, 443, host }, { place.scheme, place.host, place.port, place.request_host })
      assert.are.equal(base, place.rest_base)
      assert.are.equal(base .. "/api/v1/external/session", place.target())
      assert.are.equal(("wss://%s%s/api/v1/external/session"):format(host, base), place.public_url)
    end
    local default = options_module.read({ api_key = "k" }).service.endpoint
    assert.are.equal("data-services.aui.io", default.host)
  end)

  it("all the regions that are documented, and no others", function()
    for _, row in ipairs(rows.session) do
      if row.name == "region" then
        local names = {}
        for _, api in ipairs { "tasks", "threads" } do
          for _, name in ipairs(require("aui.api." .. api).REGION_NAMES) do names[#names + 1] = name end
        end
        return assert.are.same(names, row.choices)
      end
    end
    error "there is no row for regions"
  end)
end)

describe("a name of other libraries", function()
  -- Who takes options or fields, and refuses those of other names.
  local function takers(session)
    return {
      aui.session,
      function(options) return session:send(options) end,
      function(options) return aui.session { url = "wss://127.0.0.1:1/", tls = options } end,
      function(options) return aui.client({ url = URL }):list_tasks(options) end,
      function(options) return aui.client({ publishable_key = "pk_network_1" }):rerun(options) end,
    }
  end

  it("leads to ours", function()
    local session = assert(aui.session { url = URL })
    for name, ours in pairs(require "aui.option.foreign") do
      local hint, hints = ('unknown option "%s"; did you mean "%s"?'):format(name, ours), {}
      for index, taker in ipairs(takers(session)) do
        local ok, words = pcall(taker, { [name] = "x" })
        assert.is_false(ok)
        hints[index] = words:find(hint, 1, true) and hint
      end
      assert.is_not_nil(next(hints), hint)
    end
    session:close()
  end)
end)

describe("#native without any key", function()
  it("a region is refused at the caller's line, and the environment variables named", function()
    for _, key in ipairs { false, "" } do
      local ran = child.run('print(pcall(function() require("aui").connect {} end))', {
        env = { AUI_NETWORK_API_KEY = key, AUI_PUBLISHABLE_KEY = key },
      })
      assert.are.equal("", ran.stderr)
      local expected = ":1: api_key: expected it or publishable_key, "
        .. "or in the environment AUI_NETWORK_API_KEY or AUI_PUBLISHABLE_KEY"
      assert.is_truthy(ran.stdout:find(expected, 1, true), ran.stdout)
    end
  end)
end)

describe("#native the API of a client", function()
  local APIS = [[
    local aui, cjson = require "aui", require "cjson"
    for _, options in ipairs(cjson.decode(...)) do
      local ok, client = pcall(function() return aui.client(options) end)
      print(ok and client.api or client)
    end
  ]]
  local WS, BASE, KEY, PUBLISHABLE = "ws://127.0.0.1:1/", "http://127.0.0.1:1/", "hunter2", "pk_network_hunter2"
  local OPTIONS = {
    {}, { url = WS }, { url = BASE }, { api_key = "k" }, { api_key = "k", url = WS }, { publishable_key = "pk" },
    { publishable_key = "pk", url = BASE }, { task_id = "1" }, { thread_id = "1" },
  } -- stylua: ignore

  -- What it is with each of OPTIONS, and these variables.
  local function apis(key, publishable_key)
    local env = { AUI_NETWORK_API_KEY = key, AUI_PUBLISHABLE_KEY = publishable_key }
    local ran = child.run(APIS, { env = env }, cjson.encode(OPTIONS))
    assert.are.equal("", ran.stderr)
    assert.is_nil(ran.stdout:find("hunter2", 1, true))
    local list = {}
    for line in ran.stdout:gmatch "[^\n]+" do list[#list + 1] = line:gsub("^[^:]*:%d+: ", "") end
    return list
  end

  it("is that of the key among the options, else of the url, else of the key in the environment", function()
    local wrong_url = 'url: expected "ws://..." or "wss://...", got "http://127.0.0.1:1/"'
      .. '; did you mean "ws://...", or to give a publishable_key?'
    assert.are.same({
      "tasks", "tasks", wrong_url, "tasks", "tasks", "threads", "threads", "tasks",
      "thread_id: has no meaning beside AUI_NETWORK_API_KEY",
    }, apis(KEY, ""))
    assert.are.same({
      "threads", "tasks", "threads", "tasks", "tasks", "threads", "threads",
      "task_id: has no meaning beside AUI_PUBLISHABLE_KEY", "threads",
    }, apis(false, PUBLISHABLE))
  end)

  it("is not guessed where there are two keys", function()
    local words = "api_key: AUI_NETWORK_API_KEY and AUI_PUBLISHABLE_KEY are both set: "
      .. "give one of api_key, publishable_key, url"
    assert.are.same({
      words, "tasks", "threads", "tasks", "tasks", "threads", "threads", words, words,
    }, apis(KEY, PUBLISHABLE))
  end)
end)
