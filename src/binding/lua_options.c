/* Reading option tables. lua/aui has checked them in words for people; here no value can do harm. */
#include <string.h>

#include "binding/binding.h"
#include "engine/json.h"

/* Milliseconds. No option: a server that does not answer a close frame is no reason to wait for long. */
enum { CLOSE_TIMEOUT = 1000 };

/* Which any number of Lua can say. */
#define LARGEST_SIZE (SIZE_MAX < UINT64_C(1) << 53 ? SIZE_MAX : UINT64_C(1) << 53)

const char *aui_string_field(lua_State *L, int table, const char *name, const char *fallback) {
  lua_getfield(L, table, name);
  const char *value = fallback;
  if (!lua_isnil(L, -1)) {
    size_t n;
    luaL_checktype(L, -1, LUA_TSTRING); /* the string made of a number would be nobody's */
    value = lua_tolstring(L, -1, &n);
    if (memchr(value, '\0', n)) luaL_error(L, "%s: must not contain NUL", name);
  }
  lua_pop(L, 1); /* the table keeps the string alive */
  return value;
}

/* Leaves the field on the stack. */
static void get_field(lua_State *L, int table, const char *name, int type) {
  lua_getfield(L, table, name);
  if (lua_type(L, -1) != type) {
    luaL_error(L, "%s: expected a %s, got %s", name, lua_typename(L, type), luaL_typename(L, -1));
  }
}

uint64_t aui_milliseconds_field(lua_State *L, int table, const char *name) {
  get_field(L, table, name, LUA_TNUMBER);
  uint64_t value = aui_check_milliseconds(L, lua_gettop(L));
  lua_pop(L, 1);
  return value;
}

uint64_t aui_whole_field(lua_State *L, int table, const char *name, uint64_t most) {
  get_field(L, table, name, LUA_TNUMBER);
  double value = lua_tonumber(L, -1);
  if (!(value >= 0 && value <= (double)most)) {
    luaL_error(L, "%s: expected a whole number from 0 to %f", name, (lua_Number)most);
  }
  lua_pop(L, 1);
  return (uint64_t)value;
}

size_t aui_size_field(lua_State *L, int table, const char *name) {
  return (size_t)aui_whole_field(L, table, name, LARGEST_SIZE);
}

bool aui_boolean_field(lua_State *L, int table, const char *name) {
  get_field(L, table, name, LUA_TBOOLEAN);
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

static aui_carrier carrier_field(lua_State *L, int table) {
  const char *name = aui_string_field(L, table, "carrier", "websocket");
  if (strcmp(name, "websocket") == 0) return AUI_CARRIER_WEBSOCKET;
  if (strcmp(name, "threads websocket") == 0) return AUI_CARRIER_THREADS_WEBSOCKET;
  if (strcmp(name, "stream") != 0) {
    luaL_error(L, "carrier: expected \"websocket\", \"threads websocket\" or \"stream\"");
  }
  return AUI_CARRIER_STREAM;
}

bool aui_is_plain(lua_State *L, int table) {
  lua_getfield(L, table, "tls");
  bool is_plain = lua_isnil(L, -1);
  lua_pop(L, 1);
  return is_plain;
}

void aui_read_config(lua_State *L, int table, aui_session_config *config) {
  *config = (aui_session_config){.close_timeout = CLOSE_TIMEOUT};
  config->carrier = carrier_field(L, table);
  config->thread_id = aui_string_field(L, table, "thread_id", NULL);
  config->request.host = aui_string_field(L, table, "request_host", "");
  config->request.target = aui_string_field(L, table, "target", "/");
  config->request.headers = aui_string_field(L, table, "headers", "");
  config->proxy = aui_string_field(L, table, "proxy_name", NULL);
  config->is_plain = aui_is_plain(L, table);
  config->connect_timeout = aui_milliseconds_field(L, table, "connect_timeout");
  config->reconnect.base = aui_milliseconds_field(L, table, "reconnect_base");
  config->reconnect.max = aui_milliseconds_field(L, table, "reconnect_max");
  config->reconnect.attempts = (uint32_t)aui_whole_field(L, table, "reconnect_attempts", UINT32_MAX);
  config->reconnect.reset_after = aui_milliseconds_field(L, table, "reconnect_reset_after");
  config->ping.interval = aui_milliseconds_field(L, table, "ping_interval");
  config->ping.timeout = aui_milliseconds_field(L, table, "ping_timeout");
  config->rate.messages = (uint32_t)aui_whole_field(L, table, "rate_messages", UINT32_MAX);
  config->rate.per = aui_milliseconds_field(L, table, "rate_per");
  config->records = aui_boolean_field(L, table, "records");
  config->renews = aui_boolean_field(L, table, "renews");
  config->compression = aui_boolean_field(L, table, "compression");
  config->recover = aui_boolean_field(L, table, "recover");
  config->queue_messages = aui_size_field(L, table, "queue_messages");
  config->queue_bytes = aui_size_field(L, table, "queue_bytes");
  config->max_message = aui_size_field(L, table, "max_message");
  config->max_response_head = aui_size_field(L, table, "max_response_head");
  config->max_depth = (unsigned)aui_whole_field(L, table, "max_depth", AUI_JSON_MAX_DEPTH);
}
