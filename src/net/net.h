/* The native driver: a private libuv loop with one libwebsockets context, which moves bytes between sockets (TCP or
 * TLS) and engine sessions. It runs only inside aui_net_step, which the host calls; it never calls into the host. */
#ifndef AUI_NET_NET_H
#define AUI_NET_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/session.h"

typedef struct aui_net aui_net;   /* the loop */
typedef struct aui_link aui_link; /* one session's place on it */

/* A loop, or NULL with `*why` saying why in words (static), such as the missing package libwebsockets-evlib-uv. To be
 * freed with aui_net_free. What of the process is touched: see aui_reactor_take. */
aui_net *aui_net_new(const char **why);

/* Closes every transport at once and frees the loop, without waiting for anything. Links that were not released stay
 * valid but dead: their sessions are told that the transport has ended and nothing moves any more; calls under way
 * are canceled. Must not be called from inside aui_net_step. */
void aui_net_free(aui_net *net);

/* To be called before any of the functions below but those of links, which do it themselves: whether the loop can be
 * used. In a child of the process that made it (fork(2)) it parts from its parent's, which does not feel anything:
 * connections are closed here alone, sessions and calls have failed, and the loop is ready for new ones. It cannot be
 * used, nor freed but for its memory, where the system refuses what that takes. */
bool aui_net_enter(aui_net *net);

/* For a foreign loop: poll this descriptor for reading, for at most this many milliseconds (-1: no limit), then call
 * aui_net_step(net, 0). The timeout includes the deadlines of every session; it is 0 while aui_net_ready has something
 * to return. Both answers hold until the next call of a function with this loop or one of its links, but the
 * descriptor, which stays the same. */
int aui_net_fd(const aui_net *net);
int aui_net_timeout(const aui_net *net);

/* Waits until something happened, for at most `timeout_ms` (-1: no limit; 0: does not wait), and deals with all that is
 * due. It does not wait while aui_net_ready has something to return, and may return without anything for the host
 * having happened. Returns early, having done nothing, when a signal arrived while it waited: false then, else true. */
bool aui_net_step(aui_net *net, int timeout_ms);

/* The loop's clock, brought up to date: milliseconds, monotonic; the `now` of every call into a session of this loop.
 */
uint64_t aui_net_now(aui_net *net);

/* Whether there is anything to step the loop for: a session that is not closed, or a call. A pool's idle connections
 * do not count. */
bool aui_net_is_active(const aui_net *net);

typedef struct {
  const char *ca_file; /* PEM; NULL: the system's */
  const char *cert;    /* PEM: a client certificate and its chain; NULL for none */
  const char *key;     /* PEM, without a passphrase; NULL: in the same file as `cert` */
  bool verify;         /* the peer's certificate and that it is valid for the host */
} aui_tls_options;

/* Idle connections that sessions have left for each other, as long as they stay open. While the loop is stepped they
 * are pinged, answer pings, and are closed with a close frame; one on which the agent speaks serves nobody any more. */
typedef struct {
  const char *name; /* they serve those who give the same name: it must tell apart what is asked for on connecting */
  size_t size;      /* how many to keep of this name; the oldest goes first */
  uint64_t idle;    /* milliseconds after which one is closed */
  aui_liveness_config ping; /* of idle ones */
} aui_pool_options;

typedef struct {
  const char *host; /* name or address (IPv6 without brackets), at most 253 bytes; also for SNI and verification */
  uint16_t port;
  const aui_tls_options *tls;   /* NULL: plain TCP */
  const aui_pool_options *pool; /* NULL: none */
  bool asks;                    /* whether the request is asked for before each connection: see aui_link_asks */
} aui_endpoint;

/* Puts `session` on the loop: takes ownership of it and does what it wants from now on. `id` comes back from
 * aui_net_ready. Strings of `endpoint` are copied. Returns NULL, with the session still the caller's, when memory is
 * short or a file cannot be used; `*why` says so then, valid until the next call: "tls.ca_file: cannot use /x/y.pem: No
 * such file or directory". Files that have changed since are read again for a new connection. Does not resolve, connect
 * or wait. */
aui_link *aui_net_open(aui_net *net, aui_session *session, const aui_endpoint *endpoint, uint64_t id, const char **why);

/* True when the link is about to connect and waits to be told what the request shall say, which is for one of the next
 * two functions; they do nothing when it is false. The session has news when it becomes true. */
bool aui_link_asks(const aui_link *link);

/* The request (copied) is this one: the link connects. */
void aui_link_give_request(aui_link *link, const aui_request *request);

/* There is no request, for this reason (copied): the attempt to connect has failed, with kind auth. */
void aui_link_refuse_request(aui_link *link, const char *why, bool retryable);

/* The link's session, on which the caller may use everything under "for users" in session.h; NULL never. After any
 * such call that can change it (send, cancel, release, close) aui_link_pump must be called. */
aui_session *aui_link_session(aui_link *link);
void aui_link_pump(aui_link *link);

/* Closes the session and leaves its connection to its pool, if it has one and the connection may serve another session
 * (aui_session_detach); else returns false, and changes nothing. */
bool aui_link_give_back(aui_link *link);

/* Gives the link back. The session is closed if it was not, by aui_link_give_back or in good manners (close frame, a
 * moment for the peer's) while the loop is being stepped; then the link and its session are freed. The pointer is not
 * valid afterwards. */
void aui_link_release(aui_link *link);

/* The id of a link whose session has news (aui_session_news) since it was last returned here, or of a call that is
 * over (call.h); false when there is none. They are returned in the order in which their news came. */
bool aui_net_ready(aui_net *net, uint64_t *id);

#endif
