-- The store in nginx's shared memory, for the workers of one machine. When the memory is full, what was not used for
-- the longest time is forgotten.

local dictionary = ngx.shared.gateway_store

local memory = {}

function memory.get(key) return dictionary:get(key) end

function memory.set(key, value, seconds) assert(dictionary:set(key, value, seconds)) end

function memory.add(key, value, seconds)
  local ok, err = dictionary:add(key, value, seconds)
  if not ok and err ~= "exists" then error(err, 0) end
  return ok
end

function memory.delete(key) dictionary:delete(key) end

return memory
