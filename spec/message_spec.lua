-- The final message as Lua sees it: its fields, nulls, whatever the order of its keys.

local aui = require "aui"
local cjson = require "cjson"
local host = require "aui.host"
local support = require "spec.support"

-- Sends the payload as the answer, over both transports; returns the message, or nil and the error.
local function answered_by(scheme, payload)
  local server = support.play({ { receive = true }, { send = payload } }, { scheme = scheme })
  local session = server:connect()
  local message, err = session:ask "question"
  session:close()
  server:stop()
  return message, err
end

for _, scheme in ipairs { "ws", "wss" } do
  describe(("a message over %s"):format(scheme), function()
    it("keeps every field, also those that nobody knows", function()
      local message = assert(answered_by(
        scheme,
        [=[{"id": "68e78d98240f9b18e0f578c8", "created_at": "2025-10-09 12:26:07.576000", "text": "Here.",
          "sender": {"id": "a", "type": "agent", "email": "agent@example.com"}, "receiver": {"id": "u", "type": "user"},
          "cards": [{"id": "1", "name": "M", "is_recommended": true,
                     "parameters": [{"title": "Capacity", "value": 25.5, "type": "numeric"}]}],
          "followup_suggestions": ["More?", "Less?"], "novelty": {"deep": [1, [2, {"three": 3}]]}}]=]
      ))
      assert.are.same({
        id = "68e78d98240f9b18e0f578c8",
        created_at = "2025-10-09 12:26:07.576000",
        text = "Here.",
        sender = { id = "a", type = "agent", email = "agent@example.com" },
        receiver = { id = "u", type = "user" },
        cards = {
          {
            id = "1",
            name = "M",
            is_recommended = true,
            parameters = { { title = "Capacity", value = 25.5, type = "numeric" } },
          },
        },
        followup_suggestions = { "More?", "Less?" },
        options = {},
        variants_options = {},
        novelty = { deep = { 1, { 2, { three = 3 } } } },
      }, message)
    end)

    it("has nil for a null in an object, at any depth", function()
      local message = assert(answered_by(
        scheme,
        [[{"created_at": null, "sender": {"id": "a", "type": "agent", "email": null}, "receiver": null, "cards": null,
          "options": [{"is_recommended": null, "widget_parameters": [{"title": "T", "value": null, "type": "string"}]}],
          "variants_options": null, "followup_suggestions": null, "text": "x", "id": "1", "new": null}]]
      ))
      assert.are.same({
        id = "1",
        text = "x",
        sender = { id = "a", type = "agent" },
        options = { { widget_parameters = { { title = "T", type = "string" } } } },
        cards = {},
        variants_options = {},
        followup_suggestions = {},
      }, message)
    end)

    for what, fields in pairs {
      ["leaves them out"] = "",
      ["sends null"] = [[, "cards": null, "options": null, "variants_options": null, "followup_suggestions": null]],
      ["sends other values"] = [[, "cards": "x", "options": 1, "variants_options": true, "followup_suggestions": ""]],
    } do
      it("has its arrays, empty, though the agent " .. what, function()
        local message = assert(answered_by(scheme, [[{"id": "1", "text": "x", "sender": {}]] .. fields .. "}"))
        for _, name in ipairs { "cards", "options", "variants_options", "followup_suggestions" } do
          assert.are.same({}, message[name])
        end
      end)
    end

    it("has its arrays whichever way its user gets it", function()
      local function payload(id)
        return ([[{"id": "%s", "text": "found", "sender": {"type": "agent"}, "cards": null}]]):format(id)
      end
      local list = '[{"id": "1", "text": "question", "sender": {"type": "user"}}, ' .. payload "2" .. "]"
      local found, alone = { status = 200, body = list }, { status = 200, body = payload "5" }
      local server = support.play({
        connections = {
          { { receive = true }, { update = "fo" }, { wait = 0.05 }, { cut = "reset" } },
          { { receive = true }, { send = payload "3" }, { receive = true }, { send = payload "4" } },
        },
        rest = { found, found, found, alone },
      }, { scheme = scheme })
      local options = server:options { reconnect = { base = 0.01, max = 0.05 }, recover = true }
      local session, client = assert(aui.connect(options)), aui.client(options)
      finally(function()
        session:close()
        server:stop()
      end)
      local messages = { assert(session:ask "question") } -- the connection dies, and the history has it
      messages[2] = assert(session:send("another"):message())
      session:send("third"):on("message", function(message) messages[3] = message end)
      support.wait_until(function() return messages[3] end)
      for _, history in ipairs { assert(session:history()), assert(client:messages(options.task_id)) } do
        for _, message in ipairs(history) do messages[#messages + 1] = message end
      end
      messages[#messages + 1] = assert(client:send_message { task_id = options.task_id, text = "question" })
      assert.are.equal(8, #messages)
      for _, message in ipairs(messages) do
        for _, name in ipairs { "cards", "options", "variants_options", "followup_suggestions" } do
          assert.are.same({}, message[name])
        end
      end
    end)

    it("has cjson.null for a null in an array, which keeps its place", function()
      local message = assert(answered_by(
        scheme,
        [=[{"id": "1", "text": "x", "sender": {},
            "followup_suggestions": [null, "b", null], "grid": [[null], [1, null]]}]=]
      ))
      assert.are.same({ cjson.null, "b", cjson.null }, message.followup_suggestions)
      assert.are.same({ { cjson.null }, { 1, cjson.null } }, message.grid)
    end)

    it("is told to be too much for the memory that is left, and is read once there is more", function()
      local server = support.play({ { receive = true }, { message = { text = "whole" } } }, { scheme = scheme })
      local session, has_room = server:connect(), host.has_room
      finally(function()
        host.has_room = has_room
        session:close()
        server:stop()
      end)
      local reply = session:send "question"
      support.read(reply)
      host.has_room = function() return false end
      local message, err = reply:message()
      assert.is_nil(message)
      assert.are.equal("overflow: the agent's message cannot be read: not enough memory", tostring(err))
      assert.is_true(err.retryable)
      assert.are.equal("yes", err.delivered)
      host.has_room = has_room
      assert.are.equal("whole", assert(reply:message()).text)
    end)

    it("is refused when it is longer than 1 MiB, unless more is allowed", function()
      local long = ("x"):rep(1024 * 1024)
      local server = support.play({
        connections = {
          { { receive = true }, { message = { text = long } } },
          { { receive = true }, { message = { text = long } } },
        },
      }, { scheme = scheme })
      local session, patient = server:connect(), server:connect { max_message = 2 * 1024 * 1024 }
      local message, err = session:ask "question"
      assert.is_nil(message)
      assert.are.equal("overflow", err.kind)
      assert.are.equal(#long, #assert(patient:ask "question").text)
      session:close()
      patient:close()
      server:stop()
    end)

    it("has no surrogate that is unpaired in any of its strings", function()
      local message = assert(answered_by(
        scheme,
        [[{"id": "\ud83d", "text": "\ude00 \ud83d\ude00", "sender": {"id": "a\udc00b"}, "\udfff": "key"}]]
      ))
      assert.are.equal("\239\191\189", message.id)
      assert.are.equal("\239\191\189 \240\159\152\128", message.text)
      assert.are.equal("a\239\191\189b", message.sender.id)
      assert.are.equal("key", message["\239\191\189"])
    end)

    it("has U+0000 where its JSON has it", function()
      local message = assert(answered_by(scheme, [[{"id": "1", "text": "a\u0000b", "sender": {"id": "\u0000"}}]]))
      assert.are.equal("a\0b", message.text)
      assert.are.equal("\0", message.sender.id)
    end)

    it("may be a short one after a very long one", function()
      local server = support.play({
        { receive = true },
        { message = { text = ("long "):rep(200000) } },
        { receive = true },
        { update = "sh" },
        { message = { text = "short" } },
      }, { scheme = scheme })
      local session = server:connect()
      assert.are.equal(1000000, #assert(session:ask "one").text)
      local reply = session:send "two"
      assert.are.equal("short", (support.read(reply)))
      assert.are.equal("short", assert(reply:message()).text)
      session:close()
      server:stop()
    end)
  end)
end

describe("a message", function()
  it("is the same table each time it is asked for", function()
    local server = support.start { "--pace", "0" }
    local session = server:connect()
    local reply = session:send "hello"
    local message = assert(reply:message())
    assert.are.equal(message, reply:message())
    session:close()
    assert.are.equal(message, reply:message())
    server:stop()
  end)

  it("can be had as it came, once it is there", function()
    local payload = '{"id": "1", "text": "x", "sender": {}, "cards": [], "followup_suggestions": null}'
    local server = support.play { { receive = true }, { send = payload }, { receive = true }, { cut = "fin" } }
    local session = server:connect()
    local reply = session:send "question"
    assert.is_nil(reply:json())
    assert(reply:message())
    assert.are.equal(payload, reply:json())
    reply = session:send "another"
    assert.is_nil((reply:message()))
    assert.is_nil(reply:json())
    session:close()
    server:stop()
  end)

  it("may nest as deep as max_depth", function()
    local nested = ("["):rep(200) .. ("]"):rep(200)
    local payload = ('{"id":"1","text":"x","sender":{},"deep":%s}'):format(nested)
    local server = support.play { { receive = true }, { send = payload } }
    local session = server:connect { max_depth = 201 }
    assert.are.equal("table", type(assert(session:ask "question").deep))
    session:close()
    session = server:connect { max_depth = 200 }
    local message, err = session:ask "question"
    assert.is_nil(message)
    assert.are.equal("overflow", err.kind)
    assert.is_truthy(err.message:find("200", 1, true))
    session:close()
    server:stop()
  end)
end)
