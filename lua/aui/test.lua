-- For tests of programs that talk to agents: starts aui-sim, with a scenario of the test's own or a recording, and ends
-- it with the test. It blocks for the few milliseconds that aui-sim takes to listen; so it is for tests, in whatever
-- host.

local check = require "aui.option.check"
local cjson = require("aui.host.dependency").load "cjson"

local test = {}

---@class (exact) aui.SimulatorOptions
---@field [integer] string words of aui-sim's command line, such as "--pace", "0": docs/simulator.md
---@field scenario? table<string, any>|any[] what happens, as a table that is written as JSON
---@field replay? string a file of aui.record, in which everything stands that is said
---@field program? string aui-sim's file: $AUI_SIM, or else "aui-sim" on the PATH

---@class aui.Simulator
---@field url string of the tasks API: for the option url
---@field threads_url string of the threads API: for the option url, beside a publishable_key
---@field port integer
local Simulator = {}
Simulator.__index = Simulator
Simulator.__name = "aui.Simulator"

local OPTIONS = { scenario = true, replay = true, program = true }
local PATH = "/api/v1/external/session"

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

-- A word of a command line ends at a NUL, and the line with it.
local function check_word(argument, word)
  check.given(argument, word, "string")
  if word:find "%z" then check.fail(argument, "must not contain NUL") end
  return quoted(word)
end

local function check_options(options)
  check.type("options", options, "table")
  local words, named = {}, {}
  for name, value in pairs(options or {}) do
    if type(name) ~= "number" then named[name] = value end
  end
  check.names("options", named, OPTIONS)
  check.type("scenario", named.scenario, "table")
  for index, word in ipairs(options or {}) do words[index] = check_word(("options[%d]"):format(index), word) end
  local program = check_word("program", named.program or os.getenv "AUI_SIM" or "aui-sim")
  if named.replay ~= nil then words[#words + 1] = "--replay " .. check_word("replay", named.replay) end
  return program, table.concat(words, " "), named.scenario
end

local function write_all(name, text)
  local file = assert(io.open(name, "w"))
  file:write(text)
  file:close()
end

local function read_all(name)
  local file = assert(io.open(name))
  local text = file:read "*a"
  file:close()
  return text
end

-- Runs it so that it ends with its standard input, which we hold. What it prints comes through a pipe with a name,
-- since io.popen has but one direction.
local function launch(self, command, fifo, errors)
  os.remove(fifo)
  os.execute("mkfifo " .. fifo)
  self.input = assert(io.popen(("exec %s >%s 2>%s"):format(command, fifo, errors), "w"))
  local output = assert(io.open(fifo))
  local line = output:read "*l"
  output:close()
  return line and line:match "^listening on (%S+)$", read_all(errors)
end

-- The files are needed no longer than it takes to start.
local function launch_with(self, command, json)
  local fifo, errors, scenario = os.tmpname(), os.tmpname(), os.tmpname()
  if json then
    write_all(scenario, json)
    command = command .. " --scenario " .. quoted(scenario)
  end
  local url, words = launch(self, command, fifo, errors)
  for _, name in ipairs { fifo, errors, scenario } do os.remove(name) end
  return url, words
end

--- Starts aui-sim on a free port of this machine. Raises for a bad option, and with what it says if it does not start.
--- It ends by `stop`, by leaving the scope of a `local sim <close>` (Lua 5.4), when it is collected, and in any case
--- with this program.
---@param options? aui.SimulatorOptions
---@return aui.Simulator
function test.simulator(options)
  local program, words, scenario = check_options(options)
  local json = scenario and cjson.encode(scenario)
  local self = setmetatable({}, Simulator)
  local url, errors = launch_with(self, ("%s --port 0 --exit-with-stdin %s"):format(program, words), json)
  if not url then
    self:stop()
    local where = errors:find "not found" and "; AUI_SIM or the option program may say where it is" or ""
    check.fail("aui-sim", "did not start: " .. errors:gsub("%s+$", "") .. where)
  end
  self.url = url
  self.threads_url = url:gsub("^ws", "http"):sub(1, -#PATH) .. "apollo-api"
  self.port = tonumber(url:match ":(%d+)/")
  return self
end

--- Stops it, and waits until it has ended. Once is enough; more do no harm.
function Simulator:stop()
  if self.input then self.input:close() end
  self.input = nil
end

Simulator.__close = Simulator.stop
Simulator.__gc = Simulator.stop

function Simulator:__tostring() return ("aui.Simulator (%s)"):format(self.input and self.url or "stopped") end

return test
