/* A session on the native loop: how Lua opens it and says what its requests carry. */
#include <uv.h>

#include "binding/net/lua_net.h"

typedef struct {
  aui_lua_session base;
  aui_lua_loop *loop; /* kept alive by aui_keep */
  aui_link *link;     /* NULL once closed */
} lua_link;

static uint64_t lua_link_now(aui_lua_session *session) {
  aui_loop *loop = ((lua_link *)session)->loop->core;
  return loop ? aui_loop_now(loop) : uv_hrtime() / 1000000; /* the same clock */
}

static void lua_link_pump(aui_lua_session *session) {
  aui_link_pump(((lua_link *)session)->link);
}

static lua_link *check_link(lua_State *L) {
  return (lua_link *)aui_check_session(L);
}

/* The field pool (nil: none): name, size, and idle in seconds. */
static const aui_pool_options *read_pool(lua_State *L, int table, aui_pool_options *pool) {
  lua_getfield(L, table, "pool");
  bool given = lua_istable(L, -1);
  if (given) {
    int index = lua_gettop(L);
    *pool = (aui_pool_options){.name = aui_string_field(L, index, "name", ""),
                               .size = aui_size_field(L, index, "size"),
                               .idle = aui_milliseconds_field(L, index, "idle")};
  }
  lua_pop(L, 1);
  return given ? pool : NULL;
}

/* loop:open(id, options): a session that connects as soon as the loop is stepped, or nil and why not. `id` is a number
 * that loop:ready() returns when the session notifies its users. `options`: those of aui_read_config, aui_read_endpoint
 * and read_pool. Without a target, the request is asked for before each connection: see session:asks. */
int aui_open_link(lua_State *L) {
  uint64_t id;
  aui_lua_loop *loop = aui_check_loop_and_id(L, &id);

  aui_session_config config;
  aui_endpoint_parts parts;
  aui_endpoint endpoint;
  aui_read_config(L, 3, &config);
  aui_read_endpoint(L, 3, &endpoint, &parts);
  aui_pool_options pool;
  endpoint.pool = read_pool(L, 3, &pool);
  endpoint.asks = !aui_string_field(L, 3, "target", NULL);

  lua_link *object = aui_new_userdata(L, sizeof *object, AUI_SESSION);
  object->base.now = lua_link_now;
  object->base.pump = lua_link_pump;
  object->loop = loop;
  aui_keep(L, 1);
  const char *why = "out of memory";
  aui_session *session = aui_session_new(&config);
  if (session) object->link = aui_loop_open(loop->core, session, &endpoint, id, &why);
  if (object->link) {
    object->base.session = session;
    return 1;
  }
  aui_session_free(session);
  return aui_push_failure(L, why);
}

/* session:asks(): whether it is about to connect and waits for session:give_request or refuse_request. */
static int link_asks(lua_State *L) {
  lua_link *object = check_link(L);
  lua_pushboolean(L, object->link && aui_link_asks(object->link));
  return 1;
}

/* session:give_request(host, target, headers, agent_id): what the request is to say, and the agent that messages are
 * for, nil where it is not known. Nothing happens unless it is asked for. */
static int link_give_request(lua_State *L) {
  lua_link *object = check_link(L);
  aui_request request = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4)};
  const char *agent_id = luaL_optstring(L, 5, NULL);
  if (object->link) aui_link_give_request(object->link, &request, agent_id);
  return 0;
}

/* session:refuse_request(error): there is none, so that the attempt to connect has failed, likewise. `error` is a
 * table, see aui_read_error. */
static int link_refuse_request(lua_State *L) {
  aui_error error;
  lua_link *object = check_link(L);
  aui_read_error(L, 2, &error);
  if (object->link) aui_link_refuse_request(object->link, &error);
  return 0;
}

/* session:give_back(): closes the session and leaves its connection to its pool; false, and nothing, if that cannot be.
 */
static int link_give_back(lua_State *L) {
  lua_link *object = check_link(L);
  lua_pushboolean(L, object->link && aui_link_give_back(object->link));
  return 1;
}

static int link_collect(lua_State *L) {
  lua_link *object = check_link(L);
  if (object->link) aui_link_release(object->link);
  object->link = NULL;
  object->base.session = NULL;
  return 0;
}

void aui_create_link(lua_State *L) {
  static const luaL_Reg methods[] = {{"asks", link_asks},
                                     {"give_request", link_give_request},
                                     {"refuse_request", link_refuse_request},
                                     {"give_back", link_give_back},
                                     {NULL, NULL}};
  aui_create_session(L, methods, link_collect);
}
