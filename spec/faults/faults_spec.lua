-- Hundreds of conversations through a proxy that delays, splits, cuts, resets and swallows what they say, at random:
-- what users are told must be true all the same. One run; each case looks at it for one promise.
--
-- AUI_FAULT_SEED=N repeats a run: each conversation does the same and meets the same faults, as far as the time that
-- things take allows. AUI_FAULT_ONLY=K holds its K-th conversation alone.

local aui = require "aui"
local cjson = require "cjson"
local conversation = require "spec.faults.conversation"
local scheduler = not ngx and require "aui.host.native.scheduler" -- it tells of the timers that run
local support = require "spec.support"

local CONVERSATIONS, AT_ONCE = 600, 60
local FAULTY = 6 -- connections of a conversation that may be spoilt; later ones are not, so that it comes to an end
local FAULTS = { "delay", "split", "fin", "reset", "blackhole", "half-close", "refuse", "absent", "mute", "late" }
local LEAST_FAULTS = 2000
local MOST_GROWTH = 300 -- kilobytes of Lua's
local STUCK = 90 -- seconds that no step of a conversation takes
local TIMEOUT = { connect = 0.5, first = 0.3, idle = 0.3 }

local seed = tonumber(os.getenv "AUI_FAULT_SEED") or os.time() % 1000000
local only = tonumber(os.getenv "AUI_FAULT_ONLY")

-- ---- servers -----------------------------------------------------------------------------------------

local function start_simulators()
  local servers = {}
  for i, options in ipairs {
    { "--pace", "0", "--envelope", "full" },
    { "--pace", "0", scheme = "wss" },
    { "--pace", "0.002" },
    { "--pace", "0.002", "--envelope", "full", "--lifecycle", scheme = "wss" },
  } do
    local log = os.tmpname()
    for _, word in ipairs { "--echo", "--log", log } do table.insert(options, word) end
    servers[i] = support.start(options)
    servers[i].log = log
    table.insert(servers[i].files, log)
  end
  return servers
end

-- The proxy's ports, one for each conversation, and a function that ends it and returns how often it did what.
local function start_proxy(servers)
  local fifo = os.tmpname()
  local words = { seed, CONVERSATIONS, FAULTY }
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

