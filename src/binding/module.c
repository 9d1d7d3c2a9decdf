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
#include "engine/json.h"
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

/* Whether it is JSON of which the engine can take out what others do not read. */
static bool is_json(const char *text, size_t n) {
  aui_json_scan scan;
  return aui_utf8_valid(text, n) && aui_json_scan_whole(text, n, AUI_JSON_MAX_DEPTH, &scan) == AUI_JSON_VALID;
}

/* is_json(string): whether it is one JSON value in UTF-8, perhaps behind a byte order mark. */
static int module_is_json(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  lua_pushboolean(L, is_json(text, n));
  return 1;
}

/* plain_json(string): the JSON text without what lua-cjson does not read: a byte order mark, and escapes of unpaired
 * surrogates, which become U+FFFD. What is not valid is returned as it is. */
static int module_plain_json(lua_State *L) {
  size_t n;
  const char *text = luaL_checklstring(L, 1, &n);
  size_t bom = aui_json_bom_size(text, n);
  lua_settop(L, 1);
  if ((bom == 0 && !memchr(text, '\\', n)) || !is_json(text, n)) return 1;
  char *copy = lua_newuserdata(L, n);
  memcpy(copy, text + bom, n - bom);
  aui_json_replace_unpaired(copy, n - bom);
  lua_pushlstring(L, copy, n - bom);
  return 1;
}

/* The escape of a quote, a backslash or a control character. */
static void add_escape(luaL_Buffer *out, unsigned char c) {
  static const char letters[][2] = {{'"', '"'},  {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'},
                                    {'\n', 'n'}, {'\r', 'r'},  {'\t', 't'}};
  char escape[sizeof "\\u0000"];
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++) {
    if (c != letters[i][0]) continue;
    luaL_addchar(out, '\\');
    luaL_addchar(out, letters[i][1]);
    return;
  }
  snprintf(escape, sizeof escape, "\\u%04x", c);
  luaL_addstring(out, escape);
}

/* json_string(string): it as JSON (RFC 8259, section 7); nil unless it is valid UTF-8. */
static int module_json_string(lua_State *L) {
  size_t n;
  const char *string = luaL_checklstring(L, 1, &n), *end = string + n;
  luaL_Buffer out;
  if (!aui_utf8_valid(string, n)) return 0;
  luaL_buffinit(L, &out);
  luaL_addchar(&out, '"');
  for (;;) {
    const char *special = aui_json_find_special(string, end);
    luaL_addlstring(&out, string, (size_t)(special - string));
    if (special == end) break;
    add_escape(&out, (unsigned char)*special);
    string = special + 1;
  }
  luaL_addchar(&out, '"');
  luaL_pushresult(&out);
  return 1;
}

/* Takes what is `null` out of the object on top of the stack, and out of all that it holds; in an array it keeps its
 * place. */
static void strip_nulls(lua_State *L, int null) {
  luaL_checkstack(L, 4, "JSON that is nested too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) strip_nulls(L, null);
    if (lua_rawequal(L, -1, null) && lua_type(L, -2) == LUA_TSTRING) {
      lua_pushvalue(L, -2);
      lua_pushnil(L);
      lua_rawset(L, -5);
    }
    lua_pop(L, 1);
  }
}

/* strip_nulls(value, null): takes the members that are `null` out of all objects in a value that was made of JSON, and
 * returns it. */
static int module_strip_nulls(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  if (lua_istable(L, 1)) strip_nulls(L, 2);
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

void aui_push_module(lua_State *L) {
  static const luaL_Reg functions[] = {{"is_utf8", module_is_utf8},
                                       {"date", module_date},
                                       {"words", module_words},
                                       {"status_error", module_status_error},
                                       {"backoff", module_backoff},
                                       {"has_room", module_has_room},
                                       {"is_json", module_is_json},
                                       {"plain_json", module_plain_json},
                                       {"json_string", module_json_string},
                                       {"strip_nulls", module_strip_nulls}};
  lua_createtable(L, 0, 13);
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    lua_pushcfunction(L, functions[i].func);
    lua_setfield(L, -2, functions[i].name);
  }
  lua_pushliteral(L, AUI_VERSION);
  lua_setfield(L, -2, "version");
  /* Also for whoever reads this file since it does not load (lua/aui/host/dependency.lua). */
  lua_pushliteral(L, "lua-aui for " LUA_VERSION);
  lua_setfield(L, -2, "built_for");
}
