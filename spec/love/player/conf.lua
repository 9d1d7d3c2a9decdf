-- The window of the game that is played, but without waiting for a screen, and without what only a graphics card does
-- at once.

local game = arg[#arg]
dofile(game .. "/conf.lua")
local configure = love.conf

function love.conf(t)
  configure(t)
  t.window.vsync, t.window.msaa = 0, 0
end
