-- What a program does wrong with a session: refused at its own line, by name, before anything is sent.

local aui = require "aui"
local cjson = require "cjson"
local support = require "spec.support"

local cycle = { list = {} }
cycle.list[1] = cycle

-- Each is { what is sent, what the error says }.
local REFUSED = {
  { nil, "message: expected a string or a table, got nothing" },
  { 1, "message: expected a string or a table, got 1" },
  { print, "message: expected a string or a table, got a function" },
  { { txt = "x" }, 'message: unknown option "txt"; did you mean "text"?' },
  { { txet = "x" }, 'message: unknown option "txet"; did you mean "text"?' },
  { { text = "x", contxt = {} }, 'message: unknown option "contxt"; did you mean "context"?' },
  { { "x" }, "message: unknown option 1" },
  { { text = "x", locale = "de" }, 'message: unknown option "locale"; further fields go under fields = { ... }' },
  { {}, "text: expected a string, got nothing" },
  { { text = 5 }, "text: expected a string, got 5" },
  { { text = { "x" } }, "text: expected a string, got a table" },
  { "", "text: expected some text, got an empty string" },
  { { text = "" }, "text: expected some text, got an empty string" },
  { "\255", "text: expected valid UTF-8" },
  { "cut \226\130", "text: expected valid UTF-8" },
  { "surrogate \237\160\189", "text: expected valid UTF-8" },
  { "overlong \192\128", "text: expected valid UTF-8" },
  { { text = "x", task_id = 1 }, "task_id: expected a string, got 1" },
  { { text = "x", task_id = "" }, "task_id: expected an id, got an empty string" },
  { { text = "x", task_id = ".." }, 'task_id: expected an id, got ".."' },
  { { text = "x", task_id = "a\0b" }, "task_id: must not contain NUL" },
  { { text = "x", task_id = "\255" }, "task_id: expected valid UTF-8" },
  { { text = "x", task_id = false }, "task_id: expected a string, got false" },
  { { text = "x", timeout = 5 }, "timeout: expected a table, got 5" },
  { { text = "x", timeout = { first = 0 } }, "timeout.first: expected seconds (a number above 0) or false, got 0" },
  { { text = "x", timeout = { frist = 1 } }, 'timeout: unknown option "frist"; did you mean "first"?' },
  { { text = "x", context = "url" }, 'context: expected a table, got "url"' },
  { { text = "x", agent_variables = 1 }, "agent_variables: expected a table, got 1" },
  { { text = "x", agent_variables = { a = { print } } }, "agent_variables.a[1]: expected a value that JSON can hold" },
  { { text = "x", context = { f = print } }, "context.f: expected a value that JSON can hold, got a function" },
  { { text = "x", context = { a = { 1, coroutine.create(function() end) } } }, "context.a[2]: expected a value that" },
  { { text = "x", context = { file = io.stdout } }, "context.file: expected a value that" },
  { { text = "x", context = cycle }, "context.list[1]: a table that contains itself" },
  { { text = "x", context = { a = 0 / 0 } }, "context.a: expected a finite number" },
  { { text = "x", context = { a = { b = 1 / 0 } } }, "context.a.b: expected a finite number" },
  { { text = "x", context = { a = -1 / 0 } }, "context.a: expected a finite number" },
  { { text = "x", context = { 1, 2, a = 3 } }, "context: expected an object or an array, got a mixture of both" },
  { { text = "x", context = { [true] = 1 } }, "context: expected string keys or an array, got a key of type boolean" },
  { { text = "x", context = { a = { [print] = 1 } } }, "context.a: expected string keys or an array" },
  { { text = "x", context = { a = "\255" } }, "context.a: expected valid UTF-8" },
  { { text = "x", context = { ["\255"] = 1 } }, "context: a key is not valid UTF-8" },
  { { text = "x", context = { a = { [1] = 1, [3] = 3 } } }, "context.a: expected an array without holes, [2] is nil" },
  { { text = "x", context = { a = { [0] = 0, [1] = 1 } } }, "context.a: expected an array without holes, [2] is nil" },
  { { text = "x", context = { a = { [1.5] = 1 } } }, "context.a: expected an array without holes, [1] is nil" },
  { { text = "x", context = { a = { [1000000] = 1 } } }, "context.a: expected an array without holes, [1] is nil" },
  { { text = "x", context = { id = 9007199254740994 } }, "context.id: 9" },
  { { text = "x", context = { ["a: b"] = { c = 1 / 0 } } }, "context.a: b.c: expected a finite number" },
  { { text = "x", fields = "image_url" }, 'fields: expected a table, got "image_url"' },
  { { text = "x", fields = { "image_url" } }, "fields: expected string keys, got a key of type number" },
  { { text = "x", fields = { ["\255"] = 1 } }, "fields: a key is not valid UTF-8" },
  { { text = "x", fields = { image = { url = print } } }, "fields.image.url: expected a value that JSON can hold" },
  { { text = "x", fields = { text = "y" } }, "fields.text: give it as text, beside fields" },
  { { text = "x", fields = { task_id = "y" } }, "fields.task_id: give it as task_id, beside fields" },
  { { text = "x", fields = { context = {} } }, "fields.context: give it as context, beside fields" },
  { { text = "x", fields = { agent_variables = {} } }, "fields.agent_variables: give it as agent_variables, beside" },
}

