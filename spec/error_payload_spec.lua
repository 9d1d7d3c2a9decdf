-- The errors that the agent's side tells by a payload: what a reply's error says then, and that the session goes on.

local aui = require "aui"
local support = require "spec.support"

-- payload: the fields sent; close: the code that follows; the rest is what the error must say.
local CASES = {
  {
    name = "a refused message (400)",
    payload = {
      status_code = 400,
      description = "Bad request",
      message = "The message was moderated",
      extra_data = { moderation = { categories = { "violence" }, score = 0.93 } },
    },
    close = 1008,
    kind = "application",
    retryable = false,
    delivered = "yes",
  },
  {
    name = "a validation error (422)",
    payload = { status_code = 422, description = "Validation error", message = "task_id: not a task", extra_data = {} },
    close = 1008,
    kind = "application",
    retryable = false,
    delivered = "yes",
  },
  {
    name = "a rate limit (429)",
    payload = { status_code = 429, description = "Too many", message = "Slow down", extra_data = { retry_after = 7 } },
    close = 1008,
    kind = "rate_limit",
    retryable = true,
    delivered = "no",
  },
  {
    name = "a server's failure (500)",
    payload = { status_code = 500, description = "Server error", message = "Oops", extra_data = { trace = "t1" } },
    close = 1011,
    kind = "server",
    retryable = true,
    delivered = "maybe",
  },
  {
    name = "a server's overload (503)",
    payload = { status_code = 503, description = "Unavailable", message = "Come back later", extra_data = {} },
    close = 1011,
    kind = "server",
    retryable = true,
    delivered = "maybe",
  },
}

local function check_fields(case, err)
  assert.are.equal(case.kind, err.kind)
  assert.are.equal(case.payload.status_code, err.status_code)
  assert.are.equal(case.payload.description, err.description)
  assert.are.same(case.payload.extra_data, err.extra_data)
  assert.are.equal(case.payload.extra_data.retry_after, err.retry_after)
  assert.are.equal(case.close, err.close_code)
  assert.are.equal(case.retryable, err.retryable)
  assert.is_truthy(err.message:find(case.payload.message, 1, true), err.message)
  assert.are.equal(case.kind .. ": " .. err.message, tostring(err))
  assert.is_nil(err.payload)
end

