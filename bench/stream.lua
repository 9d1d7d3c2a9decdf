-- How much CPU an update of a streamed reply costs this process, from the socket to the chunk in Lua. Prints
-- "microseconds-an-update chunks-a-reply": unread updates fold into one chunk.
--
-- usage: stream.lua URL REPLIES UPDATES [CA_FILE]

local aui = require "aui"

local url, replies, updates, ca_file = arg[1], tonumber(arg[2]), tonumber(arg[3]), arg[4]
local session = assert(aui.connect {
  url = url,
  task_id = "bench",
  tls = ca_file and { ca_file = ca_file },
})

local function stream(n)
  local chunks = 0
  for _ = 1, n do
    local reply = session:send "go"
    for _ in reply do
      chunks = chunks + 1
    end
    assert(#assert(reply:message()).text > 0)
  end
  return chunks
end

stream(10)
local cpu = os.clock()
local chunks = stream(replies)
cpu = os.clock() - cpu
print(("%.4f %.1f"):format(cpu / (replies * updates) * 1e6, chunks / replies))
session:close()
