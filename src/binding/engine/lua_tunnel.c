/* A tunnel of the engine, for which a driver in Lua talks to the proxy. */
#include "binding/engine/lua_engine.h"
#include "engine/aui.h"

typedef struct {
  aui_tunnel *tunnel; /* NULL once collected */
} lua_tunnel;

/* engine.tunnel(route): one that is to be asked for. `route`, checked by the caller: proxy_host, proxy_port,
 * credentials ("user:password", nil for none), host, port. */
int aui_new_tunnel(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const aui_tunnel_route route = {.proxy_host = aui_string_field(L, 1, "proxy_host", ""),
                                  .proxy_port = (uint16_t)aui_whole_field(L, 1, "proxy_port", UINT16_MAX),
                                  .credentials = aui_string_field(L, 1, "credentials", NULL),
                                  .host = aui_string_field(L, 1, "host", ""),
                                  .port = (uint16_t)aui_whole_field(L, 1, "port", UINT16_MAX)};
  lua_tunnel *object = aui_new_userdata(L, sizeof *object, AUI_TUNNEL);
  object->tunnel = aui_tunnel_new(&route);
  return object->tunnel ? 1 : luaL_error(L, "out of memory");
}

static aui_tunnel *check_tunnel(lua_State *L) {
  lua_tunnel *object = luaL_checkudata(L, 1, AUI_TUNNEL);
  luaL_argcheck(L, object->tunnel, 1, "the tunnel was dropped");
  return object->tunnel;
}

/* tunnel:output(): bytes for the proxy, which the driver now has to write, or nil. */
static int tunnel_output(lua_State *L) {
  size_t n;
  aui_tunnel *tunnel = check_tunnel(L);
  const char *bytes = aui_tunnel_output(tunnel, &n);
  if (n == 0) return 0;
  lua_pushlstring(L, bytes, n);
  aui_tunnel_written(tunnel, n);
  return 1;
}

static int push_tunnel_failure(lua_State *L, const aui_tunnel *tunnel) {
  const aui_error *error = aui_tunnel_error(tunnel);
  lua_pushboolean(L, false);
  lua_pushstring(L, error->message);
  lua_pushboolean(L, error->retryable);
  return 3;
}

/* tunnel:receive(bytes): they came from the proxy. Nil: more are needed. A string: the tunnel is open, and these came
 * through it. False, why, and whether to try again: it has failed. Not to be called again after the latter two. */
static int tunnel_receive(lua_State *L) {
  size_t n;
  const uint8_t *input = (const uint8_t *)luaL_checklstring(L, 2, &n), *end = input + n;
  aui_tunnel *tunnel = check_tunnel(L);
  switch (aui_tunnel_read(tunnel, &input, end)) {
    case AUI_TUNNEL_MORE: return 0;
    case AUI_TUNNEL_OPEN: lua_pushlstring(L, (const char *)input, (size_t)(end - input)); return 1;
    case AUI_TUNNEL_FAILED: break;
  }
  return push_tunnel_failure(L, tunnel);
}

/* tunnel:cut(cause): the connection ended before that; `cause` as of session:disconnected. Returns false, why, and
 * whether to try again. */
static int tunnel_cut(lua_State *L) {
  aui_tunnel *tunnel = check_tunnel(L);
  aui_tunnel_cut(tunnel, luaL_optstring(L, 2, NULL));
  return push_tunnel_failure(L, tunnel);
}

static int tunnel_collect(lua_State *L) {
  lua_tunnel *object = luaL_checkudata(L, 1, AUI_TUNNEL);
  aui_tunnel_free(object->tunnel);
  object->tunnel = NULL;
  return 0;
}

void aui_create_tunnel(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"output", tunnel_output}, {"receive", tunnel_receive}, {"cut", tunnel_cut}, {NULL, NULL}};
  aui_new_class(L, AUI_TUNNEL, methods, tunnel_collect);
}
