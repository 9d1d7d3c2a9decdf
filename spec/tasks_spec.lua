-- Tasks of coroutines: their handles, the runs that end with all of their tasks, and aui.map. All is the same
-- natively, under an adapter and in nginx.

local aui = require "aui"
local support = require "spec.support"
local yieldable = require "aui.host.native.yieldable"

local function values(...) return { n = select("#", ...), ... } end

local function sleep_long() aui.sleep(3600) end

-- A task that is waiting when this returns, and what it did.
local function begin(fn)
  local has_begun = false
  local task = aui.spawn(function()
    has_begun = true
    return fn()
  end)
  support.wait_until(function() return has_begun end)
  return task
end

describe("a task's handle", function()
  it("joins its end, with all results, nils too, however often it is asked", function()
    local task = aui.spawn(function(...)
      aui.sleep(0.001)
      return ..., nil
    end, "a", nil)
    for _ = 1, 2 do assert.same({ n = 2, "a" }, values(task:join())) end
    assert.equal("done", task:status())
  end)

  it("returns what a task has raised to whoever joins it", function()
    local thrown = {}
    for _, raised in ipairs { thrown, "words" } do
      local results = values(aui.spawn(error, raised, 0):join())
      assert.same({ n = 2, nil, raised }, results)
    end
    local task = aui.spawn(error, thrown)
    assert.same({ n = 2, nil, thrown }, values(task:join()))
    assert.equal("failed", task:status())
    assert.equal(thrown, select(2, task:join()))
  end)

  it("says so when a task has raised nil", function()
    local task = aui.spawn(function() error(nil) end) -- luacheck: ignore
    local result, err = task:join()
    assert.is_nil(result)
    assert.is_not_nil(err)
    assert.equal("failed", task:status())
  end)

  it("joins several times at once", function()
    local task, heard = aui.spawn(function() aui.sleep(0.01) return "end" end), {}
    aui.run(function()
      for index = 1, 3 do aui.spawn(function() heard[index] = task:join() end) end
    end)
    assert.same({ "end", "end", "end" }, heard)
  end)

  it("does not join longer than it is told to: an error of kind pending, and the task goes on", function()
    local go_on = false
    local task = begin(function()
      support.wait_until(function() return go_on end)
      return "end"
    end)
    for _, timeout in ipairs { 0, 0.001 } do
      local result, err = task:join(timeout)
      assert.is_nil(result)
      assert.equal("pending", err.kind)
      assert.equal("pending", task:status())
    end
    go_on = true
    assert.equal("end", task:join())
  end)

  it("says what it is", function()
    local task = aui.spawn(function() end)
    assert.equal("aui.Task (pending)", tostring(task))
    task:join()
    assert.equal("aui.Task (done)", tostring(task))
  end)

  it("refuses a bad call at the caller's line", function()
    local task = aui.spawn(function() end)
    task:join()
    for words, call in pairs {
      ["timeout: expected seconds (a number, 0 or more), got -1"] = function() local _ = task:join(-1) end,
      ["join: call it with a colon: task:join(...)"] = function() local _ = task.join() end,
      ["cancel: call it with a colon: task:cancel(...)"] = function() task.cancel() end,
      ["status: call it with a colon: task:status(...)"] = function() local _ = task.status() end,
    } do
      local ok, err = pcall(call)
      assert.is_false(ok)
      assert.matches("^spec/tasks_spec.lua:%d+: ", err)
      assert.is_truthy(err:find(words, 1, true), err)
    end
  end)

  it("cannot be joined by its own task", function()
    local task
    task = aui.spawn(function() task:join() end)
    local _, err = task:join()
    assert.is_truthy(err:find("task:join: called in the task itself", 1, true), err)
  end)
end)

