/* What sockets are watched and names resolved by: a libuv loop with one libwebsockets context and a resolver on it. A
 * reactor is never destroyed. Who is done with one gives it back, for the process's next user: a Lua state that begins
 * when another one has ended, in whatever thread. The reasons: libwebsockets closes a descriptor of its own twice when
 * a context is destroyed, the second time when the number may be another thread's (seen with 4.1.6); a thread that
 * resolves a name may outlive whoever asked; and the next state begins faster. There are never more reactors than were
 * used at the same time, and one that nobody uses costs six descriptors, memory and no time. */
#ifndef AUI_NET_REACTOR_H
#define AUI_NET_REACTOR_H

#include <libwebsockets.h>
#include <uv.h>

#include "net/raw.h"
#include "net/resolve.h"

typedef struct aui_reactor {
  struct aui_reactor *next; /* of those that nobody uses */
  uv_loop_t loop;
  struct lws_context *lws;
  struct lws_vhost *vhost; /* of all raw connections */
  aui_resolver resolver;
  uv_timer_t limit;    /* of a wait */
  uv_check_t turn_end; /* ends uv_run after one turn, in every mode */
  int descriptors;     /* libwebsockets has room for those below this number */
  unsigned handles;    /* how many are on the loop when it is not used */
  unsigned forks;      /* aui_reactor_forks() when it was last known to be this process's */
} aui_reactor;

/* A reactor without connections, or NULL with `*why` saying why in words (static). To be given back. Two things of the
 * process are touched: libwebsockets' log level is set to nothing, since it writes to the terminal and has one level
 * for all its users; and fork handlers are registered. Signal dispositions stay as they are. */
aui_reactor *aui_reactor_take(const char **why);

/* Gives a connected socket to libwebsockets, for `owner`. NULL when that has no room for it, with `why` saying why in
 * words; the socket is closed then. */
struct lws *aui_reactor_adopt(aui_reactor *reactor, uv_os_sock_t socket, aui_owner *owner, char *why, size_t why_size);

/* Everything on the reactor must have been closed, or be closing: see aui_raw_close_all. */
void aui_reactor_give_back(aui_reactor *reactor);

/* How many forks lie between the process that loaded the module and this one. */
unsigned aui_reactor_forks(void);

/* In a child: parts the reactor from its parent's. What it watched are substitutes from then on, so that nothing that
 * is done to them, close_notify included, concerns the parent: connections cannot but be closed. The loop's descriptor
 * keeps its number. False if the system refuses what that takes: the reactor must not be used any more. */
bool aui_reactor_fork(aui_reactor *reactor);

/* Runs the loop until everything that is being closed is gone from it; false if that has no end. */
bool aui_reactor_settle(aui_reactor *reactor);

#endif
