-- Text for a listener (gateway.answer), in pieces: whoever reads slowly has one of them stored in JSON, which may take
-- six times as much.

local PIECE = 16 * 1024 -- bytes

-- The last byte of the piece that begins at `at`: no character is cut.
local function piece_end(text, at)
  local last = at + PIECE - 1
  if last >= #text then return #text end
  for candidate = last, last - 3, -1 do
    local following = text:byte(candidate + 1)
    if following < 0x80 or following > 0xBF then return candidate end
  end
  return last -- this is not UTF-8
end

--- Tells the listener to keep the first `keep` bytes of what it shows, and to append `text`.
return function(listener, keep, text)
  local at = 1
  repeat
    local last = piece_end(text, at)
    listener:emit("chunk", { keep = keep + at - 1, text = text:sub(at, last) })
    at = last + 1
  until at > #text or listener.gone
end