describe("canceling a task", function()
  local function assert_canceled(task)
    local result, err = task:join()
    assert.is_nil(result)
    assert.equal("canceled", err.kind)
    assert.equal("canceled: the task was canceled", tostring(err))
    assert.equal("canceled", task:status())
  end

  it("ends its wait by an error of kind canceled", function()
    local task = begin(sleep_long)
    task:cancel()
    assert_canceled(task)
  end)

  it("ends one that has not begun without running it", function()
    local ran = false
    local task = aui.spawn(function() ran = true end)
    task:cancel()
    assert_canceled(task)
    assert.is_false(ran)
  end)

  it("does nothing to one that has ended", function()
    local task = aui.spawn(function() return "result" end)
    task:join()
    task:cancel()
    assert.equal("done", task:status())
    assert.equal("result", task:join())
  end)

  it("does not end its work, but the next wait", function()
    local task, worked
    task = aui.spawn(function()
      task:cancel()
      worked = true
      aui.sleep(0)
      worked = "too long"
    end)
    assert_canceled(task)
    assert.is_true(worked)
  end)

  it("ends any wait: a reply's, a join's, a connection's, a call's", function()
    local server = support.play { { receive = true }, { wait = 3600 } }
    local silent = support.play { connections = { { { handshake = "ignore" } } }, rest = { "ignore" } }
    finally(function()
      server:stop()
      silent:stop()
    end)
    local session, other = server:connect(), begin(sleep_long)
    local client = aui.client(silent:options())
    local is_over = false
    local asking = aui.client(silent:options {
      api_key = function()
        support.wait_until(function() return is_over end)
        return "key"
      end,
    })
    local reply = session:send "question"
    for _, wait in ipairs {
      function() return reply:message() end,
      function() return reply:next() end,
      function() return other:join() end,
      function() return aui.connect(silent:options()) end,
      function() return aui.map({ 1, 2 }, sleep_long) end,
      function() return client:task "id" end,
      function() return asking:task "id" end,
    } do
      local task = begin(wait)
      aui.sleep(0.01)
      task:cancel()
      assert_canceled(task)
    end
    is_over = true
    assert.equal("pending", select(2, other:join(0)).kind)
    other:cancel()
    assert_canceled(other)
    session:close()
  end)

  it("ends a wait for text though the session tells something in the same moment", function()
    local server = support.play { { receive = true }, { wait = 3600 } }
    finally(function() server:stop() end)
    local session = server:connect()
    local reply = session:send "question"
    local task = begin(function() return reply:next() end)
    task:cancel()
    reply:on("message", print) -- which all who wait are told
    assert_canceled(task)
    session:close()
  end)

  it("of a session that connects leaves no session behind", function()
    local silent = support.play { { handshake = "ignore" } }
    finally(function() silent:stop() end)
    local events = {}
    aui.log(function(event) events[#events + 1] = event.state end, "info")
    finally(function() aui.log(nil) end)
    local task = begin(function() return aui.connect(silent:options()) end)
    task:cancel()
    assert_canceled(task)
    support.wait_until(function() return events[#events] == "closed" end)
  end)

  local it_in_pcall = yieldable.in_pcall and it or pending -- PUC Lua 5.1 cannot wait there

  it_in_pcall("can be caught, as any error, but each further wait raises it again", function()
    local errs = {}
    local task = begin(function()
      for index = 1, 3 do errs[index] = select(2, pcall(sleep_long)) end
      return "cleaned up"
    end)
    task:cancel()
    assert.equal("cleaned up", task:join())
    assert.equal("done", task:status())
    for index = 1, 3 do assert.equal("canceled", errs[index].kind) end
  end)

  it_in_pcall("lets others run though it tries again and again", function()
    local is_over = false
    local task = begin(function()
      repeat pcall(sleep_long) until is_over
      return "over"
    end)
    task:cancel()
    aui.sleep(0.005)
    is_over = true
    assert.equal("over", task:join())
  end)

  it_in_pcall("leaves it failed when it raises something else then, which nobody need hear", function()
    local task, result, err
    aui.run(function()
      task = begin(function()
        pcall(sleep_long)
        error("broken", 0)
      end)
      task:cancel()
    end)
    result, err = task:join()
    assert.is_nil(result)
    assert.equal("broken", err)
    assert.equal("failed", task:status())
  end)

  it("has a closed session's end awaited by nobody", function()
    local server = support.start { "--pace", "0" }
    finally(function() server:stop() end)
    local session = server:connect()
    local task
    task = aui.spawn(function()
      task:cancel()
      session:close()
      return "closed"
    end)
    assert.equal("closed", task:join())
    support.wait_until(function() return session:state() == "closed" end)
  end)

  if coroutine.close then -- luacheck: ignore (Lua 5.4)
    local close = coroutine.close -- luacheck: ignore

    it("closes its to-be-closed variables", function()
      local work = assert(load [[
        local closing, wait = ...
        local variable <close> = closing
        wait()
      ]])
      local heard
      local closing = setmetatable({}, { __close = function(_, err) heard = err end })
      local task = begin(function() work(closing, sleep_long) end)
      task:cancel()
      assert_canceled(task)
      assert.equal("canceled", heard.kind)
    end)

    it("is what closing its coroutine is, too", function()
      local co
      local task = begin(function()
        co = coroutine.running()
        sleep_long()
      end)
      aui.spawn(function() assert(close(co)) end):join()
      assert_canceled(task)
    end)
  end
end)

describe("aui.run", function()
  it("raises what a task raises though it is what Lua says of a coroutine that has ended", function()
    local ok, err = pcall(aui.run, function()
      aui.sleep(0.001)
      local ended = coroutine.create(function() end)
      coroutine.resume(ended)
      error(select(2, coroutine.resume(ended)), 0)
    end)
    assert.is_false(ok)
    assert.matches("cannot resume dead coroutine", tostring(err))
  end)

  it("cancels the other tasks when one fails, and raises its error when all have ended", function()
    local tasks, ended = {}, 0
    local ok, err = pcall(aui.run, function()
      for index = 1, 3 do tasks[index] = begin(sleep_long) end
      aui.spawn(function()
        local server = support.play { { receive = true }, { wait = 3600 } }
        local session = server:connect()
        aui.spawn(error, "boom", 0)
        session:send("question"):on("error", function(reply_err)
          ended = reply_err.kind
          server:stop()
        end)
      end)
      sleep_long()
    end)
    assert.is_false(ok)
    assert.matches("^boom", err)
    assert.equal("canceled", ended)
    for index = 1, 3 do assert.equal("canceled", tasks[index]:status()) end
  end)

  it("cancels the other tasks when its own function fails", function()
    local task
    local ok, err = pcall(aui.run, function()
      task = begin(sleep_long)
      error("boom", 0)
    end)
    assert.is_false(ok)
    assert.matches("^boom", err)
    assert.equal("canceled", task:status())
  end)

  it("begins no task any more once one has failed", function()
    local ran = false
    local ok = pcall(aui.run, function()
      aui.spawn(error, "boom")
      aui.spawn(function() ran = true end)
      sleep_long()
    end)
    assert.is_false(ok)
    assert.is_false(ran)
  end)

  it("does not raise what a canceled task raises, nor ends by it", function()
    local task
    local result = aui.run(function()
      task = begin(sleep_long)
      task:cancel()
      aui.sleep(0.001)
      return "result"
    end)
    assert.equal("result", result)
    assert.equal("canceled", task:status())
  end)

  it("leaves nothing of a failed run to a later one", function()
    local failed, went_on, task = false, false, nil
    pcall(aui.run, function()
      task = begin(function()
        repeat aui.sleep(0.001) until failed
        went_on = true
      end)
      error "boom"
    end)
    failed = true
    assert.equal("canceled", task:status())
    aui.run(function() aui.sleep(0.01) end)
    assert.is_false(went_on)
  end)

  it("does not wait for what was spawned outside of it, and leaves that be when it fails", function()
    local before = begin(sleep_long)
    aui.run(function() end)
    assert.equal("pending", before:status())
    assert.is_false(pcall(aui.run, error, "boom"))
    assert.equal("pending", before:status())
    before:cancel()
    before:join()
  end)

  it("waits for what a handler spawns whose reply its tasks have sent", function()
    local server = support.start { "--pace", "0" }
    finally(function() server:stop() end)
    local task
    aui.run(function()
      local session = server:connect()
      session:send("hello"):on("message", function()
        task = aui.spawn(function()
          aui.sleep(0.001)
          session:close()
          return "closed"
        end)
      end)
    end)
    assert.equal("done", task:status())
  end)

  it("#unscheduled waits for what a handler spawns meanwhile, of a reply from outside of it, too", function()
    local server = support.start { "--pace", "0" }
    finally(function() server:stop() end)
    local session, task = server:connect(), nil
    session:send("hello"):on("message", function() task = aui.spawn(aui.sleep, 0.005) end)
    aui.run(function() support.wait_until(function() return task end) end)
    assert.equal("done", task:status())
    session:close()
  end)

  it("returns what a task that was joined has come to", function()
    local results = values(aui.run(function()
      local task = aui.spawn(function(...)
        aui.sleep(0.001)
        return ...
      end, 1, nil, 3)
      return task:join()
    end))
    assert.same({ n = 3, 1, nil, 3 }, results)
  end)

  it("tells whoever waits for a task that fails its error, before it cancels him at his next wait", function()
    local heard, task
    local ok, err = pcall(aui.run, function()
      local culprit = aui.spawn(function()
        repeat aui.sleep(0.001) until task
        error("boom", 0)
      end)
      task = begin(function()
        heard = select(2, culprit:join())
        aui.sleep(0)
      end)
    end)
    assert.is_false(ok)
    assert.matches("^boom", err)
    assert.equal("boom", heard)
    assert.equal("canceled", task:status())
  end)

  it("#native raises when its tasks join each other", function()
    local one, other
    support.collect() -- sessions that others have left could still bring something to pass
    local ok, err = pcall(function()
      local result = aui.run(function()
        one = aui.spawn(function() return other:join() end)
        other = aui.spawn(function() return one:join() end)
      end)
      return result
    end)
    assert.is_false(ok)
    assert.matches("^spec/tasks_spec.lua:%d+: aui.run: .*tasks join each other", err)
    assert.equal("canceled", one:status())
  end)

  it("#native leaves no program waiting for a task that nobody can resume", function()
    support.collect()
    local co
    local task = aui.spawn(function()
      co = coroutine.running()
      coroutine.yield()
      return "resumed"
    end)
    local ok, err = pcall(function()
      local result = task:join()
      return result
    end)
    assert.is_false(ok)
    assert.matches("^spec/tasks_spec.lua:%d+: nothing is left that could end this wait: ", err)
    assert.equal("pending", task:status())
    coroutine.resume(co)
    assert.equal("resumed", task:join())
  end)

  it("#native ends its tasks when a task of no run fails, whose error it raises", function()
    local task
    aui.spawn(function()
      support.wait_until(function() return task end)
      error("not yours", 0)
    end)
    local ok, err = pcall(aui.run, function()
      task = begin(sleep_long)
      sleep_long()
    end)
    assert.is_false(ok)
    assert.matches("^not yours", err)
    assert.equal("canceled", task:status())
  end)
end)

describe("aui.map", function()
  it("returns results and errors in the list's order, whichever comes first", function()
    local results, errors = aui.map({ 0.02, "broken", 0.001, 0.01 }, function(item, index)
      if type(item) == "string" then error(item, 0) end
      aui.sleep(item)
      return index * 10, "more"
    end)
    assert.same({ 10, nil, 30, 40 }, results)
    assert.same({ nil, "broken" }, errors)
  end)

  local function most_at_once(n, options)
    local now, most = 0, 0
    local list = {}
    for index = 1, n do list[index] = index end
    local _, errors = aui.map(list, function()
      now = now + 1
      most = math.max(most, now)
      aui.sleep(0.001)
      now = now - 1
    end, options)
    assert.same({}, errors)
    return most
  end

  it("has at most so many at once, 10 if it is not told", function()
    assert.equal(10, most_at_once(35))
    assert.equal(3, most_at_once(20, { at_once = 3 }))
    assert.equal(1, most_at_once(5, { at_once = 1 }))
    assert.equal(5, most_at_once(5, { at_once = 100 }))
    assert.equal(0, most_at_once(0))
  end)

  it("works inside a task, where a failing item fails neither the others nor the run", function()
    local results, errors = aui.run(function()
      return aui.map({ 1, 2, 3 }, function(item)
        aui.sleep(0.001)
        if item == 2 then error({ item }) end
        return item
      end)
    end)
    assert.same({ 1, nil, 3 }, results)
    assert.same({ nil, { 2 } }, errors)
  end)

  it("is canceled with its task: no item begins any more, and those that wait end", function()
    local begun, ended = 0, 0
    local task = begin(function()
      aui.map({ 1, 2, 3, 4, 5, 6 }, function()
        begun = begun + 1
        sleep_long()
        ended = ended + 1
      end, { at_once = 2 })
    end)
    support.wait_until(function() return begun == 2 end)
    task:cancel()
    local _, err = task:join()
    assert.equal("canceled", err.kind)
    aui.sleep(0.01)
    assert.same({ 2, 0 }, { begun, ended })
  end)

  it("waits for what its items spawn, outside of a task", function()
    local grandchild
    aui.map({ 1 }, function()
      grandchild = aui.spawn(function() aui.sleep(0.005) end)
    end)
    assert.equal("done", grandchild:status())
  end)

  it("refuses bad arguments at the caller's line", function()
    for words, arguments in pairs {
      ["list: expected a list, got nothing"] = {},
      ["fn: expected a function, got nothing"] = { {} },
      ["options: expected a table, got 5"] = { {}, print, 5 },
      ['options: unknown option "at_one"; did you mean "at_once"?'] = { {}, print, { at_one = 1 } },
      ["at_once: expected a whole number between 1 and"] = { {}, print, { at_once = 0 } },
    } do
      local ok, err = pcall(function()
        local results = aui.map(arguments[1], arguments[2], arguments[3])
        return results
      end)
      assert.is_false(ok)
      assert.matches("^spec/tasks_spec.lua:%d+: ", err)
      assert.is_truthy(err:find(words, 1, true), err)
    end
  end)
end)