local function new_conversations(servers, ports, alive)
  local all = {}
  for i = only or 1, only or CONVERSATIONS do
    local server = servers[(i - 1) % #servers + 1]
    local options = server:options { task_id = "task " .. i, timeout = TIMEOUT }
    options.url = options.url:gsub(":%d+/", ":" .. ports[i] .. "/")
    table.insert(all, conversation.new(seed, i, options, alive))
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
local function watch(all, under_way)
  while under_way() do
    aui.sleep(0.5)
    local stuck = find_stuck(all)
    if #stuck > 0 then error(("AUI_FAULT_SEED=%d: stuck: %s"):format(seed, table.concat(stuck, ", "))) end
  end
end

local function hold(all)
  local begun, ended = 0, 0
  local function work()
    while begun < #all do
      begun = begun + 1
      all[begun]:run()
      ended = ended + 1
    end
  end
  aui.run(function()
    for _ = 1, AT_ONCE do aui.spawn(work) end
    watch(all, function() return ended < #all end)
  end)
end

local function used_kilobytes()
  if jit then jit.flush() end -- luacheck: ignore jit (compiled traces keep what their functions refer to)
  support.collect()
  return collectgarbage "count"
end

local open_descriptors = support.open_descriptors

-- Whether only libwebsockets' own timer, which goes off every 30 s, is left: the longest of sessions is a second.
local function no_timer_runs() return ngx or (scheduler.loop():timeout() or math.huge) > 1.1 end

-- Lets the loop run until nothing of the conversations is in use, for 20 s at most; what is in use then.
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

-- All lines of the simulators' logs. A message of ours makes each deal with what came before it.
local function read_logs(servers)
  local lines = {}
  for number, server in ipairs(servers) do
    local session = server:connect()
    assert(session:ask "the end")
    session:close()
    for json in io.lines(server.log) do
      local line = cjson.decode(json)
      line.connection = number .. "/" .. line.connection
      if line.text ~= "the end" and line.text ~= "ready?" then table.insert(lines, line) end
    end
  end
  return lines
end

local function warm_up(servers)
  for _, server in ipairs(servers) do
    local session = server:connect()
    assert(session:ask "ready?")
    session:close()
  end
end

local function count_alive(alive)
  local count = 0
  for _ in pairs(alive) do count = count + 1 end
  return count
end

-- Holds all conversations; a table of what came of them.
local function run()
  local result, servers = { alive = setmetatable({}, { __mode = "k" }) }, start_simulators()
  local ports, stop_proxy = start_proxy(servers)
  warm_up(servers)
  result.kilobytes_before, result.descriptors_before = used_kilobytes(), open_descriptors()
  result.conversations = new_conversations(servers, ports, result.alive)
  local begin = os.time()
  hold(result.conversations)
  result.seconds = os.time() - begin
  result.descriptors, result.idle = settle(result.descriptors_before)
  result.left = count_alive(result.alive)
  result.faults = stop_proxy()
  result.log = read_logs(servers)
  for _, server in ipairs(servers) do server:stop() end
  return result
end

-- ---- what must have been -----------------------------------------------------------------------------

-- Calls fn(send, how many log lines say that the agent acted on it, conversation) for each send.
local function each_send(result, fn)
  local acted = {}
  for _, line in ipairs(result.log) do
    if line.event == "message" then acted[line.text] = (acted[line.text] or 0) + 1 end
  end
  for _, each in ipairs(result.conversations) do
    for _, send in ipairs(each.sends) do fn(send, acted[send.text] or 0, each) end
  end
end

-- The sends, as "conversation/number: how it ended", for which fn(send, acted) is true.
local function sends_where(result, fn)
  local list = {}
  each_send(result, function(send, acted, each)
    if not fn(send, acted) then return end
    local ending = send.message and "message" or send.err and send.err.delivered .. ", " .. tostring(send.err) or "?"
    table.insert(list, ("%d/%d (acted on %d times): %s"):format(each.index, send.number, acted, ending))
  end)
  return list
end

local function assert_none(list)
  local shown = table.concat(list, "\n", 1, math.min(#list, 20))
  assert(#list == 0, ("AUI_FAULT_SEED=%d: %d violations\n%s"):format(seed, #list, shown))
end

describe("Conversations over connections that fail", function()
  local result
  lazy_setup(function()
    print("AUI_FAULT_SEED=" .. seed)
    result = run()
  end)

  it("meet enough faults of every kind", function()
    local total = 0
    for _, kind in ipairs(FAULTS) do
      total = total + (result.faults[kind] or 0)
      assert(only or result.faults[kind], "no " .. kind)
    end
    local sends, messages = 0, 0
    each_send(result, function(send)
      sends = sends + 1
      if send.message then messages = messages + 1 end
    end)
    print(("%d faults, %d sends, %d answered, in %d s"):format(total, sends, messages, result.seconds))
    assert(only or total >= LEAST_FAULTS, total .. " faults")
    assert(messages > 0)
  end)

  it("tell every user the truth, once, and recover", function()
    local complaints = {}
    for _, each in ipairs(result.conversations) do
      for _, complaint in ipairs(each.complaints) do table.insert(complaints, complaint) end
    end
    assert_none(complaints)
  end)

  it("never make the agent act twice", function()
    assert_none(sends_where(result, function(_, acted) return acted > 1 end))
  end)

  it("say \"no\" only of what was not delivered", function()
    assert_none(sends_where(result, function(send, acted)
      return send.err and send.err.delivered == "no" and acted > 0
    end))
  end)

  it("say \"yes\", or show an answer, only of what was delivered", function()
    assert_none(sends_where(result, function(send, acted)
      return (send.message or send.err and send.err.delivered == "yes") and acted == 0
    end))
  end)

  it("let the agent hear what was said, in that order, and nothing else", function()
    local sends, violations, last = {}, {}, {}
    each_send(result, function(send) sends[send.text] = send end)
    for _, line in ipairs(result.log) do
      local send = sends[line.text]
      if not send then
        table.insert(violations, "nobody said " .. line.text)
      elseif line.event == "message" then
        if (last[line.connection] or 0) >= send.number then table.insert(violations, "out of order: " .. line.text) end
        last[line.connection] = send.number
      end
    end
    assert_none(violations)
  end)

  -- A function of its own, so that no register of the caller keeps the result alive.
  local function assert_all_released()
    assert.equal(result.descriptors_before, result.descriptors)
    assert(result.idle, "timers run on")
    assert.equal(0, result.left, "sessions and replies are left")
    return result.kilobytes_before
  end

  it("leave nothing behind", function()
    local before = assert_all_released()
    result = nil
    local growth = used_kilobytes() - before
    assert(growth < MOST_GROWTH, growth .. " kB more than before")
  end)
end)
