-- Text without what does not belong into a line of IRC.

local text = {}

--- The text without control characters other than newlines.
function text.clean(dirty)
  return (dirty:gsub("\t", " "):gsub("[%z\1-\9\11-\31\127]", ""):gsub("\194[\128-\159]", ""))
end

--- The text without spaces around it.
function text.trim(line)
  local first = line:find "%S"
  return first and line:match("^.*%S", first) or ""
end

return text
