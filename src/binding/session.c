/* A session on the native loop, as Lua sees it. */
#include "binding/binding.h"

static aui_lua_session *check_session(lua_State *L) {
  return luaL_checkudata(L, 1, AUI_SESSION);
}

/* loop:open(id, options): a session that connects as soon as the loop is stepped, or nil and why not. `id` is a number
 * that loop:ready() returns when the session has news. `options`, checked by the caller: host, port, tls (a table, or
 * nil for plain TCP: ca_file, cert, key, verify), request_host, target, headers; in seconds, nil for never,
 * connect_timeout, reconnect_base, reconnect_max, reconnect_reset_after, ping_interval, ping_timeout, rate_per; in
 * bytes queue_bytes, max_message, max_response_head; and reconnect_attempts, rate_messages, queue_messages, max_depth,
 * recover (whether replies in doubt are parked: see reply:is_parked). */
int aui_open_session(lua_State *L) {
  aui_lua_loop *loop = luaL_checkudata(L, 1, AUI_LOOP);
  uint64_t id = (uint64_t)luaL_checknumber(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  luaL_argcheck(L, loop->net, 1, "the loop is closed");

  aui_session_config config;
  aui_session_defaults(&config);
  config.host = aui_string_field(L, 3, "request_host", "");
  config.target = aui_string_field(L, 3, "target", "/");
  config.headers = aui_string_field(L, 3, "headers", "");
  config.connect_timeout = aui_milliseconds_field(L, 3, "connect_timeout");
  config.reconnect.base = aui_milliseconds_field(L, 3, "reconnect_base");
  config.reconnect.max = aui_milliseconds_field(L, 3, "reconnect_max");
  config.reconnect.attempts = (uint32_t)aui_size_field(L, 3, "reconnect_attempts", 0);
  config.reconnect.reset_after = aui_milliseconds_field(L, 3, "reconnect_reset_after");
  config.ping.interval = aui_milliseconds_field(L, 3, "ping_interval");
  config.ping.timeout = aui_milliseconds_field(L, 3, "ping_timeout");
  config.rate.messages = (uint32_t)aui_size_field(L, 3, "rate_messages", 0);
  config.rate.per = aui_milliseconds_field(L, 3, "rate_per");
  lua_getfield(L, 3, "recover");
  config.recover = lua_toboolean(L, -1);
  lua_pop(L, 1);
  config.queue_messages = aui_size_field(L, 3, "queue_messages", config.queue_messages);
  config.queue_bytes = aui_size_field(L, 3, "queue_bytes", config.queue_bytes);
  config.max_message = aui_size_field(L, 3, "max_message", config.max_message);
  config.max_response_head = aui_size_field(L, 3, "max_response_head", config.max_response_head);
  config.max_depth = (unsigned)aui_size_field(L, 3, "max_depth", config.max_depth);

  aui_tls_options tls;
  aui_endpoint endpoint;
  aui_read_endpoint(L, 3, &endpoint, &tls);

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
  aui_error_clear(&object->error);
  aui_error_copy(&object->error, error);
  aui_push_error(L, &object->error);
  return 1;
}

/* session:retry_at(): of a session that is waiting, when on the loop's clock it connects again, in seconds; nil when
 * only a message makes it do so. */
static int session_retry_at(lua_State *L) {
  aui_lua_session *object = check_session(L);
  uint64_t at = object->link ? aui_session_retry_at(aui_link_session(object->link)) : AUI_NEVER;
  if (at == AUI_NEVER) return 0;
  lua_pushnumber(L, (lua_Number)at / 1000);
  return 1;
}

/* session:send(json, first, idle, total): a reply, or nil and an error's table. Times are seconds, nil for none. */
static int session_send(lua_State *L) {
  aui_lua_session *object = check_session(L);
  size_t n;
  const char *json = luaL_checklstring(L, 2, &n);
  aui_reply_timeouts timeouts = {aui_check_milliseconds(L, 3), aui_check_milliseconds(L, 4),
                                 aui_check_milliseconds(L, 5)};
  if (!object->link) return luaL_error(L, "the loop is closed");
  aui_reply **reply = aui_push_reply(L, 1);
  uint64_t now = aui_net_now(object->loop->net);
  aui_error error = {0};
  *reply = aui_session_send(aui_link_session(object->link), json, n, &timeouts, now, &error);
  aui_link_pump(object->link);
  if (*reply) return 1;
  lua_pushnil(L);
  aui_push_error(L, &error);
  return 2;
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
  aui_error_clear(&object->error);
  return 0;
}

void aui_create_session(lua_State *L) {
  static const luaL_Reg methods[] = {{"state", session_state},
                                     {"error", session_error},
                                     {"retry_at", session_retry_at},
                                     {"send", session_send},
                                     {"close", session_close},
                                     {"finished", session_finished},
                                     {NULL, NULL}};
  aui_new_class(L, AUI_SESSION, methods, session_collect);
}
