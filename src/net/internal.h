/* What the parts of the driver know of each other: the loop (net.c), links (link.c), calls (call.c) and the opening
 * of connections (dial.c). Everything here runs on the thread that steps the loop. */
#ifndef AUI_NET_INTERNAL_H
#define AUI_NET_INTERNAL_H

#include <libwebsockets.h>
#include <uv.h>

#include "net/call.h"
#include "net/list.h"
#include "net/net.h"
#include "net/reactor.h"
#include "net/tls.h"
#include "net/tls_context.h"

/* ---- The loop ---- */

enum {
  AUI_NET_READ_SIZE = 64 * 1024,  /* bytes a socket is read in; smaller pieces cost more system calls */
  AUI_NET_WRITE_SIZE = 16 * 1024, /* bytes written at a time: one TLS record (RFC 8446 5.1) */
  AUI_NET_WHY_SIZE = 512,

  /* A week, longer than anybody waits: libwebsockets' timeouts are the same for all connections, and a session's or a
   * call's own is what counts. In seconds; in milliseconds it must fit into an int. */
  AUI_NET_LONG_TIMEOUT = 7 * 24 * 3600
};

/* A place in the loop's queue of those with news. */
typedef struct {
  aui_node node;
  uint64_t id;
} aui_ready;

/* What a turn of the loop ends with: see aui_net_put_off. */
typedef struct aui_due {
  aui_node node;
  void (*judge)(struct aui_due *due);
} aui_due;

struct aui_net {
  aui_reactor *reactor;
  uv_loop_t *loop; /* the reactor's */
  bool broken;     /* see aui_net_enter */
  aui_node links;  /* all */
  aui_node due;    /* what was put off to the end of this turn */
  aui_node calls;  /* all */
  aui_node spares; /* connections that calls have left, oldest first */
  aui_node idle;   /* links without a user, which keep the connections of pools; oldest first */
  aui_node ready;  /* those with news, in the order in which it came */
  aui_tls_contexts tls;

  /* Set by whatever may have left work to the next turn of the loop: libuv tells the kernel what it waits for only at
   * the beginning of a turn, and libwebsockets puts some of its work off. */
  bool busy;

  char why[AUI_NET_WHY_SIZE];
  char plain[AUI_NET_READ_SIZE]; /* where TLS decrypts to */
};

/* The clock as of the last turn: cheap, for use in callbacks. */
static inline uint64_t aui_net_turn_time(const aui_net *net) {
  return uv_now(net->loop);
}

/* Puts it into the queue, unless it waits there already. */
void aui_net_announce(aui_net *net, aui_ready *ready);

/* Has `due->judge` called at the end of the turn, when what came in time has been read and what was to be sent written:
 * libuv may run timers before it reads and writes, and a host that steps late does not make a peer late. */
void aui_net_put_off(aui_net *net, aui_due *due);

/* Occupies those of descriptors 0, 1 and 2 that the host has closed, and returns which, for aui_net_release_stdio. What
 * is opened meanwhile gets a number above them: libuv aborts when it is to close one of the three (seen with 1.44), and
 * the host's output would go to the server if a socket had number 1. */
unsigned aui_net_occupy_stdio(void);

/* Closes them again: the host's descriptors are as they were. */
void aui_net_release_stdio(unsigned occupied);

/* ---- Raw connections ---- */

/* To whom a raw connection of libwebsockets belongs: its opaque user data points to the first member of a transport or
 * of an idle connection, or is NULL when it is to be closed. `serve` returns false to close it. */
typedef struct aui_owner {
  bool (*serve)(struct aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in, size_t n);
} aui_owner;

/* The vhost of raw connections; NULL when memory is short. It is the context's. */
struct lws_vhost *aui_raw_create_vhost(struct lws_context *lws);

/* Gives a connected socket to libwebsockets, for `owner`. NULL when that has no room for it, with `*why` saying why in
 * words (static or net->why); the socket is closed then. */
struct lws *aui_raw_adopt(aui_net *net, uv_os_sock_t socket, aui_owner *owner, const char **why);

/* Makes libwebsockets close it, outside of a callback for it. Its owner is not called any more. */
void aui_raw_close(struct lws *wsi);

/* When it is closed, its peer gets a reset, and what is unsent is thrown away. */
void aui_raw_discard_unsent(struct lws *wsi);

/* Ends its output, and drops what still comes until the peer has ended it too, or two seconds are over; what is unsent
 * then is thrown away. Its owner is not called any more. */
void aui_raw_linger(struct lws *wsi);

/* Makes libwebsockets close all of the loop's, outside of its callbacks. Their owners are not called any more. */
void aui_raw_close_all(aui_net *net);

/* ---- Links ---- */

/* Ends the link's transport and takes it off the loop, which is going away, for this reason in words (static). */
void aui_link_kill(aui_link *link, const char *why);

/* The link in whose list of links this node is. */
aui_link *aui_link_of_node(aui_node *node);

/* ---- Calls ---- */

/* Ends the call as canceled and takes it off the loop, which is going away, for this reason in words. */
void aui_call_kill(aui_call *call, const char *why);

/* The call in whose list of all calls this node is. */
aui_call *aui_call_of_node(aui_node *node);

/* ---- Opening connections ---- */

typedef struct aui_dial aui_dial;

/* What comes of a dial, never before aui_dial_start has returned. */
typedef struct {
  void (*resolved)(void *owner);                       /* not for an address */
  void (*connected)(void *owner, uv_os_sock_t socket); /* the dial is over; the socket is the owner's */
  void (*failed)(void *owner, const char *cause);      /* the dial is over; `cause` as aui_session_disconnected */
} aui_dial_events;

/* Begins to open a TCP connection to `host` for `owner`, by the fastest of the host's addresses (RFC 8305). `events`
 * must stay. NULL when memory is short. The owner need not do anything with it unless it wants to end it early. */
aui_dial *aui_dial_start(aui_net *net, const aui_dial_events *events, void *owner, const char *host, uint16_t port);

/* Gives up: the owner hears nothing more of it. */
void aui_dial_cancel(aui_dial *dial);

/* True if `host` is an address and needs no resolver; `address` (may be NULL) is filled in. */
bool aui_dial_is_literal(const char *host, struct sockaddr_storage *address);

#endif
