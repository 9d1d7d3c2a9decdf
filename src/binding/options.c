/* Reading option tables, which lua/aui has checked. */
#include "binding/binding.h"

const char *aui_string_field(lua_State *L, int table, const char *name, const char *fallback) {
  lua_getfield(L, table, name);
  const char *value = fallback;
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TSTRING); /* the string made of a number would be nobody's */
    value = lua_tostring(L, -1);
  }
  lua_pop(L, 1); /* the table keeps the string alive */
  return value;
}

uint64_t aui_milliseconds_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  uint64_t value = aui_check_milliseconds(L, lua_gettop(L));
  lua_pop(L, 1);
  return value;
}

size_t aui_size_field(lua_State *L, int table, const char *name, size_t fallback) {
  lua_getfield(L, table, name);
  size_t value = lua_isnil(L, -1) ? fallback : (size_t)luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return value;
}

static void read_tls(lua_State *L, int table, aui_tls_options *tls) {
  tls->ca_file = aui_string_field(L, table, "ca_file", NULL);
  tls->cert = aui_string_field(L, table, "cert", NULL);
  tls->key = aui_string_field(L, table, "key", NULL);
  lua_getfield(L, table, "verify");
  tls->verify = lua_isnil(L, -1) || lua_toboolean(L, -1);
  lua_pop(L, 1);
}

void aui_read_endpoint(lua_State *L, int table, aui_endpoint *endpoint, aui_tls_options *tls) {
  endpoint->host = aui_string_field(L, table, "host", "");
  endpoint->port = (uint16_t)aui_size_field(L, table, "port", 0);
  endpoint->tls = NULL;
  endpoint->asks = false;
  lua_getfield(L, table, "tls");
  if (lua_istable(L, -1)) {
    read_tls(L, lua_gettop(L), tls);
    endpoint->tls = tls;
  }
  lua_pop(L, 1);
}
