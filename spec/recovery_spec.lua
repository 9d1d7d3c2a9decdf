-- What becomes of a message whose answer was cut off: the task's history tells, and the reply goes on as if nothing had
-- happened, or the message is sent again, or nobody can know.

local aui = require "aui"
local cjson = require "cjson"
local history = require "aui.recovery.history"
local json = require "aui.text.json"
local support = require "spec.support"

local TASK = "68e78d0dc5a4b19a030d03d6"
local HISTORY = "/api/v1/external/tasks/" .. TASK .. "/messages"
local FIRST = { { receive = true }, { message = { text = "first answer" } } } -- by which the session learns an id
local CUT = { cut = "reset" }
local FOUND = { { receive = true }, { record = { text = "found" } }, CUT }

-- A connection's steps: several lists, one after another.
local function steps(...)
  local all = {}
  for _, list in ipairs { ... } do
    for _, step in ipairs(list) do all[#all + 1] = step end
  end
  return all
end

local function exchange(text) return { { receive = true }, { message = { text = text } } } end

for _, scheme in ipairs { "ws", "wss" } do
  describe("recovery over " .. scheme, function()
    local server, session, log

    local function play(scenario, changes)
      log = os.tmpname()
      server = support.play(scenario, { scheme = scheme, "--log", log })
      server.files[#server.files + 1] = log
      local options = { reconnect = { base = 0.01, max = 0.05 }, recover = true }
      for name, value in pairs(changes or {}) do options[name] = value end
      session = server:connect(options)
    end

    -- The texts that the agent has acted on.
    local function acted_on()
      local texts = {}
      for index, message in ipairs(support.logged_messages(log)) do texts[index] = message.text end
      return texts
    end

    local function ask_first() assert.equal("first answer", assert(session:ask "first").text) end

    local function assert_in_doubt(err)
      assert.equal("transport", err.kind)
      assert.equal("maybe", err.delivered)
      assert.equal(1006, err.close_code)
    end

    -- Lets the loop run until a connection was lost, and there is a new one.
    local function wait_reconnected()
      local lost = false
      local off = session:on("state", function(state) lost = lost or state ~= "open" end)
      support.wait_until(function() return lost and session:state() == "open" end)
      off()
    end

    after_each(function()
      if session then session:close() end
      if server then server:stop() end
      session, server = nil, nil
    end)

    it("holds the reply while it reads the history, though its user has dropped it", function()
      play { connections = { steps(FIRST, FOUND), exchange "next" } }
      ask_first()
      local decode = json.decode
      local user = { reply = session:send "question" }
      local handle = user.reply.handle
      json.decode = function(text)
        user.reply = nil
        support.collect()
        return decode(text)
      end
      finally(function() json.decode = decode end)
      support.wait_until(function() return handle:status() ~= "pending" end)
      assert.equal("done", handle:status())
    end)

    it("takes the answer from the history", function()
      play { connections = { steps(FIRST, FOUND), exchange "next" } }
      ask_first()
      local reply = session:send "question"
      local shown = support.read(reply)
      local message = assert(reply:message())
      assert.equal("found", shown)
      assert.equal("found", message.text)
      assert.equal("agent", message.sender.type)
      assert.equal("next", assert(session:ask "again").text)
      assert.same({ "first", "question", "again" }, acted_on())
    end)

    it("reads a history whose answer's head has as many bytes as max_response_head allows", function()
      local body = '[{"id":"1","text":"question","sender":{"type":"user"}},'
        .. '{"id":"2","text":"I found it","sender":{"type":"agent"}}]'
      local answer = { status = 200, headers = { ["X-Long"] = ("x"):rep(20000) }, body = body }
      local cut = { { receive = true }, { update = "I found" }, { wait = 0.05 }, CUT }
      local scenario = { connections = { cut, { { receive = true } } }, rest = { answer } }
      play(scenario, { max_response_head = 32 * 1024 })
      assert.equal("I found it", assert(session:ask "question").text)
      session:close()
      server:stop()
      play(scenario)
      assert_in_doubt(select(2, session:ask "question"))
    end)

    for _, case in ipairs {
      { "goes on from", "I found three" },
      { "rewrites", "There are three" },
      { "is", "I found" },
    } do
      it("makes the chunks add up when the answer " .. case[1] .. " what had come", function()
        play {
          connections = {
            { { receive = true }, { update = "I found" }, { wait = 0.05 }, { record = { text = case[2] } }, CUT },
            { { receive = true } },
          },
        }
        local reply = session:send "question" -- the first of the session: its text proves that it arrived
        local chunk = reply:next()
        assert.equal("I found", chunk)
        for text, keep in reply do chunk = chunk:sub(1, keep) .. text end
        assert.equal(case[2], chunk)
        assert.equal(case[2], assert(reply:message()).text)
      end)
    end

    it("waits for an answer that is not there yet", function()
      local early = cjson.encode {
        { id = "seen", text = "first answer", sender = { type = "agent" } },
        { id = "2", text = "question", sender = { type = "user" } },
      }
      play {
        connections = {
          {
            { receive = true },
            { message = { id = "seen", text = "first answer" } },
            { receive = true },
            { record = { text = "late" } },
            CUT,
          },
          { { receive = true } },
        },
        rest = { { status = 200, body = early }, { status = 200, body = early } },
      }
      ask_first()
      assert.equal("late", assert(session:ask "question").text)
      assert.same({ "first", "question" }, acted_on())
    end)

    for _, where in ipairs { "the same connection", "the next connection" } do
      it("does not send again what an event has named on " .. where .. ", though the history is late", function()
        local early = { status = 200, body = '[{"id":"seen","text":"first answer","sender":{"type":"agent"}}]' }
        local event = { event = "workflow-started", scope = { context = { message_id = "2", task_id = TASK } } }
        local first = { { receive = true }, { message = { id = "seen", text = "first answer" } }, { receive = true } }
        local told, late = { { send = event } }, { { record = { text = "late" } }, CUT }
        local second = { { receive = true } }
        if where == "the same connection" then
          play { connections = { steps(first, told, late), second }, rest = { early, early, early } }
        else
          play { connections = { steps(first, late), steps(told, second) }, rest = { early, early, early } }
        end
        ask_first()
        assert.equal("late", assert(session:ask "question").text)
        assert.same({ "first", "question" }, acted_on())
      end)
    end

    it("sends again what never arrived, once", function()
      play { connections = { steps(FIRST, { { receive = true, recorded = false }, CUT }), exchange "second try" } }
      ask_first()
      assert.equal("second try", assert(session:ask "question").text)
      assert.same({ "first", "question" }, acted_on())
    end)

    it("sends again as often as it does not arrive", function()
      local lost = { { receive = true, recorded = false }, CUT }
      play { connections = { steps(FIRST, lost), lost, exchange "third try" } }
      ask_first()
      assert.equal("third try", assert(session:ask "question").text)
      assert.same({ "first", "question" }, acted_on())
    end)

    it("sends a message three times at most, and then those behind it", function()
      local lost = { { receive = true, recorded = false }, CUT }
      play { connections = { steps(FIRST, lost), lost, lost, exchange "to the next" } }
      ask_first()
      local poison, next_one = session:send "poison", session:send "next"
      local _, err = poison:message()
      assert_in_doubt(err)
      assert.equal("to the next", assert(next_one:message()).text)
      assert.same({ "first", "next" }, acted_on())
    end)

    it("sends again what never arrived before the server ended the stream", function()
      local lost = { { receive = true, recorded = false }, { cut = "fin" } }
      play { connections = { steps(FIRST, lost), exchange "second try" } }
      ask_first()
      assert.equal("second try", assert(session:ask "question").text)
    end)

    it("tells equal texts apart", function()
      play {
        connections = {
          steps(
            { { receive = true }, { message = { text = "to the first" } } },
            { { receive = true }, { record = { text = "to the second" } }, CUT }
          ),
          steps({ { receive = true, recorded = false }, CUT }),
          exchange "to the third",
        },
      }
      assert.equal("to the first", assert(session:ask "same").text)
      assert.equal("to the second", assert(session:ask "same").text)
      assert.equal("to the third", assert(session:ask "same").text)
    end)

    it("never takes the answer to a cancelled message for another's with the same text", function()
      play {
        connections = {
          steps(FIRST, { { receive = true }, { update = "A" }, { record = { text = "to the cancelled" } } }),
          { { receive = true, recorded = false }, CUT },
          { { receive = true } },
        },
      }
      ask_first()
      local cancelled = session:send "same"
      assert.equal("A", (cancelled:next()))
      cancelled:cancel()
      local _, err = session:ask "same"
      assert_in_doubt(err)
    end)

    it("does not guess about a session's first message when the history has its text", function()
      play { connections = { { { receive = true }, { record = { text = "whose?" } }, CUT }, { { receive = true } } } }
      local _, err = session:ask "question"
      assert_in_doubt(err)
    end)

    for _, status in ipairs { 302, 401, 404 } do
      it("gives up when the history is refused with " .. status, function()
        play {
          connections = { steps(FIRST, FOUND), exchange "next" },
          rest = { { status = status, body = "no", headers = { Location = HISTORY } } },
        }
        ask_first()
        local _, err = session:ask "question"
        assert_in_doubt(err)
        assert.equal("next", assert(session:ask "again").text)
      end)
    end

    it("gives up when the history cannot be understood", function()
      for _, body in ipairs { "{}", "not JSON", "[1]", '[{"id":"1"}]', '{"messages":[]}' } do
        play {
          connections = { steps(FIRST, { { receive = true, recorded = false }, CUT }), { { receive = true } } },
          rest = { { status = 200, body = body } },
        }
        ask_first()
        local _, err = session:ask "question"
        assert_in_doubt(err)
        session:close()
        server:stop()
        session, server = nil, nil
      end
    end)

    -- The body of a history: a first exchange, if it is wanted, and whatever follows.
    local function history_of(first, ...)
      local items = { ... }
      if first then
        table.insert(items, 1, '{"id":"u1","text":"first","sender":{"type":"user"}}')
        table.insert(items, 2, '{"id":"a1","text":"first answer","sender":{"type":"agent"}}')
      end
      return "[" .. table.concat(items, ",") .. "]"
    end

    it("reads a history behind a byte order mark, in which characters are cut in two", function()
      local body = history_of(
        false,
        '{"id":"u0","text":"h\\ud83d","sender":{"type":"user"}}',
        '{"id":"a0","text":"\\ude00 what?","sender":{"type":"agent"}}',
        '{"id":"u2","text":"question","sender":{"type":"user"}}',
        '{"id":"a2","text":"I found \\ud83d it","sender":{"type":"agent"}}'
      )
      local cut = { { receive = true }, { update = "I found" }, { wait = 0.05 }, CUT }
      play { connections = { cut, { { receive = true } } }, rest = { { status = 200, body = "\239\187\191" .. body } } }
      assert.equal("I found \239\191\189 it", assert(session:ask "question").text)
    end)

    it("reads a history of 8 MiB, and of a longer one nothing", function()
      local question = '{"id":"u2","text":"question","sender":{"type":"user"}}'
      local found = '{"id":"a2","text":"I found it","sender":{"type":"agent"}}'
      local body = history_of(false, question, found)
      local longest = body .. (" "):rep(8 * 1024 * 1024 - #body)
      local cut = { { receive = true }, { update = "I found" }, { wait = 0.05 }, CUT }
      local function scenario(text)
        return { connections = { cut, { { receive = true } } }, rest = { { status = 200, body = text } } }
      end
      play(scenario(longest))
      assert.equal("I found it", assert(session:ask "question").text)
      session:close()
      server:stop()
      play(scenario(longest .. " "))
      assert_in_doubt(select(2, session:ask "question"))
    end)

    for _, first in ipairs { true, false } do
      local name = first and "" or ", the session's first in the task"
      it("does not send again a message that the history may have in other words" .. name, function()
        local body = history_of(first, '{"id":"u2","text":"question","sender":{"type":"user"}}')
        local answer = { status = 200, body = body }
        local lost = { { receive = true, recorded = false }, CUT }
        local begin = first and { { receive = true }, { message = { id = "a1", text = "first answer" } } } or {}
        play { connections = { steps(begin, lost), exchange "to the same again" }, rest = { answer, answer, answer } }
        if first then ask_first() end
        assert_in_doubt(select(2, session:ask " question\n"))
      end)
    end

    it("asks again when the history fails for a while", function()
      play {
        connections = { steps(FIRST, FOUND), { { receive = true } } },
        rest = { { status = 503 }, "drop" },
      }
      ask_first()
      assert.equal("found", assert(session:ask "question").text)
    end)

    it("keeps later messages behind the one in doubt", function()
      play {
        connections = {
          steps(FIRST, { { receive = true }, { record = { text = "one" } }, CUT }),
          steps(exchange "two", exchange "three"),
        },
        rest = { { status = 503 } },
      }
      ask_first()
      local replies = { session:send "1", session:send "2", session:send "3" }
      assert.equal("one", assert(replies[1]:message()).text)
      assert.equal("two", assert(replies[2]:message()).text)
      assert.equal("three", assert(replies[3]:message()).text)
      assert.same({ "first", "1", "2", "3" }, acted_on())
    end)

    it("may be cancelled, and the next message goes on", function()
      play { connections = { steps(FIRST, { { receive = true }, CUT }), exchange "next" } }
      ask_first()
      local reply = session:send "question"
      wait_reconnected()
      assert.equal("aui.Reply (pending)", tostring(reply))
      reply:cancel()
      local _, err = reply:message()
      assert.equal("canceled", err.kind)
      assert.equal("maybe", err.delivered)
      assert.equal("next", assert(session:ask "again").text)
    end)

    for _, case in ipairs {
      { "first", { first = 0.3 }, {} },
      { "idle", { idle = 0.3 }, { { update = "I" }, { wait = 0.05 } } },
      { "total", { total = 0.5 }, {} },
    } do
      local name, timeout, sign = case[1], case[2], case[3]
      it("ends with timeout." .. name, function()
        play { connections = { steps(FIRST, { { receive = true } }, sign, { CUT }), { { receive = true } } } }
        ask_first()
        local _, err = session:ask { text = "question", timeout = timeout }
        assert.equal("timeout", err.kind)
        assert.equal("maybe", err.delivered)
        assert.is_truthy(err.message:find("timeout." .. name, 1, true))
        assert.is_truthy(err.message:find("the connection was cut", 1, true))
        assert.equal(1006, err.close_code)
      end)
    end

    it("ends with the session", function()
      play { connections = { steps(FIRST, { { receive = true }, CUT }), { { receive = true } } } }
      ask_first()
      local reply = session:send "question"
      wait_reconnected()
      session:close()
      local _, err = reply:message()
      assert.equal("canceled", err.kind)
      assert.equal("maybe", err.delivered)
    end)

    it("keeps neither reply nor session alive", function()
      play { connections = { steps(FIRST, { { receive = true }, CUT }), { { receive = true } } } }
      ask_first()
      local weak = setmetatable({}, { __mode = "k" })
      local reply = session:send "question"
      weak[reply] = true
      wait_reconnected()
      aui.sleep(0.05) -- some waiting in between is all that is wanted
      reply = nil -- luacheck: ignore
      weak[session] = true
      session = nil
      -- Whoever asks the history just now holds them for that moment; the answer would be waited for much longer.
      local patience = 40
      repeat
        aui.sleep(0.05)
        support.collect()
        patience = patience - 1
      until next(weak) == nil or patience == 0
      assert.is_nil(next(weak))
      aui.sleep(0.3)
    end)

    it("does not keep aui.run from returning", function()
      play { connections = { steps(FIRST, { { receive = true }, CUT }), { { receive = true } } } }
      local reply
      aui.run(function()
        ask_first()
        reply = session:send "question"
        wait_reconnected()
      end)
      assert.equal("aui.Reply (pending)", tostring(reply))
    end)

    for _, option in ipairs { "recover", "reconnect" } do
      it("is not tried with " .. option .. " = false", function()
        play({ connections = { steps(FIRST, FOUND), exchange "next" } }, { [option] = false })
        ask_first()
        local _, err = session:ask "question"
        assert_in_doubt(err)
        assert.equal("next", assert(session:ask "again").text)
      end)
    end

    it("uses the key, the server and the task of the session", function()
      log = os.tmpname()
      local scenario = { connections = { steps(FIRST, FOUND), exchange "next" } }
      server = support.play(scenario, { scheme = scheme, "--api-key", "hunter2 key/&?", "--log", log })
      server.files[#server.files + 1] = log
      session = server:connect {
        api_key = "hunter2 key/&?",
        task_id = "a task/with?odd characters %41",
        url = server.url:gsub("/api/v1", "/some/prefix/api/v1"),
        reconnect = { base = 0.01, max = 0.05 },
        recover = true,
      }
      ask_first()
      assert.equal("found", assert(session:ask "question").text)
      assert.equal("next", assert(session:ask "again").text)
    end)
  end)
end

describe("a task's history", function()
  -- Messages from words: "u:text" by the user, "a:text" by the agent, "3:text" by a third party; ids are both in one.
  local function messages(words)
    local types, list = { u = "user", a = "agent", ["3"] = "3p" }, {}
    for sender, text in words:gmatch "(%w):(%S+)" do
      list[#list + 1] = { id = sender .. text, text = text, sender = { type = types[sender] } }
    end
    return list
  end

  local function find(words, question)
    question.text = question.text or "ours"
    question.earlier = question.earlier or 0
    question.others = { sent = 1 }
    return history.find(messages(words), question)
  end

  for _, case in ipairs {
    { "u:old a:seen u:ours a:yes", { "answered", 4 } },
    { "u:ours a:seen u:ours a:yes", { "answered", 4 } },
    { "u:ours a:seen", { "absent" } },
    { "a:seen u:ours", { "unanswered" } },
    { "a:seen u:ours 3:aside", { "unanswered" } },
    { "a:seen u:ours 3:aside a:yes", { "answered", 4 } },
    { "a:seen u:ours u:other a:whose", { "unclear" } },
    { "a:seen u:other u:ours a:whose", { "unclear" } },
    { "a:seen u:other u:more a:one u:ours a:whose", { "unclear" } },
    { "a:seen u:other a:one u:ours a:yes", { "answered", 5 } },
    { "a:seen a:more u:ours a:yes", { "answered", 4 } },
    { "a:seen u:sent", { "absent" } },
    { "a:seen u:sent a:x", { "absent" } },
    { "a:seen u:altered", { "unclear" } },
    { "a:seen u:sent u:altered a:whose", { "unclear" } },
    { "a:newest u:altered a:seen u:first", { "unclear" } }, -- the newest first
    { "a:seen u:ours a:seen", { "unanswered" } },
    { "a:seen u:ours a:seen a:yes", { "answered", 4 } },
    { "a:seen u:other u:ours a:one a:one", { "unclear" } },
    { "a:seen u:other a:one a:one u:ours a:one a:yes", { "answered", 7 } },
    { "u:ours a:yes", { "unclear" } },
    { "", { "unclear" } },
  } do
    it("with the newest id tells of '" .. case[1] .. "': " .. case[2][1], function()
      assert.same(case[2], { find(case[1], { last_id = "aseen" }) })
    end)
  end

  for _, case in ipairs {
    { "a:seen u:sent a:x", 1, { "absent" } },
    { "a:seen u:ours a:x", 1, { "unclear" } },
    { "a:seen u:ours a:x u:ours a:yes", 1, { "answered", 5 } },
    { "a:seen u:ours a:x u:ours a:y", 2, { "unclear" } },
  } do
    it(("after %d like it tells of '%s': %s"):format(case[2], case[1], case[3][1]), function()
      assert.same(case[3], { find(case[1], { last_id = "aseen", earlier = case[2] }) })
    end)
  end

  for _, case in ipairs {
    { "", { "absent" } },
    { "u:other a:x", { "absent" } },
    { "u:ours", { "unclear" } },
    { "u:ours a:x", { "unclear" } },
  } do
    it("without a known id tells of '" .. case[1] .. "': " .. case[2][1], function()
      assert.same(case[2], { find(case[1], {}) })
    end)
  end

  it("without a known id may have the message with other spaces", function()
    assert.equal("unclear", find("u:ours a:whose", { text = " ou\trs\r\n" }))
  end)

  for _, case in ipairs {
    { "u:ours a:x u:ours a:yes", { "answered", 4 } },
    { "u:ours", { "unanswered" } },
    { "u:other a:x", { "unanswered" } },
    { "u:other u:ours a:whose", { "unclear" } },
  } do
    it("when the answer had begun tells of '" .. case[1] .. "': " .. case[2][1], function()
      assert.same(case[2], { find(case[1], { begun = true }) })
    end)
  end

  it("keeps the items of its JSON as they are", function()
    local items = { '{"a":[1,{"b":"]}"}],"c":"\\"],[\\\\"}', "null", '"\\\\"', "1.50", "[]", "{}" }
    assert.same(items, json.items(" [ " .. table.concat(items, " ,\n") .. " ] "))
    assert.same({}, json.items " [ ] ")
  end)
end)

describe("the option recover", function()
  it("is a boolean", function()
    assert.has_error(
      function() aui.session { url = "ws://127.0.0.1:1/api/v1/external/session", task_id = TASK, recover = 1 } end,
      "recover: expected a boolean, got 1"
    )
  end)
end)
