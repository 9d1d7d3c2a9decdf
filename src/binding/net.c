/* The C module `aui.net`: the engine on the native loop. lua/aui is its only user; people use `aui`. */
#include "binding/binding.h"
#include "engine/utf8.h"
#include "engine/version.h"

/* net.is_utf8(string): whether it is valid UTF-8. */
static int is_utf8(lua_State *L) {
  size_t n;
  const char *string = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, aui_utf8_valid(string, n));
  return 1;
}

__attribute__((visibility("default"))) int luaopen_aui_net(lua_State *L) {
  aui_create_loop(L);
  aui_create_session(L);
  aui_create_reply(L);
  aui_create_fetch(L);
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, aui_new_loop);
  lua_setfield(L, -2, "loop");
  lua_pushcfunction(L, is_utf8);
  lua_setfield(L, -2, "is_utf8");
  lua_pushliteral(L, AUI_VERSION);
  lua_setfield(L, -2, "version");
  return 1;
}
