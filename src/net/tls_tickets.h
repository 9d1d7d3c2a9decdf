/* Tickets: what servers have given to connections so that a later one can resume their TLS session, without
 * certificates and at a fraction of the cost. One store belongs to one TLS context, hence to one policy; it is bounded
 * in tickets, hence in places, and bytes. */
#ifndef AUI_NET_TLS_TICKETS_H
#define AUI_NET_TLS_TICKETS_H

#include <openssl/ssl.h>
#include <stdint.h>
#include <time.h>

#include "net/list.h"

/* Where a connection goes. */
typedef struct {
  const char *host; /* a name as SNI has it, or an address */
  uint16_t port;
} aui_tls_place;

/* To be initialised with aui_tls_tickets_init and released with aui_tls_tickets_free. */
typedef struct {
  aui_node all; /* newest first */
  int count;
} aui_tls_tickets;

enum {
  AUI_TLS_TICKETS_KEPT = 1024,   /* one for each connection that may break with others; the oldest goes first */
  AUI_TLS_TICKET_SIZE = 4096,    /* bytes; a larger one is not kept. It holds the server's certificates, too, as others
                                  * do that come from the same full handshake */
  AUI_TLS_TICKET_LIFETIME = 7200 /* seconds, if the server does not say less */
};

void aui_tls_tickets_init(aui_tls_tickets *tickets);

/* Drops all; the store may be used further. */
void aui_tls_tickets_free(aui_tls_tickets *tickets);

/* Keeps a copy of `session`, which the server of this place (copied) gave at `now` (seconds since 1970). When memory is
 * short it is not kept. */
void aui_tls_tickets_put(aui_tls_tickets *tickets, const aui_tls_place *place, const SSL_SESSION *session, time_t now);

/* The newest of this place for a connection that begins at `now`, to be released with SSL_SESSION_free; NULL when there
 * is none that has neither expired nor outlived the server's certificate. One of TLS 1.3 is taken out of the store: who
 * sees the same twice knows that the connections are of one client (RFC 8446 C.4). Those of TLS 1.2 serve several. */
SSL_SESSION *aui_tls_tickets_take(aui_tls_tickets *tickets, const aui_tls_place *place, time_t now);

/* Drops those of this place. */
void aui_tls_tickets_forget(aui_tls_tickets *tickets, const aui_tls_place *place);

#endif
