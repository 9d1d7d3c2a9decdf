-- Whose answer it is that comes: what has ended an answer ends no other, what names another task or answer is nobody's,
-- as is what the user has said, and what keeps a connection alive is nothing at all.

local cjson = require "cjson"
local support = require "spec.support"
local wire = require "spec.wire"

local TASK = "68e78d0dc5a4b19a030d03d6" -- of support's sessions
local RECEIVE = { receive = true }
local NAME = "thread-message-text-content-updated"

local function final(id, text, fields)
  local message = { id = id, text = text }
  for name, value in pairs(fields or {}) do message[name] = value end
  return { message = message }
end

local function update(text, context)
  return { send = { event = NAME, scope = { context = context }, data = { text = text } } }
end

-- Asks once for each text that is expected in answer. `tasks`: to which each question goes, if not to the session's.
local function ask_for(session, expected, tasks)
  local got = {}
  for index = 1, #expected do
    local message, err = session:ask { text = "question " .. index, task_id = tasks and tasks[index] }
    got[index] = message and message.text or tostring(err)
  end
  session:close()
  assert.are.same(expected, got)
end

-- The same, on a session with the scenario's server, of the tasks API.
local function converse(scenario, expected, tasks, changes)
  local server = support.play(scenario)
  ask_for(server:connect(changes), expected, tasks)
  server:stop()
end

for _, way in ipairs(wire.websockets) do
  local link = wire.new(way)

  local function converse_by_way(scenario, expected, changes)
    ask_for(assert(link:connect(link:play(scenario), changes)), expected)
    link:stop()
  end

  describe("over " .. way .. " a final message that comes again ends no other answer", function()
    it("before the next one's first word, in the middle of it, or with nobody asking", function()
      converse_by_way({
        RECEIVE, { update = "ANSW" }, final("A", "ANSWER ONE"),
        RECEIVE, final("A", "ANSWER ONE"), { update = "ANSW" }, final("A", "ANSWER ONE"), final("B", "ANSWER TWO"),
        final("B", "ANSWER TWO"),
        RECEIVE, final("B", "ANSWER TWO"), final("A", "ANSWER ONE"), final("C", "ANSWER THREE"),
      }, { "ANSWER ONE", "ANSWER TWO", "ANSWER THREE" }) -- stylua: ignore
    end)

    it("on another connection", function()
      converse_by_way({
        connections = {
          { RECEIVE, final("A", "one"), { close = 1000 } },
          { final("A", "one"), RECEIVE, final("A", "one"), final("B", "two") },
        },
      }, { "one", "two" }, { reconnect = {} })
    end)

    it("when the history had it before it was delivered", function()
      converse_by_way({
        connections = {
          { RECEIVE, final("Z", "zero"), RECEIVE, { record = { id = "A", text = "one" } }, { cut = "reset" } },
          { RECEIVE, final("A", "one"), { update = "tw" }, final("B", "two") },
        },
      }, { "zero", "one", "two" }, { reconnect = {}, recover = true })
    end)
  end)

  it("over " .. way .. " what the user has said is no answer: a message from a user, or to an agent", function()
    local user, agent = { id = "u", type = "user" }, { id = "a", type = "agent" }
    converse_by_way({
      RECEIVE, final("U1", "question 1", { sender = user, receiver = agent }), { update = "I FO" },
      final("A", "I FOUND IT", { sender = agent, receiver = user }),
      RECEIVE, final("U2", "question 2", { sender = { id = "u" }, receiver = agent }),
      final("B", "AND THE OTHER", { sender = { id = "a" }, receiver = user }),
    }, { "I FOUND IT", "AND THE OTHER" }) -- stylua: ignore
  end)
end

it("over stream what the user has said is no answer, either", function()
  local link = wire.new "stream"
  local question = { id = "U", text = "question 1", sender = { type = "user" } }
  local answer = { id = "A", text = "I FOUND IT", sender = { type = "agent" } }
  local stream = { { message = question }, { event = "I FO" }, { message = answer }, { done = true } }
  ask_for(assert(link:connect(link:play { streams = { stream } })), { "I FOUND IT" })
  link:stop()
end)

describe("a final message that comes again ends no other answer", function()
  it("when the one before it was cancelled, and its connection replaced", function()
    local second = { message_id = "B" }
    local server = support.play {
      connections = {
        { RECEIVE, final("A", "one"), RECEIVE, update("two", second) },
        { update("two", second), RECEIVE, final("A", "one"), final("B", "two"), final("C", "three") },
      },
    }
    local session = server:connect { reconnect = {} }
    assert.are.equal("one", assert(session:ask "first").text)
    local reply = session:send "second"
    assert.are.equal("two", reply:next())
    reply:cancel()
    assert.are.equal("three", assert(session:ask "third").text)
    session:close()
    server:stop()
  end)

  it("in the history", function()
    local function said(type, id, text) return { id = id, text = text, sender = { id = "x", type = type } } end
    local function told(...) return { status = 200, body = cjson.encode { ... } } end
    local first, zero = said("user", "U1", "question 1"), said("agent", "Z", "zero")
    local second, one = said("user", "U2", "question 2"), said("agent", "A", "one")
    converse({
      connections = {
        { RECEIVE, final("Z", "zero"), RECEIVE, { cut = "reset" } },
        { RECEIVE, final("A", "one"), final("B", "two") },
      },
      rest = { told(first, zero, second, zero), told(first, zero, second, zero, one) },
    }, { "zero", "one", "two" }, nil, { reconnect = {}, recover = true })
  end)

  it("in the next session of a pool's connection", function()
    local server = support.play { RECEIVE, final("A", "one"), RECEIVE, final("A", "one"), final("B", "two") }
    local pool = require("aui").pool()
    for _, text in ipairs { "one", "two" } do
      local session = assert(pool:connect(server:options()))
      assert.are.equal(text, assert(session:ask "question").text)
      session:close()
    end
    server:stop()
  end)
end)

