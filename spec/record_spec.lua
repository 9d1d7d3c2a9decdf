-- Recordings: what aui.record writes of a conversation, aui-sim plays again, and a program that asks the same gets the
-- same: messages, errors, recoveries, and what passes over the wire on the way.

local aui = require "aui"
local cjson = require "cjson"
local support = require "spec.support"
local wire = require "spec.wire"

local PATIENT = { reconnect = { base = 0.01, max = 0.05 }, recover = true }

local function lines_of(name)
  local lines = {}
  for line in io.lines(name) do lines[#lines + 1] = cjson.decode(line) end
  return lines
end

-- What a recording has of connections, streams and calls, without when it was, and which connection it was.
local function said_in(name)
  local said = {}
  for index, line in ipairs(lines_of(name)) do
    line.after, line.at, line.number = nil, nil, line.connection or line.stream or line.call
    said[index] = line
  end
  return said
end

for _, way in ipairs(wire.ways) do
  describe("a recording over " .. way, function()
    local link, files

    before_each(function()
      link, files = wire.new(way), {}
    end)

    after_each(function()
      aui.record(nil)
      link:stop()
      for _, name in ipairs(files) do os.remove(name) end
    end)

    local function new_file()
      local name = os.tmpname()
      files[#files + 1] = name
      return name
    end

    -- What `talk(server)` returns and a recording of it.
    local function record(server, talk)
      local name = new_file()
      assert(aui.record(name))
      local results = talk(server)
      assert(aui.record(nil))
      return results, name
    end

    -- Asserts that it is the same with the agent of this scenario, with a recording of that, and once more; returns the
    -- recording.
    local function assert_same(scenario, talk)
      local results, name = record(link:play(scenario), talk)
      local server = link:start { "--replay", name, "--fast" }
      for _ = 1, 2 do
        local again, name_again = record(server, talk)
        assert.same(results, again)
        assert.same(said_in(name), said_in(name_again))
      end
      return name, results
    end

    -- The answers or errors of messages, one after another.
    local function asking(changes, ...)
      local texts = { ... }
      return function(server)
        local session, failure = link:connect(server, changes)
        if not session then return { tostring(failure) } end
        local results = {}
        for index, text in ipairs(texts) do
          local message, err = session:ask(text)
          results[index] = message or { err.kind, err.message, err.status_code, err.delivered, err.retry_after }
        end
        session:close()
        return results
      end
    end

    it("has what the agent says, message by message", function()
      local name, results = assert_same({
        { receive = true }, { work = true }, { update = "I fou" }, { heard = true }, { update = "I found" },
        { message = { text = "I found", followup_suggestions = { "Caf\195\169?" }, price = 12.10 } },
        { receive = true }, { message = { text = "Again" } },
      }, asking({}, "a laptop", "again"))
      assert.equal("I found", results[1].text)
      assert.equal("Again", results[2].text)
      local received = {}
      for _, line in ipairs(lines_of(name)) do
        if line.receive and line.receive.text then received[#received + 1] = line.receive.text end
      end
      assert.same({ "a laptop", "again" }, received)
    end)

    it("has errors, and what the server asks for with them", function()
      local _, results = assert_same({ { receive = true }, { refuse = 429, retry_after = 7 } }, asking({}, "hello"))
      assert.same({ "rate_limit", 429, "no" }, { results[1][1], results[1][3], results[1][4] })
      _, results = assert_same({ { receive = true }, { work = true }, { fail = 500 } }, asking({}, "hello"))
      assert.equal("server", results[1][1])
    end)

    it("has the connection that is cut, and what is made of that", function()
      local _, results =
        assert_same({ { receive = true }, { update = "ha" }, { heard = true }, { cut = "reset" } }, asking({}, "hello"))
      assert.equal("transport", results[1][1])
      assert.equal("maybe", results[1][4])
    end)

    it("has the recovery of an answer that was cut off", function()
      local list = { { receive = true }, { update = "half" }, { heard = true }, { cut = "reset" } }
      if way ~= "stream" then table.insert(list, 4, { record = { text = "half of it" } }) end
      local rest = { { agent = true } }
      if way == "stream" then rest = { { receive = true }, { message = { text = "half of it" } } } end
      local _, results = assert_same({ connections = { list, rest } }, asking(PATIENT, "hello"))
      assert.equal("half of it", results[1].text)
    end)

    it("has conversations at the same time, whatever their order", function()
      local _, name = record(link:start { "--echo" }, function(server)
        return (aui.map({ "one", "two", "three" }, function(text) return asking({}, text)(server)[1].text end))
      end)
      local server = link:start { "--replay", name, "--fast" }
      for _, text in ipairs { "three", "one", "two", "two", "one" } do
        assert.equal(text, asking({}, text)(server)[1].text)
      end
    end)

    it("says when it has no answer", function()
      local _, name = record(link:start { "--echo" }, asking({}, "one"))
      local results = asking({}, "two")(link:start { "--replay", name })
      assert.same({ "application", 404 }, { results[1][1], results[1][3] })
      assert.matches("the recording has no answer to this message", results[1][2])
    end)

    it("is of sessions that are opened meanwhile", function()
      local server = link:start { "--echo" }
      local early = link:connect(server)
      local name = new_file()
      assert(aui.record(name))
      assert(early:ask "early")
      local session = link:connect(server)
      assert(session:ask "meanwhile")
      assert(aui.record())
      assert(session:ask "late")
      local content = io.open(name):read "*a"
      assert.matches("meanwhile", content)
      assert.is_nil(content:find "early")
      assert.is_nil(content:find "late")
    end)
  end)
end

describe("aui.record", function()
  local server, name

  after_each(function()
    aui.record(nil)
    if server then server:stop() end
    if name then os.remove(name) end
    server, name = nil, nil
  end)

  it("returns why a file cannot be written", function()
    local ok, err = aui.record "/nowhere/at/all"
    assert.is_nil(ok)
    assert.matches("^aui.record: /nowhere/at/all: ", err.message)
    ok, err = aui.record "/dev/full"
    assert.is_nil(ok)
    assert.matches("No space left", err.message)
    assert.error_matches(function() aui.record(7) end, "path: expected a string, got 7")
  end)

  it("has the calls, and the refusals of handshakes", function()
    server = support.play({
      connections = { { { handshake = { status = 503, headers = { ["Retry-After"] = "3" }, body = "busy" } } } },
    }, { "--pace", "0" })
    name = os.tmpname()
    local function talk(url)
      local client = aui.client { url = url, retries = 0 }
      local task = assert(client:create_task { user_id = "ada" })
      local lost, why = client:task "nobody's"
      local session, err = client:connect { task_id = task.id }
      return { task, lost == nil, why.status_code, session == nil, err.message, err.status_code, err.retry_after }
    end
    assert(aui.record(name))
    local results = talk(server.url)
    assert(aui.record(nil))
    server:stop()
    server = support.start { "--replay", name }
    assert.same(results, talk(server.url))
    assert.same({ 503, 3 }, { results[6], results[7] })
  end)

  it("has what an agent takes back, and any close", function()
    server = support.play({
      { receive = true }, { update = "It costs $300" }, { ping = "heard" }, { await_pong = true },
      { update = "It costs $279" }, { message = {} }, { receive = true }, { close = 4001, reason = "gone" },
    }, {})
    name = os.tmpname()
    local function talk()
      local session = server:connect()
      local shown = support.read(session:send "how much?")
      local _, err = session:ask "and now?"
      session:close()
      return { shown, err.close_code, err.message }
    end
    assert(aui.record(name))
    local results = talk()
    assert(aui.record(nil))
    assert.same({ "It costs $279", 4001 }, { results[1], results[2] })
    server:stop()
    server = support.start { "--replay", name }
    assert.same(results, talk())
  end)

  it("may be written by hand, and is played at its own pace or fast", function()
    name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(
      '{"recording":1}\n',
      '{"connection":1,"receive":{"text":"slow"}}\n',
      '{"connection":1,"after":3600,"send":{"id":"1","text":"at last","sender":{"id":"a","type":"agent"}}}\n',
      '{"connection":2,"receive":{"text":"quick"}}\n',
      '{"connection":2,"send":{"id":"2","text":"at once","sender":{"id":"a","type":"agent"}}}\n'
    )
    file:close()
    server = support.start { "--replay", name }
    local slow = server:connect():send "slow"
    assert.equal("at once", assert(server:connect():ask "quick").text)
    assert.equal("pending", slow:status())
    slow:cancel()
    server:stop()
    server = support.start { "--replay", name, "--fast" }
    assert.equal("at last", assert(server:connect():ask "slow").text)
  end)

  it("keeps secrets out, also those that servers repeat", function()
    name = os.tmpname()
    local secrets = { "hunter2-key-of-ada", "pk_network_hunter2-of-ada", "hunter2-in-a-header", "hunter2-in-a-cookie" }
    server = support.play({
      connections = {
        { { handshake = { status = 401, body = "who is " .. secrets[1] .. "?" } } },
        { { receive = true }, { update = "Is it " .. secrets[1] .. "?" }, { message = {} } },
      },
    }, { "--pace", "0" })
    local headers = { ["x-other"] = secrets[3], cookie = "session=" .. secrets[4] }
    assert(aui.record(name))
    local options = server:options { api_key = secrets[1], headers = headers }
    assert.is_nil((aui.connect(options)))
    local session = assert(aui.connect(options))
    assert(session:ask "hello")
    assert(session:history())
    session:close()
    server:stop()
    server = support.start { "--pace", "0" }
    local threads = { url = server:base(), publishable_key = secrets[2], user_id = "ada", headers = headers }
    for _, carrier in ipairs { "stream", "websocket" } do
      threads.carrier = carrier
      session = assert(aui.connect(threads))
      session:ask "hello"
      session:close()
    end
    assert(aui.record(nil))
    local content = io.open(name):read "*a"
    assert.matches("Is it %*%*%*%?", content)
    for _, secret in ipairs(secrets) do assert.is_nil(content:find(secret, 1, true)) end
    assert.is_nil(content:find "hunter2")
    assert.is_nil(content:find "access_token")
  end)

  it("is JSON also where a key of digits is a number, and is played again", function()
    name = os.tmpname()
    local key = "123456789012"
    local message = { id = "1", text = "at last", sender = { id = "a", type = "agent" }, price = tonumber(key) }
    server = support.play({ { receive = true }, { message = message } }, { "--pace", "0" })
    local function talk(changes)
      local session = server:connect(changes)
      local answer = assert(session:ask { text = "hello", context = { order = 123456789012, of = { 1.5, key } } })
      session:close()
      return answer
    end
    assert(aui.record(name))
    assert.equal(tonumber(key), talk({ api_key = key }).price)
    assert(aui.record(nil))
    assert.is_nil(io.open(name):read("*a"):find(key, 1, true))
    for _, line in ipairs(lines_of(name)) do
      if line.receive then assert.same({ order = "***", of = { 1.5, "***" } }, line.receive.context) end
    end
    server:stop()
    server = support.start { "--replay", name, "--fast" }
    local again = talk()
    assert.same({ "at last", "***" }, { again.text, again.price })
  end)
end)
