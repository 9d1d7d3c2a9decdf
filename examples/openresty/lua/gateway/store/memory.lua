-- The store in nginx's shared memory, for the workers of one machine. When the memory of a shelf is full, what was not
-- used there for the longest time is forgotten.

local MOST_ATTEMPTS = 100

local Shelf = {}
Shelf.__index = Shelf

-- Calls a method of the dictionary that stores something. A full one forgets up to 30 of its oldest entries in each
-- call, and then still fails if none of them was of the size that it needs.
local function store(dictionary, method, ...)
  local ok, err
  for _ = 1, MOST_ATTEMPTS do
    ok, err = dictionary[method](dictionary, ...)
    if err ~= "no memory" then break end
  end
  return ok, err
end

function Shelf:get(key) return self.dictionary:get(key) end

function Shelf:set(key, value, seconds) assert(store(self.dictionary, "set", key, value, seconds)) end

function Shelf:add(key, value, seconds)
  local ok, err = store(self.dictionary, "add", key, value, seconds)
  if not ok and err ~= "exists" then error(err, 0) end
  return ok
end

function Shelf:delete(key) self.dictionary:delete(key) end

return function(name) return setmetatable({ dictionary = ngx.shared["gateway_" .. name] }, Shelf) end
