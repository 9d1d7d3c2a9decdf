-- aui.client with a publishable key: the REST calls of the threads API, and the token that the key is exchanged for.

local aui = require "aui"
local cjson = require "cjson"
local wire = require "spec.wire"

local QUICK = { base = 0.001, max = 0.002 } -- the pauses between attempts

local keys = 0

-- Tokens are shared by all clients of a key: here each case has one of its own.
local function new_key()
  keys = keys + 1
  return ("pk_network_hunter2-%d-%d"):format(keys, os.time())
end

-- Those of the simulator's log, as `event` says.
local function logged(log, event)
  local count = 0
  for line in io.lines(log) do
    if cjson.decode(line).event == event then count = count + 1 end
  end
  return count
end

for _, scheme in ipairs(wire.schemes) do
  describe("a client of the threads API over " .. scheme, function()
    local link, log = wire.new(scheme), nil
    before_each(function() log = os.tmpname() end)
    after_each(function()
      link:stop()
      os.remove(log)
    end)

    local function client_of(server, changes)
      local options = {
        publishable_key = new_key(),
        url = server:base(),
        tls = server.tls,
        reconnect = QUICK,
        timeout = { call = 20 },
      }
      for name, value in pairs(changes or {}) do options[name] = value end
      return aui.client(options)
    end

    local function start(...) return link:start { "--echo", "--log", log, ... } end

    -- A client of a server that answers the first calls so.
    local function play(answers, changes)
      return client_of(link:play({ rest = answers }, { "--echo", "--log", log }), changes)
    end

    it("talks in a thread that the server makes, and reads it again", function()
      local client = client_of(start())
      local first = assert(client:send_message { text = "one", user_id = "ada" })
      assert.equal("one", first.text)
      assert.same({}, first.options)
      assert.is_string(first.thread_id)
      local second = assert(client:send_message {
        text = "two", user_id = "ada", thread_id = first.thread_id, image_url = "https://example.com/cat.png",
        agent_variables = { vip = true }, fields = { context = { url = "https://example.com" } },
      }) -- stylua: ignore
      assert.equal(first.thread_id, second.thread_id)
      local messages = assert(client:messages(first.thread_id))
      local texts = {}
      for index, message in ipairs(messages) do texts[index] = message.text end
      assert.same({ "one", "one", "two", "two" }, texts)
      assert.same({}, messages[1].variants_options)
      assert.equal(second.id, cjson.decode(assert(client:messages_json(first.thread_id))[4]).id)
    end)

    it("finds the threads of newer agents, too", function()
      local client = client_of(start("--runtime", "2"))
      local answer = assert(client:send_message { text = "one", user_id = "ada" })
      assert.equal(2, #assert(client:messages(answer.thread_id)))
      local messages, err = client:messages "nowhere"
      assert.is_nil(messages)
      assert.same({ "application", 404, "not_found" }, { err.kind, err.status_code, err.code })
      assert.is_string(err.request_id)
      assert.matches("^GET /messaging/v1/threads/nowhere/messages: .* status 404: no such thread", err.message)
    end)

    it("says something else in place of what was said", function()
      local client = client_of(start())
      local first = assert(client:send_message { text = "one", user_id = "ada" })
      local second = assert(client:send_message { text = "two", user_id = "ada", thread_id = first.thread_id })
      local other = assert(client:rerun { thread_id = first.thread_id, interaction_id = second.id, text = "three" })
      assert.equal("three", other.text)
      assert.not_equal(first.thread_id, other.thread_id)
      assert.equal(4, #assert(client:messages(other.thread_id)))
    end)

    it("asks for suggestions and for a welcome, and makes any call", function()
      local client = client_of(start())
      assert.equal(3, #assert(client:followup_suggestions { context = { url = "https://example.com" } }).suggestions)
      assert.equal(3, #assert(client:followup_suggestions()).suggestions)
      assert.matches("^Hello", assert(client:welcome_message()).welcome_message)
      assert.matches("^Hello", assert(client:welcome_message { placeholders = { name = "Ada" } }).welcome_message)
      assert.same({ status = "ok" }, assert(client:call("GET", "/health")))
      local answer, err = client:call("POST", "/messaging/v1/welcome-message", { placeholders = { name = 1 } })
      assert.is_nil(answer)
      assert.same({ "application", 422, "validation_error" }, { err.kind, err.status_code, err.code })
      assert.same({ { field = "placeholders", message = "expected strings" } }, err.extra_data)
    end)

    it("tells of no thread whose id is none", function()
      local function answer_with(id)
        return { status = 200, body = ('{"thread_id":%s,"message":{"id":"m"}}'):format(id) }
      end
      local client = play { "serve", answer_with '".."', answer_with "5", answer_with '"T"' }
      for _, id in ipairs { false, false, "T" } do
        assert.equal(id or nil, assert(client:send_message { text = "one", user_id = "ada" }).thread_id)
      end
    end)

    it("exchanges its key once for all calls of all clients", function()
      local server, key = start(), new_key()
      local clients = {}
      for index = 1, 3 do clients[index] = client_of(server, { publishable_key = key }) end
      local numbers = {}
      for index = 1, 12 do numbers[index] = index end
      local results, errors = aui.map(numbers, function(number)
        return assert(clients[number % 3 + 1]:send_message { text = "number " .. number, user_id = "ada" })
      end)
      assert.same({}, errors)
      for index = 1, 12 do assert.equal("number " .. index, results[index].text) end
      assert.equal(1, logged(log, "token"))
      assert(client_of(server):welcome_message()) -- with another key
      assert(client_of(server, { publishable_key = key, headers = { ["X-Tenant"] = "b" } }):welcome_message())
      assert.equal(3, logged(log, "token"))
    end)

    it("renews its token before it ends", function()
      local client = client_of(start("--token-lifetime", "2"))
      local limit = os.time() + 20
      repeat
        assert(client:welcome_message())
        aui.sleep(0.05)
      until logged(log, "token") > 2 or os.time() > limit
      assert.equal(3, logged(log, "token"))
    end)

    it("renews a token once that ended early", function()
      local unauthorized = { status = 401, body = '{"error":{"code":"unauthorized","message":"ended"}}' }
      local client = play { "serve", unauthorized, "serve", "serve", unauthorized, "serve", unauthorized }
      assert(client:send_message { text = "one", user_id = "ada" })
      assert.same({ 2, 1 }, { logged(log, "token"), logged(log, "message") })
      local answer, err = client:send_message { text = "two", user_id = "ada" }
      assert.is_nil(answer)
      assert.same({ "auth", 401, "unauthorized" }, { err.kind, err.status_code, err.code })
      assert.same({ 3, 1 }, { logged(log, "token"), logged(log, "message") })
      assert(client:send_message { text = "three", user_id = "ada" })
    end)

    it("goes on with a server that knows its token no more", function()
      local server = start()
      local client = client_of(server)
      assert(client:welcome_message())
      server:kill()
      server:restart()
      assert(client:welcome_message())
    end)

    it("tells why there is no token", function()
      local client = client_of(start("--publishable-key", "pk_network_other"))
      local answer, err = client:welcome_message()
      assert.is_nil(answer)
      assert.same({ "auth", 401, "no" }, { err.kind, err.status_code, err.delivered })
      local words = "POST /messaging/v1/welcome-message: POST /management/v1/auth/token: the server answered with "
        .. "status 401: the publishable key is unknown"
      assert.equal(words, err.message)
    end)

    it("asks for a token again where that has a chance", function()
      local busy = { status = 503, body = "busy" }
      assert(play({ busy, busy }):send_message { text = "one", user_id = "ada" })
      local answer, err = play({ busy }, { retries = 0 }):send_message { text = "one", user_id = "ada" }
      assert.is_nil(answer)
      assert.same({ "server", 503, true, "no" }, { err.kind, err.status_code, err.retryable, err.delivered })
    end)

    it("does not take what is no token", function()
      for _, body in ipairs {
        "", "[]", "{}", '{"access_token":"","expires_in":9}', '{"access_token":"a\\nb","expires_in":9}',
        '{"access_token":"a"}', '{"access_token":"a","expires_in":0}', '{"access_token":"a","expires_in":"9"}',
      } do -- stylua: ignore
        local answer, err = play({ { status = 200, body = body } }):welcome_message()
        assert.is_nil(answer)
        assert.equal("protocol", err.kind)
        assert.matches("the answer cannot be read", err.message)
      end
    end)

    it("does not take a token that is too long for a header", function()
      local function grant(length)
        return { status = 200, body = cjson.encode { access_token = ("a"):rep(length), expires_in = 9 } }
      end
      local answer, err = play({ grant(8193) }):welcome_message()
      assert.is_nil(answer)
      assert.same({ "protocol", false }, { err.kind, err.retryable })
      assert.matches("expected an access_token of 8192 bytes at most, got 8193$", err.message)
      assert(play({ grant(8192), { status = 200, body = "{}" } }):welcome_message())
    end)

    it("does not wait longer for a token than for the call", function()
      local answer, err = play({ "ignore" }, { timeout = { call = 0.2 } }):welcome_message()
      assert.is_nil(answer)
      assert.equal("timeout", err.kind)
    end)

    it("asks a function for its key", function()
      local server, asked = start(), 0
      local client = client_of(server, {
        publishable_key = function()
          aui.sleep(0.001)
          asked = asked + 1
          if asked == 1 then return nil, "the vault sleeps" end
          return "pk_network_hunter2-of-a-function"
        end,
      })
      assert(client:welcome_message())
      assert.equal(2, asked)
    end)

    it("hides key and token in what the server says", function()
      local key = new_key()
      local grant = { access_token = "token-hunter2-of-some-length", expires_in = 3600 }
      local words = { error = { code = "bad", message = ("%s and %s"):format(key, grant.access_token) } }
      local client = play({
        { status = 400, body = cjson.encode { error = "invalid_request", error_description = "what is " .. key } },
        { status = 200, body = cjson.encode(grant) },
        { status = 400, body = cjson.encode(words) },
      }, { publishable_key = key })
      local _, err = client:welcome_message()
      assert.matches("what is %*%*%*$", err.message)
      _, err = client:welcome_message()
      assert.matches("%*%*%* and %*%*%*$", err.message)
    end)

    it("says nothing of a refusal that has a token in it", function()
      for _, body in ipairs {
        '{"access_token":"hunter2","expires_in":3600', '{"extra_data":{"access_token":"hunter2"}}',
        '<p class="access_token">hunter2</p>',
      } do -- stylua: ignore
        local _, err = play({ { status = 400, body = body } }):welcome_message()
        assert.matches("POST /management/v1/auth/token: the server answered with status 400$", err.message)
        assert.is_nil(err.extra_data)
      end
    end)
  end)
end

describe("the options of a client of the threads API", function()
  local function refused(options)
    local ok, message = pcall(aui.client, options)
    assert.is_false(ok)
    assert.is_nil(message:find "hunter2")
    return message
  end

  local KEY = "pk_network_hunter2"

  it("say where it is", function()
    assert.equal("https://api-v3.aui.io/apollo-api", aui.client({ publishable_key = KEY }).url)
    assert.equal("https://api-eu-v3.aui.io/apollo-api", aui.client({ publishable_key = KEY, region = "eu" }).url)
    local client = aui.client { publishable_key = KEY, url = "http://127.0.0.1:7788/apollo-api/" }
    assert.equal("aui.Client (http://127.0.0.1:7788/apollo-api/)", tostring(client))
  end)

  it("are checked", function()
    for words, changes in pairs {
      ["api_key: has no meaning beside publishable_key"] = { api_key = "API_KEY_hunter2" },
      ["auth: has no meaning beside publishable_key"] = { auth = "header" },
      ["task_id: has no meaning beside publishable_key"] = { task_id = "task" },
      ['region: expected "us" or "eu", got "gcp"'] = { region = "gcp" },
      ['got "wss://a.test/"; did you mean "https://...", or to give an api_key?'] = {
        url = "wss://a.test/",
      },
      ['url: must not have a query, got "https://a.test/b?..."'] = { url = "https://a.test/b?c=hunter2" },
      ["url: must not carry a user name or password; use publishable_key"] = { url = "https://hunter2@a.test/" },
      ["url: a key is not sent over http:// to another machine; use https://"] = { url = "http://a.test/" },
      ["headers[\"authorization\"]: is set by publishable_key"] = { headers = { authorization = "Bearer hunter2" } },
      ["tls: has no meaning for a http:// url"] = { url = "http://127.0.0.1/", tls = {} },
      ["publishable_key: expected a string, got a number"] = { publishable_key = 1 },
      ["publishable_key: expected a key, got an empty string"] = { publishable_key = "" },
      ["publishable_key: expected printable ASCII without spaces"] = { publishable_key = "hunter2 " },
    } do
      local options = { publishable_key = KEY }
      for name, value in pairs(changes) do options[name] = value end
      assert.matches(words, refused(options), 1, true)
    end
    local message = refused { api_key = KEY, region = "us" }
    assert.matches('region: expected "gcp" or "azure" or "aws", got "us"', message, 1, true)
  end)

  it("choose which calls there are", function()
    local threads = aui.client { publishable_key = KEY }
    for _, name in ipairs { "create_task", "task", "list_tasks", "tasks", "trace" } do
      local ok, message = pcall(threads[name], threads, { user_id = "ada" }, "message")
      assert.is_false(ok)
      assert.matches("there is no such call in the threads API", message, 1, true)
    end
    local tasks = aui.client { api_key = KEY }
    for _, name in ipairs { "rerun", "welcome_message" } do
      local ok, message = pcall(tasks[name], tasks, {})
      assert.is_false(ok)
      assert.matches(name .. ": there is no such call in the tasks API", message, 1, true)
    end
  end)

  it("leave bad arguments to be told", function()
    local client = aui.client { publishable_key = KEY }
    for words, call in pairs {
      ["message: expected a table"] = function() client:send_message "text" end,
      ["text: expected a string, got nothing"] = function() client:send_message { user_id = "ada" } end,
      ["user_id: expected a string, got nothing"] = function() client:send_message { text = "x" } end,
      ["text: expected some text"] = function() client:send_message { text = "", user_id = "ada" } end,
      ['unknown option "threadid"; did you mean "thread_id"?'] = function() client:send_message { threadid = "x" } end,
      ['unknown option "task_id"; did you mean "thread_id"?'] = function() client:send_message { task_id = "x" } end,
      ["fields.text: give it as text"] = function()
        client:send_message { text = "x", user_id = "ada", fields = { text = "y" } }
      end,
      ["interaction_id: expected a string, got nothing"] = function() client:rerun { thread_id = "x", text = "y" } end,
      ["thread_id: expected a string, got nothing"] = function() client:rerun { interaction_id = "x", text = "y" } end,
      ["placeholders: expected a table"] = function() client:welcome_message { placeholders = "x" } end,
      ['path: expected one like "/messaging/v1/..."'] = function() client:call("GET", "health") end,
    } do
      local ok, message = pcall(call)
      assert.is_false(ok)
      assert.matches(words, message, 1, true)
    end
  end)
end)
