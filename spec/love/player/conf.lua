-- The window of the game that is played, but without waiting for a screen.

local game = arg[#arg]
dofile(game .. "/conf.lua")
local configure = love.conf

function love.conf(t)
  configure(t)
  t.window.vsync = 0
end
