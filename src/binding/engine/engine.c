/* The C module `aui.engine`: the engine without any I/O, for drivers written in Lua, such as that on OpenResty's
 * cosockets. docs/engine.md has the rules that a driver keeps; two of them are kept here: random bytes come from the
 * system, and session:output() counts as written what it returns. */
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "binding/binding.h"

static uint64_t milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t clock_of(aui_lua_session *session) {
  (void)session;
  return milliseconds();
}

/* The driver, which is in Lua, pumps. */
static void pump(aui_lua_session *session) {
  (void)session;
}

/* engine.now(): a monotonic clock, in seconds. */
static int engine_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)milliseconds() / 1000);
  return 1;
}

/* engine.session(options): a session that wants its first connection; `options` as aui_read_config. */
static int engine_session(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  aui_session_config config;
  aui_read_config(L, 1, &config);
  aui_lua_session *object = aui_new_userdata(L, sizeof *object, AUI_SESSION);
  object->now = clock_of;
  object->pump = pump;
  object->session = aui_session_new(&config);
  return object->session ? 1 : luaL_error(L, "out of memory");
}

/* session:want(): "connect", "disconnect" or nil. */
static int session_want(lua_State *L) {
  switch (aui_session_want(aui_check_session(L)->session)) {
    case AUI_WANT_CONNECT: lua_pushliteral(L, "connect"); return 1;
    case AUI_WANT_DISCONNECT: lua_pushliteral(L, "disconnect"); return 1;
    case AUI_WANT_NOTHING: break;
  }
  return 0;
}

/* session:wants_linger(): when it wants "disconnect", whether the peer may still be sending. */
static int session_wants_linger(lua_State *L) {
  lua_pushboolean(L, aui_session_wants_linger(aui_check_session(L)->session));
  return 1;
}

/* session:phase(name): the driver is in this phase of connecting: "request", "resolve", "connect" or "tls". */
static int session_phase(lua_State *L) {
  static const char *const names[] = {"request", "resolve", "connect", "tls", NULL};
  aui_phase phase = (aui_phase)luaL_checkoption(L, 2, NULL, names);
  aui_session_phase(aui_check_session(L)->session, phase, milliseconds());
  return 0;
}

/* session:set_request(host, target, headers): what the next request says; false when memory is short. */
static int session_set_request(lua_State *L) {
  aui_request request = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4)};
  lua_pushboolean(L, aui_session_set_request(aui_check_session(L)->session, &request));
  return 1;
}

/* session:connected(): the transport is open. */
static int session_connected(lua_State *L) {
  aui_session_connected(aui_check_session(L)->session, milliseconds());
  return 0;
}

/* session:adopted(): the transport is open, and is a WebSocket that another session has detached. */
static int session_adopted(lua_State *L) {
  aui_session_adopted(aui_check_session(L)->session, milliseconds());
  return 0;
}

/* session:is_idle(): whether no reply is pending. */
static int session_is_idle(lua_State *L) {
  lua_pushboolean(L, aui_session_is_idle(aui_check_session(L)->session));
  return 1;
}

/* session:may_detach(): whether the open WebSocket may serve another session. */
static int session_may_detach(lua_State *L) {
  lua_pushboolean(L, aui_session_may_detach(aui_check_session(L)->session));
  return 1;
}

/* session:detach(): ends the session and leaves its open WebSocket, if that may serve another one; else false. */
static int session_detach(lua_State *L) {
  lua_pushboolean(L, aui_session_detach(aui_check_session(L)->session, milliseconds()));
  return 1;
}

/* session:disconnected(cause, retryable): the transport could not be opened or has ended; `cause` in words, nil for an
 * orderly end. */
static int session_disconnected(lua_State *L) {
  const char *cause = luaL_optstring(L, 2, NULL);
  aui_session_disconnected(aui_check_session(L)->session, cause, lua_toboolean(L, 3), milliseconds());
  return 0;
}

/* session:receive(bytes): they came from the peer. */
static int session_receive(lua_State *L) {
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  aui_session_receive(aui_check_session(L)->session, bytes, n, milliseconds());
  return 0;
}

static bool give_random(aui_session *session) {
  uint8_t bytes[256];
  size_t n = aui_session_random_wanted(session);
  if (n > sizeof bytes) n = sizeof bytes;
  bool ok = n == 0 || getrandom(bytes, n, 0) == (ssize_t)n;
  if (ok) aui_session_random(session, bytes, n);
  return ok;
}

/* session:has_output(): whether session:output would return something. */
static int session_has_output(lua_State *L) {
  aui_session *session = aui_check_session(L)->session;
  size_t n;
  lua_pushboolean(L, give_random(session) && aui_session_output(session, &n, milliseconds()) && n > 0);
  return 1;
}

/* session:output(): bytes for the peer, which the driver now has to write, or nil. */
static int session_output(lua_State *L) {
  aui_session *session = aui_check_session(L)->session;
  size_t n;
  uint64_t now = milliseconds();
  if (!give_random(session)) return 0;
  aui_session_output(session, &n, now);
  if (n == 0) return 0;
  /* Room is made before the bytes are looked at: what Lua collects meanwhile may be a reply, whose message is then
   * taken out of the output. */
  size_t room = n;
  void *copy = lua_newuserdata(L, room);
  const void *bytes = aui_session_output(session, &n, now);
  if (n == 0) return 0;
  if (n > room) n = room;
  memcpy(copy, bytes, n);
  aui_session_written(session, n, now);
  lua_pushlstring(L, copy, n);
  return 1;
}

/* session:deadline(): when on the clock of engine.now session:tick is due; nil for never. */
static int session_deadline(lua_State *L) {
  uint64_t at = aui_session_deadline(aui_check_session(L)->session);
  if (at == AUI_NEVER) return 0;
  lua_pushnumber(L, (lua_Number)at / 1000);
  return 1;
}

/* session:tick() */
static int session_tick(lua_State *L) {
  aui_session_tick(aui_check_session(L)->session, milliseconds());
  return 0;
}

/* session:has_news(): true once after anything that a waiting user may care about. */
static int session_has_news(lua_State *L) {
  lua_pushboolean(L, aui_session_news(aui_check_session(L)->session));
  return 1;
}

static int session_collect(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  aui_session_free(object->session);
  object->session = NULL;
  aui_error_clear(&object->error);
  return 0;
}

__attribute__((visibility("default"))) int luaopen_aui_engine(lua_State *L) {
  static const luaL_Reg driver_methods[] = {{"want", session_want},
                                            {"wants_linger", session_wants_linger},
                                            {"phase", session_phase},
                                            {"set_request", session_set_request},
                                            {"connected", session_connected},
                                            {"adopted", session_adopted},
                                            {"is_idle", session_is_idle},
                                            {"may_detach", session_may_detach},
                                            {"detach", session_detach},
                                            {"disconnected", session_disconnected},
                                            {"receive", session_receive},
                                            {"has_output", session_has_output},
                                            {"output", session_output},
                                            {"deadline", session_deadline},
                                            {"tick", session_tick},
                                            {"has_news", session_has_news},
                                            {NULL, NULL}};
  aui_create_session(L, driver_methods, session_collect);
  aui_create_reply(L);
  aui_push_module(L);
  lua_pushcfunction(L, engine_session);
  lua_setfield(L, -2, "session");
  lua_pushcfunction(L, engine_now);
  lua_setfield(L, -2, "now");
  return 1;
}
