-- Writes to a browser as fast as it reads: nginx holds one piece for whoever reads slowly, however long the text.

local PIECE = 32 * 1024 -- bytes

--- Writes these texts, and waits until all is written: true, or false when the browser is gone.
return function(...)
  local held = 0 -- bytes that nginx has, and may not have written
  for number = 1, select("#", ...) do
    local text = select(number, ...)
    for at = 1, #text, PIECE do
      local part = text:sub(at, at + PIECE - 1)
      if held + #part > PIECE then
        if not ngx.flush(true) then return false end
        held = 0
      end
      if not ngx.print(part) then return false end
      held = held + #part
    end
  end
  return ngx.flush(true) ~= nil
end
