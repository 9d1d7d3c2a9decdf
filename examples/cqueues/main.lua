-- Many conversations at once in a controller of cqueues: each is a coroutine that reads like a script.
-- Usage: main.lua [CONVERSATIONS [QUESTION]]. The key is in the environment; with AUI_URL it talks to that server
-- instead of the service, such as aui-sim.
local aui = require "aui"
local condition = require "cqueues.condition"
local cqueues = require "cqueues"

local cq, ended = cqueues.new(), condition.new()
require("aui.adapter.cqueues").attach(cq)

local count = tonumber(arg[1] or 100)
local question = arg[2] or "I am looking for a quiet laptop"
local chunks, answers, failures, to_first, to_end = 0, 0, {}, {}, {}

-- A variable of the environment; an empty one is as one that is not set.
local function setting(name)
  local value = os.getenv(name)
  return value ~= "" and value or nil
end

local client = aui.client { url = setting "AUI_URL" }

local function converse(index)
  local session = assert(client:connect { user_id = "crowd-" .. index })
  local start, first = cqueues.monotime(), nil
  for _ in session:send(question) do -- waits, and meanwhile others run
    first = first or cqueues.monotime() - start
    chunks = chunks + 1
  end
  to_first[#to_first + 1], to_end[#to_end + 1] = first, cqueues.monotime() - start
  answers = answers + 1
  session:close()
end

for index = 1, count do
  cq:wrap(function()
    local ok, err = pcall(converse, index)
    if not ok then failures[#failures + 1] = tostring(err) end
    if answers + #failures == count then ended:signal() end
  end)
end

cq:wrap(function() -- the program's own affairs, in the same controller
  while cqueues.poll(ended, 1) ~= ended do
    io.stderr:write(("%d chunks, %d of %d answers\n"):format(chunks, answers, count))
  end
end)
assert(cq:loop()) -- until all sessions are closed

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
