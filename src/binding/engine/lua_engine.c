/* The C module `aui.engine`: the engine without any I/O, for drivers written in Lua, such as that on OpenResty's
 * cosockets. docs/engine.md has the rules that a driver keeps; two of them are kept here: random bytes come from the
 * system, and session:output() counts as written what it returns. */
#include <math.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "binding/engine/lua_engine.h"

/* Bytes for a driver to write at a time: only when it comes back for more it is known that the peer takes them in. */
enum { PIECE = 16 * 1024 };

#define AUI_HANDOVER "aui." AUI_MODULE ".Handover"

uint64_t aui_engine_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t engine_clock(aui_lua_session *session) {
  (void)session;
  return aui_engine_now();
}

/* The driver, which is in Lua, pumps. */
static void pump_nothing(aui_lua_session *session) {
  (void)session;
}

/* engine.now(): a monotonic clock, in seconds. */
static int engine_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)aui_engine_now() / 1000);
  return 1;
}

/* engine.discard_unsent(descriptor, wanted): whether what this socket has not sent is thrown away when it is closed,
 * and its peer gets a reset. Returns whether that was taken note of and is wanted. */
static int engine_discard_unsent(lua_State *L) {
  bool wanted = lua_toboolean(L, 2);
  struct linger at_once = {.l_onoff = wanted, .l_linger = 0};
  int failed = setsockopt((int)luaL_checkinteger(L, 1), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  lua_pushboolean(L, wanted && !failed);
  return 1;
}

/* engine.session(options): a session that wants its first connection; `options` as aui_read_config. */
static int engine_session(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  aui_session_config config;
  aui_read_config(L, 1, &config);
  aui_lua_session *object = aui_new_userdata(L, sizeof *object, AUI_SESSION);
  object->now = engine_clock;
  object->pump = pump_nothing;
  object->session = aui_session_new(&config);
  return object->session ? 1 : luaL_error(L, "out of memory");
}

/* The session at stack index 1; raises if it was collected, and a finalizer still holds it. */
static aui_session *check_live(lua_State *L) {
  aui_session *session = aui_check_session(L)->session;
  if (!session) luaL_error(L, "the session was dropped");
  return session;
}

int aui_push_want(lua_State *L, aui_want want) {
  switch (want) {
    case AUI_WANT_CONNECT: lua_pushliteral(L, "connect"); return 1;
    case AUI_WANT_DISCONNECT: lua_pushliteral(L, "disconnect"); return 1;
    case AUI_WANT_NOTHING: break;
  }
  return 0;
}

int aui_push_due(lua_State *L, uint64_t at) {
  lua_pushnumber(L, at == AUI_NEVER ? (lua_Number)INFINITY : (lua_Number)at / 1000);
  return 1;
}

aui_phase aui_check_phase(lua_State *L, int index) {
  static const char *const names[] = {"request", "resolve", "connect", "proxy", "tls", NULL};
  return (aui_phase)luaL_checkoption(L, index, NULL, names);
}

/* session:ending(): when it wants "disconnect", how the transport is to be ended: "close", "linger" or "reset". */
static int session_ending(lua_State *L) {
  static const char *const names[] = {"close", "linger", "reset"};
  lua_pushstring(L, names[aui_session_ending(check_live(L))]);
  return 1;
}

/* session:phase(name): the driver is in this phase of connecting: "request", "resolve", "connect", "proxy" or
 * "tls". */
static int session_phase(lua_State *L) {
  aui_session_phase(check_live(L), aui_check_phase(L, 2), aui_engine_now());
  return 0;
}

/* session:set_request(host, target, headers, agent_id): what the next request says, and the agent that messages are
 * for, nil where it is not known; false when memory is short. */
static int session_set_request(lua_State *L) {
  aui_request request = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4)};
  lua_pushboolean(L, aui_session_set_request(check_live(L), &request, luaL_optstring(L, 5, NULL)));
  return 1;
}

