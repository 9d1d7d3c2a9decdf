-- The carriers of sessions whose connections fail: the simulators of each, and what its sessions are given.

local dice = require "spec.faults.dice"
local support = require "spec.support"

-- Lua 5.4 holds all conversations; LuaJIT, also that of nginx, one in three, since the engine is the same.
local SHARE = jit and 1 / 3 or 1 -- luacheck: ignore jit
local LEAST_FAULTS = 2000 * SHARE -- of each carrier; there are about nine in a conversation

local SCRIPTS = 1200 -- streams that a server of scripted ones spoils

local function start(options, scenario)
  local log = os.tmpname()
  for _, word in ipairs { "--echo", "--log", log } do table.insert(options, word) end
  local server = scenario and support.play(scenario, options) or support.start(options)
  server.log = log
  table.insert(server.files, log)
  return server
end

-- ---- WebSockets --------------------------------------------------------------------------------------

local websockets = {
  conversations = 600 * SHARE,
  least_faults = LEAST_FAULTS,
  at_once = 60,
  faulty = 6, -- connections of a conversation that may be spoilt; later ones are not, so that it comes to an end
  most_growth = 300, -- kilobytes of Lua's
}

function websockets.start()
  return {
    start { "--pace", "0", "--envelope", "full" },
    start { "--pace", "0", scheme = "wss" },
    start { "--pace", "0.002" },
    start { "--pace", "0.002", "--envelope", "full", "--lifecycle", scheme = "wss" },
  }
end

--- The options of a session that speaks honestly, or else of conversation `index`.
function websockets.options(server, index)
  if not index then return server:options() end
  local timeout = { connect = 0.5, first = 0.3, idle = 0.3 }
  return server:options { task_id = "task " .. index, timeout = timeout }
end

-- ---- streams -----------------------------------------------------------------------------------------

local ALL, DONE = { agent = true }, { done = true }

-- The first events, or none.
local function some_events(d)
  local count = d:between(0, 12)
  return count > 0 and { agent = count } or { comment = "none" }
end

-- What a server may do to a stream.
local SPOILT = {
  function(_, some) return { some, { cut = "reset" } } end,
  function(_, some) return { some, { cut = "fin" } } end,
  function(_, some) return { some, DONE } end,
  function(_, some) return { some } end,
  function(_, some) return { { framing = "to the end" }, some } end,
  function(_, some) return { some, { wait = 2 } } end,
  function(_, some) return { some, { error = {} }, DONE } end,
  function(d, some) return { some, { again = d:between(1, 9) }, ALL, DONE } end,
  function(d, some) return { some, { skip = d:between(1, 2) }, ALL, DONE } end,
  function(d, some) return { some, { skip = 1 }, { agent = d:between(1, 3) }, { cut = "reset" } } end,
  function(d, some) return { some, { event = "" }, { again = d:between(1, 2) }, ALL, DONE } end,
  function(d) return { { response = { status = d:choose { 500, 502, 504 }, body = "no" } } } end,
  function(d) return { { response = { status = d:choose { 500, 502, 504 } }, acted = true } } end,
  function(d) return { { response = d:choose { "drop", { status = 503, body = "busy" } } } } end,
}

-- How servers that are in order may differ.
local SOUND = {
  function(d, some) return { { newline = d:choose { "lf", "crlf", "cr" } }, some, { comment = "" }, ALL, DONE } end,
  function(_, some) return { { framing = "to the end" }, some, { comment = "on" }, ALL } end,
  function(_, some) return { some, { thread = true }, ALL, DONE } end,
  function() return { ALL, DONE } end,
}

local function new_scripts(seed)
  local d, scripts = dice.new(seed, 0), {}
  for i = 1, SCRIPTS do
    local kinds = d:chance(0.6) and SPOILT or SOUND
    scripts[i] = d:choose(kinds)(d, some_events(d))
  end
  return { streams = scripts }
end

local streams = {
  conversations = 501 * SHARE,
  least_faults = LEAST_FAULTS,
  at_once = 60, -- of exchanges and handshakes, that a busy machine can do in their time
  faulty = 5,
  most_growth = 1000, -- with the tokens, one for each port
}

function streams.start(seed)
  local servers = {
    start { "--pace", "0" },
    start { "--pace", "0.002", "--kept-events", "3", scheme = "wss" },
    start { "--pace", "0.002", "--envelope", "full", "--runtime", "2", scheme = "wss" },
    start({ "--pace", "0.002" }, new_scripts(seed)),
  }
  servers[4].is_scripted = true
  return servers
end

--- As of WebSockets. One conversation in five does without another connection for what was lost.
function streams.options(server, index)
  -- A key for each server: else a port that had led to an earlier one would be tried with that one's token.
  local key = "pk_network_hunter2_" .. server.log:match "%w+$"
  local options = { publishable_key = key, url = server:base(), tls = server.tls, user_id = "ada" }
  if not index then return options end
  options.user_id = "user " .. index
  options.timeout = { connect = 1, first = 1, idle = 1, call = 1 }
  options.reconnect = index % 5 ~= 0 and { base = 0.01, max = 0.2 }
  return options
end

-- ---- WebSockets of the threads API ------------------------------------------------------------------

local threads_websockets = {
  conversations = 252 * SHARE,
  least_faults = LEAST_FAULTS,
  at_once = 60,
  faulty = 6,
  most_growth = 1000,
}

function threads_websockets.start()
  return { start { "--pace", "0" }, start { "--pace", "0.002" }, start { "--pace", "0.002", scheme = "wss" } }
end

--- As of streams.
function threads_websockets.options(server, index)
  local options = streams.options(server, index)
  options.carrier = "websocket"
  return options
end

return { WebSockets = websockets, streams = streams, ["threads' WebSockets"] = threads_websockets }
