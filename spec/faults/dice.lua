-- Random choices that follow from a seed alone, the same on every Lua.

local Dice = {}
Dice.__index = Dice

-- The minimal standard generator of Park and Miller: its products fit into a double.
local MODULUS, FACTOR = 2147483647, 48271

function Dice:next()
  self.state = self.state * FACTOR % MODULUS
  return self.state
end

--- A number from 0 up to, but not including, 1.
function Dice:fraction() return (self:next() - 1) / (MODULUS - 1) end

--- A whole number between the two, both included.
function Dice:between(least, most) return least + math.floor(self:fraction() * (most - least + 1)) end

--- True with this probability.
function Dice:chance(probability) return self:fraction() < probability end

--- One of the list.
function Dice:choose(list) return list[self:between(1, #list)] end

local dice = {}

--- Dice for the stream `number` of `seed`, both whole numbers from 0 to 2^31.
function dice.new(seed, number)
  local self = setmetatable({ state = (seed % MODULUS * 3 + number * 7919) % (MODULUS - 1) + 1 }, Dice)
  for _ = 1, 5 do self:next() end -- neighbouring seeds begin alike
  return self
end

return dice