/* session:refuse_request(error): there is none, see aui_session_refuse_request. `error` is a table, see aui_read_error.
 */
static int session_refuse_request(lua_State *L) {
  aui_error error;
  aui_session *session = check_live(L);
  aui_read_error(L, 2, &error);
  aui_session_refuse_request(session, &error, aui_engine_now());
  return 0;
}

/* session:connected(): the transport is open. */
static int session_connected(lua_State *L) {
  aui_session_set_date(check_live(L), (int64_t)time(NULL));
  aui_session_connected(check_live(L), aui_engine_now());
  return 0;
}

/* session:adopted(handover, unheard): the transport is open, and is a WebSocket that another session has detached;
 * `handover` is what session:detach returned then, which serves once; nil for one of which nothing is known, and that
 * has no compression. Nobody has listened to it for `unheard` seconds. */
static int session_adopted(lua_State *L) {
  aui_handover **handover = lua_isnil(L, 2) ? NULL : luaL_checkudata(L, 2, AUI_HANDOVER);
  luaL_argcheck(L, !handover || *handover, 2, "it has served already");
  aui_session *session = check_live(L);
  uint64_t unheard = aui_check_milliseconds(L, 3);
  aui_session_adopted(session, handover ? *handover : NULL, unheard, aui_engine_now());
  if (handover) *handover = NULL;
  return 0;
}

/* session:is_idle(): whether no reply is pending. */
static int session_is_idle(lua_State *L) {
  lua_pushboolean(L, aui_session_is_idle(check_live(L)));
  return 1;
}

/* session:may_detach(): whether the open WebSocket may serve another session. */
static int session_may_detach(lua_State *L) {
  lua_pushboolean(L, aui_session_may_detach(check_live(L)));
  return 1;
}

/* session:detach(): ends the session and leaves its open WebSocket, if that may serve another one, and returns what
 * goes with it, for session:adopted; else nil. */
static int session_detach(lua_State *L) {
  aui_handover **handover = aui_new_userdata(L, sizeof *handover, AUI_HANDOVER); /* first: it may collect garbage */
  *handover = aui_session_detach(check_live(L), aui_engine_now());
  return *handover ? 1 : 0;
}

static int handover_collect(lua_State *L) {
  aui_handover **handover = luaL_checkudata(L, 1, AUI_HANDOVER);
  aui_handover_free(*handover);
  *handover = NULL;
  return 0;
}

/* session:was_reset(): what the transport has not sent is thrown away; to be called just before session:disconnected.
 */
static int session_was_reset(lua_State *L) {
  aui_session_was_reset(check_live(L));
  return 0;
}

/* session:disconnected(cause, retryable): the transport could not be opened or has ended; `cause` in words, nil for an
 * orderly end. */
static int session_disconnected(lua_State *L) {
  const char *cause = luaL_optstring(L, 2, NULL);
  aui_session_disconnected(check_live(L), cause, lua_toboolean(L, 3), aui_engine_now());
  return 0;
}

