/* What every C module offers. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "binding/binding.h"
#include "engine/aui.h"
#include "engine/backoff.h"
#include "engine/error.h"
#include "engine/failure.h"
#include "engine/utf8.h"
#include "engine/words.h"

/* is_utf8(string): whether it is valid UTF-8. */
static int module_is_utf8(lua_State *L) {
  size_t n;
  const char *string = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, aui_utf8_valid(string, n));
  return 1;
}

/* words(string): what somebody else wrote as words for people, of at most 500 bytes: see aui_words_copy. */
static int module_words(lua_State *L) {
  size_t n;
  char line[AUI_WORDS_MAX + 1];
  const char *string = luaL_checklstring(L, 1, &n);
  lua_pushlstring(L, line, aui_words_copy(line, sizeof line, string, n));
  return 1;
}

/* status_error(status): kind, retryable and delivered of the error that this status of an answer in HTTP is. */
static int module_status_error(lua_State *L) {
  aui_error error = {.kind = aui_error_kind_of_status((int)luaL_checkinteger(L, 1)), .about_message = true};
  error.status_code = (int)lua_tointeger(L, 1);
  lua_pushstring(L, aui_error_kind_name(error.kind));
  lua_pushboolean(L, aui_error_is_retryable(error.kind));
  lua_pushstring(L, aui_delivered_name(aui_failure_delivered(&error, false)));
  return 3;
}

/* backoff(failures, base, max, asked): how many seconds to wait after so many failures in a row, when the server has
 * asked for `asked` seconds: see aui_backoff_failed. Without random numbers it is the longest that could have been. */
static int module_backoff(lua_State *L) {
  aui_backoff backoff = {(uint32_t)luaL_checkinteger(L, 1) - 1};
  aui_backoff_config config = {aui_check_milliseconds(L, 2), aui_check_milliseconds(L, 3), AUI_BACKOFF_NO_END, 0};
  uint64_t asked = aui_check_milliseconds(L, 4);
  uint32_t random;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = UINT32_MAX;
  aui_backoff_wait wait = aui_backoff_failed(&backoff, &config, asked, random);
  lua_pushnumber(L, (lua_Number)wait.delay / 1000);
  return 1;
}

/* has_room(bytes): whether so much memory can be had now. lua-cjson ends the process when it gets none. */
static int module_has_room(lua_State *L) {
  lua_Number n = luaL_checknumber(L, 1);
  luaL_argcheck(L, n >= 0 && n < (lua_Number)PTRDIFF_MAX, 1, "bytes expected");
  void *volatile room = malloc((size_t)n + 1); /* or the compiler would leave both calls out */
  lua_pushboolean(L, room != NULL);
  free(room);
  return 1;
}

/* date(): seconds since 1970, by the clock that people set. */
static int module_date(lua_State *L) {
  struct timespec now = {0};
  timespec_get(&now, TIME_UTC);
  lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)now.tv_nsec / 1e9);
  return 1;
}

static void add_functions(lua_State *L, const luaL_Reg *functions) {
  for (; functions->name; functions++) {
    lua_pushcfunction(L, functions->func);
    lua_setfield(L, -2, functions->name);
  }
}

void aui_push_module(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_utf8", module_is_utf8},
                                       {"date", module_date},
                                       {"words", module_words},
                                       {"status_error", module_status_error},
                                       {"backoff", module_backoff},
                                       {"has_room", module_has_room},
                                       {NULL, NULL}};
  lua_newtable(L);
  add_functions(L, functions);
  add_functions(L, aui_json_functions);
  lua_pushliteral(L, AUI_VERSION);
  lua_setfield(L, -2, "version");
  /* Also for whoever reads this file since it does not load (lua/aui/host/dependency.lua). */
  lua_pushliteral(L, "lua-aui for " LUA_VERSION);
  lua_setfield(L, -2, "built_for");
}
