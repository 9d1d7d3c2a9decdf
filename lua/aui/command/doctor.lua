-- aui doctor: looks at what the module needs, from the libraries to the agent's answer to a call, and says of what is
-- wrong what to do. It shows no key and no password, so that it can be pasted into a report.

local advice = require "aui.command.advice"
local aui = require "aui"
local host = require "aui.host"
local interrupt = require "aui.host.interrupt"
local net = require "aui.net"
local setting = require "aui.command.setting"
local terminal = require "aui.command.terminal"
local text = require "aui.command.text"

local doctor = {}

local NOBODY = "000000000000000000000000" -- a task that nobody has: to connect for it is not to talk
local PATIENCE = 10 -- seconds
local LOOPS = { "luv", "cqueues", "copas" }

--- Declares its options.
function doctor.declare(command) setting.declare(command) end

-- What was found so far, a line each; and whether any of it is wrong.
local Findings = {}
Findings.__index = Findings

local function print_line(mark, words) print(mark .. " " .. text.line(words)) end

local function good(words, ...) print_line("ok  ", words:format(...)) end

function Findings:bad(words, remedies)
  self.status = 1
  print_line("BAD ", words)
  for _, remedy in ipairs(remedies) do print_line("  ->", remedy) end
end

-- Returns what fn(...) does, or nil once its failure is found.
function Findings:try(what, fn, ...)
  local ok, result, err = interrupt.pcall(terminal.wait_for, fn, ...)
  if ok and result then return result end
  local problem = ok and err or result
  self:bad(("%s: %s"):format(what, tostring(problem)), advice.of(problem))
end

local function look_at_programs()
  local interpreter = rawget(_G, "jit") and jit.version or _VERSION -- luacheck: ignore jit
  local libraries = {}
  for _, name in ipairs { "libwebsockets", "libuv", "OpenSSL" } do
    local version = net.libraries[name]:gsub("%-$", "") -- Debian's libwebsockets has no name of its commit after it
    libraries[#libraries + 1] = name .. " " .. version
  end
  good("lua-aui %s on %s; %s", host.version, interpreter, table.concat(libraries, ", "))
  local found = {}
  for _, name in ipairs(LOOPS) do
    if pcall(require, name) then found[#found + 1] = name end
  end
  good("loops that it can live in: %s", found[1] and table.concat(found, ", ") or "none is installed")
end

local function look_at_keys(findings)
  local count = 0
  for _, key in ipairs(setting.keys()) do
    local problem = advice.problem_of_key(key.variable, key.value)
    count = count + 1
    if problem then
      findings:bad(("%s %s"):format(key.variable, problem.words), { problem.remedy })
    else
      good("%s: a key of %d characters", key.variable, #key.value)
    end
  end
  if count == 0 then good "no key in the environment" end
end

-- How many addresses of each family the system knows for the name.
local function look_up(name)
  local pipe = io.popen("getent ahosts '" .. name:gsub("'", "") .. "' 2>/dev/null")
  local words, seen, count = pipe:read "*a", {}, { IPv4 = 0, IPv6 = 0 }
  pipe:close()
  for address in words:gmatch "([%x:.]+)%s+STREAM" do
    local family = address:find(":", 1, true) and "IPv6" or "IPv4"
    if not seen[address] then count[family] = count[family] + 1 end
    seen[address] = true
  end
  return count
end

local function look_at_place(place)
  local count = look_up(place.host)
  good("server: %s (%d IPv4 and %d IPv6 addresses)", place.public_url, count.IPv4, count.IPv6)
  good("proxy: %s", place.proxy and place.proxy.name or "none")
  good("clock: %s", os.date "!%Y-%m-%d %H:%M:%S UTC")
end

-- Whose calls fail at once, and soon.
local function new_client(read)
  local options = setting.options(read)
  options.retries, options.timeout = 0, { connect = PATIENCE, call = PATIENCE }
  return aui.client(options)
end

local function call(client, user)
  if client.api == "tasks" then
    return client:list_tasks { user_id = user, size = 1 }
  end
  return client:welcome_message()
end

local function connect(client)
  local session, err = client:connect { task_id = NOBODY }
  if session then session:close() end
  return session, err
end

local function look_at_server(findings, client, user)
  if not findings:try("REST call", call, client, user) then return end
  good "REST call: answered"
  if client.api ~= "tasks" then return end
  if findings:try("session", connect, client) then good "session: opened" end
end

--- Looks.
function doctor.run(read)
  local findings = setmetatable({ status = 0 }, Findings)
  look_at_programs()
  look_at_keys(findings)
  local client = findings.status == 0 and findings:try("options", new_client, read)
  if client then
    look_at_place(client.rest.endpoint)
    look_at_server(findings, client, setting.user(read))
  end
  print(findings.status == 0 and "All is well." or "Something is wrong: see above.")
  return findings.status
end

return doctor
