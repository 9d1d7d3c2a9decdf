-- A task of its own for each conversation: created by the agent's REST call, which curl makes, as luv speaks no HTTP.

local cjson = require "cjson.safe"
local uv = require "luv"

local tasks = {}

local SERVICE = "wss://data-services.aui.io/api/ia-controller/api/v1/external/session"
local PATIENCE = 20 -- seconds

local running = {} -- processes

-- curl's configuration comes by its standard input: the key is in no list of processes.
local function configuration(url, key, user_id)
  local function option(name, value) return ('%s = "%s"\n'):format(name, value:gsub('[\\"]', "\\%0")) end
  return option("url", url:gsub("^ws", "http"):gsub("/session/?$", "/tasks"))
    .. option("header", "Content-Type: application/json")
    .. (key and option("header", "x-network-api-key: " .. key) or "")
    .. option("data", cjson.encode { user_id = user_id })
    .. option("write-out", "\\n%{http_code}")
    .. option("max-time", tostring(PATIENCE))
    .. option("noproxy", "*") -- as the sessions
end

local function failure(kind, message, retryable)
  return { kind = kind, message = "creating a task: " .. message, retryable = retryable }
end

-- The id of the task, or nil and a table with kind, message and retryable, as an aui.Error has them.
local function read(output, complaint, status)
  if status ~= 0 then return nil, failure("transport", complaint:match "^[^\n]*", true) end
  local body, code = output:match "^(.*)\n(%d+)$"
  code = tonumber(code)
  if code == 401 or code == 403 then return nil, failure("auth", "status " .. code, false) end
  if code == 429 then return nil, failure("rate_limit", "status " .. code, true) end
  local task = cjson.decode(body)
  if code >= 300 or type(task) ~= "table" or type(task.id) ~= "string" then
    return nil, failure("server", "status " .. code, code >= 500)
  end
  return task.id
end

local function collect(pipe, parts, done)
  pipe:read_start(function(_, bytes)
    if bytes then
      parts[#parts + 1] = bytes
    else
      pipe:close()
      done()
    end
  end)
end

--- Creates a task for the user and calls `done` with its id, or with nil and the error.
function tasks.create(user_id, done)
  local input, output, complaints = uv.new_pipe(), uv.new_pipe(), uv.new_pipe()
  local out, err, exit_status, unfinished = {}, {}, nil, 3
  local function finish()
    unfinished = unfinished - 1
    if unfinished == 0 then done(read(table.concat(out), table.concat(err), exit_status)) end
  end
  local arguments = { "--disable", "--silent", "--show-error", "--config", "-" } -- --disable: no .curlrc
  local stdio = { input, output, complaints }
  local process, problem
  process, problem = uv.spawn("curl", { args = arguments, stdio = stdio }, function(status, signal)
    exit_status = status + signal
    running[process] = nil
    process:close()
    finish()
  end)
  if not process then
    for _, pipe in ipairs(stdio) do
      pipe:close()
    end
    return done(nil, failure("transport", "curl: " .. problem, false))
  end
  running[process] = true
  collect(output, out, finish)
  collect(complaints, err, finish)
  input:write(configuration(os.getenv "AUI_URL" or SERVICE, os.getenv "AUI_NETWORK_API_KEY", user_id))
  input:shutdown(function() input:close() end)
end

--- Ends what is being created: it fails.
function tasks.cancel()
  for process in pairs(running) do
    process:kill "sigterm"
  end
end

return tasks
