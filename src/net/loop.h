/* The loop of the native driver: a private libuv loop with one libwebsockets context, on which links (link.h) and calls
 * (call.h) move bytes between sockets (TCP or TLS) and the engine's machines. It runs only inside aui_loop_step, which
 * the host calls; it never calls into the host. */
#ifndef AUI_NET_LOOP_H
#define AUI_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/aui.h"

typedef struct aui_loop aui_loop;

/* A loop, or NULL with `*why` saying why in words (static), such as the missing package libwebsockets-evlib-uv. To be
 * freed with aui_loop_free. What of the process is touched: see aui_reactor_take. */
aui_loop *aui_loop_new(const char **why);

/* Closes every transport at once and frees the loop, without waiting for anything. Links that were not released stay
 * valid but dead: for their sessions the transport has ended, and nothing moves any more; calls under way
 * are canceled. Must not be called from inside aui_loop_step. */
void aui_loop_free(aui_loop *loop);

/* To be called before any of the functions below but those of links, which do it themselves: whether the loop can be
 * used. In a child of the process that made it (fork(2)) it parts from its parent's, which does not feel anything:
 * connections are closed here alone, sessions and calls have failed, and the loop is ready for new ones. It cannot be
 * used, nor freed but for its memory, where the system refuses what that takes. */
bool aui_loop_enter(aui_loop *loop);

/* For a foreign loop: poll this descriptor for reading, for at most this many milliseconds (-1: no limit), then call
 * aui_loop_step(loop, 0). The timeout includes the deadlines of every session; it is 0 while aui_loop_ready has
 * something to return. Both answers hold until the next call of a function with this loop or one of its links, but the
 * descriptor, which stays the same. */
int aui_loop_fd(const aui_loop *loop);
int aui_loop_timeout(const aui_loop *loop);

/* Waits until something happened, for at most `timeout_ms` (0: does not wait), and deals with all that is due. It does
 * not wait while aui_loop_ready has something to return, and may return without anything for the host having happened.
 * A signal does not end the wait. */
void aui_loop_step(aui_loop *loop, unsigned timeout_ms);

/* The loop's clock, brought up to date: milliseconds, monotonic; the `now` of every call into a session of this loop.
 */
uint64_t aui_loop_now(aui_loop *loop);

/* Whether there is anything to step the loop for: a session that is not closed, or a call. A pool's idle connections
 * do not count. */
bool aui_loop_is_active(const aui_loop *loop);

/* The id of a link whose session has notified its users since it was last returned here, or of a call that is over
 * (call.h), and of what (of a call: a state); AUI_NOTICE_NONE when there is none. They are returned in the order of
 * their notifications. */
aui_notice aui_loop_ready(aui_loop *loop, uint64_t *id);

#endif
