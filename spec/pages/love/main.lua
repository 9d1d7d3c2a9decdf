-- A program of the pages in LÖVE, until it draws what it is to show.

local shown = assert(os.getenv "AUI_PAGE_SHOWN")

function love.errorhandler(failure)
  print(debug.traceback(tostring(failure)))
  return function() return 1 end
end

local draw_text = love.graphics.print
function love.graphics.print(text, ...)
  draw_text(text, ...)
  if text == shown then love.event.quit() end
end

assert(loadfile(assert(os.getenv "AUI_PAGE_PROGRAM")))()
