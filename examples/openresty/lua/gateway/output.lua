-- Writes to a browser as fast as it reads: nginx holds one piece for whoever reads slowly, however long the text.

local PIECE = 32 * 1024 -- bytes

--- Writes these texts, and waits until all is written: true, or false when the browser is gone.
return function(...)
  local piece, size = {}, 0
  local function write()
    local ok = ngx.print(piece) and ngx.flush(true)
    piece, size = {}, 0
    return ok
  end
  for number = 1, select("#", ...) do
    local text = select(number, ...)
    for at = 1, #text, PIECE do
      local part = text:sub(at, at + PIECE - 1)
      if size + #part > PIECE and not write() then return false end
      piece[#piece + 1], size = part, size + #part
    end
  end
  return write() and true or false
end
