/* An HTTP request on the native loop, as Lua sees it. */
#include "binding/net/lua_net.h"
#include "net/call.h"

typedef struct {
  aui_lua_loop *loop; /* kept alive by aui_keep */
  aui_call *call;     /* NULL once closed */
} lua_call_object;

/* loop:call(id, options): a request that is sent as soon as the loop is stepped, or nil and why not. `id` is a number
 * that loop:ready() returns when the call is over. `options`, checked by the caller: those of aui_read_endpoint and
 * aui_read_request. */
int aui_start_call(lua_State *L) {
  uint64_t id;
  aui_lua_loop *loop = aui_check_loop_and_id(L, &id);

  aui_exchange_request request;
  aui_endpoint_parts parts;
  aui_endpoint endpoint;
  aui_read_request(L, 3, &request);
  aui_read_endpoint(L, 3, &endpoint, &parts);

  lua_call_object *object = aui_new_userdata(L, sizeof *object, AUI_CALL);
  object->loop = loop;
  aui_keep(L, 1);
  const char *why;
  object->call = aui_call_start(loop->core, &endpoint, &request, id, &why);
  if (object->call) return 1;
  return aui_push_failure(L, why);
}

/* call:result(): see aui_push_result. */
static int call_result(lua_State *L) {
  lua_call_object *object = luaL_checkudata(L, 1, AUI_CALL);
  return aui_push_result(L, object->call ? aui_call_exchange(object->call) : NULL);
}

/* call:close(): gives it up if it is under way, and releases the answer. */
static int call_close(lua_State *L) {
  lua_call_object *object = luaL_checkudata(L, 1, AUI_CALL);
  if (object->call) aui_call_release(object->call);
  object->call = NULL;
  return 0;
}

void aui_create_call(lua_State *L) {
  static const luaL_Reg methods[] = {{"result", call_result}, {"close", call_close}, {NULL, NULL}};
  aui_new_class(L, AUI_CALL, methods, call_close);
}
