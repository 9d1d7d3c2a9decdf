/* An HTTP request as a Lua table, and its result as Lua values. */
#include <string.h>
#include <time.h>

#include "binding/binding.h"

static const char *check_method(lua_State *L, int table) {
  const char *method = aui_string_field(L, table, "method", "GET");
  static const char *const known[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    if (strcmp(method, known[i]) == 0) return method;
  }
  luaL_argerror(L, table, "method: expected \"GET\", \"POST\", \"PUT\", \"PATCH\" or \"DELETE\"");
  return NULL;
}

static void read_body_field(lua_State *L, int table, aui_exchange_request *request) {
  lua_getfield(L, table, "body");
  if (!lua_isnil(L, -1)) {
    luaL_checktype(L, -1, LUA_TSTRING);
    request->body = lua_tolstring(L, -1, &request->body_len);
  }
  lua_pop(L, 1); /* the table keeps the string alive */
  if (request->body_len > 0 && strcmp(request->method, "GET") == 0) {
    luaL_argerror(L, table, "body: not expected with method \"GET\"");
  }
}

void aui_read_request(lua_State *L, int table, aui_exchange_request *request) {
  *request = (aui_exchange_request){0};
  request->method = check_method(L, table);
  request->head.target = aui_string_field(L, table, "target", "/");
  request->head.host = aui_string_field(L, table, "request_host", "");
  request->head.headers = aui_string_field(L, table, "headers", "");
  request->proxy = aui_string_field(L, table, "proxy_name", NULL);
  request->is_plain = aui_is_plain(L, table);
  request->timeout = aui_milliseconds_field(L, table, "timeout");
  request->max_response_head = aui_size_field(L, table, "max_response_head");
  request->max_body = aui_size_field(L, table, "max_body");
  request->unix_time = (int64_t)time(NULL);
  read_body_field(L, table, request);
}

static int push_http_answer(lua_State *L, const aui_answer *answer) {
  lua_pushinteger(L, answer->status);
  lua_pushlstring(L, answer->body.data ? answer->body.data : "", answer->body.len);
  if (answer->retry_after < 0) return 2;
  lua_pushinteger(L, (lua_Integer)answer->retry_after);
  return 3;
}

static void push_closed(lua_State *L) {
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_CANCELED, "the call is closed");
  error.delivered = AUI_DELIVERED_MAYBE;
  aui_push_error(L, &error);
}

int aui_push_result(lua_State *L, const aui_exchange *exchange) {
  const aui_answer *answer = exchange ? aui_exchange_get_answer(exchange) : NULL;
  const aui_error *error = exchange ? aui_exchange_get_error(exchange) : NULL;
  if (answer) return push_http_answer(L, answer);
  if (exchange && !error) return 0;
  lua_pushnil(L);
  if (error) {
    aui_push_error(L, error);
  } else {
    push_closed(L);
  }
  return 2;
}
