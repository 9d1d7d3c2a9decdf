-- nginx's API for Lua, or false outside of nginx. A global `ngx` tells nothing: reading one that is not there may raise
-- where a program forbids undeclared globals, and one that is there may be a stand-in of somebody's tests.

local ngx = package.loaded.ngx

return type(ngx) == "table" and type(ngx.config) == "table" and ngx.config.nginx_version and ngx or false
