/* What the parts of the driver know of each other: the loop (net.c), links (link.c) and the opening of connections
 * (dial.c). Everything here runs on the thread that steps the loop. */
#ifndef AUI_NET_INTERNAL_H
#define AUI_NET_INTERNAL_H

#include <libwebsockets.h>
#include <uv.h>

#include "net/net.h"
#include "net/tls.h"

/* ---- Intrusive lists ---- */

typedef struct aui_node {
  struct aui_node *prev, *next;
} aui_node;

static inline void aui_list_init(aui_node *list) {
  list->prev = list->next = list;
}

static inline bool aui_list_is_empty(const aui_node *list) {
  return list->next == list;
}

static inline void aui_list_append(aui_node *list, aui_node *node) {
  node->prev = list->prev;
  node->next = list;
  list->prev->next = node;
  list->prev = node;
}

/* Leaves `node` as an empty list of its own, so that it may be removed again. */
static inline void aui_list_remove(aui_node *node) {
  node->prev->next = node->next;
  node->next->prev = node->prev;
  aui_list_init(node);
}

/* ---- The loop ---- */

enum {
  AUI_NET_READ_SIZE = 64 * 1024,  /* bytes a socket is read in; smaller pieces cost more system calls */
  AUI_NET_WRITE_SIZE = 16 * 1024, /* bytes given to libwebsockets at a time: one TLS record (RFC 8446 5.1) */
  AUI_NET_WHY_SIZE = 512
};

typedef struct aui_tls_entry {
  struct aui_tls_entry *next;
  aui_tls_context *context;
} aui_tls_entry;

struct aui_net {
  uv_loop_t *loop;
  struct lws_context *lws;
  aui_node links; /* all */
  aui_node ready; /* those with news, in the order in which it came */
  aui_tls_entry *tls;

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

/* ---- Links ---- */

/* What libwebsockets calls for the connections of links. */
int aui_link_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len);

/* Ends the link's transport and takes it off the loop, which is going away. */
void aui_link_kill(aui_link *link);

/* The link in whose list of all links, or list of ready links, this node is. */
aui_link *aui_link_of_node(aui_node *node);
aui_link *aui_link_of_ready(aui_node *node);
uint64_t aui_link_id(const aui_link *link);

/* What comes of aui_dial_start; never before it has returned. */
void aui_link_dial_resolved(aui_link *link);
void aui_link_dial_connected(aui_link *link, uv_os_sock_t socket); /* the dial is over; the socket is the link's */
void aui_link_dial_failed(aui_link *link,
                          const char *cause); /* the dial is over; `cause` as aui_session_disconnected */

/* ---- Opening connections ---- */

typedef struct aui_dial aui_dial;

/* Begins to open a TCP connection to `host` for `link`, by the fastest of the host's addresses (RFC 8305). NULL when
 * memory is short. The link need not do anything with it unless it wants to end it early. */
aui_dial *aui_dial_start(aui_net *net, aui_link *link, const char *host, uint16_t port);

/* Gives up: the link hears nothing more of it. */
void aui_dial_cancel(aui_dial *dial);

/* True if `host` is an address and needs no resolver; `address` (may be NULL) is filled in. */
bool aui_dial_is_literal(const char *host, struct sockaddr_storage *address);

#endif
