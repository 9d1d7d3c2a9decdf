/* What the files of the module `aui.net` share. */
#ifndef AUI_BINDING_NET_LUA_NET_H
#define AUI_BINDING_NET_LUA_NET_H

#include "binding/binding.h"
#include "net/link.h"
#include "net/loop.h"

#define AUI_LOOP "aui.net.Loop"
#define AUI_CALL "aui.net.Call"

typedef struct {
  aui_loop *core; /* NULL once closed */
} aui_lua_loop;

/* Create the metatables, each once a Lua state. */
void aui_create_loop(lua_State *L);
void aui_create_link(lua_State *L);
void aui_create_call(lua_State *L);

/* The loop at stack index 1; raises if it is closed. */
aui_lua_loop *aui_check_loop(lua_State *L);

/* The same, for loop:open(id, options) and loop:call(id, options): also raises unless these are a number and a table.
 */
aui_lua_loop *aui_check_loop_and_id(lua_State *L, uint64_t *id);

/* net.loop(): a loop, or nil and why not. */
int aui_new_loop(lua_State *L);

/* loop:open(id, options), a method of the loop: see lua_link.c. */
int aui_open_link(lua_State *L);

/* loop:call(id, options), a method of the loop: see lua_call.c. */
int aui_start_call(lua_State *L);

/* What an endpoint points to. */
typedef struct {
  aui_tls_options tls;
  aui_proxy_options proxy;
  aui_tls_options proxy_tls;
} aui_endpoint_parts;

/* The fields of the table at stack index `table`: host, port, tls (nil for plain TCP: ca_file, cert, key, verify) and
 * proxy (nil for none: host, port, tls likewise, credentials). `parts` is where those are put that there are. */
void aui_read_endpoint(lua_State *L, int table, aui_endpoint *endpoint, aui_endpoint_parts *parts);

#endif
