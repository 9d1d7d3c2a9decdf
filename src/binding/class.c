/* Userdata with methods, for Lua 5.1 (and LuaJIT) to 5.4, and the values that they take and return. */
#include <math.h>
#include <string.h>

#include "binding/binding.h"

static int to_string(lua_State *L) {
  lua_pushfstring(L, "%s: %p", lua_tostring(L, lua_upvalueindex(1)), lua_touserdata(L, 1));
  return 1;
}

/* Each method holds the metatable, see aui_check_object. */
void aui_extend_class(lua_State *L, const char *name, const luaL_Reg *methods) {
  luaL_getmetatable(L, name);
  lua_getfield(L, -1, "__index");
  for (; methods->name; methods++) {
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, methods->func, 1);
    lua_setfield(L, -2, methods->name);
  }
  lua_pop(L, 2);
}

void *aui_check_object(lua_State *L, const char *class_name) {
  void *object = lua_touserdata(L, 1);
  if (object && lua_getmetatable(L, 1)) {
    bool ours = lua_rawequal(L, -1, lua_upvalueindex(1));
    lua_pop(L, 1);
    if (ours) return object;
  }
  return luaL_checkudata(L, 1, class_name);
}

void aui_new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect) {
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "__name");
  lua_pushcclosure(L, to_string, 1);
  lua_setfield(L, -2, "__tostring");
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  aui_extend_class(L, name, methods);
}

void *aui_new_userdata(lua_State *L, size_t size, const char *class_name) {
#if LUA_VERSION_NUM >= 504
  void *memory = lua_newuserdatauv(L, size, 1);
#else
  void *memory = lua_newuserdata(L, size);
#endif
  memset(memory, 0, size);
  luaL_getmetatable(L, class_name);
  lua_setmetatable(L, -2);
  return memory;
}

void aui_keep(lua_State *L, int index) {
  lua_pushvalue(L, index);
#if LUA_VERSION_NUM >= 504
  lua_setiuservalue(L, -2, 1);
#else
  lua_createtable(L, 1, 0); /* older Lua can keep a table only */
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
#if LUA_VERSION_NUM == 501
  lua_setfenv(L, -2);
#else
  lua_setuservalue(L, -2);
#endif
#endif
}

int aui_push_failure(lua_State *L, const char *why) {
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

int aui_push_deadline(lua_State *L, uint64_t at) {
  if (at == AUI_NEVER) return 0;
  lua_pushnumber(L, (lua_Number)at / 1000);
  return 1;
}

uint64_t aui_check_milliseconds(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return AUI_NEVER;
  double seconds = luaL_checknumber(L, index);
  luaL_argcheck(L, seconds >= 0, index, "seconds expected, 0 or more");
  if (seconds >= 1e12) return AUI_NEVER;
  double whole = floor(seconds * 1000), rest = seconds * 1000 - whole;
  bool is_arithmetic = whole > 0 && rest < 0.001; /* as in 0.07 * 1000, which is 70.00000000000001 */
  return (uint64_t)whole + (rest > 0 && !is_arithmetic);
}
