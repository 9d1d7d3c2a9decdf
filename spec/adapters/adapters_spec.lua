-- What a program sees of aui in the loop of each host: every case is a program of its own there.

local child = require "spec.child"
local support = require "spec.support"

local PRELUDE = [[
  local aui = require "aui"
  local guest = require "spec.adapters.guest"
  local host, run, connect = guest.host, guest.run, guest.connect
]]

-- For LuaJIT, whose ffi can fork.
local FORK = [[
  local ffi = require "ffi"
  ffi.cdef "int fork(void); int waitpid(int, int *, int);"
  local function in_child_and_parent(fn)
    local pid = ffi.C.fork()
    if host.forked then host.forked() end
    fn(pid == 0 and "child" or "parent")
    if pid == 0 then os.exit(3) end
    local status = ffi.new "int[1]"
    assert(ffi.C.waitpid(pid, status, 0) == pid)
    return status[0] / 256
  end
]]

-- Debian's copas does not load on Lua 5.4.
local hosts = { "luv", "poll", "cqueues", jit and "copas" } -- luacheck: ignore jit

local ANSWER = { { receive = true }, { update = "A" }, { wait = 0.05 }, { message = { text = "ABC" } } }

-- A scenario with so many answers on each connection.
local function answers(n)
  local steps = {}
  for _ = 1, n do
    for _, step in ipairs(ANSWER) do steps[#steps + 1] = step end
  end
  return steps
end

for _, host in ipairs(hosts) do
  describe("in the loop of " .. host, function()
    local server

    after_each(function()
      if server then server:stop() end
      server = nil
    end)

    local function start(program)
      return child.run(PRELUDE .. program, {}, host, server and server.url or "ws://127.0.0.1:1/")
    end

    -- Runs the program, which must print just these lines, and end well.
    local function prints(program, ...)
      local result = start(program)
      assert.equal("", result.stderr)
      assert.equal(table.concat({ ... }, "\n") .. "\n", result.stdout)
      assert.equal(0, result.signal)
      assert.equal(0, result.status)
    end

    describe("a coroutine", function()
      it("has conversations beside others, and the loop ends after them", function()
        server = support.play(answers(2))
        prints([[
          local asked = 0
          local function talk()
            local session = connect()
            local reply = session:send "hello"
            asked = asked + 1
            if asked == 2 then print "both asked" end
            local shown = ""
            for chunk, keep in reply do shown = shown:sub(1, keep) .. chunk end
            print(shown)
            print(assert(session:ask "again").text)
            session:close()
          end
          run(talk, talk)
        ]], "both asked", "ABC", "ABC", "ABC", "ABC", "over")
      end)

      it("waits on though its waiting is all that leads to it, and garbage is collected", function()
        server = support.play(answers(1))
        prints([[
          local stop = host.every(0.001, function() collectgarbage() end)
          run(function()
            local session = connect()
            print(assert(session:ask "hello").text)
            session:close()
            stop()
          end)
        ]], "ABC", "over")
      end)

      it("waits on though somebody else resumes it", function()
        server = support.play(answers(1))
        prints([[
          run(function()
            local session = connect()
            local talk = coroutine.create(function()
              print(assert(session:ask "hello").text)
              session:close()
            end)
            for _ = 1, 10 do
              assert(coroutine.resume(talk))
              assert(coroutine.status(talk) == "suspended")
            end
            while coroutine.status(talk) ~= "dead" do aui.sleep(0.001) end
          end)
        ]], "ABC", "over")
      end)

      it("is resumed no more when somebody else did that just before us", function()
        prints([[
          run(function()
            local sleeper = coroutine.create(function()
              aui.sleep(0.3)
              print "slept"
              coroutine.yield()
              print "resumed twice"
            end)
            assert(coroutine.resume(sleeper))
            aui.spawn(function()
              aui.sleep(0.1)
              assert(coroutine.resume(sleeper))
            end)
            aui.sleep(0.05)
            local began = os.clock()
            repeat until os.clock() - began > 0.3 -- so that both are due when the loop looks
          end)
        ]], "slept", "over")
      end)

      it("is forgotten when its host has killed it", function()
        if not coroutine.close then return end -- luacheck: ignore (Lua 5.4)
        prints([[
          local killed = setmetatable({}, { __mode = "k" })
          run(function()
            local sleeper = coroutine.create(function() aui.sleep(0.01) end)
            killed[sleeper] = true
            assert(coroutine.resume(sleeper))
            assert(coroutine.close(sleeper))
            sleeper = nil
            aui.sleep(0.05)
          end)
          collectgarbage()
          collectgarbage()
          print(next(killed))
        ]], "over", "nil")
      end)

      it("is told why there is no connection", function()
        prints([[
          run(function()
            local session, err = aui.connect(guest.options())
            print(session, err.kind)
          end)
        ]], "nil\ttransport", "over")
      end)

      it("may run tasks, as others do at the same time: their results and errors are its own", function()
        prints([[
          local waiting, results, failure = 0, nil, {}
          local function meet()
            waiting = waiting + 1
            while waiting < 2 do aui.sleep(0.001) end
          end
          run(function()
            results = { aui.run(function()
              meet()
              aui.spawn(aui.sleep, 0.01)
              return "a", nil, "b"
            end) }
          end, function()
            local ok, raised = pcall(aui.run, function()
              aui.spawn(function()
                aui.sleep(0.001)
                error(failure, 0)
              end)
              meet()
            end)
            print(ok, raised == failure)
          end)
          print(results[1], results[2], results[3])
        ]], "false\ttrue", "over", "a\tnil\tb")
      end)
    end)

    describe("a task", function()
      it("may wait for something of the host's, and end when that has resumed it", function()
        prints([[
          run(function()
            local task
            aui.spawn(function()
              aui.sleep(0.01)
              assert(coroutine.resume(task))
            end)
            print(aui.run(function()
              task = coroutine.running()
              coroutine.yield()
              return "ended"
            end))
          end)
        ]], "ended", "over")
      end)

      it("may sleep when that has resumed it, and nobody else has anything to do", function()
        prints([[
          run(function()
            print(aui.run(function()
              local task, off = coroutine.running(), nil
              off = host.every(0.01, function()
                if task then assert(coroutine.resume(task)) end
              end)
              coroutine.yield()
              task = nil
              aui.sleep(0.02)
              off()
              return "ended"
            end))
          end)
        ]], "ended", "over")
      end)

      it("may wait by the host's own functions, and so may one that is asked for a key", function()
        if host ~= "cqueues" and host ~= "copas" then return end -- the others have no such functions
        server = support.play(answers(1))
        prints([[
          local listener = assert(require("socket").bind("127.0.0.1", 0))
          local _, port = listener:getsockname()
          local function read_line()
            aui.spawn(function()
              aui.sleep(0.01)
              local client = assert(listener:accept())
              client:send "line\n"
              client:close()
            end)
            return host.read_line(port)
          end
          run(function()
            print(aui.run(function()
              local line = read_line()
              aui.sleep(0.01)
              return line, read_line()
            end))
            local session = assert(aui.connect(guest.options { api_key = read_line }))
            print(assert(session:ask "hello").text)
            session:close()
          end)
        ]], "line\tline", "ABC", "over")
      end)

      it("ends though it raises when somebody else has resumed it, and aui.run with it", function()
        prints([[
          run(function()
            local ok, err, told
            ok, err = pcall(aui.run, function()
              local task
              aui.spawn(function()
                task = coroutine.running()
                coroutine.yield()
                error("boom", 0)
              end)
              while not task do aui.sleep(0.001) end
              told = select(2, coroutine.resume(task))
            end)
            print(told or (not ok and err:match "^[^\n]*"))
          end)
        ]], "boom", "over")
      end)

      it("has ended when it is closed while it waits, and aui.run with it", function()
        if not coroutine.close then return end -- luacheck: ignore (Lua 5.4)
        server = support.play { { receive = true }, { wait = 3600 } }
        prints([[
          run(function()
            print(aui.run(function()
              local sleeper, talker
              aui.spawn(function()
                sleeper = coroutine.running()
                aui.sleep(3600)
              end)
              aui.spawn(function()
                local session <close> = connect()
                talker = coroutine.running()
                session:ask "hello"
              end)
              while not talker do aui.sleep(0.001) end
              return coroutine.close(sleeper), coroutine.close(talker)
            end))
          end)
        ]], "true\ttrue", "over")
      end)

      it("waits on though somebody else resumes it, who does not resume it twice", function()
        prints([[
          run(function()
            local task
            aui.spawn(function()
              task = coroutine.running()
              aui.sleep(0.3)
              print "slept"
              coroutine.yield()
              print "resumed twice"
            end)
            aui.spawn(function()
              aui.sleep(0.1)
              assert(coroutine.resume(task))
            end)
            aui.sleep(0.05)
            assert(coroutine.resume(task))
            local began = os.clock()
            repeat until os.clock() - began > 0.3 -- so that both are due when the loop looks
            aui.sleep(0.01)
          end)
        ]], "slept", "over")
      end)
    end)

    it("the main coroutine cannot wait; the error names the line and what to do, and nothing was sent", function()
      server = support.play(answers(1))
      prints([[
        local session = assert(aui.session(guest.options()))
        local reply = session:send "hello"
        local places = {
          function() return (aui.connect(guest.options())) end,
          function() return (aui.pool():connect(guest.options())) end,
          function() return (session:ask "never sent") end,
          function() return (reply:next()) end,
          function() return (reply:next(1)) end,
          function() return (reply:message()) end,
          function() for _ in reply do print "chunk" end end,
          function() aui.sleep(1) return end,
          function() aui.run(print) return end,
        }
        for _, wait in ipairs(places) do
          local place = arg[0]:gsub("%p", "%%%0") .. ":" .. debug.getinfo(wait, "S").linedefined .. ": "
          local ok, failure = pcall(wait)
          assert(not ok and failure:find("^" .. place), failure)
          assert(failure:find("block the host's loop", 1, true) and failure:find("aui.spawn", 1, true), failure)
        end
        reply:on("message", function(message)
          print(message.text)
          session:close()
        end)
        run()
      ]], "ABC", "over")
    end)

    it("a handler cannot wait, but sends, spawns and closes; the loop goes on until then", function()
      server = support.play(answers(2))
      prints([[
        local session = assert(aui.session(guest.options()))
        aui.log(function(event) print(event.message:match "a handler cannot wait") end, "error")
        session:on("state", function(state) print(state) end)
        session:send("hello"):on("message", function(message)
          print(message.text)
          session:send("again"):on("chunk", function(chunk)
            print(chunk)
            aui.spawn(function()
              aui.sleep(0.001)
              print "spawned"
              session:close()
            end)
          end)
          reply = session:ask "never sent"
        end)
        run()
      ]], "open", "ABC", "a handler cannot wait", "A", "spawned", "closed", "over")
    end)

    it("a session is closed in a handler without waiting", function()
      server = support.play(answers(1))
      prints([[
        local session = assert(aui.session(guest.options()))
        session:on("state", function(state)
          print(state)
          if state == "open" then session:close() end
        end)
        run()
      ]], "open", "closed", "over")
    end)

    it("aui.log is told of the errors of handlers and tasks, and everything lives on", function()
      server = support.play(answers(2))
      prints([[
        local told = {}
        aui.log(function(event) told[#told + 1] = event.message:match "^[^\n]*" end, "error")
        aui.spawn(error, "at first", 0)
        run(function()
          local session = connect()
          local reply = session:send "hello"
          reply:on("chunk", function() error("text", 0) end)
          reply:on("message", function() error("message", 0) end)
          reply:message()
          aui.spawn(function()
            aui.sleep(0.01)
            error("late", 0)
          end)
          aui.sleep(0.02)
          print(assert(session:ask "again").text)
          session:close()
        end)
        table.sort(told)
        print(table.concat(told, "\n"))
      ]], "ABC", "over", "a handler of aui failed: message", "a handler of aui failed: text",
        "a task of aui failed: at first", "a task of aui failed: late")
    end)

    it("handlers are told of states in order, though a listener of aui.log closes the session", function()
      server = support.play { { receive = true }, { cut = "fin" } }
      prints([[
        local session = assert(aui.session(guest.options()))
        session:on("state", print)
        aui.log(function(event)
          if event.state == "open" then session:close() end
        end)
        run()
      ]], "open\tnil\tnil", "closed\tnil\tnil", "over")
    end)

    it("the errors of handlers and tasks are printed where nobody listens", function()
      local result = start [[
        aui.spawn(error, "unheard", 0)
        run(function() aui.sleep(0.01) end)
      ]]
      assert.equal("over\n", result.stdout)
      assert.matches("^a task of aui failed: unheard\n", result.stderr)
      assert.equal(0, result.status)
    end)

    it("the loop ends when a session was collected that nobody closed", function()
      server = support.play(answers(1))
      prints([[
        run(function()
          local session = connect()
          print(assert(session:ask "hello").text)
          local weak, stop = setmetatable({ session }, { __mode = "v" }), nil
          stop = host.every(0.01, function()
            collectgarbage()
            if not weak[1] then stop() end
          end)
        end)
      ]], "ABC", "over")
    end)

    it("the loop does not end while somebody sleeps, nor while a session is open", function()
      server = support.play(answers(1))
      prints([[
        local session
        aui.spawn(function()
          aui.sleep(0.05)
          print "slept"
          session = connect()
          session:send("hello"):on("message", function() print "answered" session:close() end)
        end)
        run()
      ]], "slept", "answered", "over")
    end)

    it("sessions are driven that were there before", function()
      server = support.play(answers(1))
      local result = child.run([[
        local aui = require "aui"
        local session = assert(aui.session { url = arg[2], task_id = "task" })
        local guest = require "spec.adapters.guest"
        session:send("hello"):on("message", function(message)
          print(message.text)
          session:close()
        end)
        guest.run()
      ]], {}, host, server.url)
      assert.equal("", result.stderr)
      assert.equal("ABC\nover\n", result.stdout)
    end)

    it("goes on again after the loop has ended", function()
      server = support.play(answers(1))
      prints([[
        local function talk()
          local session = connect()
          print(assert(session:ask "hello").text)
          session:close()
        end
        run(talk)
        run(talk)
      ]], "ABC", "over", "ABC", "over")
    end)

    it("whoever calls aui.step meanwhile makes nobody late", function()
      server = support.play(answers(1))
      prints([[
        local answered
        run(function()
          local session = connect()
          aui.spawn(function()
            assert(session:ask "hello")
            answered = true
            local late = false
            local stop = host.every(0.5, function() late = true end)
            aui.sleep(0.05)
            print(late and "late" or "in time")
            session:close()
            stop()
          end)
          aui.sleep(0.02) -- the host waits, and learns nothing of what comes then
          repeat aui.step() until answered
        end)
      ]], "in time", "over")
    end)

    it("the loop does not spin while connections are idle in a pool, nor when their time is over", function()
      server = support.play(answers(1))
      prints([[
        local pool = aui.pool { size = 1, idle = 0.05 }
        local answered, ticks, turns = false, 0, 0
        host.start(function()
          local session = assert(pool:connect(guest.options()))
          print(assert(session:ask "hello").text)
          session:close()
          answered = true
        end)
        while not answered do host.turn() end
        host.every(0.01, function() ticks = ticks + 1 end)
        while ticks < 20 do
          host.turn()
          turns = turns + 1
        end
        print(turns < 200)
      ]], "ABC", "true")
    end)

    -- What of a stream is left at the end of a process.
    local STREAM = [[
      local chunks = 0
      host.start(function()
        session = connect()
        reply = session:send "hello"
        for _ in reply do chunks = chunks + 1 end
      end)
      aui.spawn(function()
        session_of_task = connect()
        for _ in session_of_task:send "hello" do chunks = chunks + 1 end
      end)
      while chunks < 2 do host.turn() end
    ]]

    for name, how in pairs {
      ["falls off its end"] = "",
      ["calls os.exit"] = "os.exit(0)",
      ["calls os.exit and closes the state"] = "os.exit(0, true)",
      ["collects garbage first"] = "session, reply, session_of_task = nil collectgarbage() collectgarbage()",
    } do
      it("a program ends well in mid-stream when it " .. name, function()
        server = support.play { { receive = true }, { update = "A" }, { wait = 3600 } }
        prints(STREAM .. [[ print "streamed" ]] .. how, "streamed")
      end)
    end

    it("a program ends well in mid-stream when it calls os.exit in a handler", function()
      server = support.play { { receive = true }, { update = "A" }, { wait = 3600 } }
      prints([[
        local session = assert(aui.session(guest.options()))
        session:send("hello"):on("chunk", function(chunk)
          print(chunk)
          os.exit(0)
        end)
        run()
      ]], "A")
    end)

    it("the host's own timers run on during a long stream", function()
      server = support.start { "--pace", "0", "--tokens", "5000" }
      prints([[
        local ticks, chunks = 0, 0
        local stop = host.every(0.001, function() ticks = ticks + 1 end)
        run(function()
          local session = connect()
          local reply = session:send "hello"
          assert(reply:next())
          ticks = 0
          for _ in reply do chunks = chunks + 1 end
          print(chunks > 10, ticks > 5)
          session:close()
          stop()
        end)
      ]], "true\ttrue", "over")
    end)

    -- luv cannot: its loop exists from the start, and there is no uv_loop_fork in it.
    if jit and host ~= "luv" then -- luacheck: ignore jit
      it("a process may fork after attach, and parent and child have sessions", function()
        server = support.start { "--pace", "0", "--echo" }
        prints(FORK .. [[
          print(in_child_and_parent(function(who)
            run(function()
              local session = connect()
              assert(assert(session:ask(who)).text == who)
              session:close()
            end)
          end))
        ]], "over", "over", "3")
      end)
    end
  end)
end

describe("several hosts in one process", function()
  it("each drive the sessions, and coroutines of each have conversations", function()
    local server = support.play(answers(2))
    local result = child.run([[
      local aui = require "aui"
      local url, hosts, unfinished = ..., {}, 0
      for index, name in ipairs { "luv", "cqueues", "poll" } do
        hosts[index] = require("spec.adapters.hosts." .. name)
      end
      for _, host in ipairs(hosts) do
        unfinished = unfinished + 1
        host.every(0.001, function() end)
        host.start(function()
          local session = assert(aui.connect { url = url, task_id = "task" })
          for _ = 1, 2 do print(assert(session:ask "hello").text) end
          session:close()
          unfinished = unfinished - 1
        end)
      end
      while unfinished > 0 do
        for _, host in ipairs(hosts) do host.turn() end
      end
      os.exit(0)
    ]], {}, server.url)
    server:stop()
    assert.equal("", result.stderr)
    assert.equal(("ABC\n"):rep(6), result.stdout)
  end)

  it("may be one inside the other, each with conversations of its own", function()
    local server = support.play(answers(2))
    local result = child.run([[
      local aui = require "aui"
      local uv = require "luv"
      local cqueues = require "cqueues"
      local cq = cqueues.new()
      require("aui.adapter.luv").attach(uv)
      require("aui.adapter.cqueues").attach(cq)
      local url = ...
      local function talk()
        local session = assert(aui.connect { url = url, task_id = "task" })
        for _ = 1, 2 do print(assert(session:ask "hello").text) end
        session:close()
      end
      local poll, timer = uv.new_poll(cq:pollfd()), uv.new_timer()
      local function step()
        assert(cq:step(0))
        if cq:empty() then
          poll:close()
          return timer:close()
        end
        timer:start(math.ceil(1000 * (cq:timeout() or 3600)), 0, step)
      end
      poll:start("r", step)
      cq:wrap(talk)
      coroutine.wrap(talk)()
      step()
      uv.run()
      print "over"
    ]], {}, server.url)
    server:stop()
    assert.equal("", result.stderr)
    assert.equal(("ABC\n"):rep(4) .. "over\n", result.stdout)
  end)
end)

describe("a host's loop that is gone", function()
  -- Runs the program, which must print the answers of two conversations.
  local function talks_twice(program)
    local server = support.play { ANSWER[1], ANSWER[2], ANSWER[4] }
    local result = child.run([[
      local aui = require "aui"
      local url = ...
      local function talk()
        local session = assert(aui.connect { url = url, task_id = "task" })
        print(assert(session:ask "hello").text)
        session:close()
      end
    ]] .. program, {}, server.url)
    server:stop()
    assert.equal("", result.stderr)
    assert.equal("ABC\nABC\nover\n", result.stdout)
    assert.equal(0, result.status)
  end

  it("is replaced by another: a controller of cqueues that is closed", function()
    talks_twice [[
      local cqueues = require "cqueues"
      for _ = 1, 2 do
        local cq = cqueues.new()
        require("aui.adapter.cqueues").attach(cq)
        cq:wrap(talk)
        assert(cq:loop())
        cq:close()
      end
      print "over"
    ]]
  end)

  it("is driven anew when it goes on: luv's, whose handles have all been closed", function()
    talks_twice [[
      local uv = require "luv"
      require("aui.adapter.luv").attach(uv)
      for _ = 1, 2 do
        coroutine.wrap(talk)()
        uv.run()
        uv.walk(function(handle)
          if not handle:is_closing() then handle:close() end
        end)
        uv.run()
      end
      print "over"
    ]]
  end)
end)

describe("an adapter refuses", function()
  -- Each is { module, what it is given, what the error says }.
  local REFUSED = {
    { "luv", 1, 'uv: expected luv, as of require "luv", got 1' },
    { "luv", false, 'uv: expected luv, as of require "luv", got false' },
    { "luv", {}, 'uv: expected luv, as of require "luv", got a table' },
    { "cqueues", nil, "cq: expected a controller, as of cqueues.new(), got nothing" },
    { "cqueues", {}, "cq: expected a controller, as of cqueues.new(), got a table" },
    { "cqueues", io.stdout, "cq: expected a controller, as of cqueues.new(), got a userdata" },
  }

  for _, case in ipairs(REFUSED) do
    it(case[3], function()
      local adapter = require("aui.adapter." .. case[1])
      local line = debug.getinfo(1, "l").currentline + 1
      local ok, err = pcall(function() adapter.attach(case[2]) end)
      assert.is_false(ok)
      assert.equal(("spec/adapters/adapters_spec.lua:%d: %s"):format(line, case[3]), err)
    end)
  end
end)
