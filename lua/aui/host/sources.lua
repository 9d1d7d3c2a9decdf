-- Those that events of a host concern, by number: sessions, calls, replies in doubt. Only their users keep them alive.

local sources = {}

local by_id = setmetatable({}, { __mode = "v" })
local last_id = 0

--- Gives a source an id. When the session or call of this id has an event, the source's method `on_event` is called.
function sources.register(source)
  last_id = last_id + 1
  by_id[last_id] = source
  return last_id
end

--- Makes sure that the source, which somebody holds, can be found: when a finalizer runs, what it holds has been
--- taken out already.
function sources.keep(source) by_id[source.id] = source end

--- The source of this id, or nil when its users have let go of it.
function sources.find(id) return by_id[id] end

--- An event concerns the source of this id, if it is there.
function sources.dispatch(id)
  local source = by_id[id]
  if source then source:on_event() end
end

return sources
