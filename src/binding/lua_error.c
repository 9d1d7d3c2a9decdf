/* Errors of the engine as Lua tables. */
#include <string.h>

#include "binding/binding.h"

static void set_number(lua_State *L, const char *field, long value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, field);
}

static aui_error_kind check_kind(lua_State *L, const char *name) {
  for (aui_error_kind kind = AUI_ERROR_AUTH; kind <= AUI_ERROR_OVERFLOW; kind++) {
    if (strcmp(name, aui_error_kind_name(kind)) == 0) return kind;
  }
  luaL_error(L, "kind: expected that of an error");
  return AUI_ERROR_NONE;
}

/* A number's field, or -1. */
static long number_field(lua_State *L, int table, const char *field) {
  lua_getfield(L, table, field);
  long value = lua_isnumber(L, -1) ? (long)lua_tointeger(L, -1) : -1;
  lua_pop(L, 1);
  return value;
}

void aui_read_error(lua_State *L, int table, aui_error *error) {
  long status_code = number_field(L, table, "status_code");
  *error = (aui_error){0};
  aui_error_set(error, check_kind(L, aui_string_field(L, table, "kind", "")), "%s",
                aui_string_field(L, table, "message", ""));
  error->retryable = aui_boolean_field(L, table, "retryable");
  error->retry_after = number_field(L, table, "retry_after");
  if (status_code > 0) error->status_code = (int)status_code;
}

void aui_push_error(lua_State *L, const aui_error *error) {
  lua_createtable(L, 0, 8);
  lua_pushstring(L, aui_error_kind_name(error->kind));
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, error->message);
  lua_setfield(L, -2, "message");
  lua_pushstring(L, aui_delivered_name(error->delivered));
  lua_setfield(L, -2, "delivered");
  lua_pushboolean(L, error->retryable);
  lua_setfield(L, -2, "retryable");
  if (error->status_code) set_number(L, "status_code", error->status_code);
  if (error->close_code) set_number(L, "close_code", error->close_code);
  if (error->retry_after >= 0) set_number(L, "retry_after", error->retry_after);
  if (error->payload.len) {
    lua_pushlstring(L, error->payload.data, error->payload.len);
    lua_setfield(L, -2, "payload");
  }
}
