-- aui.trace: what has been done, as spans.

local aui = require "aui"
local support = require "spec.support"
local wire = require "spec.wire"

local WAIT = 0.2 -- seconds, of an agent before its first words
local WORDS = "my bank account"

local spans

local function listen()
  spans = {}
  aui.trace(function(span) spans[#spans + 1] = span end)
end

local function find(name)
  for _, span in ipairs(spans) do
    if span.name == name then return span end
  end
end

local function await(name)
  support.wait_until(function() return find(name) ~= nil end)
  return find(name)
end

local function refute_words()
  for _, span in ipairs(spans) do
    for _, value in pairs(span) do
      assert.is_nil(tostring(value):find(WORDS, 1, true))
      assert.not_equal("table", type(value))
    end
  end
end

local function conversation_of(span) return span.task_id or span.thread_id end

for _, way in ipairs(wire.ways) do
  describe("spans over " .. way, function()
    local link = wire.new(way)
    before_each(listen)
    after_each(function()
      aui.trace(nil)
      link:stop()
    end)

    it("are a connection and a message, with their times and ids", function()
      local before = os.time()
      local server = link:play {
        { receive = true }, { wait = WAIT }, { update = WORDS }, { message = { id = "m-1", text = WORDS .. "." } },
      } -- stylua: ignore
      local session = link:connect(server)
      local connect = await "connect"
      assert.is_true(connect.ok)
      assert.is_true(connect.seconds >= 0)
      local message = assert(session:ask(WORDS))
      local send = await "send"
      assert.is_true(send.ok)
      assert.equal("m-1", message.id)
      assert.equal("m-1", send.message_id)
      assert.equal(connect.session, send.session)
      assert.equal(connect.url, send.url)
      assert.is_truthy(conversation_of(send))
      assert.is_true(send.start >= before and send.start <= os.time() + 1)
      assert.is_true(send.departed >= 0 and send.departed <= send.first_text)
      assert.is_true(send.first_text >= WAIT - 0.01 and send.first_text <= send.seconds)
      assert.is_true(send.bytes_sent > #WORDS)
      assert.equal(#WORDS + 1, send.bytes_received)
      assert.equal(0, send.resends)
      assert.is_nil(send.kind)
      refute_words()
    end)

    it("have no key that an agent takes for its message's id", function()
      local session = link:connect(
        link:play { { receive = true }, { message = { id = "m-hunter2hunter2" } } },
        { headers = { ["X-Api-Key"] = "hunter2hunter2" } }
      )
      assert(session:ask "hello")
      assert.equal("m-***", (await "send").message_id)
    end)

    it("have what an answer failed of, but none of its words", function()
      local session = link:connect(link:play {
        { receive = true }, { fail = 403 },
      }) -- stylua: ignore
      local _, err = session:ask(WORDS)
      local send = await "send"
      assert.is_false(send.ok)
      assert.equal(err.kind, send.kind)
      assert.equal(err.status_code, send.status_code)
      assert.equal(err.retryable, send.retryable)
      assert.equal(err.delivered, send.delivered)
      assert.is_nil(send.first_text)
      refute_words()
    end)

    it("are of messages that were given up, too, and of those that their user has dropped", function()
      local session = link:connect(link:play { { receive = true }, { receive = true } })
      session:send(WORDS):cancel()
      local send = await "send"
      assert.same({ false, "canceled" }, { send.ok, send.kind })
      spans = {}
      session:send(WORDS)
      support.collect()
      session:close()
      send = await "send"
      assert.same({ false, "canceled" }, { send.ok, send.kind })
    end)

    it("are of an attempt to connect that fails", function()
      local server = link:start()
      server:kill()
      local session = link:session(server)
      local connect = await "connect"
      assert.same({ false, "transport", true }, { connect.ok, connect.kind, connect.retryable })
      session:close()
    end)

    it("are not of what began before", function()
      aui.trace(nil)
      local session = link:connect(link:play { { receive = true }, { message = {} }, { receive = true } })
      local reply = session:send "one"
      listen()
      assert(reply:message())
      session:send("two"):cancel()
      assert.equal("canceled", await("send").kind)
      assert.equal(1, #spans)
    end)
  end)
end

describe("aui.trace", function()
  local server
  before_each(listen)
  after_each(function()
    aui.trace(nil)
    if server then server:stop() end
    server = nil
  end)

  it("has REST calls", function()
    server = support.start { "--pace", "0" }
    local client = aui.client { url = server.url, api_key = "k" }
    local task = assert(client:create_task { user_id = "ada" })
    local call = await "call"
    assert.same({ true, "POST", "/api/v1/external/tasks" }, { call.ok, call.method, call.path })
    assert.is_nil(call.session)
    spans = {}
    assert.is_nil((client:task(task.id .. "0")))
    call = await "call"
    assert.same({ false, 404 }, { call.ok, call.status_code })
  end)

  it("replaces its function, and takes no other value", function()
    aui.trace(function() error "not this one" end)
    listen()
    server = support.start { "--pace", "0" }
    assert(server:connect()):close()
    assert.is_truthy(find "connect")
    assert.has_error(function() aui.trace "print" end, "fn: expected a function, got \"print\"")
  end)

  it("does not call a function again that has failed, which ends nothing", function()
    server = support.start { "--pace", "0" }
    local events, calls = {}, 0
    aui.log(function(event) events[#events + 1] = event end, "error")
    aui.trace(function()
      calls = calls + 1
      error "a fault of mine"
    end)
    local session = server:connect()
    assert(session:ask "hello")
    session:close()
    aui.log(nil)
    assert.equal(1, calls)
    assert.equal("raised", events[1].event)
    assert.is_truthy(events[1].message:find "the function for spans .*a fault of mine")
  end)
end)
