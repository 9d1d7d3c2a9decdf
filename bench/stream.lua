-- How much CPU an update of a streamed reply costs this process, from the socket to the chunk in Lua, in so many chats
-- at the same time: one is held on the main thread, many are held in tasks. Prints "microseconds-an-update
-- chunks-a-reply": unread updates fold into one chunk.
--
-- usage: stream.lua URL CHATS REPLIES UPDATES [CA_FILE]

local aui = require "aui"

local url, ca_file = arg[1], arg[5]
local chats, replies, updates = tonumber(arg[2]), tonumber(arg[3]), tonumber(arg[4])
local WARM_UP = 10 -- replies before the measurement, of all chats together
local sessions, chunks = {}, 0

local function connect()
  return assert(aui.connect {
    url = url,
    task_id = "bench",
    tls = ca_file and { ca_file = ca_file },
  })
end

local function stream(session, n)
  for _ = 1, n do
    local reply = session:send "go"
    for _ in reply do
      chunks = chunks + 1
    end
    assert(#assert(reply:message()).text > 0)
  end
end

local function stream_all(n)
  if chats == 1 then return stream(sessions[1], n) end
  aui.run(function()
    for index = 1, chats do aui.spawn(stream, sessions[index], n) end
  end)
end

for index = 1, chats do sessions[index] = connect() end
stream_all(math.floor(WARM_UP / chats))
chunks = 0
local cpu = os.clock()
stream_all(replies)
cpu = os.clock() - cpu
print(("%.4f %.1f"):format(cpu / (chats * replies * updates) * 1e6, chunks / (chats * replies)))
for index = 1, chats do sessions[index]:close() end
