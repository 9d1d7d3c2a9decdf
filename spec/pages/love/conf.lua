function love.conf(t) t.identity = "aui-pages" end
