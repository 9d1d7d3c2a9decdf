/* Opens TCP connections. */
#ifndef AUI_NET_DIAL_H
#define AUI_NET_DIAL_H

#include <uv.h>

#include "net/loop.h"

typedef struct aui_dial aui_dial;

/* What comes of a dial, never before aui_dial_start has returned. */
typedef struct {
  void (*resolved)(void *owner);                       /* not for an address */
  void (*connected)(void *owner, uv_os_sock_t socket); /* the dial is over; the socket is the owner's */
  void (*failed)(void *owner, const char *cause);      /* the dial is over; `cause` as aui_session_disconnected */
} aui_dial_events;

/* Begins to open a TCP connection to `host` for `owner`, by the fastest of the host's addresses (RFC 8305). `events`
 * must stay. NULL when memory is short. The owner need not do anything with it unless it wants to end it early. */
aui_dial *aui_dial_start(aui_loop *loop, const aui_dial_events *events, void *owner, const char *host, uint16_t port);

/* Gives up: the owner hears nothing more of it. */
void aui_dial_cancel(aui_dial *dial);

/* True if `host` is an address and needs no resolver; `address` (may be NULL) is filled in. */
bool aui_dial_is_literal(const char *host, struct sockaddr_storage *address);
#endif
