/* The C module `aui.net`: the engine on the native loop. lua/aui is its only user; people use `aui`. */
#include "binding/net/lua_net.h"

__attribute__((visibility("default"))) int luaopen_aui_net(lua_State *L) {
  aui_create_loop(L);
  aui_create_link(L);
  aui_create_reply(L);
  aui_create_call(L);
  aui_push_module(L);
  lua_pushcfunction(L, aui_new_loop);
  lua_setfield(L, -2, "loop");
  return 1;
}
