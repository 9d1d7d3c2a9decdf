-- Programs in an interpreter of their own, of the kind that runs the specs: for what a process says, how it ends, and
-- what a signal does to it.

local uv = require "luv"

local child = {}

local LIMIT = 20 -- seconds; a program that runs longer is killed, with its children
local unpack = table.unpack or unpack -- luacheck: ignore (Lua 5.1)
local interpreter = jit and "luajit" or "lua" .. _VERSION:match "%d.%d" -- luacheck: ignore jit

local function write_file(text)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  assert(file:write(text))
  file:close()
  return name
end

local function read_all(pipe, on_data)
  local parts = {}
  pipe:read_start(function(err, data)
    assert(not err, err)
    if not data then return pipe:close() end
    parts[#parts + 1] = data
    if on_data then on_data(table.concat(parts)) end
  end)
  return parts
end

-- "NAME=VALUE" for each variable of the environment, with the changes of `changes` (false: not set).
local function environment(changes)
  local list = {}
  for name, value in pairs(uv.os_environ()) do
    if changes[name] == nil then list[#list + 1] = name .. "=" .. value end
  end
  for name, value in pairs(changes) do
    if value then list[#list + 1] = name .. "=" .. value end
  end
  return list
end

-- Whether the process waits for something, by the kernel's word.
local function sleeps(pid)
  local file = assert(io.open("/proc/" .. pid .. "/stat"))
  local state = file:read("*a"):match "%) (%a)"
  file:close()
  return state == "S"
end

-- Sends SIGINT, as soon as the process sleeps unless that is to be done at once.
local function interrupt(process, result, when)
  local timer = uv.new_timer()
  timer:start(when == "at once" and 0 or 10, 10, function()
    if when ~= "at once" and not sleeps(process:get_pid()) then return end
    timer:close()
    result.interrupted_at = uv.hrtime()
    process:kill "sigint"
  end)
end

--- The value of LD_PRELOAD by which a program is run with a library of spec/native, and those of this process.
function child.preload(name)
  local others = os.getenv "LD_PRELOAD"
  local library = ("%s/spec/%s.so"):format(os.getenv "AUI_BUILD", name)
  return others and others .. ":" .. library or library
end

--- Runs `program`, Lua source, with `...` as arguments, to its end. `options`: `env`, changes to the environment
--- (false: not set); `under`, words of a command that runs the interpreter; `limit`, seconds that it may take (20);
--- `interrupt`, whether to send SIGINT when the program has written "ready\n" and sleeps ("at once": without that).
--- Returns a table: status, signal (0 for none), stdout, stderr, and the seconds that it took to end, from the
--- interrupt if any.
function child.run(program, options, ...)
  options = options or {}
  local file = write_file(program)
  local stdout, stderr, watchdog = uv.new_pipe(false), uv.new_pipe(false), uv.new_timer()
  local result, begin, ended, process = {}, uv.hrtime(), nil, nil
  local words = { unpack(options.under or {}) }
  for _, word in ipairs { interpreter, file, ... } do words[#words + 1] = word end
  process = assert(uv.spawn(table.remove(words, 1), {
    args = words,
    stdio = { nil, stdout, stderr },
    env = environment(options.env or {}),
    detached = true, -- the head of a group
  }, function(status, signal)
    ended = uv.hrtime()
    result.status, result.signal = status, signal
    uv.kill(-process:get_pid(), "sigkill") -- a child that it left behind would keep the pipes open
    process:close()
    watchdog:close()
  end))
  uv.update_time() -- else it counts from when the loop ran last
  watchdog:start((options.limit or LIMIT) * 1000, 0, function() process:kill "sigkill" end)
  local waiting = options.interrupt
  local out = read_all(stdout, function(text)
    if not waiting or not text:find("ready\n", 1, true) then return end
    waiting = false
    interrupt(process, result, options.interrupt)
  end)
  local errors = read_all(stderr)
  uv.run()
  os.remove(file)
  result.stdout, result.stderr = table.concat(out), table.concat(errors)
  result.seconds = (ended - (result.interrupted_at or begin)) / 1e9
  return result
end

return child
