/* An HTTP request on the native loop, as Lua sees it. */
#include <string.h>

#include "binding/net/net.h"
#include "net/fetch.h"

enum { MAX_BODY = 64 * 1024 * 1024 }; /* bytes, unless the caller says something else */

typedef struct {
  aui_lua_loop *loop; /* kept alive by aui_keep */
  aui_fetch *fetch;   /* NULL once closed */
} lua_fetch;

static const char *check_method(lua_State *L, int table) {
  const char *method = aui_string_field(L, table, "method", "GET");
  bool known = strcmp(method, "GET") == 0 || strcmp(method, "POST") == 0;
  if (!known) luaL_argerror(L, table, "method: expected \"GET\" or \"POST\"");
  return method;
}

static void read_body(lua_State *L, int table, aui_fetch_request *request) {
  lua_getfield(L, table, "body");
  request->body_len = 0;
  request->body = NULL;
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TSTRING);
    request->body = lua_tolstring(L, -1, &request->body_len);
  }
  lua_pop(L, 1); /* the table keeps the string alive */
  if (request->body_len > 0 && strcmp(request->method, "POST") != 0) {
    luaL_argerror(L, table, "body: expected only with method \"POST\"");
  }
}

/* loop:fetch(id, options): a request that is sent as soon as the loop is stepped, or nil and why not. `id` is a number
 * that loop:ready() returns when the fetch has ended. `options`, checked by the caller: host, port, tls (as
 * loop:open's), method ("GET"), target, request_host, headers (lines ended by CRLF), body (of a POST), timeout
 * (seconds, for all of it), max_body (bytes of the answer's, 64 MiB). */
int aui_start_fetch(lua_State *L) {
  aui_lua_loop *loop = aui_check_loop(L);
  uint64_t id = (uint64_t)luaL_checknumber(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);

  aui_fetch_request request;
  request.method = check_method(L, 3);
  request.target = aui_string_field(L, 3, "target", "/");
  request.host = aui_string_field(L, 3, "request_host", "");
  request.headers = aui_string_field(L, 3, "headers", "");
  request.timeout = aui_milliseconds_field(L, 3, "timeout");
  request.max_body = aui_size_field(L, 3, "max_body", MAX_BODY);
  read_body(L, 3, &request);

  aui_tls_options tls;
  aui_endpoint endpoint;
  aui_read_endpoint(L, 3, &endpoint, &tls);

  lua_fetch *object = aui_new_userdata(L, sizeof *object, AUI_FETCH);
  object->loop = loop;
  aui_keep(L, 1);
  const char *why;
  object->fetch = aui_fetch_start(loop->net, &endpoint, &request, id, &why);
  if (object->fetch) return 1;
  lua_pushnil(L);
  lua_pushstring(L, why);
  return 2;
}

static int push_answer(lua_State *L, const aui_fetch_answer *answer) {
  lua_pushinteger(L, answer->status);
  lua_pushlstring(L, answer->body ? answer->body : "", answer->body_len);
  if (answer->retry_after < 0) return 2;
  lua_pushinteger(L, (lua_Integer)answer->retry_after);
  return 3;
}

/* fetch:result(): nothing while it is under way; status, body and perhaps Retry-After's seconds; or nil, why there will
 * be no answer, and the kind of that (as of an error of a session). */
static int fetch_result(lua_State *L) {
  lua_fetch *object = luaL_checkudata(L, 1, AUI_FETCH);
  const aui_error *error = object->fetch ? aui_fetch_get_error(object->fetch) : NULL;
  const aui_fetch_answer *answer = object->fetch ? aui_fetch_get_answer(object->fetch) : NULL;
  if (answer) return push_answer(L, answer);
  if (object->fetch && !error) return 0;
  lua_pushnil(L);
  lua_pushstring(L, error ? error->message : "the fetch is closed");
  lua_pushstring(L, aui_error_kind_name(error ? error->kind : AUI_ERROR_CANCELED));
  return 3;
}

/* fetch:close(): gives it up if it is under way, and releases the answer. */
static int fetch_close(lua_State *L) {
  lua_fetch *object = luaL_checkudata(L, 1, AUI_FETCH);
  if (object->fetch) aui_fetch_release(object->fetch);
  object->fetch = NULL;
  return 0;
}

void aui_create_fetch(lua_State *L) {
  static const luaL_Reg methods[] = {{"result", fetch_result}, {"close", fetch_close}, {NULL, NULL}};
  aui_new_class(L, AUI_FETCH, methods, fetch_close);
}
