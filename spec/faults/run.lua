-- Holds the conversations of one carrier, all through a proxy that fails, and looks at what they leave behind.

local aui = require "aui"
local carriers = require "spec.faults.carriers"
local cjson = require "cjson"
local conversation = require "spec.faults.conversation"
local scheduler = not ngx and require "aui.host.native.scheduler" -- it tells of the timers that run
local support = require "spec.support"

local STUCK = 90 -- seconds that no step of a conversation takes

-- ---- servers -----------------------------------------------------------------------------------------

-- The proxy's ports, one for each conversation, and a function that ends it and returns how often it did what.
local function start_proxy(carrier, servers, seed)
  local fifo = os.tmpname()
  local words = { seed, carrier.conversations, carrier.faulty }
  for _, server in ipairs(servers) do table.insert(words, server.port) end
  -- A sanitizer's runtime, preloaded for us, would report leaks of Python's.
  local command = "env -u LD_PRELOAD /usr/bin/python3 spec/faults/proxy.py " .. table.concat(words, " ")
  os.execute(("rm %s; mkfifo %s"):format(fifo, fifo))
  local input = assert(io.popen(("exec >%s; exec %s"):format(fifo, command), "w"))
  local output = assert(io.open(fifo))
  local ports = {}
  for port in output:read("*l"):gmatch "%d+" do table.insert(ports, port) end
  return ports, function()
    input:close()
    local counts = cjson.decode(output:read "*l")
    output:close()
    os.remove(fifo)
    return counts
  end
end

-- ---- the run -----------------------------------------------------------------------------------------

local function new_conversations(carrier, servers, ports, plan, alive)
  local all = {}
  for i = plan.only or 1, plan.only or carrier.conversations do
    local server = servers[(i - 1) % #servers + 1]
    local options = carrier.options(server, i)
    options.url = options.url:gsub(":%d+/", ":" .. ports[i] .. "/")
    local made = conversation.new(plan.seed, i, options, alive)
    made.is_scripted = server.is_scripted
    table.insert(all, made)
  end
  return all
end

-- Those that have come to a standstill, as "number in step (state of the session)".
local function find_stuck(all)
  local stuck = {}
  for _, each in ipairs(all) do
    if each.since and os.time() - each.since > STUCK then
      local state = each.session and each.session:state() or "no session"
      table.insert(stuck, ("%d in %s (%s)"):format(each.index, each.step, state))
    end
  end
  return stuck
end

-- Raises when something hangs.
local function watch(all, seed, under_way)
  while under_way() do
    aui.sleep(0.5)
    local stuck = find_stuck(all)
    if #stuck > 0 then error(("AUI_FAULT_SEED=%d: stuck: %s"):format(seed, table.concat(stuck, ", "))) end
  end
end

local function hold(all, at_once, seed)
  local begun, ended = 0, 0
  local function work()
    while begun < #all do
      begun = begun + 1
      all[begun]:run()
      ended = ended + 1
    end
  end
  aui.run(function()
    for _ = 1, at_once do aui.spawn(work) end
    watch(all, seed, function() return ended < #all end)
  end)
end

local function used_kilobytes()
  support.collect()
  return collectgarbage "count"
end

local open_descriptors = support.open_descriptors

-- Whether only libwebsockets' own timer, which goes off every 30 s, is left: the longest of sessions is a second.
local function no_timer_runs() return ngx or (scheduler.loop():timeout() or math.huge) > 1.1 end

-- Lets the loop run until nothing of the conversations is in use, for 20 s at most (REST connections are kept for
-- fifteen); what is in use then.
local function settle(descriptors)
  local patience = 200
  repeat
    collectgarbage()
    aui.sleep(0.1)
    patience = patience - 1
    local settled = open_descriptors() == descriptors and no_timer_runs()
  until settled or patience == 0
  return open_descriptors(), no_timer_runs()
end

-- What is left of a server's scripts may spoil it.
local function ask_until_answered(session, text)
  local limit = os.time() + 60
  while true do
    local message, err = session:ask(text)
    if message then return end
    assert(os.time() <= limit, err)
  end
end

local function ask_once(carrier, server, text)
  local session = assert(aui.connect(carrier.options(server)))
  ask_until_answered(session, text)
  session:close()
end

-- All lines of the simulators' logs. A message of ours makes each deal with what came before it.
local function read_logs(carrier, servers)
  local lines = {}
  for number, server in ipairs(servers) do
    ask_once(carrier, server, "the end")
    for json in io.lines(server.log) do
      local line = cjson.decode(json)
      line.connection = number .. "/" .. line.connection
      local is_ours = line.text == "the end" or line.text == "ready?"
      if line.text and not is_ours then table.insert(lines, line) end
    end
  end
  return lines
end

local function count_alive(alive)
  local count = 0
  for _ in pairs(alive) do count = count + 1 end
  return count
end

local run = {}

run.used_kilobytes = used_kilobytes

--- Holds all conversations of a carrier (see spec.faults.carriers). `plan`: seed, and only, the number of the one that
--- is to be held alone. What came of them: conversations; faults, how often the proxy did what; log, the simulators'
--- lines; seconds; kilobytes_before, descriptors_before and descriptors; idle, whether no timer runs on; left, how many
--- sessions and replies.
function run.hold(carrier, plan)
  local result, servers = { alive = setmetatable({}, { __mode = "k" }) }, carrier.start(plan.seed)
  local ports, stop_proxy = start_proxy(carrier, servers, plan.seed)
  for _, server in ipairs(servers) do ask_once(carriers.WebSockets, server, "ready?") end
  result.descriptors_before = open_descriptors()
  for _, server in ipairs(servers) do ask_once(carrier, server, "ready?") end
  result.kilobytes_before = used_kilobytes()
  result.conversations = new_conversations(carrier, servers, ports, plan, result.alive)
  local begin = os.time()
  hold(result.conversations, carrier.at_once, plan.seed)
  result.seconds = os.time() - begin
  result.descriptors, result.idle = settle(result.descriptors_before)
  result.left = count_alive(result.alive)
  result.faults = stop_proxy()
  result.log = read_logs(carrier, servers)
  for _, server in ipairs(servers) do server:stop() end
  return result
end

return run
