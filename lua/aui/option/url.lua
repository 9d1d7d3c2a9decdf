-- An URL as an error may show it: somebody may have put a password, a key or a token into it.

local host = require "aui.host"

local url = {}

-- Of "user:password@host:port" the host and the port; no password, either, behind which the "@" is missing.
local function shown_place(place)
  place = place:match "@([^@]*)$" or place
  local name, port = place:match "^(%[[^%]]*%])(.*)$"
  if not name then
    name, port = place:match "^([^:]*)(.*)$"
  end
  return name .. (port:find "^:%d*$" and port or port ~= "" and ":..." or "")
end

--- Without user name, password, query and fragment, in one line. Nil of what is no URL, and may be anything.
---@param text string
---@return string?
function url.shown(text)
  local scheme, rest = text:match "^([A-Za-z][0-9A-Za-z+.-]*://)(.*)$"
  if not scheme then -- "host:port", which only lacks one
    if text:find("@", 1, true) or not text:find "^[0-9A-Za-z.-]+:%d" then return nil end
    scheme, rest = "", text
  end
  local place, behind = rest:match "^([^/?#]*)(.*)$"
  if behind:find("@", 1, true) then return scheme .. "..." end -- a password may have / ? #
  return host.words(scheme .. shown_place(place) .. behind:gsub("[?#].*$", function(hidden)
    return hidden:sub(1, 1) .. "..."
  end))
end

return url
