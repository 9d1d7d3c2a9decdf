/* Where a connection of the native loop goes, from a Lua table. */
#include "binding/net/lua_net.h"

static void read_tls_fields(lua_State *L, int table, aui_tls_options *tls) {
  tls->ca_file = aui_string_field(L, table, "ca_file", NULL);
  tls->cert = aui_string_field(L, table, "cert", NULL);
  tls->key = aui_string_field(L, table, "key", NULL);
  tls->verify = aui_boolean_field(L, table, "verify");
}

/* The field tls; NULL if it is no table. */
static const aui_tls_options *read_tls(lua_State *L, int table, aui_tls_options *tls) {
  lua_getfield(L, table, "tls");
  bool given = lua_istable(L, -1);
  if (given) read_tls_fields(L, lua_gettop(L), tls);
  lua_pop(L, 1); /* the table keeps it alive */
  return given ? tls : NULL;
}

/* The field proxy, likewise. */
static const aui_proxy_options *read_proxy(lua_State *L, int table, aui_endpoint_parts *parts) {
  aui_proxy_options *proxy = &parts->proxy;
  lua_getfield(L, table, "proxy");
  bool given = lua_istable(L, -1);
  if (given) {
    int index = lua_gettop(L);
    proxy->host = aui_string_field(L, index, "host", "");
    proxy->port = (uint16_t)aui_whole_field(L, index, "port", UINT16_MAX);
    proxy->credentials = aui_string_field(L, index, "credentials", NULL);
    proxy->tls = read_tls(L, index, &parts->proxy_tls);
  }
  lua_pop(L, 1);
  return given ? proxy : NULL;
}

void aui_read_endpoint(lua_State *L, int table, aui_endpoint *endpoint, aui_endpoint_parts *parts) {
  endpoint->host = aui_string_field(L, table, "host", "");
  endpoint->port = (uint16_t)aui_whole_field(L, table, "port", UINT16_MAX);
  endpoint->tls = read_tls(L, table, &parts->tls);
  endpoint->proxy = read_proxy(L, table, parts);
  endpoint->pool = NULL;
  endpoint->asks = false;
}