-- Calls the method, which must raise: at the line in this file where it is called.
local function refused(object, method, ...)
  local line = debug.getinfo(1, "l").currentline + 1
  local ok, err = pcall(function(...) local a, b = object[method](object, ...) return a, b end, ...) -- luacheck: ignore
  assert.is_false(ok)
  assert.are.equal("string", type(err))
  local place, words = err:match "^(spec/misuse_spec%.lua:%d+): (.*)$"
  assert.are.equal("spec/misuse_spec.lua:" .. line, place)
  return words
end

describe("a bad message", function()
  local server, session

  setup(function()
    server = support.mirror()
    session = server:connect()
  end)

  teardown(function()
    session:close()
    server:stop()
  end)

  for _, method in ipairs { "send", "ask" } do
    for index = 1, #REFUSED do
      local message, expected = REFUSED[index][1], REFUSED[index][2]
      it(("is refused by session:%s: %d, %s"):format(method, index, expected), function()
        local words = refused(session, method, message)
        assert.are.equal(expected, words:sub(1, #expected))
      end)
    end
  end

  it("was never sent, and the session is as good as before", function()
    local said = support.said(assert(session:ask "good"))
    assert.are.equal(1, said.count)
    assert.are.equal("good", said.message.text)
  end)

  it("without a task is refused where the session has none", function()
    local options = server:options()
    options.task_id = nil
    local homeless = assert(aui.connect(options))
    local words = refused(homeless, "send", "hello")
    assert.are.equal("task_id: expected a string, here or in the session's options, whose user_id makes a task", words)
    assert.are.equal("other", support.said(assert(homeless:ask { text = "hello", task_id = "other" })).message.task_id)
    homeless:close()
  end)

  it("goes out as it was, when it is good", function()
    local text = 'quotes " \\ / \b\f\n\r\t\0\1\31\127 \195\169 \226\130\172 \240\159\152\128 </script>'
    local context = {
      url = "https://example.com/products?a=1&b=2",
      lead_details = { customer_type = "residential", budget = { 300, 500.5, -0.25, 1e20 }, vip = false },
      list = { "a", { b = { cjson.null } }, true },
      ["odd key \n\240\159\152\128"] = 12345678901234,
    }
    local variables = { tier = "gold", seen = { 1, 2 } }
    local fields = { image_url = "https://example.com/a.png", ["odd key"] = { cjson.null } }
    local message =
      { text = text, context = context, task_id = "task/1", agent_variables = variables, fields = fields }
    local said = support.said(assert(session:ask(message)))
    assert.are.equal(text, said.message.text)
    assert.are.same(variables, said.message.agent_variables)
    assert.are.equal("https://example.com/a.png", said.message.image_url)
    assert.are.same({ cjson.null }, said.message["odd key"])
    assert.is_nil(said.message.fields)
    assert.are.same(context, said.message.context)
    assert.are.equal("task/1", said.message.task_id)
    assert.is_nil(cjson.decode(said.json).timeout)
  end)

  it("has its fields always in the same order, further ones by their names", function()
    local said = support.said(assert(session:ask {
      text = "x",
      task_id = "t",
      context = {},
      agent_variables = { a = 1 },
      fields = { z = 1, b = false, ["\195\182"] = "" },
    }))
    local json = '{"task_id":"t","text":"x","context":{},"agent_variables":{"a":1},"b":false,"z":1,"\195\182":""}'
    assert.are.equal(json, said.json)
  end)

  it("does not change the table it comes in, nor does later change of that change it", function()
    local context = { a = { 1, 2 } }
    local message = { text = "before", context = context }
    local reply = session:send(message)
    message.text, context.a[1] = "after", 9
    local said = support.said(assert(reply:message()))
    assert.are.equal("before", said.message.text)
    assert.are.same({ 1, 2 }, said.message.context.a)
    assert.are.same({ text = "after", context = { a = { 9, 2 } } }, message)
  end)

  it("may hold a shared table twice: that is no cycle", function()
    local shared = { x = 1 }
    local said = support.said(assert(session:ask { text = "x", context = { a = shared, b = shared, c = { shared } } }))
    assert.are.same({ a = { x = 1 }, b = { x = 1 }, c = { { x = 1 } } }, said.message.context)
  end)

  for written, number in pairs {
    ["999999999999999"] = 999999999999999,
    ["1234567890123456"] = 1234567890123456,
    ["-9007199254740991"] = -9007199254740991,
    ["9007199254740992"] = 2 ^ 53,
    ["0"] = -0.0,
    ["0.1"] = 0.1,
    ["-2.5e-08"] = -2.5e-8,
    ["0.3333333333333333"] = 1 / 3,
    ["1764332326.123456"] = 1764332326.123456,
    ["123456789012.345"] = 123456789012.345,
    ["0.30000000000000004"] = 0.1 + 0.2,
    ["1e+20"] = 1e20,
  } do
    it("holds numbers that read back as they were: " .. written, function()
      local said = support.said(assert(session:ask { text = "x", context = { number = number } }))
      assert.are.equal('{"number":' .. written .. "}", said.json:match '"context":({.-})')
    end)
  end

  it("holds no whole number that may have lost digits", function()
    for _, number in ipairs { 2 ^ 53 + 2, -2 ^ 60, 2 ^ 1000, 123456789012345678 } do
      local words = refused(session, "send", { text = "x", context = { number = number } })
      local expected = "^context%.number: .* is beyond 2%^53, where numbers lose digits; pass it as a string$"
      assert.is_truthy(words:find(expected), words)
    end
  end)

  it("holds integers beyond 2^53 that have few digits", function()
    local said = support.said(assert(session:ask { text = "x", context = { number = 10 ^ 18 } }))
    assert.are.equal(10 ^ 18, said.message.context.number)
  end)

  it("with a very deep context is refused, not cut", function()
    local deep = {}
    for _ = 1, 999 do deep = { deep } end
    assert.is_truthy(session:ask { text = "x", context = deep })
    for _ = 1, 100000 do deep = { deep } end
    local words = refused(session, "send", { text = "x", context = deep })
    assert.are.equal("context: nested deeper than 1000 levels", words)
  end)
end)

describe("misuse of the rest", function()
  local session

  setup(function() session = assert(aui.session { url = "ws://127.0.0.1:1/", task_id = "t" }) end)
  teardown(function() session:close() end)

  it("is refused by session:on", function()
    assert.are.equal('event: expected "state", got "stat"', refused(session, "on", "stat", print))
    assert.are.equal('event: expected "state", got nothing', refused(session, "on"))
    assert.are.equal("handler: expected a function, got nothing", refused(session, "on", "state"))
  end)

  it("is refused by session:ask", function()
    local words = 'options: unknown option "retrys"; did you mean "retries"?'
    assert.are.equal(words, refused(session, "ask", "hello", { retrys = 1 }))
    words = 'options: unknown option "max_retries"; did you mean "retries"?'
    assert.are.equal(words, refused(session, "ask", "hello", { max_retries = 1 }))
    assert.are.equal("options: expected a table, got 3", refused(session, "ask", "hello", 3))
    words = "retries: expected a whole number between 0 and 2147483648, got "
    assert.are.equal(words .. "-1", refused(session, "ask", "hello", { retries = -1 }))
    assert.are.equal(words .. "0.5", refused(session, "ask", "hello", { retries = 0.5 }))
    assert.are.equal(words .. '"3"', refused(session, "ask", "hello", { retries = "3" }))
  end)

  -- What a method called with a dot gets instead of its object.
  local NO_OBJECTS = { "x", { text = "x" }, 5, print, {} }

  local function refused_dots(object, call)
    local method = object[call:match ":(.*)$"]
    for index = 0, #NO_OBJECTS do
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, err = pcall(function() local a = method(NO_OBJECTS[index]) return a end) -- luacheck: ignore
      assert.is_false(ok)
      local words = ("%s: call it with a colon: %s(...)"):format(call:match ":(.*)$", call)
      assert.are.equal(("spec/misuse_spec.lua:%d: %s"):format(line, words), err)
    end
  end

  it("by a dot in place of the colon is refused, and the colon suggested", function()
    for _, name in ipairs { "send", "ask", "close", "state", "stats", "on" } do
      refused_dots(session, "session:" .. name)
    end
    local reply = session:send "never"
    for _, name in ipairs { "next", "message", "json", "status", "text", "cancel", "on" } do
      refused_dots(reply, "reply:" .. name)
    end
    refused_dots(aui.pool(), "pool:connect")
  end)

  -- As functions of the module, they would be called with it: the object is a table that drops itself.
  local function function_of(name)
    return { call = function(_, ...) local a = aui[name](...) return a end } -- luacheck: ignore
  end

  it("is refused by aui.run, aui.spawn and aui.sleep", function()
    local cases = {
      { "run", nil, "fn: expected a function, got nothing" },
      { "spawn", "x", 'fn: expected a function, got "x"' },
      { "sleep", nil, "seconds: expected a number, 0 or more, got nothing" },
      { "sleep", -1, "seconds: expected a number, 0 or more, got -1" },
      { "sleep", 0 / 0, "seconds: expected a number, 0 or more, got" },
      { "sleep", "1", 'seconds: expected a number, 0 or more, got "1"' },
    }
    for _, case in ipairs(cases) do
      local name, argument, expected = case[1], case[2], case[3]
      local ok, err = pcall(function_of(name).call, nil, argument)
      assert.is_false(ok)
      local place, words = err:match "^(spec/misuse_spec%.lua):%d+: (.*)$"
      assert.are.equal("spec/misuse_spec.lua", place)
      assert.are.equal(expected, words:sub(1, #expected))
    end
  end)
end)
