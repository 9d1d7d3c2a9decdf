-- A person at an example, or at the command: runs it in a pseudo-terminal (of `script`, from util-linux) or with pipes,
-- types, and sees what it shows.

local terminal = require "spec.examples.terminal"
local uv = require "luv"

local person = {}

local PATIENCE = 20 -- seconds
local VERSION = jit and "luajit" or _VERSION:match "%d.%d" -- luacheck: ignore jit

local Person = {}
Person.__index = Person

local function environment(changes)
  local variables = uv.os_environ()
  variables.NO_COLOR, variables.AUI_NETWORK_API_KEY, variables.AUI_TASK_ID = nil, nil, nil
  variables.AUI_USER_ID, variables.AUI_PUBLISHABLE_KEY, variables.AUI_THREAD_ID = nil, nil, nil
  variables.TERM = "xterm"
  for name, value in pairs(changes) do
    variables[name] = value
  end
  local list = {}
  for name, value in pairs(variables) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- The program and its arguments, for `columns` in a pseudo-terminal of that width, with shell's words around it.
local function command_of(words, columns, around)
  if not columns then return table.remove(words, 1), words end
  for index, word in ipairs(words) do
    words[index] = quoted(word)
  end
  local line = ("stty rows 24 cols %d; "):format(columns) .. (around or "exec %s"):format(table.concat(words, " "))
  return "script", { "-q", "-e", "-c", line, "/dev/null" }
end

-- Hands what comes out of the pipe to `take`, until its end.
local function read_into(self, pipe, take)
  self.unfinished = self.unfinished + 1
  pipe:read_start(function(problem, bytes)
    assert(not problem, problem)
    if bytes then return take(bytes) end
    self.unfinished = self.unfinished - 1
  end)
end

--- Starts a program in Lua, a file, with arguments. `columns`: the width of its terminal; nil: pipes. `env`: variables
--- of its environment. `around`: a shell's words in that terminal, with "%s" for the program.
function person.run(file, arguments, columns, env, around)
  local self = setmetatable({ screen = terminal.new(24), output = "", errors = "", unfinished = 0 }, Person)
  local words = { "script/lua", "-v", VERSION, file }
  for _, argument in ipairs(arguments) do
    words[#words + 1] = argument
  end
  local program, args = command_of(words, columns, around)
  local pipes = { uv.new_pipe(), uv.new_pipe(), uv.new_pipe() }
  self.input, self.pipes = pipes[1], pipes
  self.process = assert(uv.spawn(program, {
    args = args,
    env = environment(env),
    stdio = pipes,
  }, function(status, signal) self.status, self.signal = status, signal end))
  read_into(self, pipes[2], function(bytes)
    self.output = self.output .. bytes
    self.screen:feed(bytes)
  end)
  read_into(self, pipes[3], function(bytes) self.errors = self.errors .. bytes end)
  return self
end

--- The same with an example: a folder or a file of one.
function person.start(example, ...)
  return person.run(("examples/%s%s.lua"):format(example, example:find "/" and "" or "/main"), ...)
end

-- Runs the loop until `is_done()`.
function Person:wait(what, is_done)
  local timer, late = uv.new_timer(), false
  uv.update_time() -- else it counts from when the loop ran last
  timer:start(PATIENCE * 1000, 0, function() late = true end)
  while not late and not is_done() do
    uv.run "once"
  end
  timer:close()
  if not is_done() then
    self.process:kill "sigkill"
    error(("waited in vain for %s; seen:\n%s\n%s"):format(what, self.screen:text(), self.errors), 3)
  end
end

--- Waits until the words are on the screen.
function Person:see(words)
  self:wait(("%q"):format(words), function() return self.screen:text():find(words, 1, true) end)
end

--- Presses keys.
function Person:press(keys) self.input:write(keys) end

--- Ends the input, waits for the example's end, and returns its exit status.
function Person:finish()
  self.input:shutdown()
  return self:exit_status()
end

--- Takes the terminal away.
function Person:hang_up() self.process:kill "sigkill" end

--- Waits for the example to end by itself, and returns its exit status.
function Person:exit_status()
  self:wait("the end", function() return self.status and self.unfinished == 0 end)
  for _, pipe in ipairs(self.pipes) do
    pipe:close()
  end
  self.process:close()
  uv.run "nowait"
  return self.status
end

--- Stops a simulator of spec.support. Whom it started last may hold its input open, so it would not notice the end.
function person.stop(server)
  uv.kill(server.pid, "sigterm")
  server:stop()
end

return person
