/* The C module `aui.net`: the engine on the native loop. lua/aui is its only user; people use `aui`. */
#include "binding/net/lua_net.h"

#include "net/libraries.h"

/* pcall(fn, ...): as pcall, but without fn's results, and what it calls cannot yield: that raises an error there. */
static int protected_call(lua_State *L) {
  luaL_checkany(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 1, 0, 0);
  lua_pushboolean(L, status == 0);
  lua_insert(L, 1);
  return lua_gettop(L);
}

static void push_libraries(lua_State *L) {
  aui_libraries loaded = aui_libraries_loaded();
  lua_createtable(L, 0, 3);
  lua_pushstring(L, loaded.libwebsockets);
  lua_setfield(L, -2, "libwebsockets");
  lua_pushstring(L, loaded.libuv);
  lua_setfield(L, -2, "libuv");
  lua_pushstring(L, loaded.openssl);
  lua_setfield(L, -2, "OpenSSL");
}

__attribute__((visibility("default"))) int luaopen_aui_net(lua_State *L) {
  aui_create_loop(L);
  aui_create_link(L);
  aui_create_reply(L);
  aui_create_call(L);
  aui_push_module(L);
  lua_pushcfunction(L, aui_new_loop);
  lua_setfield(L, -2, "loop");
  lua_pushcfunction(L, protected_call);
  lua_setfield(L, -2, "pcall");
  push_libraries(L);
  lua_setfield(L, -2, "libraries");
  return 1;
}
