/* Errors of the engine as Lua tables. */
#include "binding/binding.h"

static void set_number(lua_State *L, const char *field, long value) {
  lua_pushinteger(L, (lua_Integer)value);
  lua_setfield(L, -2, field);
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
