/* A session on the native loop, as Lua sees it. */
#include "binding/binding.h"

static aui_lua_session *check_session(lua_State *L) {
  return luaL_checkudata(L, 1, AUI_SESSION);
}

static const char *string_field(lua_State *L, int table, const char *name, const char *fallback) {
  lua_getfield(L, table, name);
  const char *value = lua_isnil(L, -1) ? fallback : luaL_checkstring(L, -1);
  lua_pop(L, 1); /* the table keeps the string alive */
  return value;
}

static uint64_t milliseconds_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  uint64_t value = aui_check_milliseconds(L, lua_gettop(L));
  lua_pop(L, 1);
  return value;
}

static size_t size_field(lua_State *L, int table, const char *name, size_t fallback) {
  lua_getfield(L, table, name);
  size_t value = lua_isnil(L, -1) ? fallback : (size_t)luaL_checknumber(L, -1);
  lua_pop(L, 1);
  return value;
}

/* Reads options.tls into `tls`; false when there is none. */
static bool read_tls(lua_State *L, int options, aui_tls_options *tls) {
  lua_getfield(L, options, "tls");
  bool given = lua_istable(L, -1);
  if (given) {
    int table = lua_gettop(L);
    tls->ca_file = string_field(L, table, "ca_file", NULL);
    tls->cert = string_field(L, table, "cert", NULL);
    tls->key = string_field(L, table, "key", NULL);
    lua_getfield(L, table, "verify");
    tls->verify = lua_isnil(L, -1) || lua_toboolean(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return given;
}

/* loop:open(id, options): a session that connects as soon as the loop is stepped, or nil and why not. `id` is a number
 * that loop:ready() returns when the session has news. `options`, checked by the caller: host, port, tls (a table, or
 * nil for plain TCP: ca_file, cert, key, verify), request_host, target, headers, connect_timeout (seconds),
 * max_message, max_response_head (bytes), max_depth. */
int aui_open_session(lua_State *L) {
  aui_lua_loop *loop = luaL_checkudata(L, 1, AUI_LOOP);
  uint64_t id = (uint64_t)luaL_checknumber(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_argcheck(L, loop->net, 1, "the loop is closed");

  aui_session_config config;
  aui_session_defaults(&config);
  config.host = string_field(L, 3, "request_host", "");
  config.target = string_field(L, 3, "target", "/");
  config.headers = string_field(L, 3, "headers", "");
  config.connect_timeout = milliseconds_field(L, 3, "connect_timeout");
  config.max_message = size_field(L, 3, "max_message", config.max_message);
  config.max_response_head = size_field(L, 3, "max_response_head", config.max_response_head);
  config.max_depth = (unsigned)size_field(L, 3, "max_depth", config.max_depth);

  aui_tls_options tls = {0};
  aui_endpoint endpoint = {.host = string_field(L, 3, "host", ""), .port = (uint16_t)size_field(L, 3, "port", 0)};
  if (read_tls(L, 3, &tls)) endpoint.tls = &tls;

  aui_lua_session *object = aui_new_userdata(L, sizeof *object, AUI_SESSION);
  object->loop = loop;
  aui_keep(L, 1);
  const char *why = "out of memory";
  aui_session *session = aui_session_new(&config);
  if (session) object->link = aui_net_open(loop->net, session, &endpoint, id, &why);
  if (object->link) return 1;
  aui_session_free(session);
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

/* session:state(): "connecting", "open", "waiting" or "closed". */
static int session_state(lua_State *L) {
  aui_lua_session *object = check_session(L);
  aui_state state = object->link ? aui_session_state(aui_link_session(object->link)) : AUI_STATE_CLOSED;
  lua_pushstring(L, aui_state_name(state));
  return 1;
}

/* session:error(): why there is no connection, as a table; nil when none has failed yet. */
static int session_error(lua_State *L) {
  aui_lua_session *object = check_session(L);
  const aui_error *error = object->link ? aui_session_error(aui_link_session(object->link)) : NULL;
  if (!error || error->kind == AUI_ERROR_NONE) return 0;
  aui_push_error(L, error);
  return 1;
}

/* session:send(json, first, idle, total): a reply, or nil when the session is closed. Times are seconds, nil for none.
 */
static int session_send(lua_State *L) {
  aui_lua_session *object = check_session(L);
  size_t n;
  const char *json = luaL_checklstring(L, 2, &n);
  aui_reply_timeouts timeouts = {aui_check_milliseconds(L, 3), aui_check_milliseconds(L, 4),
                                 aui_check_milliseconds(L, 5)};
  if (!object->link) return 0;
  aui_reply **reply = aui_push_reply(L, 1);
  uint64_t now = aui_net_now(object->loop->net);
  *reply = aui_session_send(aui_link_session(object->link), json, n, &timeouts, now);
  aui_link_pump(object->link);
  return *reply ? 1 : 0;
}

/* session:close(): ends every pending reply and begins the closing handshake; see session:finished(). */
static int session_close(lua_State *L) {
  aui_lua_session *object = check_session(L);
  if (!object->link) return 0;
  aui_session_close(aui_link_session(object->link), aui_net_now(object->loop->net));
  aui_link_pump(object->link);
  return 0;
}

/* session:finished(): whether the closed session has no connection any more. */
static int session_finished(lua_State *L) {
  aui_lua_session *object = check_session(L);
  lua_pushboolean(L, !object->link || aui_session_finished(aui_link_session(object->link)));
  return 1;
}

static int session_collect(lua_State *L) {
  aui_lua_session *object = check_session(L);
  if (object->link) aui_link_release(object->link);
  object->link = NULL;
  return 0;
}

void aui_create_session(lua_State *L) {
  static const luaL_Reg methods[] = {{"state", session_state}, {"error", session_error},       {"send", session_send},
                                     {"close", session_close}, {"finished", session_finished}, {NULL, NULL}};
  aui_new_class(L, AUI_SESSION, methods, session_collect);
}
