-- LuaRocks package of the current source: the Lua files and the C modules, built by CMake.
rockspec_format = "3.0"
package = "lua-aui"
version = "scm-1"

source = {
  url = "git+https://github.com/lua-aui/lua-aui.git",
}

description = {
  summary = "Talk to AUI agents from Lua",
  detailed = [[
    Sessions with AUI agents over WebSocket. Replies stream into a generic for; waiting fits the
    host: scripts, coroutines, luv, cqueues, OpenResty, games. A C core on libwebsockets, libuv,
    OpenSSL and zlib.
  ]],
  homepage = "https://github.com/lua-aui/lua-aui",
  issues_url = "https://github.com/lua-aui/lua-aui/issues",
  license = "MIT",
  labels = { "websocket", "agent", "client", "coroutine" },
}

dependencies = {
  "lua >= 5.1",
  "lua-cjson",
  "argparse",
}

build = {
  type = "cmake",
  variables = {
    LUA_INCDIR = "$(LUA_INCDIR)",
    LIBDIR = "$(LIBDIR)",
    LUADIR = "$(LUADIR)",
  },
  install = {
    bin = { aui = "lua/aui/command/main.lua" },
  },
}
