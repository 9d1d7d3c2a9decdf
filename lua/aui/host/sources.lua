-- Those that events of a host concern, by number: sessions, calls, replies in doubt. Only their users keep them alive.
-- A session has another source, `text_source`, for those who wait for text: they hear of all events, and the others of
-- those that are of more than text. `whole` leads from there to the session.

local sources = {}

local by_id = setmetatable({}, { __mode = "v" })
local last_id = 0

--- Gives a source an id. When the session or call of this id has an event, the source's method `on_event` is called,
--- with whether the event is of text alone.
function sources.register(source)
  last_id = last_id + 1
  by_id[last_id] = source
  return last_id
end

--- Makes sure that the source, which somebody holds, can be found: when a finalizer runs, what it holds has been
--- taken out already.
function sources.keep(source)
  local whole = source.whole or source
  if whole.id then by_id[whole.id] = whole end
end

--- Whether nobody waits for the source.
function sources.is_unawaited(source)
  return not next(source.waiters) and not (source.text_source and next(source.text_source.waiters))
end

--- The source of this id, or nil when its users have let go of it.
function sources.find(id) return by_id[id] end

--- An event concerns the source of this id, if it is there.
function sources.dispatch(id, is_text)
  local source = by_id[id]
  if source then source:on_event(is_text) end
end

return sources
