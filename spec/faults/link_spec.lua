-- A link to the server that is down for a while and comes back. What the kernel still holds of connections that were
-- given up meanwhile must not reach the agent behind the sessions' backs. The judge is the simulator's log.

local aui = require "aui"
local support = require "spec.support"

local OURS, THEIRS = "10.77.0.1", "10.77.0.2" -- the ends of the link
local THEIR_MAC = "02:00:00:00:00:02"
local SESSIONS = 30
local OUTAGE, LAST_SEND = 4, 3 -- seconds from when the link goes down
local PATIENCE = 60 -- times half a second

local function execute(command)
  local ok = os.execute(command)
  assert(ok == true or ok == 0, command)
end

-- A simulator at the other end of a link.
local function start_simulator(scheme)
  local log = os.tmpname()
  local server = support.start {
    "--echo", "--pace", "0", "--host", "0.0.0.0", "--log", log, own_network = true, scheme = scheme,
  } -- stylua: ignore
  server.tls = server.tls and { verify = false } -- the certificate is not for this address
  server.log = log
  table.insert(server.files, log)
  server.url = server.url:gsub("0%.0%.0%.0", THEIRS)
  execute(("ip link add aui-ours type veth peer name aui-theirs address %s netns %d"):format(THEIR_MAC, server.pid))
  execute(("ip address add %s/24 dev aui-ours; ip link set aui-ours up"):format(OURS))
  -- Else what is sent waits for the answer to the question who has the address, and then comes all at once.
  execute(("ip neighbour add %s lladdr %s dev aui-ours nud permanent"):format(THEIRS, THEIR_MAC))
  function server:set_link(command) execute(("nsenter -t %d -n ip %s"):format(self.pid, command)) end
  server:set_link(("address add %s/24 dev aui-theirs"):format(THEIRS))
  server:set_link "link set aui-theirs up"
  return server
end

local function connect(server, number)
  return assert(aui.connect(server:options {
    task_id = "task " .. number,
    timeout = { connect = 2, first = 15, idle = 15 },
    ping_interval = 0.8,
    ping_timeout = 0.4,
    reconnect = { base = 0.05, max = 0.5 },
    recover = true,
  }))
end

-- A session with a first answer, by which it knows its place in the history.
local function open(server, number)
  local send = { session = connect(server, number), text = "message " .. number }
  assert(send.session:ask("first " .. number))
  send.session:on("state", function(_, err) send.lost = send.lost or err ~= nil end)
  return send
end

-- Sends while the link is down, sooner or later.
local function converse(send, number)
  aui.sleep(number / SESSIONS * LAST_SEND)
  send.message, send.err = send.session:ask(send.text)
  send.session:close()
end

-- Whether the kernel has still something to send to the server.
local function is_sending(server)
  local remote = (":%04X "):format(server.port)
  for line in io.lines "/proc/net/tcp" do
    local _, last = line:find(remote, 1, true)
    local queue = last and line:match("^%x+ (%x+):", last + 1)
    if queue and tonumber(queue, 16) > 0 then return true end
  end
  return false
end

local function hold_conversations(server)
  local sends = {}
  aui.run(function()
    for number = 1, SESSIONS do sends[number] = open(server, number) end
    for number, send in ipairs(sends) do aui.spawn(converse, send, number) end
    server:set_link "link set aui-theirs down"
    aui.sleep(OUTAGE)
    server:set_link "link set aui-theirs up"
  end)
  return sends
end

-- How often the agent acted on each text.
local function acted_on(server)
  local patience, counts = PATIENCE, {}
  while is_sending(server) and patience > 0 do
    aui.sleep(0.5)
    patience = patience - 1
  end
  assert(patience > 0, "the kernel still sends")
  local session = connect(server, 0) -- the simulator deals with what came before this one
  assert(session:ask "the end")
  session:close()
  for _, message in ipairs(support.logged_messages(server.log)) do
    counts[message.text] = (counts[message.text] or 0) + 1
  end
  return counts
end

describe("A link that is down and comes back", function()
  local server
  after_each(function()
    if server then
      execute "ip link delete aui-ours" -- it would go with the server, but later than the next one wants its name
      server:stop()
    end
    server = nil
  end)

  -- In nginx only names can be verified, and that is the configuration's affair.
  for _, scheme in ipairs(ngx and { "ws" } or { "ws", "wss" }) do
    it("makes the agent act on nothing twice, and nobody is told a lie, over " .. scheme, function()
      if not os.getenv "AUI_OWN_NETWORK" then
        pending "no network namespace of our own: spec/faults/own_network makes one for root"
        return
      end
      server = start_simulator(scheme)
      local sends = hold_conversations(server)
      local acted, lost, answered = acted_on(server), 0, 0
      for _, send in ipairs(sends) do
        local times = acted[send.text] or 0
        local ending = send.message and "message" or send.err.delivered .. ", " .. tostring(send.err)
        local words = ("%s, acted on %d times: %s"):format(send.text, times, ending)
        assert(times <= 1, words)
        if send.message then
          assert(times == 1 and send.message.text == send.text, words)
          answered = answered + 1
        else
          assert(send.err.delivered ~= "yes" or times == 1, words)
          assert(send.err.delivered ~= "no" or times == 0, words)
        end
        if send.lost then lost = lost + 1 end
      end
      assert(lost > SESSIONS / 2, lost .. " connections were lost")
      assert(answered > 0, "nobody was answered")
    end)
  end
end)
