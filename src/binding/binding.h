/* What the files of the C module share: the userdata behind Lua's loop, session and reply, and one API for every Lua.
 */
#ifndef AUI_BINDING_BINDING_H
#define AUI_BINDING_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "engine/error.h"
#include "net/net.h"

#define AUI_LOOP "aui.net.Loop"
#define AUI_SESSION "aui.net.Session"
#define AUI_REPLY "aui.net.Reply"
#define AUI_FETCH "aui.net.Fetch"

typedef struct {
  aui_net *net; /* NULL once closed */
} aui_lua_loop;

typedef struct {
  aui_lua_loop *loop; /* kept alive by aui_keep */
  aui_link *link;     /* NULL once closed */
  aui_error error;    /* what is being pushed: the link's own may change when Lua collects a reply meanwhile */
} aui_lua_session;

/* Create the metatables, each once a Lua state. */
void aui_create_loop(lua_State *L);
void aui_create_session(lua_State *L);
void aui_create_reply(lua_State *L);
void aui_create_fetch(lua_State *L);

/* net.loop(): a loop, or nil and why not. */
int aui_new_loop(lua_State *L);

/* loop:open(id, options), a method of the loop: see session.c. */
int aui_open_session(lua_State *L);

/* loop:fetch(id, options), a method of the loop: see fetch.c. */
int aui_start_fetch(lua_State *L);

/* Pushes the userdata of a reply to a message of the session at stack index `session`, which it keeps alive. The caller
 * stores the reply, which the userdata then owns, where the result points to; NULL is fine if Lua never sees it. */
aui_reply **aui_push_reply(lua_State *L, int session);

/* Pushes the error as a table: kind, message, delivered, retryable, and where known status_code, close_code,
 * retry_after (seconds) and payload (the server's own words). */
void aui_push_error(lua_State *L, const aui_error *error);

/* Seconds to milliseconds: nil and infinity are AUI_NEVER. */
uint64_t aui_check_milliseconds(lua_State *L, int index);

/* Fields of the table at stack index `table`, which keeps strings alive; `fallback` for nil. They raise for a value of
 * another type. */
const char *aui_string_field(lua_State *L, int table, const char *name, const char *fallback);
uint64_t aui_milliseconds_field(lua_State *L, int table, const char *name);
size_t aui_size_field(lua_State *L, int table, const char *name, size_t fallback);

/* The fields host, port and tls. `tls` is where the endpoint's TLS options are put, if there are any. */
void aui_read_endpoint(lua_State *L, int table, aui_endpoint *endpoint, aui_tls_options *tls);

/* Creates a metatable whose methods are its __index. */
void aui_new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect);

/* A userdata that can keep another Lua value alive: aui_keep makes the userdata on top of the stack keep the value at
 * `index`. The memory is zeroed, and its metatable set. */
void *aui_new_userdata(lua_State *L, size_t size, const char *class_name);
void aui_keep(lua_State *L, int index);

#endif
