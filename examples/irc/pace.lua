-- Flood protection: lines leave in turn, a few at once and then one at a time, since servers throw out who sends more.

local uv = require "luv"

local Pace = {}
Pace.__index = Pace

local pace = {}

local BURST = 5 -- lines that may leave at once (RFC 2813, section 5.8, allows as many)
local INTERVAL = 500 -- milliseconds between later ones
local MOST = 100 -- lines that may wait

--- `send(line)` lets a line leave.
function pace.new(send)
  return setmetatable({ send = send, waiting = {}, credit_at = 0, timer = uv.new_timer() }, Pace)
end

-- Milliseconds until the next line may leave.
local function delay(self) return math.max(0, self.credit_at - uv.now() - (BURST - 1) * INTERVAL) end

local function run(self)
  if self.running then return end -- called by a `done`
  self.running = true
  while self.waiting[1] and delay(self) == 0 do
    local item = table.remove(self.waiting, 1)
    self.credit_at = math.max(self.credit_at, uv.now()) + INTERVAL
    self.send(item.line)
    item.done(true)
  end
  self.running = false
  if self.waiting[1] then self.timer:start(delay(self), 0, function() run(self) end) end
end

--- Lets the line leave in its turn, and calls `done(true)` then; or `done(false)` when it never will: too many wait, or
--- it was dropped.
function Pace:put(line, done)
  if self.timer:is_closing() or #self.waiting >= MOST then return done(false) end
  self.waiting[#self.waiting + 1] = { line = line, done = done }
  run(self)
end

--- Drops what waits.
function Pace:clear()
  local dropped = self.waiting
  self.waiting = {}
  if not self.timer:is_closing() then self.timer:stop() end
  for _, item in ipairs(dropped) do
    item.done(false)
  end
end

--- Drops what waits, for good.
function Pace:close()
  self.timer:close()
  self:clear()
end

return pace
