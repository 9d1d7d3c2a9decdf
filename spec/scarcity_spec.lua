-- What the system refuses at the first session: an error in words, and the next try works once it is there.

local child = require "spec.child"
local wire = require "spec.wire"

describe("#native a process", function()
  local link = wire.new "ws"
  after_each(function() link:stop() end)

  local function run(program, under)
    local result = child.run(program, { under = under }, link:start().url)
    assert.equal("", result.stderr)
    assert.equal(0, result.signal)
    return result.stdout
  end

  for free = 0, 11 do
    it(("with %d descriptors left is told so, and connects when it has more"):format(free), function()
      local output = run(([[
        local aui = require "aui"
        local files = {}
        repeat
          local file = io.open "/dev/null"
          files[#files + 1] = file
        until not file
        for _ = 1, %d do table.remove(files):close() end
        local session, err = aui.connect { url = ..., task_id = "task" }
        assert(not session)
        print(err.message)
        while #files > 0 do table.remove(files):close() end
        print(assert(aui.connect { url = ..., task_id = "task" }):ask "hello" and "answered")
      ]]):format(free), { "prlimit", "--nofile=64:64" })
      assert.equal("too many open files\nanswered\n", output)
    end)
  end

  it("without a descriptor left is told so by what makes no connection, too", function()
    local output = run([[
      local aui = require "aui"
      local files = {}
      repeat
        local file = io.open "/dev/null"
        files[#files + 1] = file
      until not file
      for _, name in ipairs { "client", "pool" } do print(select(2, pcall(aui[name], {}))) end
      while #files > 0 do table.remove(files):close() end
      print(assert(aui.client { url = ... }:connect { task_id = "task" }):ask "hello" and "answered")
      print(assert(aui.pool():connect { url = ..., task_id = "task" }):ask "hello" and "answered")
    ]], { "prlimit", "--nofile=64:64" })
    assert.equal(("transport: too many open files\n"):rep(2) .. "answered\nanswered\n", output)
  end)

  it("without /dev/urandom is told so, and connects when it is there", function()
    local status = os.execute "unshare -m true 2>/dev/null"
    if status ~= true and status ~= 0 then pending "this user may not make namespaces" end
    local prepare = "mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && exec \"$@\""
    local output = run([[
      local aui = require "aui"
      local session, err = aui.connect { url = ..., task_id = "task" }
      assert(not session)
      print(err.message)
      os.execute "mknod -m 666 /dev/urandom c 1 9"
      print(assert(aui.connect { url = ..., task_id = "task" }):ask "hello" and "answered")
    ]], { "unshare", "-m", "sh", "-c", prepare, "sh" })
    assert.equal("libwebsockets needs /dev/urandom, which cannot be read\nanswered\n", output)
  end)

  it("whose limit of descriptors has risen since its first session is told what it cannot use", function()
    local output = run([[
      local aui = require "aui"
      assert(assert(aui.connect { url = ..., task_id = "task" }):ask "hello")
      collectgarbage()
      os.execute "prlimit --pid $PPID --nofile=1024:1024"
      local files = {}
      for i = 1, 100 do files[i] = assert(io.open "/dev/null") end
      local session, err = aui.connect { url = ..., task_id = "task" }
      assert(not session)
      print(err.kind, (err.message:gsub("%d+", "N", 1)))
      while #files > 0 do table.remove(files):close() end
      print(assert(aui.connect { url = ..., task_id = "task" }):ask "hello" and "answered")
    ]], { "prlimit", "--nofile=64:1024" })
    local words = "descriptor N is beyond 64, the process's limit when its first session was made: raise it before that"
    assert.equal("transport\t" .. words .. "\nanswered\n", output)
  end)
end)
