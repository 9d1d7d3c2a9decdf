-- What goes with the connections in nginx's pools: the answers that came on them, which answer nothing that their next
-- session asks. nginx tells nothing of a connection but its pool's name, and hands out the one that was left last: so
-- does this. It is per worker, as the pools are.

local engine = require "aui.engine"

local handover = {}

local MOST = 1000 -- connections; those beyond go without

-- By the pool's name: a list, the newest at the end, of { answers, since = when it was left, closes = when nginx closes
-- it }.
local left = {}
local count = 0

local function remove(name, index)
  table.remove(left[name], index)
  count = count - 1
  if #left[name] == 0 then left[name] = nil end
end

-- The oldest are those that nginx closes first.
local function drop_old(name, size)
  local now = engine.now()
  while left[name] and (#left[name] > size or left[name][1].closes <= now) do remove(name, 1) end
end

local function drop_all_old()
  for name in pairs(left) do drop_old(name, math.huge) end
end

--- A connection was left in the pool ({ name, size, idle }); `answers` came on it: what session:detach returned.
function handover.leave(pool, answers)
  if count >= MOST then drop_all_old() end
  if count >= MOST then return end
  left[pool.name] = left[pool.name] or {}
  table.insert(left[pool.name], { answers = answers, since = engine.now(), closes = engine.now() + pool.idle })
  count = count + 1
  drop_old(pool.name, pool.size)
end

--- A connection was taken from the pool: its answers, nil if they are not known, and for how many seconds it has lain
--- there, at most.
function handover.take(pool)
  drop_old(pool.name, math.huge)
  local list = left[pool.name]
  if not list then return nil, pool.idle end
  local entry = list[#list]
  remove(pool.name, #list)
  return entry.answers, math.max(0, engine.now() - entry.since)
end

--- The pool had no connection.
function handover.forget(pool)
  count = count - #(left[pool.name] or {})
  left[pool.name] = nil
end

return handover
