-- Many conversations at once in libuv's loop: each is a coroutine that reads like a script.
-- Usage: main.lua [CONVERSATIONS [QUESTION]]. The key is in the environment; with AUI_URL it talks to that server
-- instead of the service, such as aui-sim.
local aui = require "aui"
local uv = require "luv"

require("aui.adapter.luv").attach(uv)

local count = tonumber(arg[1] or 100)
local question = arg[2] or "I am looking for a quiet laptop"
local chunks, answers, failures, to_first, to_end = 0, 0, {}, {}, {}

local function seconds_since(start) return (uv.hrtime() - start) / 1e9 end

-- A variable of the environment; an empty one is as one that is not set.
local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local client = aui.client { url = setting "AUI_URL" }

local function converse(index)
  local session = assert(client:connect { user_id = "crowd-" .. index })
  local start, first = uv.hrtime(), nil
  for _ in session:send(question) do -- waits, and meanwhile the loop goes on
    first = first or seconds_since(start)
    chunks = chunks + 1
  end
  to_first[#to_first + 1], to_end[#to_end + 1] = first, seconds_since(start)
  answers = answers + 1
  session:close()
end

for index = 1, count do
  coroutine.wrap(function()
    local ok, err = pcall(converse, index)
    if not ok then failures[#failures + 1] = tostring(err) end
  end)()
end

local timer = uv.new_timer() -- the program's own affairs, in the same loop
timer:start(1000, 1000, function()
  io.stderr:write(("%d chunks, %d of %d answers\n"):format(chunks, answers, count))
end)
timer:unref()
uv.run() -- until all sessions are closed

local function median(times)
  table.sort(times)
  return times[math.ceil(#times / 2)] or 0
end

print(("%d answers in %d chunks, %d failures"):format(answers, chunks, #failures))
print(("median: %.3f s to the first chunk, %.3f s to the end"):format(median(to_first), median(to_end)))
if failures[1] then
  io.stderr:write("the first failure: ", failures[1], "\n")
  os.exit(1)
end
