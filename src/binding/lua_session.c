/* A session as Lua sees it, for its users: the same in every module. One that was collected, which a finalizer may
 * still hold, is a closed one. */
#include "binding/binding.h"
#include "engine/error.h"

aui_lua_session *aui_check_session(lua_State *L) {
  return aui_check_object(L, AUI_SESSION);
}

/* session:state(): "connecting", "open", "waiting" or "closed". */
static int session_state(lua_State *L) {
  const aui_session *session = aui_check_session(L)->session;
  lua_pushstring(L, aui_state_name(session ? aui_session_state(session) : AUI_STATE_CLOSED));
  return 1;
}

static int error_collect(lua_State *L) {
  aui_error_clear(luaL_checkudata(L, 1, AUI_ERROR));
  return 0;
}

/* session:error(): why there is no connection, as a table; nil when none has failed yet. */
static int session_error(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  /* Of this call's own: the session's may change when a finalizer that Lua runs meanwhile calls something here. */
  aui_error *copy = aui_new_userdata(L, sizeof *copy, AUI_ERROR);
  const aui_error *error = object->session ? aui_session_error(object->session) : NULL;
  if (!error || error->kind == AUI_ERROR_NONE) return 0;
  aui_error_copy(copy, error);
  aui_push_error(L, copy);
  return 1;
}

/* session:retry_at(): of a session that is waiting, when on the loop's clock it connects again, in seconds; nil when
 * only a message makes it do so. */
static int session_retry_at(lua_State *L) {
  const aui_session *session = aui_check_session(L)->session;
  uint64_t at = session ? aui_session_retry_at(session) : AUI_NEVER;
  return aui_push_deadline(L, at);
}

/* session:send(json, first, idle, total): a reply, or nil and an error's table. Times are seconds, nil for none. */
static int session_send(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  size_t n;
  const char *json = luaL_checklstring(L, 2, &n);
  aui_reply_timeouts timeouts = {aui_check_milliseconds(L, 3), aui_check_milliseconds(L, 4),
                                 aui_check_milliseconds(L, 5)};
  aui_reply **reply = aui_push_reply(L, 1);
  aui_error error = {0};
  if (object->session) {
    *reply = aui_session_send(object->session, json, n, &timeouts, object->now(object), &error);
    object->pump(object);
  } else {
    aui_error_set(&error, AUI_ERROR_CANCELED, "the session is closed");
  }
  if (*reply) return 1;
  lua_pushnil(L);
  aui_push_error(L, &error);
  return 2;
}

/* session:has_seen(id): whether a message from the agent named the id before the message in doubt left. */
static int session_has_seen(lua_State *L) {
  size_t n;
  const aui_session *session = aui_check_session(L)->session;
  const char *id = luaL_checklstring(L, 2, &n);
  lua_pushboolean(L, session && aui_session_has_seen(session, id, n));
  return 1;
}

static void set_count(lua_State *L, const char *name, uint64_t count) {
#if LUA_VERSION_NUM >= 503
  lua_pushinteger(L, (lua_Integer)count);
#else
  lua_pushnumber(L, (lua_Number)count);
#endif
  lua_setfield(L, -2, name);
}

/* session:stats(): the fields of aui_session_stats in a table; times in seconds, nil for not yet. */
static int session_stats(lua_State *L) {
  const aui_lua_session *object = aui_check_session(L);
  aui_session_stats stats = {.first_chunk = AUI_NEVER, .message = AUI_NEVER};
  lua_createtable(L, 0, 8);
  if (object->session) aui_session_get_stats(object->session, &stats);
  set_count(L, "bytes_received", stats.bytes_received);
  set_count(L, "bytes_sent", stats.bytes_sent);
  set_count(L, "frames_received", stats.frames_received);
  set_count(L, "frames_sent", stats.frames_sent);
  set_count(L, "updates_folded", stats.updates_folded);
  set_count(L, "reconnects", stats.reconnects);
  if (aui_push_deadline(L, stats.first_chunk)) lua_setfield(L, -2, "first_chunk");
  if (aui_push_deadline(L, stats.message)) lua_setfield(L, -2, "message");
  return 1;
}

/* session:thread_id(): of one whose API has threads, the id as soon as it is known; else nil. */
static int session_thread_id(lua_State *L) {
  const aui_session *session = aui_check_session(L)->session;
  size_t n = 0;
  const char *id = session ? aui_session_thread_id(session, &n) : NULL;
  if (!id) return 0;
  lua_pushlstring(L, id, n);
  return 1;
}

static int recorded_collect(lua_State *L) {
  aui_recorded **recorded = luaL_checkudata(L, 1, AUI_RECORDED);
  aui_recorded_free(*recorded);
  *recorded = NULL;
  return 0;
}

/* session:recorded(): of one that records, the oldest thing that was not asked for yet: its kind as aui_recorded_name
 * has it, when it was in seconds, its number, of one that is refused Retry-After's seconds (-1: none), and its bytes.
 * Nothing: there is none. */
static int session_recorded(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  /* Of this call's own: a finalizer that Lua runs meanwhile may take the next. */
  aui_recorded **recorded = aui_new_userdata(L, sizeof *recorded, AUI_RECORDED);
  *recorded = object->session ? aui_session_take_recorded(object->session) : NULL;
  if (!*recorded) return 0;
  lua_pushstring(L, aui_recorded_name((*recorded)->kind));
  lua_pushnumber(L, (lua_Number)(*recorded)->at / 1000);
  lua_pushinteger(L, (lua_Integer)(*recorded)->number);
  lua_pushinteger(L, (lua_Integer)(*recorded)->retry_after);
  lua_pushlstring(L, (*recorded)->bytes, (*recorded)->n);
  aui_recorded_free(*recorded);
  *recorded = NULL;
  return 5;
}

/* session:close(): ends every pending reply and begins the closing handshake; see session:finished(). */
static int session_close(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  if (!object->session) return 0;
  aui_session_close(object->session, object->now(object));
  object->pump(object);
  return 0;
}

/* session:finished(): whether the closed session has no connection any more. */
static int session_finished(lua_State *L) {
  const aui_session *session = aui_check_session(L)->session;
  lua_pushboolean(L, !session || aui_session_finished(session));
  return 1;
}

void aui_create_session(lua_State *L, const luaL_Reg *driver_methods, lua_CFunction collect) {
  static const luaL_Reg methods[] = {{"state", session_state},
                                     {"error", session_error},
                                     {"retry_at", session_retry_at},
                                     {"send", session_send},
                                     {"has_seen", session_has_seen},
                                     {"thread_id", session_thread_id},
                                     {"stats", session_stats},
                                     {"recorded", session_recorded},
                                     {"close", session_close},
                                     {"finished", session_finished},
                                     {NULL, NULL}};
  aui_new_class(L, AUI_SESSION, methods, collect);
  aui_extend_class(L, AUI_SESSION, driver_methods);
  static const luaL_Reg no_methods[] = {{NULL, NULL}};
  aui_new_class(L, AUI_ERROR, no_methods, error_collect);
  aui_new_class(L, AUI_RECORDED, no_methods, recorded_collect);
}