for _, scheme in ipairs { "ws", "wss" } do
  describe(("an error payload over %s"):format(scheme), function()
    local server, session

    local function play(steps)
      server = support.play({
        connections = { steps, { { receive = true }, { message = { text = "well again" } } } },
      }, { scheme = scheme })
      session = server:connect()
    end

    after_each(function()
      session:close()
      server:stop()
    end)

    for _, case in ipairs(CASES) do
      it(("tells of %s before any text, and the next message works"):format(case.name), function()
        play { { receive = true }, { error = case.payload }, { close = case.close, reason = "see above" } }
        local message, err = session:ask "question"
        assert.is_nil(message)
        check_fields(case, err)
        assert.are.equal(case.delivered, err.delivered)
        assert.are.equal("", err.text)
        assert.are.equal("well again", assert(session:ask "again").text)
      end)

      it(("tells of %s after some text, which is kept"):format(case.name), function()
        play { { receive = true }, { update = "I found" }, { error = case.payload }, { close = case.close } }
        local reply, shown, err = session:send "question", "", nil
        repeat
          local chunk, keep = reply:next()
          if chunk then shown = shown:sub(1, keep) .. chunk else err = keep end
        until not chunk
        assert.are.equal("I found", shown)
        check_fields(case, err)
        assert.are.equal("yes", err.delivered) -- the agent had begun to answer it
        assert.are.equal("I found", err.text)
        assert.are.equal("well again", assert(session:ask "again").text)
      end)
    end

    for given, expected in pairs { [7] = "7", [1.5] = "1.5" } do
      it(("may ask to wait for %s s"):format(expected), function()
        play { { receive = true }, { error = { status_code = 429, extra_data = { retry_after = given } } } }
        local _, err = session:ask "question"
        assert.are.equal(expected, tostring(err.retry_after))
      end)
    end

    for written, expected in pairs { ["-1"] = 0, ["1e999"] = 2147483647 } do
      it(("cannot ask to wait for %s s"):format(written), function()
        play { { receive = true }, { send = ('{"status_code":429,"extra_data":{"retry_after":%s}}'):format(written) } }
        local _, err = session:ask "question"
        assert.are.equal(expected, err.retry_after)
      end)
    end

    it("is not taken for Ctrl-C, whatever its words", function()
      play {
        { receive = true },
        { error = { status_code = 500, message = "x:1: interrupted!", description = "interrupted!" } },
      } -- stylua: ignore
      local told, slept
      local reply = session:send "question"
      reply:on("error", function(err)
        told = err
        error(err.message)
      end)
      aui.log(function() end) -- which the failure of the handler is told to
      finally(function() aui.log(nil) end)
      aui.run(function()
        assert.is_nil((reply:message()))
        slept = true
      end)
      assert.is_true(slept)
      assert.matches("interrupted$", told.message)
      assert.are.equal("interrupted", told.description)
    end)

    it("is told without a close, too", function()
      play { { receive = true }, { error = CASES[1].payload }, { wait = 3600 } }
      local _, err = session:ask "question"
      assert.are.equal("application", err.kind)
      assert.are.equal(400, err.status_code)
      assert.is_nil(err.close_code)
    end)

    it("is told before a cut, too", function()
      play { { receive = true }, { error = CASES[1].payload }, { cut = "fin" } }
      local _, err = session:ask "question"
      assert.are.equal("application", err.kind)
      assert.are.equal(400, err.status_code)
    end)

    it("concerns the message that was on its way alone: the one behind it is sent on the next connection", function()
      play { { receive = true }, { error = CASES[4].payload }, { close = 1011 } }
      local first, second = session:send "one", session:send "two"
      local _, err = first:message()
      assert.are.equal("server", err.kind)
      assert.are.equal("well again", assert(second:message()).text)
    end)

    it("is told on one line, whatever the server's words have", function()
      play { { receive = true }, { error = { status_code = 500, message = "no\r\nmore\27[31m red" } } }
      local _, err = session:ask "question"
      assert.is_truthy(err.message:find("no more [31m red", 1, true), err.message)
    end)

    it("may say where it is with more than names", function()
      local detail = { { loc = { "body", 0, { "x" } }, msg = "field required" } }
      play { { receive = true }, { send = { status_code = 422, detail = detail } }, { close = 1008 } }
      local _, err = session:ask "question"
      assert.is_truthy(err.message:find("body%.0%.table.*: field required"), err.message)
    end)

    it("does not show a key of digits that it repeats as a number", function()
      local key = "123456789"
      local payload = [[{"status_code":500,"code":%s,"detail":[{"loc":[%s],"msg":%s}],
        "extra_data":{"retry_after":%s,"list":[%s,%s.0,-%s,1.23456789e8,7]}}]]
      local steps = { { receive = true }, { send = (payload:gsub("%%s", key)) }, { close = 1011 } }
      server = support.play(steps, { scheme = scheme })
      session = server:connect { api_key = key }
      local _, err = session:ask "question"
      assert.are.equal("***", err.code)
      assert.are.same({ retry_after = "***", list = { "***", "***", "***", "***", 7 } }, err.extra_data)
      assert.is_nil(err.retry_after)
      assert.is_truthy(err.message:find("***: ***", 1, true), err.message)
    end)

    it("can be put into a sentence", function()
      play { { receive = true }, { error = CASES[1].payload } }
      local _, err = session:ask "question"
      local line = tostring(err)
      assert.are.equal("failed: " .. line, "failed: " .. err)
      assert.are.equal(line .. "!", err .. "!")
      assert.are.equal(line .. line, err .. err)
      assert.has_error(function() return nil .. err end)
    end)

    it("may have its keys in any order, null fields and unknown ones", function()
      play {
        { receive = true },
        { send = [[{"hint":{"status_code":1},"extra_data":null,"message":"M","description":null,"status_code":422}]] },
        { close = 1008 },
      }
      local _, err = session:ask "question"
      assert.are.equal("application", err.kind)
      assert.are.equal(422, err.status_code)
      assert.is_nil(err.description)
      assert.is_nil(err.extra_data)
      assert.is_truthy(err.message:find("M", 1, true))
    end)
  end)
end
