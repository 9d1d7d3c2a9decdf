-- Who waits, and who runs meanwhile: aui.run, aui.spawn, aui.sleep and aui.step, the main program, other people's
-- coroutines. In nginx everything runs on without aui.run and aui.step, whose cases are fewer there. Under an adapter
-- every coroutine waits by yielding to whoever resumed it, so that it cannot be its generator: #unscheduled.

local aui = require "aui"
local support = require "spec.support"
local yieldable = require "aui.host.native.yieldable"

local function values(...) return { n = select("#", ...), ... } end

describe("aui.run", function()
  it("passes arguments and results on, nils too", function()
    local results = values(aui.run(function(...) return select("#", ...), nil, ..., nil end, nil, "b", nil))
    assert.are.equal(4, results.n)
    assert.are.equal(3, results[1])
    assert.is_nil(results[3])
    results = values(aui.run(function() return nil, nil end))
    assert.are.equal(2, results.n)
    assert.are.equal(0, values(aui.run(function() end)).n)
  end)

  it("waits for the tasks that were spawned meanwhile, and theirs", function()
    local log = {}
    aui.run(function()
      aui.spawn(function(name)
        aui.sleep(0.01)
        aui.spawn(function()
          aui.sleep(0.01)
          log[#log + 1] = "grandchild"
        end)
        log[#log + 1] = name
      end, "child")
      log[#log + 1] = "main"
    end)
    assert.are.same({ "main", "child", "grandchild" }, log)
  end)

  it("lets others run while one sleeps, and wakes them in time's order", function()
    local log = {}
    aui.run(function()
      for _, seconds in ipairs { 0.6, 0.2, 0.4, 0 } do
        aui.spawn(function()
          aui.sleep(seconds)
          log[#log + 1] = seconds
        end)
      end
    end)
    assert.are.same({ 0, 0.2, 0.4, 0.6 }, log)
  end)

  it("tells the time by which it wakes", function()
    local due, woken
    aui.run(function()
      due = aui.now() + 0.02
      aui.sleep(0.02)
      woken = aui.now()
    end)
    assert.is_true(woken >= due)
  end)

  it("raises a task's error, with the place and a traceback", function()
    local function culprit() error "boom" end
    for _, start in ipairs { function() culprit() end, function() aui.spawn(culprit) end } do
      local ok, err = pcall(aui.run, start)
      assert.is_false(ok)
      assert.is_truthy(err:find "^spec/scheduler_spec.lua:%d+: boom\n")
      assert.is_truthy(err:find("stack traceback", 1, true))
    end
  end)

  it("raises an error that is a table as it is", function()
    local thrown = setmetatable({}, { __tostring = function() return "thrown" end })
    local ok, err = pcall(aui.run, function()
      aui.sleep(0)
      error(thrown)
    end)
    assert.is_false(ok)
    assert.are.equal(thrown, err)
  end)

  it("#native returns though somebody else resumes a task that raises then, whose error it raises", function()
    local told
    local ok, err = pcall(aui.run, function()
      local task
      aui.spawn(function()
        task = coroutine.running()
        coroutine.yield()
        error("boom", 0)
      end)
      support.wait_until(function() return task end)
      told = select(2, coroutine.resume(task))
    end)
    -- Lua 5.1 tells it the one who has resumed the task.
    if yieldable.in_pcall then
      assert.is_false(ok)
      assert.matches("^boom\n", err)
    else
      assert.equal("boom", told)
    end
  end)

  it("#native raises when nothing is left that could resume a task, at the caller's line", function()
    local begun, ended = false, false
    local line = debug.getinfo(1, "l").currentline + 2
    local ok, err = pcall(function()
      local result = aui.run(function()
        begun = true
        coroutine.yield()
        ended = true
      end)
      return result
    end)
    assert.is_false(ok)
    assert.matches(("^spec/scheduler_spec.lua:%d: aui.run: a task has called coroutine.yield, "):format(line), err)
    assert.are.same({ true, false }, { begun, ended })
    assert.are.equal("next", aui.run(function() return "next" end))
  end)

  it("#native does not raise while a handler may still resume a task", function()
    local server = support.start { "--pace", "0" }
    local text = aui.run(function()
      local session = server:connect()
      local task, answer = coroutine.running(), nil
      session:send("hello"):on("message", function(message)
        answer = message.text
        coroutine.resume(task)
      end)
      coroutine.yield()
      session:close()
      return answer
    end)
    server:stop()
    assert.are.equal("string", type(text))
  end)

  if coroutine.close then -- luacheck: ignore (Lua 5.4)
    local close = coroutine.close -- luacheck: ignore

    -- Begins the function as a task, and returns its coroutine once it waits.
    local function begin(fn)
      local task
      aui.spawn(function()
        task = coroutine.running()
        fn()
      end)
      support.wait_until(function() return task end)
      return task
    end

    it("returns though a task that waits is closed: the task has ended, and others go on", function()
      local went_on = false
      local results = values(aui.run(function()
        local sleeper = begin(function() aui.sleep(3600) end)
        aui.spawn(function()
          aui.sleep(0.01)
          went_on = true
        end)
        assert.is_true(close(sleeper))
        return "done"
      end))
      assert.is_true(went_on)
      assert.same({ "done", n = 1 }, results)
    end)

    it("returns though a task is closed in the turn in which it is woken", function()
      aui.run(function()
        local sleeper = begin(function() aui.sleep(0.01) end)
        local limit = os.clock() + 0.05
        repeat until os.clock() > limit
        aui.spawn(close, sleeper)
        aui.sleep(0)
      end)
    end)

    it("returns nothing when its own function is closed", function()
      local results = values(aui.run(function()
        local main = coroutine.running()
        aui.spawn(function() close(main) end)
        aui.sleep(3600)
        return "never"
      end))
      assert.equal(0, results.n)
    end)

    it("closes what a closed task has in to-be-closed variables, which may wait", function()
      local server = support.play { { receive = true }, { wait = 3600 } }
      local session
      aui.run(function()
        local talk = assert(load [[
          local connect = ...
          local session <close> = connect()
          session:ask "question"
        ]])
        local task = begin(function()
          talk(function()
            session = server:connect()
            return session
          end)
        end)
        support.wait_until(function() return session end)
        aui.sleep(0.01)
        assert.is_true(close(task))
        assert.equal("closed", session:state())
      end)
      server:stop()
    end)

    it("keeps nothing of a closed task", function()
      local weak = setmetatable({}, { __mode = "k" })
      aui.run(function()
        local sleeper = begin(function() aui.sleep(3600) end)
        weak[sleeper] = true
        close(sleeper)
      end)
      support.collect()
      assert.is_nil(next(weak))
    end)
  end

  it("is refused inside a task, at the caller's line", function()
    local ok, err = aui.run(function()
      return pcall(function()
        aui.run(print)
        return nil
      end)
    end)
    assert.is_false(ok)
    assert.is_truthy(err:find "^spec/scheduler_spec.lua:%d+: aui.run: .*aui.spawn")
  end)

  it("#native is refused in a coroutine inside a task, too: the task could not end before it", function()
    local ok, err = aui.run(function() return pcall(coroutine.wrap(function() aui.run(print) end)) end)
    assert.is_false(ok)
    assert.is_truthy(err:find("aui.spawn", 1, true))
    assert.are.equal("fine again", aui.run(function() return "fine again" end))
  end)

  local it_in_pcall = yieldable.in_pcall and it or pending -- PUC Lua 5.1 cannot yield there

  it_in_pcall("compares nothing with an error that a canceled task raises", function()
    local thrown = setmetatable({}, { __eq = function() error "compared" end })
    aui.run(function()
      local task = aui.spawn(function()
        pcall(aui.sleep, 60)
        error(thrown)
      end)
      aui.sleep(0)
      task:cancel()
      local _, err = task:join()
      assert.is_true(rawequal(thrown, err))
    end)
  end)

  it_in_pcall("lets a task catch what it raises itself", function()
    local caught = aui.run(function()
      local ok, err = pcall(function()
        aui.sleep(0.001)
        error("mine", 0)
      end)
      aui.sleep(0.001)
      return not ok and err
    end)
    assert.are.equal("mine", caught)
  end)
end)

for _, scheme in ipairs { "ws", "wss" } do
  describe(("a conversation over %s"):format(scheme), function()
    local server

    setup(function() server = support.start { "--pace", "0", scheme = scheme } end)
    teardown(function() server:stop() end)

    it("may be one of many at the same time, each in a task", function()
      local waiting, answers = 0, 0
      aui.run(function()
        for index = 1, 20 do
          aui.spawn(function()
            local session = server:connect { task_id = "task " .. index }
            local reply = session:send "hello"
            waiting = waiting + 1
            support.wait_until(function() return waiting == 20 end)
            local message = assert(reply:message())
            answers = answers + #message.followup_suggestions
            session:close()
          end)
        end
      end)
      assert.are.equal(60, answers)
    end)

    it("may have its reply awaited in several tasks", function()
      local session = server:connect()
      local messages, text = {}, nil
      aui.run(function()
        local reply = session:send "hello"
        for index = 1, 3 do
          aui.spawn(function() messages[index] = assert(reply:message()) end)
        end
        aui.spawn(function() text = support.read(reply) end)
      end)
      assert.are.equal(3, #messages)
      for index = 1, 3 do assert.are.equal(text, messages[index].text) end
      session:close()
    end)

    it("may be held on the main thread, while tasks run", function()
      local session = server:connect()
      local ran = false
      aui.spawn(function()
        aui.sleep(0)
        ran = true
      end)
      assert.is_truthy(assert(session:ask "hello").text)
      aui.sleep(0.01)
      assert.is_true(ran)
      session:close()
    end)

    it("#unscheduled may be held in a coroutine that nobody schedules: it does not yield to its resumer", function()
      local steps = {}
      local co = coroutine.create(function()
        local session = server:connect()
        local text = support.read(session:send "hello")
        aui.sleep(0.001)
        session:close()
        steps[#steps + 1] = "done"
        coroutine.yield(text)
      end)
      local ok, text = coroutine.resume(co)
      assert.is_true(ok)
      assert.are.equal("string", type(text))
      assert.are.same({ "done" }, steps)
    end)

    it("#unscheduled may be read by a generator inside a task", function()
      local text, whole = aui.run(function()
        local session = server:connect()
        local reply = session:send "hello"
        local chunks = coroutine.wrap(function()
          for chunk, keep in reply do coroutine.yield(chunk, keep) end
        end)
        local shown = ""
        for chunk, keep in chunks do shown = shown:sub(1, keep) .. chunk end
        session:close()
        return shown, reply:message().text
      end)
      assert.are.equal(whole, text)
    end)

    -- Reads an answer by a generator, in a session of its own, whose key is told by a function that waits.
    local function read_by_generator(patience)
      local chunks = coroutine.wrap(function()
        local session = server:connect {
          api_key = function()
            aui.sleep(0.001)
            return "key"
          end,
        }
        aui.sleep(patience)
        local chunk, keep
        local reply = session:send "hello"
        repeat
          chunk, keep = reply:next()
          coroutine.yield(chunk, keep)
        until not chunk
        session:close()
      end)
      local shown = ""
      local chunk, keep = chunks()
      while chunk do
        shown = shown:sub(1, keep) .. chunk
        chunk, keep = chunks()
      end
      chunks() -- closes the session
      return shown
    end

    it("#native #unscheduled may be read by a generator in each of many tasks", function()
      local count, answered = 60, 0
      aui.run(function()
        for _ = 1, count do
          aui.spawn(function()
            assert.are_not.equal("", read_by_generator(0))
            answered = answered + 1
          end)
        end
      end)
      assert.are.equal(count, answered)
    end)

    it("#native #unscheduled is not what another task's failure is raised in, when a generator reads it", function()
      local failure, answered = {}, 0
      local ok, err = pcall(aui.run, function()
        for _ = 1, 3 do
          aui.spawn(function()
            read_by_generator(0.02)
            answered = answered + 1
          end)
        end
        aui.spawn(error, failure)
      end)
      assert.is_false(ok)
      assert.are.equal(failure, err)
      assert.are.equal(3, answered)
    end)

    it("may be held frame by frame: nothing waits", function()
      local session = assert(aui.session(server:options()))
      local reply = session:send "hello"
      local shown, frames, limit = "", 0, os.time() + 20
      local chunk, keep
      repeat
        aui.step()
        frames = frames + 1
        chunk, keep = reply:next(0)
        if chunk then shown = shown:sub(1, keep) .. chunk end
        assert.is_true(os.time() <= limit)
      until not chunk and (keep == nil or keep.kind ~= "pending")
      assert.is_nil(keep)
      assert.are.equal(shown, assert(reply:message(0)).text)
      session:close()
    end)

    it("goes on in tasks that aui.step runs", function()
      local text
      local task = aui.spawn(function()
        local session = server:connect()
        text = support.read(session:send "hello")
        session:close()
      end)
      local limit = os.time() + 20
      repeat
        aui.step()
        assert.is_true(os.time() <= limit)
      until text
      task:join()
    end)

    it("#native is not lost when another task fails: who waits gets that error, and may wait on", function()
      local session = server:connect()
      local reply = session:send "hello"
      aui.spawn(error, "not yours")
      local ok, err = pcall(reply.message, reply)
      assert.is_false(ok)
      assert.is_truthy(tostring(err):find("not yours", 1, true))
      assert.is_truthy(assert(reply:message()).text)
      session:close()
    end)
  end)
end

describe("aui.step", function()
  it("may be called in a task and in a coroutine of one", function()
    local log = {}
    aui.run(function()
      aui.spawn(function() log[#log + 1] = "first" end)
      aui.step()
      aui.spawn(function() log[#log + 1] = "second" end)
      coroutine.wrap(aui.step)()
      log[#log + 1] = "main"
    end)
    assert.are.same({ "first", "second", "main" }, log)
  end)

  it("#native does not wait", function()
    local woken = false
    local task = aui.spawn(function()
      aui.sleep(1)
      woken = true
    end)
    for _ = 1, 5 do aui.step() end
    assert.is_false(woken)
    task:join()
    assert.is_true(woken)
  end)

  it("#native begins a task in the turn after its spawn, and raises its error", function()
    local began = false
    aui.spawn(function()
      began = true
      error("from the task", 0)
    end)
    assert.is_false(began)
    local ok, err = pcall(aui.step)
    assert.is_true(began)
    assert.is_false(ok)
    assert.is_truthy(err:find("from the task", 1, true))
  end)

  it("#native begins one task at a time with a budget of 0, in the order of their spawns", function()
    local log = {}
    for index = 1, 3 do aui.spawn(function() log[index] = index end) end
    for index = 1, 3 do
      aui.step(0)
      assert.are.equal(index, #log)
    end
  end)

  it("#native goes on within its budget until nothing is due any more, and without one does a turn", function()
    local generation, before = 0, os.time()
    local function beget()
      generation = generation + 1
      if generation < 100 then aui.spawn(beget) end
    end
    aui.spawn(beget)
    aui.step()
    assert.are.equal(1, generation)
    aui.step(60)
    assert.are.equal(100, generation)
    assert.is_true(os.time() - before < 20)
  end)

  it("#native returns when its budget is used up, though there is always something due", function()
    local turns, over = 0, false
    local function go_on()
      turns = turns + 1
      if not over then aui.spawn(go_on) end
    end
    aui.spawn(go_on)
    aui.step(0.25) -- time for some turns, with a stressed collector too
    local before = turns
    aui.step(0.25)
    over = true
    aui.step(60)
    assert.is_true(before > 1 and turns > before)
  end)
end)

describe("aui.sleep", function()
  local function slept()
    local before = os.time()
    aui.sleep(1.1)
    return os.time() - before >= 1
  end

  it("waits at least as long as it says, on the main thread and in a task", function()
    local in_task
    aui.spawn(function() in_task = slept() end)
    assert.is_true(slept())
    support.wait_until(function() return in_task ~= nil end)
    assert.is_true(in_task)
  end)

  it("#unscheduled waits at least as long as it says in a coroutine inside a task", function()
    assert.is_true(aui.run(function() return coroutine.wrap(slept)() end))
  end)
end)
