-- Sessions of either API, by WebSocket and by streams, whose server drops each connection, after an answer or right
-- after it was made, over and over: neither memory nor descriptors may add up.

local aui = require "aui"
local support = require "spec.support"

local SESSIONS = 20 -- with each server
local PATIENCE = 600 -- seconds, for all
local PAGE = 4096

-- What each connection of a server does. Those that carried an answer were healthy, and are replaced at once; the
-- others after the shortest delay that a session can have.
local answer = { { receive = true }, { message = { text = "hello" } } }

-- So many streams, of which every other one breaks off with its connection, and is resumed.
local function broken_streams(count)
  local streams = {}
  for index = 1, count do
    streams[index] = index % 2 == 1 and { { agent = 1 }, { cut = "reset" } } or { { agent = true }, { cut = "fin" } }
  end
  return { streams = streams }
end

-- `answers`: whether they answer before that.
local SERVERS = {
  { answers = true, script = { answer[1], answer[2], { cut = "fin" } } },
  { answers = true, script = { answer[1], answer[2], { close = 1001 } } },
  { script = { { cut = "fin" } } },
  { script = { { close = 1001 } } },
  { answers = true, carrier = "stream", script = broken_streams(40000) },
  { answers = true, carrier = "websocket", script = { { agent = 3 }, { cut = "fin" } } },
  { carrier = "websocket", script = { { cut = "fin" } } },
}

local function resident_memory()
  local file = assert(io.open "/proc/self/statm")
  local pages = file:read("*a"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * PAGE
end

local function take_stock()
  support.collect()
  return { memory = resident_memory(), lua = collectgarbage "count" * 1024, descriptors = support.open_descriptors() }
end

local function options_of(server, carrier)
  local changes = { reconnect = { base = 0.001, max = 0.001 }, queue = { messages = 1 }, ping_interval = false }
  if not carrier then return server:options(changes) end
  changes.url, changes.tls = server:base(), server.tls
  changes.publishable_key, changes.carrier, changes.user_id = "pk_network_soak", carrier, "ada"
  changes.recover = false
  return changes
end

-- Counts a connection for each answer, and whenever the session has to wait for its next attempt: never too many.
local function keep_busy(session, answers, count)
  local changed
  session:on("state", function(state)
    changed = true
    if state == "waiting" then count() end
  end)
  aui.spawn(function()
    while answers and session:state() ~= "closed" do
      changed = false
      if session:ask "hello" then count() end
      local patience = 20 -- the change may have been too quick to be seen
      while not changed and patience > 0 do
        aui.sleep(0.001)
        patience = patience - 1
      end
    end
  end)
end

local function start_all(scheme, sessions, count)
  local servers = {}
  for i, kind in ipairs(SERVERS) do
    servers[i] = support.play(kind.script, { scheme = scheme, "--pace", "0", "--echo" })
    for _ = 1, SESSIONS do
      local session = assert(aui.session(options_of(servers[i], kind.carrier)))
      table.insert(sessions, session)
      keep_busy(session, kind.answers, count)
    end
  end
  return servers
end

-- Lets so many connections come and go: what there is after `warm_up` of them, when half of the others have, and in the
-- end.
local function run(scheme, warm_up, connections)
  local sessions, done = {}, 0
  local servers = start_all(scheme, sessions, function() done = done + 1 end)
  local limit = os.time() + PATIENCE
  local function wait_for(number)
    while done < number do
      assert(os.time() < limit, ("only %d connections in %d s"):format(done, PATIENCE))
      aui.sleep(0.05)
    end
    return take_stock()
  end
  local before, between, after
  aui.run(function()
    before = wait_for(warm_up)
    between = wait_for((warm_up + connections) / 2)
    after = wait_for(connections)
    for _, session in ipairs(sessions) do session:close() end
  end)
  for _, server in ipairs(servers) do server:stop() end
  return before, between, after
end

-- What may grow in half of them, in bytes: a session remembers the ids of up to 4,096 answers, of 8 bytes each.
for _, case in ipairs {
  { scheme = "ws", warm_up = 10000, connections = 200000, growth = 3000000 },
  { scheme = "wss", warm_up = 3000, connections = 20000, growth = 1000000 },
} do
  describe(case.connections .. " connections over " .. case.scheme .. ", each lost", function()
    local before, between, after = run(case.scheme, case.warm_up, case.connections)

    -- What is left behind adds up in either half; what was needed at once for a while came in one.
    local function growth_of(what)
      return math.min(between[what] - before[what], after[what] - between[what])
    end

    it("leave no memory behind", function()
      local growth = growth_of "memory"
      assert(growth < case.growth, ("resident memory grew by %d bytes in each half"):format(growth))
    end)

    it("leave nothing in Lua", function()
      local growth = growth_of "lua"
      assert(growth < 200000, ("Lua's memory grew by %d bytes in each half"):format(growth))
    end)

    it("leave no descriptor open", function()
      assert.is_true(after.descriptors <= before.descriptors + #SERVERS * SESSIONS)
    end)
  end)
end
