/* What the files of the module `aui.engine` share. */
#ifndef AUI_BINDING_ENGINE_LUA_ENGINE_H
#define AUI_BINDING_ENGINE_LUA_ENGINE_H

#include "binding/binding.h"

#define AUI_EXCHANGE "aui.engine.Exchange"
#define AUI_TUNNEL "aui.engine.Tunnel"

/* Create the metatables. */
void aui_create_exchange(lua_State *L);
void aui_create_tunnel(lua_State *L);

/* engine.exchange(options): see lua_exchange_driver.c. */
int aui_new_exchange(lua_State *L);

/* engine.tunnel(route): see lua_tunnel.c. */
int aui_new_tunnel(lua_State *L);

/* Milliseconds of a monotonic clock. */
uint64_t aui_engine_now(void);

/* Pushes when a tick is due in seconds of engine.now's clock, infinity for never. Returns 1. */
int aui_push_due(lua_State *L, uint64_t at);

/* Pushes "connect", "disconnect" or nothing. Returns how many values these are. */
int aui_push_want(lua_State *L, aui_want want);

/* The name of a phase at stack index `index`: "request", "resolve", "connect", "proxy" or "tls". */
aui_phase aui_check_phase(lua_State *L, int index);

#endif
