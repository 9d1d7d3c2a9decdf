/* An exchange of the engine, whose transport a driver in Lua moves. */
#include <string.h>

#include "binding/engine/lua_engine.h"

typedef struct {
  aui_exchange *exchange; /* NULL once closed */
} lua_exchange;

/* engine.exchange(options): one that wants its connection; `options` as of aui_read_request. */
int aui_new_exchange(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  aui_exchange_request request;
  aui_read_request(L, 1, &request);
  lua_exchange *object = aui_new_userdata(L, sizeof *object, AUI_EXCHANGE);
  object->exchange = aui_exchange_new(&request, aui_engine_now());
  return object->exchange ? 1 : luaL_error(L, "out of memory");
}

static aui_exchange *check_exchange(lua_State *L) {
  lua_exchange *object = luaL_checkudata(L, 1, AUI_EXCHANGE);
  luaL_argcheck(L, object->exchange, 1, "the exchange is closed");
  return object->exchange;
}

/* exchange:want(): "connect", "disconnect" or nil. */
static int exchange_want(lua_State *L) {
  return aui_push_want(L, aui_exchange_want(check_exchange(L)));
}

/* exchange:phase(name): as session:phase. */
static int exchange_phase(lua_State *L) {
  aui_exchange_phase(check_exchange(L), aui_check_phase(L, 2));
  return 0;
}

/* exchange:connected(): the transport is open, and new. */
static int exchange_connected(lua_State *L) {
  aui_exchange_connected(check_exchange(L));
  return 0;
}

/* exchange:adopted(): the transport is open, and one that another exchange has left. */
static int exchange_adopted(lua_State *L) {
  aui_exchange_adopted(check_exchange(L));
  return 0;
}

enum { PIECE = 16 * 1024 };

/* exchange:output(): bytes for the peer, which the driver now has to write, at most PIECE; or nil. Lua is given a copy:
 * it may collect garbage before it copies them itself, and what a finalizer does may end the exchange. */
static int exchange_output(lua_State *L) {
  char copy[PIECE];
  size_t n;
  const char *bytes = aui_exchange_output(check_exchange(L), &n);
  if (n == 0) return 0;
  if (n > PIECE) n = PIECE;
  lua_pushlstring(L, memcpy(copy, bytes, n), n);
  if (!aui_exchange_is_over(check_exchange(L))) aui_exchange_written(check_exchange(L), n);
  return 1;
}

/* exchange:receive(bytes): they came from the peer. */
static int exchange_receive(lua_State *L) {
  size_t n;
  const char *bytes = luaL_checklstring(L, 2, &n);
  aui_exchange_receive(check_exchange(L), bytes, n, aui_engine_now());
  return 0;
}

/* exchange:disconnected(cause, retryable): as session:disconnected. */
static int exchange_disconnected(lua_State *L) {
  aui_exchange_disconnected(check_exchange(L), luaL_optstring(L, 2, NULL), lua_toboolean(L, 3));
  return 0;
}

/* exchange:detach(): leaves the transport, if that may serve another exchange; else false. */
static int exchange_detach(lua_State *L) {
  aui_exchange *exchange = check_exchange(L);
  bool may = aui_exchange_may_detach(exchange);
  if (may) aui_exchange_detach(exchange);
  lua_pushboolean(L, may);
  return 1;
}

/* exchange:deadline(): as session:deadline. */
static int exchange_deadline(lua_State *L) {
  return aui_push_due(L, aui_exchange_deadline(check_exchange(L)));
}

/* exchange:tick() */
static int exchange_tick(lua_State *L) {
  aui_exchange_tick(check_exchange(L), aui_engine_now());
  return 0;
}

/* exchange:result(): see aui_push_result. */
static int exchange_result(lua_State *L) {
  lua_exchange *object = luaL_checkudata(L, 1, AUI_EXCHANGE);
  return aui_push_result(L, object->exchange);
}

/* exchange:is_over(): whether there is a result. */
static int exchange_is_over(lua_State *L) {
  lua_pushboolean(L, aui_exchange_is_over(check_exchange(L)));
  return 1;
}

/* exchange:cancel(why): gives it up, if it is not over. */
static int exchange_cancel(lua_State *L) {
  aui_exchange_cancel(check_exchange(L), luaL_checkstring(L, 2));
  return 0;
}

/* exchange:close(): releases it, whose memory Lua's collector knows nothing of. No other method may be called then. */
static int exchange_close(lua_State *L) {
  lua_exchange *object = luaL_checkudata(L, 1, AUI_EXCHANGE);
  aui_exchange_free(object->exchange);
  object->exchange = NULL;
  return 0;
}

void aui_create_exchange(lua_State *L) {
  static const luaL_Reg methods[] = {{"want", exchange_want},
                                     {"phase", exchange_phase},
                                     {"connected", exchange_connected},
                                     {"adopted", exchange_adopted},
                                     {"output", exchange_output},
                                     {"receive", exchange_receive},
                                     {"disconnected", exchange_disconnected},
                                     {"detach", exchange_detach},
                                     {"deadline", exchange_deadline},
                                     {"tick", exchange_tick},
                                     {"result", exchange_result},
                                     {"is_over", exchange_is_over},
                                     {"cancel", exchange_cancel},
                                     {"close", exchange_close},
                                     {NULL, NULL}};
  aui_new_class(L, AUI_EXCHANGE, methods, exchange_close);
}
