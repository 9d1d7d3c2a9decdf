-- LÖVE reads this before it opens the window: its size, and which of LÖVE's modules are not needed.

function love.conf(t)
  t.identity = "lua-aui-shop"
  t.version = "11.4"
  t.window.title = "The little shop"
  t.window.width, t.window.height = 960, 600
  t.window.msaa = 4
  for _, name in ipairs { "audio", "joystick", "physics", "sound", "thread", "touch", "video" } do
    t.modules[name] = false
  end
end
