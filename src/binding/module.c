/* What every C module offers. */
#include "binding/binding.h"
#include "engine/utf8.h"
#include "engine/version.h"

/* is_utf8(string): whether it is valid UTF-8. */
static int is_utf8(lua_State *L) {
  size_t n;
  const char *string = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, aui_utf8_valid(string, n));
  return 1;
}

void aui_push_module(lua_State *L) {
  lua_createtable(L, 0, 4);
  lua_pushcfunction(L, is_utf8);
  lua_setfield(L, -2, "is_utf8");
  lua_pushliteral(L, AUI_VERSION);
  lua_setfield(L, -2, "version");
}
