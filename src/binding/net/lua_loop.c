/* The native loop as Lua sees it. The module keeps no state outside of it. */
#include <math.h>
#include <uv.h>

#include "binding/net/lua_net.h"

aui_lua_loop *aui_check_loop(lua_State *L) {
  aui_lua_loop *loop = aui_check_object(L, AUI_LOOP);
  luaL_argcheck(L, loop->core, 1, "the loop is closed");
  if (!aui_loop_enter(loop->core)) luaL_error(L, "the system refused what sessions need in a forked process");
  return loop;
}

aui_lua_loop *aui_check_loop_and_id(lua_State *L, uint64_t *id) {
  aui_lua_loop *loop = aui_check_loop(L);
  *id = (uint64_t)luaL_checknumber(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  return loop;
}

static aui_loop *check_core(lua_State *L) {
  return aui_check_loop(L)->core;
}

int aui_new_loop(lua_State *L) {
  aui_lua_loop *loop = aui_new_userdata(L, sizeof *loop, AUI_LOOP);
  const char *why = "out of memory";
  loop->core = aui_loop_new(&why);
  if (loop->core) return 1;
  return aui_push_failure(L, why);
}

/* loop:fd(): the descriptor that a foreign loop is to poll for reading. */
static int loop_fd(lua_State *L) {
  lua_pushinteger(L, aui_loop_fd(check_core(L)));
  return 1;
}

/* loop:timeout(): for how many seconds to poll it at most, before loop:step(0); nil for no limit. */
static int loop_timeout(lua_State *L) {
  int milliseconds = aui_loop_timeout(check_core(L));
  if (milliseconds < 0) return 0;
  lua_pushnumber(L, milliseconds / 1000.0);
  return 1;
}

/* loop:now(): the loop's clock in seconds, to a millisecond. */
static int loop_now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)aui_loop_now(check_core(L)) / 1000);
  return 1;
}

/* loop:clock(): seconds, finer, to measure how long something takes. */
static int loop_clock(lua_State *L) {
  lua_pushnumber(L, (lua_Number)uv_hrtime() / 1e9);
  return 1;
}

/* loop:is_active(): whether it has a session that is not closed, or a call. */
static int loop_is_active(lua_State *L) {
  lua_pushboolean(L, aui_loop_is_active(check_core(L)));
  return 1;
}

#if LUA_VERSION_NUM >= 502
static void remember_main_thread(lua_State *L) {
  (void)L; /* Lua does */
}

static void push_main_thread(lua_State *L) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
}
#else
#define MAIN_THREAD "aui.main_thread"

/* To be called when the module is loaded: on the main thread, as a rule. */
static void remember_main_thread(lua_State *L) {
  if (!lua_pushthread(L)) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_setfield(L, LUA_REGISTRYINDEX, MAIN_THREAD);
}

static void push_main_thread(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, MAIN_THREAD);
}
#endif

/* An interpreter announces Ctrl-C by a hook on its main thread, which never fires while a coroutine runs the loop: the
 * coroutine takes the hook over when its wait has ended. LuaJIT's hooks are those of all threads. */
static void take_over_interrupt(lua_State *L) {
  push_main_thread(L);
  lua_State *main_thread = lua_tothread(L, -1);
  lua_pop(L, 1);
  lua_Hook hook = main_thread ? lua_gethook(main_thread) : NULL;
  if (hook && !lua_gethook(L)) {
    lua_sethook(L, hook, lua_gethookmask(main_thread), lua_gethookcount(main_thread));
  }
}

enum { LONGEST_STEP = 1000000 }; /* seconds */

/* loop:step(seconds): waits until something happened, at most so long, and deals with what is due. */
static int loop_step(lua_State *L) {
  aui_loop *loop = check_core(L);
  double seconds = luaL_checknumber(L, 2);
  luaL_argcheck(L, seconds >= 0 && seconds <= LONGEST_STEP, 2, "seconds expected, 0 or more");
  aui_loop_step(loop, (unsigned)ceil(seconds * 1000));
  take_over_interrupt(L);
  return 0;
}

/* loop:ready(): the id of a session that has notified its users since it was last returned here, and whether that is of
 * text alone; or the id of a call that is over; or nil. */
static int loop_ready(lua_State *L) {
  uint64_t id;
  aui_notice notice = aui_loop_ready(check_core(L), &id);
  if (notice == AUI_NOTICE_NONE) return 0;
  lua_pushnumber(L, (lua_Number)id);
  lua_pushboolean(L, notice == AUI_NOTICE_TEXT);
  return 2;
}

static int loop_collect(lua_State *L) {
  aui_lua_loop *loop = luaL_checkudata(L, 1, AUI_LOOP);
  if (loop->core) aui_loop_free(loop->core);
  loop->core = NULL;
  return 0;
}

void aui_create_loop(lua_State *L) {
  static const luaL_Reg methods[] = {{"fd", loop_fd},       {"timeout", loop_timeout}, {"now", loop_now},
                                     {"clock", loop_clock}, {"step", loop_step},       {"is_active", loop_is_active},
                                     {"ready", loop_ready}, {"open", aui_open_link},   {"call", aui_start_call},
                                     {NULL, NULL}};
  aui_new_class(L, AUI_LOOP, methods, loop_collect);
  remember_main_thread(L);
}