describe("what says whose it is counts only if it is ours:", function()
  it("updates and messages of another task are nobody's", function()
    local foreign = { task_id = "another" }
    converse({
      RECEIVE, update("theirs", foreign), final("X", "theirs", { task_id = "another" }),
      final("Y", "theirs", { scope = { context = foreign } }), update("ou", { task_id = TASK }),
      update("theirs", foreign), update("ours", { task_id = TASK }), final("A", "ours", { task_id = TASK }),
    }, { "ours" }) -- stylua: ignore
  end)

  it("a session may speak for several tasks", function()
    converse({
      RECEIVE, update("to the second", { task_id = "T2" }), update("one", { task_id = "T/1" }), final("A", "one"),
      RECEIVE, update("to the first", { task_id = "T/1" }), final("A2", "to the first", { task_id = "T/1" }),
      update("two", { task_id = "T2" }), final("B", "two", { task_id = "T2" }),
      RECEIVE, update("three", { task_id = "T/1" }), final("C", "three"),
    }, { "one", "two", "three" }, { "T/1", "T2", "T/1" }) -- stylua: ignore
  end)

  it("updates of the answer before are nobody's", function()
    local first, second = { message_id = "M1", interaction_id = "I1" }, { message_id = "M2", interaction_id = "I2" }
    converse({
      RECEIVE, update("on", first), update("one", first), final("M1", "one"),
      RECEIVE, update("one, late", first), update("one", { interaction_id = "I1" }),
      update("one", { message_id = "M1" }), final("M2", "two"),
      RECEIVE, update("two, late", second), update("three", { message_id = "M3" }), final("M3", "three"),
    }, { "one", "two", "three" }) -- stylua: ignore
  end)

  it("they are not shown, and take nothing back", function()
    local server = support.play {
      RECEIVE, update("ours", { task_id = TASK }), update("not ours", { task_id = "another" }),
      update("ours too", { task_id = TASK }), final("A", "ours too"),
    } -- stylua: ignore
    local session = server:connect()
    local shown = ""
    for chunk, keep in session:send "question" do
      assert.are.equal(#shown, keep)
      shown = shown .. chunk
    end
    assert.are.equal("ours too", shown)
    session:close()
    server:stop()
  end)

  it("nor are they a sign of an answer", function()
    local server = support.play {
      RECEIVE,
      { ["repeat"] = 1000, steps = { update("not ours", { task_id = "another" }), { wait = 0.01 } } },
    }
    local session = server:connect { timeout = { connect = 20, first = 0.2, idle = 20 } }
    local message, err = session:ask "question"
    assert.is_nil(message)
    assert.are.equal("timeout", err.kind)
    assert.is_truthy(err.message:find("timeout.first", 1, true))
    session:close()
    server:stop()
  end)
end)

for _, scheme in ipairs(wire.schemes) do
  describe(("over %s, a connection is kept alive by"):format(scheme), function()
    local link = wire.new(scheme)
    after_each(function() link:stop() end)

    local json = '{"id":"A","text":"hi","sender":{"type":"agent"}}'
    local TEXT, BINARY, BOM = 0x81, 0x82, "\239\187\191"
    local harmless = {
      ["an empty message"] = wire.frame(TEXT, ""),
      ["white space"] = wire.frame(TEXT, " \r\n"),
      ["the word ping"] = wire.frame(TEXT, "ping"),
      ["the word pong, as binary data"] = wire.frame(BINARY, "Pong"),
      ["a word in JSON"] = wire.frame(TEXT, '"ping"'),
      ["an object that is no event"] = wire.frame(TEXT, '{"type":"ping"}'),
    }
    for what, bytes in pairs(harmless) do
      it(what, function()
        local peer = link:peer(bytes .. wire.frame(TEXT, json))
        assert.are.equal("hi", assert(link:connect(peer):ask "question").text)
      end)
    end

    it("which is no sign of an answer", function()
      local steps = { { wait = 0.01 } }
      for _, bytes in pairs(harmless) do
        steps[#steps + 1] = { raw = (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end)) }
      end
      local server = link:play { RECEIVE, { ["repeat"] = 1000, steps = steps } }
      local session = link:connect(server, { timeout = { connect = 20, first = 0.2, idle = 20 } })
      local _, err = session:ask "question"
      assert.are.equal("timeout", err.kind)
      assert.is_truthy(err.message:find("timeout.first", 1, true))
    end)

    it("a byte order mark is not part of a message", function()
      local peer = link:peer(wire.frame(TEXT, BOM .. json))
      local reply = link:connect(peer):send "question"
      assert.are.equal("hi", assert(reply:message()).text)
      assert.are.equal(json, reply:json())
    end)
  end)
end
