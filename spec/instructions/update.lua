-- Counts what the engine does for one update of a reply, from the frame to the chunk in Lua: 500 of 5 bytes each,
-- which come one by one. See spec/instructions/run.

local core_options = require "spec.core_options"
local engine = require "aui.engine"
local frames = require "spec.instructions.frames"

local FIRST, LAST = 100, 500

local core = engine.session(core_options { ping_interval = math.huge })
assert(core:needs() == "connect")
core:phase "connect"
core:adopted(nil, 0)
local reply = core:send '{"text":"hello"}'
while core:output() do end -- luacheck: ignore

for index = 1, LAST do
  if index == FIRST then os.clock() end
  core:receive(frames[index])
  assert(select(4, core:needs()), "no notice")
  assert(#reply:take() == 5)
end
os.clock()
print(LAST - FIRST + 1)
