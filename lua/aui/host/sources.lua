-- Those of whom a host has news, by number: sessions, calls, replies in doubt. Only their users keep them alive.

local sources = {}

local by_id = setmetatable({}, { __mode = "v" })
local last_id = 0

--- Gives a source an id. News of it (of a session, of a call) is told by calling its method `news`.
function sources.register(source)
  last_id = last_id + 1
  by_id[last_id] = source
  return last_id
end

--- Makes sure that news of the source, which somebody holds, can be told: when a finalizer runs, what it holds has been
--- taken out already.
function sources.keep(source) by_id[source.id] = source end

--- The source of this id, or nil when its users have let go of it.
function sources.find(id) return by_id[id] end

--- Tells the source of this id, if it is there, that there is news.
function sources.tell(id)
  local source = by_id[id]
  if source then source:news() end
end

return sources
