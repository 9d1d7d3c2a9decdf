-- What workers, and with Redis machines, have to know of each other: small strings that are forgotten after a while.
-- The store has shelves, of which none takes room from another: "conversations", "empty" (those without a message yet)
-- and "messages".
--
-- Of a shelf: get(key): the value, or nil. set(key, value, seconds). add(key, value, seconds): false if the key is
-- there already. delete(key). Each raises when the store cannot be reached, as nothing can be decided without it.

local config = require "gateway.config"

--- The shelf of this name.
---@type fun(name: "conversations"|"empty"|"messages"): table
return config.redis and require "gateway.store.redis" or require "gateway.store.memory"
