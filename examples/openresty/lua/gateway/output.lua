-- Writes to a browser as fast as it reads: nginx holds one piece for whoever reads slowly, however long the text.

local PIECE = 32 * 1024 -- bytes

--- Writes these texts, and waits until all is written: true, or false when the browser is gone.
return function(...)
  local unwritten = 0
  for number = 1, select("#", ...) do
    local text = select(number, ...)
    for at = 1, #text, PIECE do
      if unwritten >= PIECE and not ngx.flush(true) then return false end
      unwritten = unwritten >= PIECE and 0 or unwritten
      if not ngx.print(text:sub(at, at + PIECE - 1)) then return false end
      unwritten = unwritten + math.min(PIECE, #text - at + 1)
    end
  end
  return ngx.flush(true) and true or false
end
