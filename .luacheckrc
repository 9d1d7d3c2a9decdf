-- Which globals each part of the repository may use. What users require sticks to what every Lua has.
std = "min"
max_line_length = 120
ignore = { "581" } -- "not (x >= y)" is meant so: NaN must fail

files["lua/aui/host/nginx"] = { std = "min+ngx_lua" }
files["bench/contenders"] = { std = "min+ngx_lua" }
files["spec"] = { std = "min+busted", read_globals = { "ngx" } }
files["spec/love/player"] = { std = "luajit+love", globals = { "love" } }
files["spec/openresty"] = { std = "min+busted+ngx_lua" }
files["spec/pages/love"] = { std = "min+love", globals = { "love" } }
files["examples/cookbook/editor.lua"] = { std = "min", globals = { "vim" } }
files["examples/cookbook/events.lua"] = { std = "min+ngx_lua" }
files["examples/love"] = { std = "min+love" }
files["examples/neovim"] = { std = "min", globals = { "vim" } }
files["examples/openresty"] = { std = "min+ngx_lua" }
