/* A connection to a server and nothing else: dial, the tunnel if there is a proxy, TLS, bytes both ways, and its end. A
 * link (a session) and a call (an exchange) are its users. */
#ifndef AUI_NET_TRANSPORT_H
#define AUI_NET_TRANSPORT_H

#include "engine/aui.h"
#include "net/dial.h"
#include "net/endpoint.h"
#include "net/loop_state.h"
#include "net/proxy.h"
#include "net/raw.h"
#include "net/tls.h"

typedef struct aui_transport aui_transport;

/* How a transport notifies its user, and what it asks of it, never before aui_transport_open has returned but for
 * `phase` and `ended`. Each may close the transport; only `settle` may free it. */
typedef struct {
  void (*phase)(aui_transport *transport, aui_phase phase); /* how far opening it has got */
  void (*connected)(aui_transport *transport);              /* it is open, TLS included */
  void (*receive)(aui_transport *transport, const void *bytes, size_t n);
  const void *(*output)(aui_transport *transport, size_t *n); /* what is to be written now; `*n` 0: nothing */
  void (*written)(aui_transport *transport, size_t n);        /* the first `n` bytes of the output have left */

  /* It could not be opened, or has ended; it is closed, and reset if the peer had not done so: nothing of what it had
   * taken will be sent any more. `cause` and `retryable` as in aui_session_disconnected. */
  void (*ended)(aui_transport *transport, const char *cause, bool retryable);

  void (*settle)(aui_transport *transport); /* called last, after any of those that the loop has caused */
} aui_transport_user;

/* Private. */
struct aui_transport {
  aui_owner owner;
  const aui_transport_user *user;
  aui_loop *loop;

  /* The place it connects to. */
  char *host;
  uint16_t port;
  aui_tls_options *tls_options;     /* NULL: plain TCP */
  aui_proxy_options *proxy_options; /* NULL: none */

  /* At most a dial or a connection. */
  aui_dial *dial;
  struct lws *wsi;
  aui_proxy *proxy; /* which all bytes pass; NULL without one, or when its tunnel is open and it has no TLS */
  aui_tls *tls;
  bool in_callback; /* libwebsockets is calling for `wsi`, which must not be closed then but by the return value */
  bool awaits_room; /* libwebsockets will notify when the socket takes more */
  int write_error;  /* errno, 0 for none */
  aui_due write;    /* there may be something to write */
};

/* A closed transport to the place that `endpoint` says (copied); all else of that does not matter here. Returns false,
 * with the reason in loop->why, when memory is short or a file of the TLS options cannot be used. To be released with
 * aui_transport_free in any case; all zero will do for that too. */
bool aui_transport_init(aui_transport *transport, aui_loop *loop, const aui_transport_user *user,
                        const aui_endpoint *endpoint);
void aui_transport_free(aui_transport *transport);

/* Whether both connect to the same place in the same way. */
bool aui_transport_is_like(const aui_transport *a, const aui_transport *b);

/* Begins to open a connection; the transport must be closed. */
void aui_transport_open(aui_transport *transport);

/* Whether there is a connection, open or shaking hands. */
bool aui_transport_is_up(const aui_transport *transport);

/* Whether TLS has nothing of its own to write, so that the connection can be handed to somebody else. */
bool aui_transport_is_between_records(const aui_transport *transport);

/* Moves the open connection of `from` to `to`, which is closed; that both are for the same place is the caller's
 * affair. Returns false, and changes nothing, if there is none, or TLS has something of its own to write. */
bool aui_transport_hand_over(aui_transport *from, aui_transport *to);

/* Has the output written when the loop is stepped next, or as soon as the socket takes it, if there is any. */
void aui_transport_flush(aui_transport *transport);

/* Reads all that lies in the socket now, to the end of the stream if it is there: a turn of the loop reads one piece.
 * What comes meanwhile is left, so that a fast peer cannot keep us here. Only while it is up. */
void aui_transport_catch_up(aui_transport *transport);

/* Whether a reset throws away all that the server has not got yet. A proxy, whose own connection to the server has a
 * kernel behind it, may go on sending what it was given. */
bool aui_transport_discards(const aui_transport *transport);

/* Ends it: `ended` is not called. Harmless when it is closed. */
void aui_transport_close(aui_transport *transport);

/* The same, but what is unsent is thrown away, so that it cannot reach the peer when nobody waits for it any more: the
 * kernel would go on sending it for minutes. */
void aui_transport_reset(aui_transport *transport);

/* Ends it, but the connection stays until the peer has ended it too, though not for long: closed at once, it would
 * answer what the peer still sends with a reset, and our last words might be lost (RFC 6455, 7.1.1). What is unsent
 * then is thrown away. */
void aui_transport_linger(aui_transport *transport);

#endif
