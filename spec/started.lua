-- A command that a spec starts, and all that it starts in turn: they hold a pipe that ends with the last of them.

local uv = require "luv"

local Started = {}
Started.__index = Started

local started = {}

local PATIENCE = 60 -- seconds

-- The environment with these variables, and without what would lead to another agent or another Lua's modules.
local function environment(variables)
  local all, words = uv.os_environ(), {}
  for name in pairs(all) do
    if name:find "^AUI_" and name ~= "AUI_BUILD" or name:find "^LUA_C?PATH" then all[name] = nil end
  end
  for name, value in pairs(variables) do all[name] = value end
  for name, value in pairs(all) do words[#words + 1] = name .. "=" .. value end
  return words
end

--- Starts a command, with these variables in the environment. The agent is aui-sim, if it starts that.
function started.new(command, args, variables)
  local output, errors, held = uv.new_pipe(), uv.new_pipe(), uv.new_pipe()
  local self = setmetatable({ said = "" }, Started)
  local process = assert(uv.spawn(command, {
    args = args, env = environment(variables or {}), stdio = { nil, output, errors, held },
  }, function(status, signal) self.status, self.signal = status, signal end)) -- stylua: ignore
  local function hear(_, bytes) self.said = self.said .. (bytes or "") end
  output:read_start(hear)
  errors:read_start(hear)
  held:read_start(function(_, bytes) self.released = not bytes end)
  self.process, self.handles = process, { process, output, errors, held }
  return self
end

local function close(self)
  for _, handle in ipairs(self.handles) do handle:close() end
  uv.run "nowait"
end

--- Runs the loop until `is_done()`, which may look at what does not wake the loop.
function Started:wait(what, is_done)
  local timer, limit = uv.new_timer(), os.time() + PATIENCE
  timer:start(20, 20, function() end)
  while not is_done() and os.time() < limit do uv.run "once" end
  timer:close()
  if is_done() then return end
  self.process:kill "sigkill"
  close(self)
  error(("waited in vain for %s; said:\n%s"):format(what, self.said), 2)
end

--- Waits until it has said what the pattern finds.
function Started:wait_for(pattern)
  self:wait(pattern, function() return self.said:find(pattern) end)
end

--- Sends it SIGTERM, and waits until it and all that it has started have ended.
function Started:terminate()
  self.process:kill "sigterm"
  self:wait("its end", function() return self.status end)
  self:wait("the end of what it has started", function() return self.released end)
  close(self)
end

return started
