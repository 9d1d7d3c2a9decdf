/* The loop as its guests know it: links, calls, and what they have open or keep for each other. Everything here runs on
 * the thread that steps the loop. */
#ifndef AUI_NET_LOOP_STATE_H
#define AUI_NET_LOOP_STATE_H

#include <uv.h>

#include "net/list.h"
#include "net/loop.h"
#include "net/reactor.h"
#include "net/tls_context.h"

enum { AUI_LOOP_WHY_SIZE = 512 };

/* Somebody on the loop. */
typedef struct aui_guest {
  aui_node node; /* in the loop's list, until it leaves */
  const struct aui_guest_kind *kind;
} aui_guest;

typedef struct aui_guest_kind {
  bool (*is_active)(const aui_guest *guest); /* whether the loop must be stepped for it */

  /* The loop is going away, for this reason in words (static): ends what is under way, and leaves. */
  void (*evict)(aui_guest *guest, const char *why);
} aui_guest_kind;

/* A place in the loop's queue of those that notify the host. */
typedef struct {
  aui_node node;
  uint64_t id;
  aui_notice notice; /* of what; while it is in the queue */
} aui_ready;

/* What a turn or a step of the loop ends with: see aui_loop_defer, aui_loop_defer_write. */
typedef struct aui_due {
  aui_node node;
  void (*check)(struct aui_due *due);
} aui_due;

struct aui_loop {
  aui_reactor *reactor;
  uv_loop_t *uv;   /* the reactor's */
  bool broken;     /* see aui_loop_enter */
  aui_node guests; /* all */
  aui_node idle;   /* of those, what keeps the connections of pools; oldest first */
  aui_node spares; /* of those, connections that calls have left; oldest first */
  aui_node due;    /* what was deferred to the end of this turn */
  aui_node writes; /* what is deferred to the end of this step, or the beginning of the next */
  aui_node ready;  /* those that notify the host, in the order in which they did */
  aui_tls_contexts tls;

  /* Set by whatever may have left work to the next turn of the loop: libuv registers with the kernel what it waits for
   * only at the beginning of a turn, and libwebsockets puts some of its work off. */
  bool busy;

  bool floods; /* so much was read from a socket at once that there is probably more */

  char why[AUI_LOOP_WHY_SIZE];
  char plain[AUI_RAW_READ_SIZE]; /* where TLS decrypts to */
};

/* The clock as of the last turn: cheap, for use in callbacks. */
static inline uint64_t aui_loop_turn_time(const aui_loop *loop) {
  return uv_now(loop->uv);
}

/* Puts it into the queue, unless it waits there already: then the notice is that of both. */
void aui_loop_notify(aui_loop *loop, aui_ready *ready, aui_notice notice);

/* Has `due->check` called at the end of the turn, when what came in time has been read and what was to be sent written:
 * libuv may run timers before it reads and writes, and a host that steps late does not make a peer late. */
void aui_loop_defer(aui_loop *loop, aui_due *due);

/* Has `write->check` called at the end of this step, or before the next one waits: not at once, since it may call
 * back. */
void aui_loop_defer_write(aui_loop *loop, aui_due *write);

/* Occupies those of descriptors 0, 1 and 2 that the host has closed, and returns which, for aui_loop_release_stdio.
 * What is opened meanwhile gets a number above them: libuv aborts when it is to close one of the three (seen
 * with 1.44), and the host's output would go to the server if a socket had number 1. */
unsigned aui_loop_occupy_stdio(void);

/* Closes them again: the host's descriptors are as they were. */
void aui_loop_release_stdio(unsigned occupied);

#endif