/* session:receive(bytes): they came from the peer. */
static int session_receive(lua_State *L) {
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  aui_session_receive(check_live(L), bytes, n, aui_engine_now());
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

static bool has_output(aui_session *session) {
  size_t n;
  return give_random(session) && aui_session_output(session, &n, aui_engine_now()) && n > 0;
}

/* session:needs(): what the driver has to do: "connect" or "disconnect", after which it asks again. When nothing of
 * that is wanted, nil, then whether session:output would return something, when on the clock of engine.now session:tick
 * is due (infinity for never), whether users are to be notified, and whether that is of text alone, see
 * aui_session_take_notice. */
static int session_needs(lua_State *L) {
  aui_session *session = check_live(L);
  int wants = aui_push_want(L, aui_session_want(session));
  if (wants) return wants;
  lua_pushnil(L);
  lua_pushboolean(L, has_output(session));
  aui_push_due(L, aui_session_deadline(session));
  aui_notice notice = aui_session_take_notice(session);
  lua_pushboolean(L, notice != AUI_NOTICE_NONE);
  lua_pushboolean(L, notice == AUI_NOTICE_TEXT);
  return 5;
}

/* Pushes what is to be written, at most `room` bytes; false if that is nothing. */
static bool push_output(lua_State *L, size_t room) {
  char *copy = lua_newuserdata(L, room);
  size_t n;
  const void *bytes = aui_session_output(check_live(L), &n, aui_engine_now());
  if (n > room) n = room;
  if (n > 0) memcpy(copy, bytes, n);
  lua_pushlstring(L, copy, n);
  return n > 0;
}

/* Whether the output begins with the string on top of the stack. */
static bool output_begins_with_top(lua_State *L) {
  size_t n, len;
  const char *string = lua_tolstring(L, -1, &len);
  const void *bytes = aui_session_output(check_live(L), &n, aui_engine_now());
  return n >= len && memcmp(bytes, string, len) == 0;
}

/* session:output(): bytes for the peer, which the driver now has to write before it asks for more, or nil. */
static int session_output(lua_State *L) {
  size_t n;
  if (!give_random(check_live(L))) return 0;
  for (;;) {
    aui_session_output(check_live(L), &n, aui_engine_now());
    if (n == 0 || !push_output(L, n < PIECE ? n : PIECE)) return 0;
    /* Bytes count as written once Lua has had the memory for them; what it collected meanwhile may be a reply, whose
     * message is taken out of the output then. */
    if (output_begins_with_top(L)) break;
    lua_settop(L, 1);
  }
  lua_tolstring(L, -1, &n);
  aui_session_written(check_live(L), n, aui_engine_now());
  return 1;
}

/* session:deadline(): when on the clock of engine.now session:tick is due, infinity for never. */
static int session_deadline(lua_State *L) {
  return aui_push_due(L, aui_session_deadline(check_live(L)));
}

/* session:tick() */
static int session_tick(lua_State *L) {
  aui_session_tick(check_live(L), aui_engine_now());
  return 0;
}

static int session_collect(lua_State *L) {
  aui_lua_session *object = aui_check_session(L);
  aui_session_free(object->session);
  object->session = NULL;
  return 0;
}

__attribute__((visibility("default"))) int luaopen_aui_engine(lua_State *L) {
  static const luaL_Reg driver_methods[] = {{"ending", session_ending},
                                            {"phase", session_phase},
                                            {"set_request", session_set_request},
                                            {"refuse_request", session_refuse_request},
                                            {"connected", session_connected},
                                            {"adopted", session_adopted},
                                            {"is_idle", session_is_idle},
                                            {"may_detach", session_may_detach},
                                            {"detach", session_detach},
                                            {"was_reset", session_was_reset},
                                            {"disconnected", session_disconnected},
                                            {"receive", session_receive},
                                            {"needs", session_needs},
                                            {"output", session_output},
                                            {"deadline", session_deadline},
                                            {"tick", session_tick},
                                            {NULL, NULL}};
  static const luaL_Reg no_methods[] = {{NULL, NULL}};
  aui_create_session(L, driver_methods, session_collect);
  aui_new_class(L, AUI_HANDOVER, no_methods, handover_collect);
  aui_create_reply(L);
  aui_create_exchange(L);
  aui_create_tunnel(L);
  aui_push_module(L);
  lua_pushcfunction(L, engine_session);
  lua_setfield(L, -2, "session");
  lua_pushcfunction(L, aui_new_exchange);
  lua_setfield(L, -2, "exchange");
  lua_pushcfunction(L, aui_new_tunnel);
  lua_setfield(L, -2, "tunnel");
  lua_pushcfunction(L, engine_now);
  lua_setfield(L, -2, "now");
  lua_pushcfunction(L, engine_discard_unsent);
  lua_setfield(L, -2, "discard_unsent");
  return 1;
}
