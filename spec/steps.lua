-- Scenarios of aui-sim (docs/simulator.md) that mean the same by every API and carrier. They are written as those of
-- WebSockets of the tasks API, in the steps receive, update, message, wait, cut, repeat and agent, and
--
--   { refuse = status, retry_after = seconds }   right behind receive: nobody acts on the message
--   { fail = status }                            the agent fails in the middle of its answer
--   { work = true }                              an event that says nothing of the text
--   { heard = true }                             the client has had the time to read what was sent
--
-- By WebSocket, all other steps may be used, too. An update carries the text so far; in the threads API only what is
-- new of it is sent. A stream answers one message: it has what stands between one `receive` and the next.

local FOR_EVER = 3600

local steps = {}

-- Calls it for each step, those that are repeated again and again.
local function each(list, call)
  for _, step in ipairs(list) do
    for _ = 1, step["repeat"] or 0 do each(step.steps, call) end
    if not step["repeat"] then call(step) end
  end
end

-- The texts of an answer in the making: what is new of each.
local function new_text()
  local text = ""
  return {
    update = function(whole)
      assert(whole:sub(1, #text) == text, "the threads API takes nothing back of a text")
      local delta = whole:sub(#text + 1)
      text = whole
      return delta
    end,
    finish = function(fields)
      local message = { text = text }
      for name, value in pairs(fields) do message[name] = value end
      return message
    end,
  }
end

-- ---- WebSockets ------------------------------------------------------------------------------------

local function refuse_task(step)
  local error = { status_code = step.refuse, extra_data = { retry_after = step.retry_after } }
  return { error = error }, { close = 1008 }
end

local function refuse_thread(step)
  local data = { error = "refused", code = step.refuse, retry_after = step.retry_after }
  return { send = { type = "error", seq = -1, data = data } }, { close = 1008 }
end

local HEARD = { { ping = "heard" }, { await_pong = true } }

local TASK_WORK = { send = { event = "workflow-step", data = { step = 1 } } }
local THREAD_WORK = { send = { type = "event", data = { channel = { event_name = "workflow-step" }, data = {} } } }

local function fail_task(step) return { error = { status_code = step.fail } }, { close = 1011 } end

local function of_tasks(list)
  local made = {}
  for _, step in ipairs(list) do
    made[#made + 1] = step
    if step["repeat"] then made[#made] = { ["repeat"] = step["repeat"], steps = of_tasks(step.steps) } end
    if step.refuse then made[#made], made[#made + 1] = refuse_task(step) end
    if step.fail then made[#made], made[#made + 1] = fail_task(step) end
    if step.work then made[#made] = TASK_WORK end
    if step.heard then made[#made], made[#made + 1] = HEARD[1], HEARD[2] end
  end
  return made
end

local function of_threads(list)
  local made, text = {}, new_text()
  each(list, function(step)
    made[#made + 1] = step
    if step.receive then text = new_text() end
    if step.update then made[#made] = { update = text.update(step.update) } end
    if step.message then made[#made] = { message = text.finish(step.message) } end
    if step.refuse then
      made[#made - 1] = { receive = true, recorded = false } -- no thread is made for it, either
      made[#made], made[#made + 1] = refuse_thread(step)
    end
    if step.fail then made[#made] = { error = { status_code = step.fail } } end
    if step.work then made[#made] = THREAD_WORK end
    if step.heard then made[#made], made[#made + 1] = HEARD[1], HEARD[2] end
  end)
  return made
end

-- ---- streams ---------------------------------------------------------------------------------------

local DONE = { done = true }

-- Each takes a step, the steps of its stream so far, and the answer's text.
local SAY = {
  update = function(step, made, text) made[#made + 1] = { event = text.update(step.update) } end,
  message = function(step, made, text)
    made[#made + 1], made[#made + 2] = { message = text.finish(step.message) }, DONE
  end,
  fail = function(step, made)
    made[#made + 1], made[#made + 2] = { error = { status_code = step.fail } }, DONE
  end,
  refuse = function(step, made)
    local headers = { ["Retry-After"] = step.retry_after and tostring(step.retry_after) }
    made[#made + 1] = { response = { status = step.refuse, headers = headers }, acted = true }
  end,
  agent = function(step, made)
    made[#made + 1], made[#made + 2] = step, DONE
  end,
  work = function(_, made) made[#made + 1] = THREAD_WORK end,
  heard = function(_, made) made[#made + 1] = { wait = 0.02 } end, -- of which the server is told nothing
  wait = function(step, made) made[#made + 1] = step end,
  cut = function(step, made) made[#made + 1] = step end,
}

local ENDS = { "done", "cut", "response" }

-- Where a WebSocket's list of steps ends its connection stays, while a stream would end.
local function stay_silent(made)
  for _, step in ipairs(made) do
    for _, verb in ipairs(ENDS) do
      if step[verb] then return end
    end
  end
  made[#made + 1] = { wait = FOR_EVER }
end

-- Appends the streams that answer what a connection of these steps receives.
local function add_streams(streams, list)
  local made, text
  each(list, function(step)
    if step.receive or step.agent then
      if made then stay_silent(made) end
      made, text = {}, new_text()
      streams[#streams + 1] = made
    end
    if step.receive then return end
    local verb
    for name in pairs(SAY) do verb = step[name] ~= nil and name or verb end
    assert(made and verb, "not a step of streams, or before what it answers")
    SAY[verb](step, made, text)
  end)
  if made then stay_silent(made) end
end

local function of_streams(connections)
  local streams = {}
  for _, list in ipairs(connections) do add_streams(streams, list) end
  return streams
end

-- ----------------------------------------------------------------------------------------------------

local function connections_of(scenario)
  local is_table = scenario.connections or scenario.streams or scenario.rest
  if is_table then return scenario.connections end
  return { scenario }
end

--- The lists of connections that are all to get the same.
function steps.times(n, list)
  local connections = {}
  for i = 1, n do connections[i] = list end
  return { connections = connections }
end

--- The scenario, a list of steps for the first connection or a table of `connections` and what else there may be, for
--- the carrier. By streams, the agent answers what comes later.
---@param carrier "stream"|"websocket"|nil of the threads API; nil: the tasks API
function steps.scenario(scenario, carrier)
  local connections = connections_of(scenario)
  local made = { connections = connections, streams = scenario.streams, rest = scenario.rest }
  if connections and carrier == "stream" then
    made.connections, made.streams = nil, of_streams(connections)
  elseif connections then
    made.connections = {}
    for index, list in ipairs(connections) do made.connections[index] = (carrier and of_threads or of_tasks)(list) end
  end
  return made
end

return steps
