/* What the C modules share: sessions and replies as Lua sees them, and one API for every Lua. Each module is compiled
 * with AUI_MODULE, its name, so that two of them in one process do not take each other's userdata for their own. */
#ifndef AUI_BINDING_BINDING_H
#define AUI_BINDING_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "engine/aui.h"

#define AUI_SESSION "aui." AUI_MODULE ".Session"
#define AUI_REPLY "aui." AUI_MODULE ".Reply"
#define AUI_ERROR "aui." AUI_MODULE ".Error"
#define AUI_RECORDED "aui." AUI_MODULE ".Recorded"

/* How every session's userdata begins. */
typedef struct aui_lua_session {
  aui_session *session; /* NULL once it is gone */
  uint64_t (*now)(struct aui_lua_session *);
  void (*pump)(struct aui_lua_session *); /* to be called after whatever may have changed the session */
} aui_lua_session;

/* Creates the metatable of sessions: the methods for users, in lua_session.c, and those for the module's driver. */
void aui_create_session(lua_State *L, const luaL_Reg *driver_methods, lua_CFunction collect);

/* Creates the metatable of replies. */
void aui_create_reply(lua_State *L);

/* The session at stack index 1, which may be gone. */
aui_lua_session *aui_check_session(lua_State *L);

/* Fills in a session's configuration from the table at stack index `table`, which keeps its strings alive:
 * carrier ("websocket", "threads websocket" or "stream": see aui_carrier), thread_id (nil: none), request_host, target,
 * headers, proxy_name (nil: no proxy); in seconds, infinity for never, connect_timeout, reconnect_base, reconnect_max,
 * reconnect_reset_after, ping_interval, ping_timeout, rate_per; in bytes queue_bytes, max_message, max_response_head;
 * and reconnect_attempts, rate_messages, queue_messages, max_depth, recover (whether replies in doubt are parked: see
 * reply:is_parked), records (see session:recorded), renews (whether a message that is refused with 401 is sent again
 * once). */
void aui_read_config(lua_State *L, int table, aui_session_config *config);

/* Pushes the userdata of a reply to a message of the session at stack index `session`, which it keeps alive. The caller
 * stores the reply, which the userdata then owns, where the result points to; NULL is fine if Lua never sees it. */
aui_reply **aui_push_reply(lua_State *L, int session);

/* Pushes the error as a table: kind, message, delivered, retryable, and where known status_code, close_code,
 * retry_after (seconds) and payload (the server's own words). */
void aui_push_error(lua_State *L, const aui_error *error);

/* Fills in an error from the table at stack index `table`: kind, message, retryable, and perhaps status_code and
 * retry_after. To be cleared, though it has no payload. */
void aui_read_error(lua_State *L, int table, aui_error *error);

/* Fills in an HTTP request from the table at stack index `table`, which keeps its strings alive: method ("GET"),
 * target, request_host, headers (lines ended by CRLF), proxy_name (nil: no proxy), body (not of a GET), timeout
 * (seconds, for all of it; infinity for never), and in bytes max_body and max_response_head of the answer. */
void aui_read_request(lua_State *L, int table, aui_exchange_request *request);

/* Pushes what has come of an exchange (NULL: one that was closed): nothing while it is under way; status, body and
 * perhaps Retry-After's seconds; or nil and why there will be no answer, as of aui_push_error. Returns how many values
 * these are. */
int aui_push_result(lua_State *L, const aui_exchange *exchange);

/* Seconds to milliseconds: nil and infinity are AUI_NEVER. */
uint64_t aui_check_milliseconds(lua_State *L, int index);

/* Milliseconds to seconds, pushed; nothing for AUI_NEVER. Returns how many values these are. */
int aui_push_deadline(lua_State *L, uint64_t at);

/* Pushes nil and why, and returns 2. */
int aui_push_failure(lua_State *L, const char *why);

/* Fields of the table at stack index `table`, which keeps strings alive. They raise for a value of another type, nil
 * included (but for a string: then it is `fallback`), and for a number that is out of range: a whole field's is 0 to
 * `most`. */
const char *aui_string_field(lua_State *L, int table, const char *name, const char *fallback);
uint64_t aui_milliseconds_field(lua_State *L, int table, const char *name);
uint64_t aui_whole_field(lua_State *L, int table, const char *name, uint64_t most);
size_t aui_size_field(lua_State *L, int table, const char *name);
bool aui_boolean_field(lua_State *L, int table, const char *name);

/* Whether the table asks for no TLS. */
bool aui_is_plain(lua_State *L, int table);

/* Creates a metatable whose methods are its __index. */
void aui_new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction collect);

/* Adds methods to those of a class. */
void aui_extend_class(lua_State *L, const char *name, const luaL_Reg *methods);

/* The object of the class, at stack index 1; raises if it is something else. In a method of that class this looks up
 * no name. */
void *aui_check_object(lua_State *L, const char *class_name);

/* A userdata that can keep another Lua value alive: aui_keep makes the userdata on top of the stack keep the value at
 * `index`. The memory is zeroed, and its metatable set. */
void *aui_new_userdata(lua_State *L, size_t size, const char *class_name);
void aui_keep(lua_State *L, int index);

/* Pushes the table of a module, with is_utf8(string), words(string), status_error(status), backoff(failures,
 * base, max, asked), has_room(bytes), those of aui_json_functions, version and built_for. */
void aui_push_module(lua_State *L);

/* is_json(string), plain_json(string), json_string(string) and strip_nulls(value, null); a name of NULL ends them. */
extern const luaL_Reg aui_json_functions[];

#endif
