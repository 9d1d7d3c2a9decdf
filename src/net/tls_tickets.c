/* Tickets, as copies of OpenSSL's sessions: the objects themselves it spoils when their connections break. Copies share
 * the server's certificates; as bytes these would take a third of a resumed handshake's time to read again. */
#include "net/tls_tickets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  aui_node node;
  aui_tls_place place; /* its host is ours */
  SSL_SESSION *session;
  bool single; /* use */
  time_t from, until;
} ticket;

static ticket *ticket_of_node(aui_node *node) {
  return AUI_CONTAINER_OF(node, ticket, node);
}

static void release(ticket *old) {
  SSL_SESSION_free(old->session);
  free((char *)old->place.host);
  free(old);
}

static void drop(aui_tls_tickets *tickets, ticket *old) {
  aui_list_remove(&old->node);
  tickets->count--;
  release(old);
}

static bool is_of_place(const ticket *given, const aui_tls_place *place) {
  return given->place.port == place->port && strcmp(given->place.host, place->host) == 0;
}

/* Also when the clock was set back: then nobody knows. */
static bool is_over(const ticket *given, time_t now) {
  return now < given->from || now >= given->until;
}

void aui_tls_tickets_init(aui_tls_tickets *tickets) {
  aui_list_init(&tickets->all);
  tickets->count = 0;
}

void aui_tls_tickets_free(aui_tls_tickets *tickets) {
  while (!aui_list_is_empty(&tickets->all)) drop(tickets, ticket_of_node(tickets->all.next));
}

/* In TLS 1.3 a lifetime of 0 says that the ticket is not to be used (RFC 8446 4.6.1), in 1.2 nothing (RFC 5077 3.3). */
static time_t lifetime(const SSL_SESSION *session, bool single) {
  unsigned long hint = SSL_SESSION_get_ticket_lifetime_hint(session);
  bool unsaid = hint == 0 && !single;
  return unsaid || hint > AUI_TLS_TICKET_LIFETIME ? AUI_TLS_TICKET_LIFETIME : (time_t)hint;
}

static bool is_worth_keeping(const SSL_SESSION *session) {
  const unsigned char *bytes;
  size_t n;
  SSL_SESSION_get0_ticket(session, &bytes, &n);
  return SSL_SESSION_is_resumable(session) && n <= AUI_TLS_TICKET_SIZE;
}

/* NULL when memory is short. */
static ticket *new_ticket(const aui_tls_place *place, const SSL_SESSION *session, time_t now) {
  ticket *made = calloc(1, sizeof *made);
  if (!made) return NULL;
  made->place = (aui_tls_place){strdup(place->host), place->port};
  made->session = SSL_SESSION_dup(session);
  made->single = SSL_SESSION_get_protocol_version(session) >= TLS1_3_VERSION;
  made->from = now;
  made->until = now + lifetime(session, made->single);
  if (made->place.host && made->session) return made;
  release(made);
  return NULL;
}

/* The oldest ones are over first, as a rule. */
static void make_room(aui_tls_tickets *tickets, time_t now) {
  while (tickets->count > 0) {
    ticket *oldest = ticket_of_node(tickets->all.prev);
    if (tickets->count < AUI_TLS_TICKETS_KEPT && !is_over(oldest, now)) return;
    drop(tickets, oldest);
  }
}

void aui_tls_tickets_put(aui_tls_tickets *tickets, const aui_tls_place *place, const SSL_SESSION *session, time_t now) {
  ticket *made = is_worth_keeping(session) ? new_ticket(place, session, now) : NULL;
  if (!made) return;
  make_room(tickets, now);
  aui_list_append(tickets->all.next, &made->node); /* before the first */
  tickets->count++;
}

/* Whether it can be used, and the certificate by which the server was verified is valid still. */
static bool is_valid(const ticket *given, time_t now) {
  X509 *peer = SSL_SESSION_get0_peer(given->session);
  return !is_over(given, now) && peer && X509_cmp_time(X509_get0_notAfter(peer), &now) > 0;
}

/* NULL if memory is short. */
static SSL_SESSION *session_of(aui_tls_tickets *tickets, ticket *given) {
  if (!given->single) return SSL_SESSION_dup(given->session);
  SSL_SESSION *session = given->session;
  given->session = NULL;
  drop(tickets, given);
  return session;
}

SSL_SESSION *aui_tls_tickets_take(aui_tls_tickets *tickets, const aui_tls_place *place, time_t now) {
  for (aui_node *node = tickets->all.next, *next; node != &tickets->all; node = next) {
    ticket *given = ticket_of_node(node);
    next = node->next;
    if (!is_of_place(given, place)) continue;
    if (is_valid(given, now)) return session_of(tickets, given);
    drop(tickets, given);
  }
  return NULL;
}

void aui_tls_tickets_forget(aui_tls_tickets *tickets, const aui_tls_place *place) {
  for (aui_node *node = tickets->all.next, *next; node != &tickets->all; node = next) {
    next = node->next;
    if (is_of_place(ticket_of_node(node), place)) drop(tickets, ticket_of_node(node));
  }
}
