-- aui.client: what its sessions and calls have in common; the REST calls of the tasks API, what goes over the wire for
-- them, what is made again by itself, and what becomes of failures.

local aui = require "aui"
local aui_message = require "aui.message"
local cjson = require "cjson"
local support = require "spec.support"
local wire = require "spec.wire"

local KEY = "hunter2-that-nobody-sees"
local TASK = "68e78d0dc5a4b19a030d03d6"
local QUICK = { base = 0.001, max = 0.002 } -- the pauses between attempts

-- An answer of the simulator.
local function json_answer(status, body) return { status = status, body = cjson.encode(body) } end

for _, scheme in ipairs(wire.schemes) do
  describe("a client over " .. scheme, function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local function client_of(server, changes)
      local options = { task_id = false, reconnect = QUICK }
      for name, value in pairs(changes or {}) do options[name] = value end
      options = server:options(options)
      options.task_id = options.task_id or nil
      return aui.client(options)
    end

    -- A client of a server that answers the first calls so, and a function that tells how many attempts there were.
    local function play(answers, changes)
      local attempts = 0
      local options = {
        api_key = function()
          attempts = attempts + 1
          return KEY
        end,
      }
      for name, value in pairs(changes or {}) do options[name] = value end
      local server = link:play { connections = { { { agent = true } } }, rest = answers }
      return client_of(server, options), function() return attempts end
    end

    it("makes a task, talks in it, and reads it again", function()
      local client = client_of(link:start())
      local task = assert(client:create_task { user_id = "ada" })
      assert.matches("^Hello", task.welcome_message)
      assert.equal(3, #task.followup_suggestions)
      local session = assert(client:connect { task_id = task.id })
      local answer = assert(session:ask "a quiet laptop")
      local history = assert(session:history())
      session:close()
      assert.same({ "a quiet laptop", answer.text }, { history[1].text, history[2].text })
      assert.same({}, history[1].cards)
      assert.same(history, assert(client:messages(task.id)))
      assert.same(task, assert(client:task(task.id)))
      assert.equal(answer.id, assert(client:trace(task.id, answer.id)).message_id)
    end)

    it("sends a message without a session", function()
      local client = client_of(link:start { "--echo" })
      local message = assert(client:send_message { task_id = TASK, text = "hello" })
      assert.equal("hello", message.text)
      assert.same({}, message.followup_suggestions)
    end)

    it("gives the messages as they came to whoever passes them on", function()
      local client = client_of(link:start())
      assert(client:send_message { task_id = TASK, text = "[1, {}]" })
      local texts = assert(client:messages_json(TASK))
      assert.equal(2, #texts)
      assert.equal("[1, {}]", cjson.decode(texts[1]).text)
      assert.equal("{", texts[2]:sub(1, 1))
    end)

    it("asks for suggestions", function()
      local answer = assert(client_of(link:start()):followup_suggestions { context = { url = "https://example.com" } })
      assert.equal(3, #answer.suggestions)
    end)

    it("makes a task for whoever connects with a user's id alone", function()
      local server = link:start()
      for _, connect in ipairs {
        function(options) return aui.connect(options) end,
        function(options) return aui.client(options):connect() end,
        function(options) return aui.pool():connect(options) end,
      } do
        local session = assert(connect(server:options { task_id = nil, user_id = "ada" }))
        assert.equal(TASK, session.task_id) -- the options of specs have one
        assert.is_nil(session.task)
        session:close()
        local options = server:options { user_id = "ada" }
        options.task_id = nil
        session = assert(connect(options))
        assert.equal("ada", session.task.user_id)
        assert.matches("^Hello", session.task.welcome_message)
        assert(session:ask "hello")
        assert.equal(2, #assert(session:history()))
        session:close()
      end
    end)

    it("tells why there is no task to connect for", function()
      local client = play { json_answer(422, { detail = { { loc = { "body", "user_id" }, msg = "unknown user" } } }) }
      local session, err = client:connect { user_id = "ada" }
      assert.is_nil(session)
      assert.equal("application", err.kind)
      local words = "POST /api/v1/external/tasks: the server answered with status 422: body.user_id: unknown user"
      assert.equal(words, err.message)
    end)

    it("is told that it has given no key", function()
      local client = client_of(link:start { "--api-key", KEY })
      local task, err = client:create_task { user_id = "ada" }
      assert.is_nil(task)
      assert.matches("status 401: .* %(no api_key was sent%)$", err.message)
    end)

    it("does several things at once in tasks", function()
      local client, texts = client_of(link:start { "--echo" }), {}
      aui.run(function()
        for _, text in ipairs { "one", "two", "three" } do
          aui.spawn(function()
            local message = assert(client:send_message { task_id = TASK, text = text })
            texts[message.text] = true
          end)
        end
      end)
      assert.same({ one = true, two = true, three = true }, texts)
    end)

    it("is told of a wrong key", function()
      local client = client_of(link:start { "--api-key", KEY }, { api_key = "another" })
      local task, err = client:create_task { user_id = "ada" }
      assert.is_nil(task)
      assert.same({ "auth", 401, "no", false }, { err.kind, err.status_code, err.delivered, err.retryable })
      local words = "POST /api/v1/external/tasks: the server answered with status 401: Not authenticated"
      assert.equal(words, err.message)
    end)

    describe("tries again", function()
      it("what only reads, whatever went wrong", function()
        local raw = { raw = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[" }
        for _, trouble in ipairs { "drop", raw, { status = 502 }, { status = 408 }, { status = 429 } } do
          local client, attempts = play { trouble, trouble, "serve" }
          assert.equal(0, #assert(client:list_tasks { user_id = "ada" }).tasks)
          assert.equal(3, attempts())
        end
      end)

      it("what did not arrive", function()
        local busy = { status = 429, headers = { ["Retry-After"] = "Fri, 31 Dec 1999 23:59:59 GMT" } }
        local client, attempts = play { busy, { status = 429, headers = { ["Retry-After"] = "0" } }, "serve" }
        assert.equal("ada", assert(client:create_task { user_id = "ada" }).user_id)
        assert.equal(3, attempts())
      end)

      it("so often as the option says", function()
        local answers = {}
        for index = 1, 10 do answers[index] = { status = 503, body = "attempt " .. index } end
        for _, retries in ipairs { 0, 1, 2, 5 } do
          local client, attempts = play(answers, { retries = retries })
          local _, err = client:task(TASK)
          assert.equal(retries + 1, attempts())
          assert.matches("attempt " .. retries + 1 .. "$", err.message)
        end
      end)

      it("nothing that the server may have acted on", function()
        for _, trouble in ipairs { "drop", { status = 500 }, { status = 408 } } do
          local client, attempts = play { trouble }
          local _, err = client:send_message { task_id = TASK, text = "buy it" }
          assert.same({ 1, "maybe", true }, { attempts(), err.delivered, err.retryable })
        end
      end)

      it("nothing that would fail again", function()
        for status, delivered in pairs { [400] = "yes", [401] = "no", [403] = "no", [404] = "no", [422] = "yes" } do
          local client, attempts = play { { status = status } }
          local _, err = client:messages(TASK)
          assert.same({ 1, delivered, false }, { attempts(), err.delivered, err.retryable })
        end
      end)

      it("not when the server asks for more time than the call has", function()
        for _, answer in ipairs { { status = 429, headers = { ["Retry-After"] = "100" } },
          json_answer(429, { message = "slow down", extra_data = { retry_after = 100 } }) } do
          local client, attempts = play({ answer }, { timeout = { call = 10 } })
          local _, err = client:messages(TASK)
          assert.same({ 1, "rate_limit", 100 }, { attempts(), err.kind, err.retry_after })
        end
      end)
    end)

    it("ends a call when its time is over", function()
      local client, attempts = play({ "ignore", "ignore" }, { timeout = { call = 0.2 } })
      local _, err = client:messages(TASK)
      assert.same({ 1, "timeout", "maybe", true }, { attempts(), err.kind, err.delivered, err.retryable })
      assert.matches("^GET /api/v1/external/tasks/" .. TASK .. "/messages: the server did not answer", err.message)
      _, err = client:send_message { task_id = TASK, text = "hello" }
      assert.same({ "timeout", "maybe" }, { err.kind, err.delivered })
    end)

    it("waits no longer for a key than for an answer", function()
      local is_over = false
      local function api_key()
        while not is_over do aui.sleep(0.01) end
      end
      local client = client_of(link:start(), { api_key = api_key, timeout = { call = 0.1 } })
      local _, err = client:messages(TASK)
      is_over = true
      assert.same({ "timeout", "no", true }, { err.kind, err.delivered, err.retryable })
      assert.matches("the key or the headers were not given in time", err.message)
    end)

    it("says why there is no key", function()
      local function client_with(api_key) return client_of(link:start(), { api_key = api_key, retries = 1 }) end
      local asked = 0
      local client = client_with(function()
        asked = asked + 1
        return nil, "the vault is closed"
      end)
      local _, err = client:messages(TASK)
      assert.same({ 2, "auth", "no", true }, { asked, err.kind, err.delivered, err.retryable })
      assert.equal("GET /api/v1/external/tasks/" .. TASK .. "/messages: api_key: the vault is closed", err.message)
      _, err = client_with(function() error "no vault" end):messages(TASK)
      assert.same({ "auth", "no", false }, { err.kind, err.delivered, err.retryable })
      client = client_with(function()
        aui.sleep(0.001) -- it may wait
        return KEY
      end)
      assert(client:create_task { user_id = "ada" })
    end)

    it("may wait without a limit", function()
      local client = play({ { status = 503 } }, { timeout = { call = false } })
      assert.equal(0, #assert(client:list_tasks { user_id = "ada" }).tasks)
    end)

    it("says that nothing has left without a connection", function()
      local server = link:start()
      local client = client_of(server)
      server:kill()
      local _, err = client:send_message { task_id = TASK, text = "hello" }
      assert.same({ "transport", "no", true }, { err.kind, err.delivered, err.retryable })
      assert.matches("^POST /api/v1/external/message: connection to .* refused$", err.message)
    end)
  end)
end

describe("an answer to a client", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  local function client_of(...)
    local server = link:play { connections = { { { agent = true } } }, rest = { ... } }
    return aui.client(server:options { api_key = KEY, reconnect = QUICK, retries = 0 })
  end

  local function failure_of(answer)
    local task, err = client_of(answer):task(TASK)
    assert.is_nil(task)
    return err
  end

  it("may be an error of any shape", function()
    for body, words in pairs {
      ['{"status_code":400,"message":"m","description":"d","extra_data":{"a":1}}'] = "m",
      ['{"detail":"Not authenticated"}'] = "Not authenticated",
      ['{"detail":[{"loc":["body","text"],"msg":"field required","type":"t"}]}'] = "body.text: field required",
      ['{"errors":[{"loc":["query","page"],"msg":"too small","type":"t"}]}'] = "query.page: too small",
      ['{"status_code":400,"errors":["Unauthorized","or so"]}'] = "Unauthorized; or so",
      ['{"error":{"code":"c","message":"m","request_id":"r","details":[{"field":"f","message":"x"}]}}'] = "m",
      ["<html><h1>502</h1> Bad Gateway</html>"] = "502 Bad Gateway",
    } do
      local err = failure_of { status = 400, body = body }
      local all = "GET /api/v1/external/tasks/" .. TASK .. ": the server answered with status 400: " .. words
      assert.same({ "application", 400, all }, { err.kind, err.status_code, err.message })
    end
    local body = '{"error":{"code":"no_balance","message":"m","request_id":"r-1"}}'
    local err = failure_of { status = 400, body = body }
    assert.same({ "no_balance", "r-1" }, { err.code, err.request_id })
  end)

  it("shows no key in its errors, and no more than a line", function()
    local client = client_of({ status = 200, body = "" }, { status = 500 })
    local _, err = client:task(KEY .. ("x"):rep(1000))
    assert.is_nil(err.message:find(KEY, 1, true))
    assert.is_true(#err.message <= 500)
    _, err = client:task(("x"):rep(1000))
    assert.is_true(#err.message <= 500)
    err = failure_of { status = 400, body = '{"message":"the key ' .. KEY .. ' is bad"}' }
    assert.matches("the key %*%*%* is bad$", err.message)
  end)

  it("is not followed elsewhere", function()
    local err = failure_of { status = 302, headers = { Location = "/elsewhere" } }
    assert.matches("status 302 %(redirects are not followed%)$", err.message)
    assert.same({ "protocol", false }, { err.kind, err.retryable })
  end)

  it("that cannot be read is an error, and the call has arrived", function()
    local function assert_unreadable(words, result, err)
      assert.is_nil(result)
      assert.same({ "protocol", false, "yes" }, { err.kind, err.retryable, err.delivered })
      assert.matches(": the answer cannot be read: .*" .. words, err.message)
    end
    for body, words in pairs {
      [""] = "", ["{"] = "", ["[]"] = "expected a JSON object", ["1"] = "expected a JSON object",
      ["{}"] = "a task with an id", ['{"id":1}'] = "a task with an id", ['{"id":".."}'] = "a task with an id",
    } do -- stylua: ignore
      assert_unreadable(words, client_of({ status = 200, body = body }):create_task { user_id = "ada" })
    end
    assert_unreadable("array", client_of({ status = 200, body = "{}" }):messages(TASK))
    assert_unreadable("messages", client_of({ status = 200, body = "[1]" }):messages(TASK))
    assert_unreadable("array", client_of({ status = 200, body = "{}" }):messages_json(TASK))
    assert_unreadable("JSON", client_of({ status = 200, body = "[1,}" }):messages_json(TASK))
    assert_unreadable("tasks", client_of({ status = 200, body = "{}" }):list_tasks { user_id = "ada" })
    assert_unreadable("tasks", client_of({ status = 200, body = '{"tasks":[1]}' }):list_tasks { user_id = "ada" })
  end)

  it("that is no JSON is told in lua-cjson's words, without a line of ours", function()
    local _, err = client_of({ status = 200, body = "no JSON" }):task(TASK)
    local words = ": the answer cannot be read: Expected value but found invalid token at character 1"
    assert.equal("GET /api/v1/external/tasks/" .. TASK .. words, err.message)
  end)

  it("that is JSON in UTF-16 is an error, and no more than that", function()
    for status, words in pairs { [200] = "read: JSON parser does not support UTF%-16", [400] = "status 400$" } do
      local head = ("HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\n"):format(status)
      local err = wire.fail_at_stranger(head .. "{\0}\0", function(port)
        local url = ("ws://127.0.0.1:%d/api/v1/external/session"):format(port)
        return aui.client({ url = url, retries = 0 }):task(TASK)
      end)
      assert.matches(words, err.message)
    end
  end)

  it("may be no longer than max_response_body", function()
    local server = link:start()
    local client = aui.client(server:options { max_response_body = 10 })
    local _, err = client:list_tasks { user_id = "ada" }
    assert.same({ "overflow", false }, { err.kind, err.retryable })
    assert.matches("longer than 10 bytes %(max_response_body%)$", err.message)
  end)

  it("has its whole numbers as integers, and its lists always", function()
    local client = client_of(
      { status = 200, body = '{"tasks":[{"id":"a","followup_suggestions":null}],"total":1,"page":1,"size":10}' },
      { status = 200, body = "{}" },
      { status = 204 }
    )
    local page = assert(client:list_tasks { user_id = "ada" })
    assert.same({ "1", "1", "10" }, { tostring(page.total), tostring(page.page), tostring(page.size) })
    assert.same({}, page.tasks[1].followup_suggestions)
    assert.same({}, assert(client:followup_suggestions()).suggestions)
    assert.is_true(client:call("DELETE", "/api/v1/external/tasks/x"))
  end)
end)

describe("a client's list of tasks", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  -- The ids, read without a `for`, whose iterator cannot wait in a task of Lua 5.1.
  local function ids_of(next_task)
    local ids = {}
    for task in next_task do ids[#ids + 1] = task.id end
    return ids
  end

  local function pages(...)
    local answers = {}
    for index, ids in ipairs { ... } do
      local tasks = {}
      for at, id in ipairs(ids) do tasks[at] = ('{"id":"%s"}'):format(id) end
      answers[index] = { status = 200, body = '{"tasks":[' .. table.concat(tasks, ",") .. "]}" }
    end
    local server = link:play { connections = { { { agent = true } } }, rest = answers }
    return aui.client(server:options { reconnect = QUICK })
  end

  it("#unscheduled goes through all pages, newest first", function()
    local client, made = aui.client(link:start():options()), {}
    for index = 25, 1, -1 do made[index] = assert(client:create_task { user_id = "ada" }).id end
    assert(client:create_task { user_id = "bob" })
    assert.same(made, ids_of(client:tasks { user_id = "ada" }))
    assert.same(made, ids_of(client:tasks { user_id = "ada", size = 7 }))
    assert.same({}, ids_of(client:tasks { user_id = "nobody" }))
    local page = assert(client:list_tasks { user_id = "ada", page = 3, size = 10 })
    assert.same({ 5, 25 }, { #page.tasks, page.total })
  end)

  it("#unscheduled is an error where tasks have no ids", function()
    for _, id in ipairs { "nan", "null", "1", '""' } do
      local body = ('{"tasks":[{"id":%s}]}'):format(id)
      local server = link:play { connections = { { { agent = true } } }, rest = { { status = 200, body = body } } }
      local ok, err = pcall(ids_of, aui.client(server:options()):tasks { user_id = "ada" })
      assert.is_false(ok)
      assert.equal("protocol", err.kind)
    end
  end)

  it("#unscheduled has each once, though another moves them meanwhile, and ends with a page of nothing new", function()
    local client = pages({ "a", "b" }, { "b", "c" }, { "b", "c" }, { "d" })
    assert.same({ "a", "b", "c" }, ids_of(client:tasks { user_id = "ada" }))
  end)

  it("#unscheduled raises what goes wrong", function()
    local failing = json_answer(403, { detail = "not yours" })
    local body = '{"tasks":[{"id":"a"}]}'
    local answers = { { status = 200, body = body }, failing }
    local server = link:play { connections = { { { agent = true } } }, rest = answers }
    local next_task = aui.client(server:options()):tasks { user_id = "ada" }
    assert.equal("a", next_task().id)
    local ok, err = pcall(next_task)
    assert.same({ false, "auth" }, { ok, err.kind })
  end)
end)

describe("what a client sends", function()
  local server, client

  before_each(function()
    server = support.rest_mirror()
    client = aui.client { url = server.url, api_key = KEY, headers = { ["X-Shop"] = "7" } }
  end)
  after_each(function() server:stop() end)

  local function assert_said(expected, said)
    assert.equal(expected[1] .. " /base/api/v1/external/" .. expected[2], said.method .. " " .. said.target)
    assert.same(expected[3] or "", expected[3] and cjson.decode(said.body) or said.body)
    assert.equal(KEY, said.headers["x-network-api-key"])
    assert.equal("7", said.headers["x-shop"])
    assert.equal("application/json", said.headers.accept)
    assert.equal(expected[3] and "application/json" or nil, said.headers["content-type"])
  end

  it("for a task", function()
    local body = { user_id = "ada", task_origin_type = "api" }
    assert_said({ "POST", "tasks", body }, assert(client:create_task { user_id = "ada" }))
    local given = { user_id = "ada", task_origin_type = "kiosk", fields = { floor = 2 } }
    body = { user_id = "ada", task_origin_type = "kiosk", floor = 2 }
    assert_said({ "POST", "tasks", body }, assert(client:create_task(given)))
    assert_said({ "GET", "tasks/a%2Fb%20c%3F" }, assert(client:task "a/b c?"))
  end)

  it("for a list of tasks", function()
    assert_said({ "GET", "tasks?user_id=ada%26x&page=1&size=10" }, assert(client:list_tasks { user_id = "ada&x" }))
    local given = { user_id = "ada", page = 3, size = 100 }
    assert_said({ "GET", "tasks?user_id=ada&page=3&size=100" }, assert(client:list_tasks(given)))
  end)

  it("for messages and a trace", function()
    assert_said({ "GET", "tasks/t/messages" }, assert(client:messages "t")[1])
    assert_said({ "GET", "tasks/t/messages/m%2F/trace-info" }, assert(client:trace("t", "m/")))
  end)

  it("for a message", function()
    local body = { task_id = "t", text = "hello" }
    assert_said({ "POST", "message", body }, assert(client:send_message(body)))
    body = { task_id = "t", context = { url = "u" }, agent_variables = { tier = "gold" } }
    assert_said({ "POST", "message", body }, assert(client:send_message(body)))
    local given = { task_id = "t", text = "x", include_business_trace = true, is_external_api = false }
    given.fields = { a = 1 }
    body = { task_id = "t", text = "x", a = 1 }
    local path = "message?is_external_api=false&include_business_trace=true"
    assert_said({ "POST", path, body }, assert(client:send_message(given)))
  end)

  it("for suggestions", function()
    local body = { context = { url = "u" }, created_by = "page" }
    assert_said({ "POST", "direct-followup-suggestions", body }, assert(client:followup_suggestions(body)))
    assert_said({ "POST", "direct-followup-suggestions", {} }, assert(client:followup_suggestions()))
  end)

  it("for a call without a name", function()
    for _, method in ipairs { "POST", "PUT", "PATCH", "DELETE" } do
      local said = assert(client:call(method, "/api/v1/external/agent-context?a=b", { query = "x" }))
      assert_said({ method, "agent-context?a=b", { query = "x" } }, said)
      assert_said({ method, "else" }, assert(client:call(method, "/api/v1/external/else")))
      assert_said({ method, "else", { 1 } }, assert(client:call(method, "/api/v1/external/else", "[1]")))
    end
    assert_said({ "GET", "else" }, assert(client:call("GET", "/api/v1/external/else")))
  end)
end)

describe("a task's messages", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  -- What `find_answer` says of messages in short: "u:text" of the user, "a:id" of the agent.
  local function find(messages, question)
    local list = {}
    for index, words in ipairs(messages) do
      local who, what = words:match "^(.):(.*)$"
      local sender = { type = who == "u" and "user" or "agent" }
      list[index] = { id = who == "a" and what or "user-" .. index, text = what, sender = sender }
    end
    return aui_message.find_answer(list, question)
  end

  it("have the answer for a program that was not there when it came", function()
    local server = link:play {
      connections = { { { receive = true }, { record = { text = "found" } }, { cut = "fin" } }, { { agent = true } } },
    }
    local client = aui.client(server:options { reconnect = false, recover = false })
    local session = assert(client:connect())
    local message, err = session:ask "question"
    session:close()
    assert.same({ nil, "maybe" }, { message, err.delivered })
    local messages = assert(client:messages(TASK))
    local index = aui_message.find_answer(messages, { text = "question" })
    assert.equal("found", messages[index].text)
  end)

  it("tell which answer it is, or that they do not", function()
    assert.equal(2, find({ "u:x", "a:1" }, { text = "x" }))
    assert.equal(4, find({ "u:x", "a:1", "u:x", "a:2" }, { text = "x", after = "1" }))
    assert.same({ nil, "unanswered" }, { find({ "u:x", "a:1", "u:x" }, { text = "x", after = "1" }) })
    assert.same({ nil, "unanswered" }, { find({}, { text = "x" }) })
    assert.same({ nil, "unclear" }, { find({ "u:y", "u:x", "a:1" }, { text = "x" }) })
    assert.same({ nil, "unclear" }, { aui_message.find_answer({ false }, { text = "x" }) })
  end)

  it("are asked for an answer by a text and perhaps an id", function()
    local function refused(words, ...)
      local ok, err = pcall(aui_message.find_answer, ...)
      assert.is_false(ok)
      assert.is_truthy(err:find(words, 1, true), err)
    end
    refused "messages: expected a table, got nothing"
    refused("question: expected a table, got nothing", {})
    refused("text: expected a string, got nothing", {}, {})
    refused("after: expected a string, got 1", {}, { text = "x", after = 1 })
    refused('question: unknown option "txt"; did you mean "text"?', {}, { txt = "x" })
  end)
end)

describe("a client's options", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  it("may change afterwards, and have others added or in their places", function()
    local server = link:start { "--echo" }
    local options = server:options { timeout = { first = 20 } }
    local client = aui.client(options)
    options.url, options.timeout.first = "ws://127.0.0.1:1/", 0
    local session = assert(client:connect { task_id = "another" })
    assert.equal("another", session.task_id)
    session:close()
    session = assert(client:session())
    assert.equal(TASK, session.task_id)
    assert(session:ask "hello")
    session:close()
    session = assert(client:pool({ size = 1 }):connect { task_id = "third" })
    assert.equal("third", session.task_id)
    session:close()
  end)

  it("are refused at the caller's line", function()
    local client = aui.client { url = "ws://127.0.0.1:1/api/v1/external/session" }
    local elsewhere = aui.client { url = "ws://127.0.0.1:1/chat" }
    local function refused(words, fn, ...)
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, err = pcall(function(...) local result = fn(...) return result end, ...) -- luacheck: ignore
      assert.is_false(ok)
      assert.is_truthy(err:find(("client_spec.lua:%d: %s"):format(line, words), 1, true), err)
    end
    refused("options: expected a table", aui.client)
    refused('options: unknown option "usr_id"; did you mean "user_id"?', aui.client, { url = "ws://h/", usr_id = "x" })
    refused("retries: expected a whole number", aui.client, { url = "ws://h/", retries = -1 })
    refused("timeout.call: expected seconds", aui.client, { url = "ws://h/", timeout = { call = 0 } })
    refused("user_id: expected a string", aui.client, { url = "ws://h/", user_id = 1 })
    refused("user_id: aui.session does not wait", aui.session, { url = "ws://h/", user_id = "ada" })
    refused("extra: expected a table", client.connect, client, "x")
    refused("connect: call it with a colon: client:connect(...)", client.connect, {})
    refused("task: expected a table, got nothing", client.create_task, client)
    refused("user_id: expected a string, got nothing", client.create_task, client, {})
    refused('task: unknown option "user"', client.create_task, client, { user = "ada" })
    refused("fields.f: expected a value that", client.create_task, client, { user_id = "a", fields = { f = print } }, 1)
    local twice = { user_id = "a", fields = { user_id = "b" } }
    refused("fields.user_id: give it as user_id, beside fields", client.create_task, client, twice)
    twice = { task_id = "t", fields = { agent_variables = {} } }
    refused("fields.agent_variables: give it as agent_variables", client.send_message, client, twice)
    twice = { fields = { context = {} } }
    refused("fields.context: give it as context", client.followup_suggestions, client, twice)
    refused("fields: expected a table, got 1", client.send_message, client, { task_id = "t", fields = 1 })
    refused('task: unknown option "extra"; did you mean "fields"?', client.create_task, client, { extra = {} })
    refused("task_id: expected a string, got nothing", client.task, client)
    refused('task_id: expected an id, got ".."', client.messages, client, "..")
    refused("message_id: expected a string", client.trace, client, "t")
    refused("page: expected a whole number", client.list_tasks, client, { user_id = "a", page = 0 })
    refused("size: expected a whole number", client.tasks, client, { user_id = "a", size = 1.5 })
    refused("task_id: expected a string", client.send_message, client, { text = "x" })
    refused("text: expected some text", client.send_message, client, { task_id = "t", text = "" })
    refused("context: expected a table", client.send_message, client, { task_id = "t", context = 1 })
    refused("context.a: expected a finite", client.send_message, client, { task_id = "t", context = { a = 1 / 0 } })
    refused('method: expected "GET"', client.call, client, "get", "/")
    refused("path: expected one like", client.call, client, "GET", "tasks")
    refused("path: expected one like", client.call, client, "GET", "/a b")
    refused("path: expected one like", client.call, client, "GET", "/a\r\nX: y")
    refused("body: has no meaning for GET", client.call, client, "GET", "/", {})
    refused("body[2]: expected a value that", client.call, client, "POST", "/", { 1, print })
    local unfit = "url: expected one that ends in /api/v1/external/session, which tells where REST calls go, got "
    refused(unfit .. '"ws://127.0.0.1:1/chat"', elsewhere.task, elsewhere, "t")
    refused("url: expected one that ends in", aui.connect, { url = "ws://127.0.0.1:1/chat", user_id = "ada" })
  end)
end)
