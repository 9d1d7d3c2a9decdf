-- Whatever reads what others wrote takes steps in proportion to its length: twice as long, twice the steps. Steps are
-- instructions, which valgrind counts, in Lua's patterns as in C.

local child = require "spec.child"
local lfs = require "lfs"

local SIZE = 300 -- and twice as much
local MOST_TIMES = 2.8 -- as many steps for that, where the square is four times
local SPARE = 20000 -- steps that make no difference: memory that grows, caches that are filled
local MOST_A_BYTE = 5000 -- steps; a few calls of Lua for each take some thousand

-- At each os.clock valgrind writes down the steps since the last one.
local PROGRAM = [[
  local subjects = require "spec.linear_subjects"
  if jit then jit.off() end -- luacheck: ignore jit
  collectgarbage "stop"
  for _, subject in ipairs(subjects) do
    for times = 1, 2 do
      local work, bytes = subject.prepare(tonumber(arg[1]) * times)
      io.write(bytes, " ")
      collectgarbage "collect"
      collectgarbage "stop"
      os.clock()
      work()
      os.clock()
    end
    print(subject.name)
  end
]]

local function read_file(name)
  local file = assert(io.open(name))
  local text = file:read "*a"
  file:close()
  return text
end

-- What was measured: name, steps for the size and for twice as much, and how many bytes the latter are.
local function measure()
  local directory = os.tmpname()
  os.remove(directory)
  assert(lfs.mkdir(directory))
  local under = {
    "valgrind", "-q", "--tool=callgrind", "--dump-before=clock", "--callgrind-out-file=" .. directory .. "/steps",
  } -- stylua: ignore
  local result = child.run(PROGRAM, { under = under, limit = 300 }, SIZE)
  assert.equal("", result.stderr)
  assert.equal(0, result.status)
  local measured, part = {}, 0
  local function next_steps()
    part = part + 2
    return tonumber(read_file(("%s/steps.%d"):format(directory, part)):match "\ntotals: (%d+)")
  end
  for bytes, name in result.stdout:gmatch "%d+ (%d+) ([^\n]+)" do
    local once = next_steps()
    measured[#measured + 1] = { name = name, bytes = tonumber(bytes), once = once, twice = next_steps() }
  end
  os.execute("rm -r " .. directory)
  return measured
end

-- valgrind runs no program that a sanitizer's runtime, or valgrind, is in already.
local function may_count()
  local status = os.execute "valgrind --version >/dev/null 2>&1"
  return (status == true or status == 0) and not os.getenv "LD_PRELOAD"
end

describe("#native #steps reading what others wrote", function()
  it("takes twice the steps for twice the length", function()
    if not may_count() then pending "valgrind cannot count here" end
    local measured, wrong = measure(), {}
    assert.is_true(#measured > 50)
    for _, subject in ipairs(measured) do
      local once, twice, bytes = subject.once, subject.twice, subject.bytes
      if twice > MOST_TIMES * once + SPARE or twice > MOST_A_BYTE * bytes + SPARE then
        wrong[#wrong + 1] = ("%s: %d steps, then %d for %d bytes"):format(subject.name, once, twice, bytes)
      end
    end
    assert.same({}, wrong)
  end)
end)
