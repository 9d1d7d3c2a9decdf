/* The C module `aui.net`: the engine on the native loop. lua/aui is its only user; people use `aui`. */
#include "binding/net/lua_net.h"

/* call(fn, ...): as fn(...), but what it calls cannot yield: that raises an error there. */
static int call(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

__attribute__((visibility("default"))) int luaopen_aui_net(lua_State *L) {
  aui_create_loop(L);
  aui_create_link(L);
  aui_create_reply(L);
  aui_create_call(L);
  aui_push_module(L);
  lua_pushcfunction(L, aui_new_loop);
  lua_setfield(L, -2, "loop");
  lua_pushcfunction(L, call);
  lua_setfield(L, -2, "call");
  return 1;
}
