/* JSON for Lua: what lua-cjson does not do, or not as exactly. */
#include <stdio.h>
#include <string.h>

#include "binding/binding.h"
#include "engine/json.h"
#include "engine/utf8.h"

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
 * place. That goes as deep as the JSON is nested, for which its reader has a limit. */
static void strip_nulls(lua_State *L, int null) {
  luaL_checkstack(L, 4, "JSON that is nested too deep");
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1)) {
      strip_nulls(L, null);
    } else if (lua_rawequal(L, -1, null) && lua_type(L, -2) == LUA_TSTRING) {
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

const luaL_Reg aui_json_functions[] = {{"is_json", module_is_json},
                                       {"plain_json", module_plain_json},
                                       {"json_string", module_json_string},
                                       {"strip_nulls", module_strip_nulls},
                                       {NULL, NULL}};
