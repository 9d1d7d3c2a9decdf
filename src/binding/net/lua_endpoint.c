/* Where a connection of the native loop goes, from a Lua table. */
#include "binding/net/lua_net.h"

static void read_tls(lua_State *L, int table, aui_tls_options *tls) {
  tls->ca_file = aui_string_field(L, table, "ca_file", NULL);
  tls->cert = aui_string_field(L, table, "cert", NULL);
  tls->key = aui_string_field(L, table, "key", NULL);
  tls->verify = aui_boolean_field(L, table, "verify");
}

void aui_read_endpoint(lua_State *L, int table, aui_endpoint *endpoint, aui_tls_options *tls) {
  endpoint->host = aui_string_field(L, table, "host", "");
  endpoint->port = (uint16_t)aui_whole_field(L, table, "port", UINT16_MAX);
  endpoint->tls = NULL;
  endpoint->pool = NULL;
  endpoint->asks = false;
  lua_getfield(L, table, "tls");
  if (lua_istable(L, -1)) {
    read_tls(L, lua_gettop(L), tls);
    endpoint->tls = tls;
  }
  lua_pop(L, 1);
}
