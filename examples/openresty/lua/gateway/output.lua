-- Writes to a browser as fast as it reads: nginx holds one piece for whoever reads slowly, however long the text.

local PIECE = 32 * 1024 -- bytes

--- Waits until all is written: true, or false when the browser is gone.
return function(text)
  for at = 1, #text, PIECE do
    if not (ngx.print(text:sub(at, at + PIECE - 1)) and ngx.flush(true)) then return false end
  end
  return true
end
