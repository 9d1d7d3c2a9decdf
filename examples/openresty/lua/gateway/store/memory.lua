-- The store in nginx's shared memory, for the workers of one machine. When the memory is full, what was not used for
-- the longest time is forgotten.

local dictionary = ngx.shared.gateway_store

local MOST_ATTEMPTS = 100

local memory = {}

-- Calls a method of the dictionary that stores something. A full one forgets up to 30 of its oldest entries in each
-- call, and then still fails if none of them was of the size that it needs.
local function store(method, ...)
  local ok, err
  for _ = 1, MOST_ATTEMPTS do
    ok, err = dictionary[method](dictionary, ...)
    if err ~= "no memory" then break end
  end
  return ok, err
end

function memory.get(key) return dictionary:get(key) end

function memory.set(key, value, seconds) assert(store("set", key, value, seconds)) end

function memory.add(key, value, seconds)
  local ok, err = store("add", key, value, seconds)
  if not ok and err ~= "exists" then error(err, 0) end
  return ok
end

function memory.delete(key) dictionary:delete(key) end

return memory
