/* A connection to a server: the events of dialling, libwebsockets, the proxy and TLS come together here. */
#include "net/transport.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/loop_state.h"

enum { WRITE_SIZE = 16 * 1024 }; /* bytes written at a time: one TLS record (RFC 8446 5.1) */

/* ---- The end ---- */

static void free_tls(aui_transport *transport) {
  aui_tls_free(transport->tls);
  transport->tls = NULL;
}

static void free_proxy(aui_transport *transport) {
  aui_proxy_free(transport->proxy);
  transport->proxy = NULL;
}

/* What the socket does not take of it libwebsockets keeps, for seconds. */
static void send_close_notify(aui_transport *transport) {
  size_t n = 0;
  const void *bytes = NULL;
  if (transport->tls) {
    aui_tls_close(transport->tls);
    bytes = aui_tls_output(transport->tls, &n);
  }
  if (transport->proxy && aui_proxy_is_open(transport->proxy)) {
    if (n > 0) aui_proxy_write(transport->proxy, bytes, n);
    aui_proxy_close(transport->proxy);
    bytes = aui_proxy_output(transport->proxy, &n);
  }
  if (n > 0) lws_write(transport->wsi, (unsigned char *)bytes, n, LWS_WRITE_RAW);
}

/* Takes the connection from the transport; NULL when there is none. */
static struct lws *detach(aui_transport *transport) {
  struct lws *wsi = transport->wsi;
  aui_list_remove(&transport->write.node);
  if (transport->dial) aui_dial_cancel(transport->dial);
  transport->dial = NULL;
  free_tls(transport);
  free_proxy(transport);
  transport->wsi = NULL;
  return wsi;
}

/* The transport and its connection part: libwebsockets' later callbacks for it find no owner, and close it. */
static void detach_and_close(aui_transport *transport) {
  struct lws *wsi = detach(transport);
  if (!wsi) return;
  lws_set_opaque_user_data(wsi, NULL);
  if (!transport->in_callback) aui_raw_close(wsi);
  transport->in_callback = false;
}

void aui_transport_close(aui_transport *transport) {
  send_close_notify(transport);
  detach_and_close(transport);
}

bool aui_transport_discards(const aui_transport *transport) {
  return !transport->proxy_options;
}

void aui_transport_reset(aui_transport *transport) {
  if (transport->wsi) aui_raw_discard_unsent(transport->wsi);
  detach_and_close(transport);
}

void aui_transport_linger(aui_transport *transport) {
  send_close_notify(transport);
  struct lws *wsi = detach(transport);
  if (!wsi) return;
  aui_raw_linger(wsi);
  transport->in_callback = false;
}

/* It could not be opened, or broke. */
static void transport_end(aui_transport *transport, const char *cause, bool retryable) {
  aui_transport_reset(transport);
  transport->user->ended(transport, cause, retryable);
}

static void end_by_tls_failure(aui_transport *transport) {
  char cause[AUI_LOOP_WHY_SIZE];
  snprintf(cause, sizeof cause, "%s", aui_tls_error(transport->tls));
  transport_end(transport, cause, aui_tls_retryable(transport->tls));
}

static void end_by_proxy_failure(aui_transport *transport) {
  char cause[AUI_LOOP_WHY_SIZE];
  snprintf(cause, sizeof cause, "%s", aui_proxy_error(transport->proxy));
  transport_end(transport, cause, aui_proxy_retryable(transport->proxy));
}

/* The connection ended without our doing: with an error, or else with the peer's FIN. */
static void end_by_peer(aui_transport *transport, int error) {
  bool orderly = !error && !transport->tls && !transport->proxy;
  bool handshake = transport->tls && !aui_tls_is_open(transport->tls);
  char cause[128], words[160];
  if (error) uv_strerror_r(uv_translate_sys_error(error == EPIPE ? ECONNRESET : error), cause, sizeof cause);
  if (transport->proxy && !aui_proxy_is_open(transport->proxy)) {
    aui_proxy_cut(transport->proxy, error ? cause : NULL);
    end_by_proxy_failure(transport);
    return;
  }
  if (!error) {
    snprintf(cause, sizeof cause, handshake ? "the server ended the connection" : "TLS ended without close_notify");
  }
  snprintf(words, sizeof words, "%s%s", handshake ? "TLS handshake: " : "", cause);
  transport_end(transport, orderly ? NULL : words, true);
}

/* ---- Bytes from the peer ---- */

static void receive_tls(aui_transport *transport, const void *bytes, size_t n) {
  aui_loop *loop = transport->loop;
  size_t plain;
  aui_tls_feed(transport->tls, bytes, n);
  while (transport->tls) {
    switch (aui_tls_read(transport->tls, loop->plain, sizeof loop->plain, &plain)) {
      case AUI_TLS_MORE: return;
      case AUI_TLS_OPEN: transport->user->connected(transport); break;
      case AUI_TLS_PLAIN: transport->user->receive(transport, loop->plain, plain); break;
      case AUI_TLS_END: transport_end(transport, NULL, true); return;
      case AUI_TLS_FAILED: end_by_tls_failure(transport); return;
    }
  }
}

static void receive_of_server(aui_transport *transport, const void *bytes, size_t n) {
  if (transport->tls) {
    receive_tls(transport, bytes, n);
  } else {
    transport->user->receive(transport, bytes, n);
  }
}

static void begin_with_server(aui_transport *transport);

/* The tunnel is open; some bytes may have come through it already. */
static void enter_tunnel(aui_transport *transport, const void *bytes, size_t n) {
  if (!aui_proxy_has_tls(transport->proxy)) free_proxy(transport);
  begin_with_server(transport);
  if (n > 0 && transport->wsi) receive_of_server(transport, bytes, n);
}

/* The end of TLS with the proxy is that of the connection. */
static void end_by_proxy(aui_transport *transport) {
  if (transport->tls) {
    end_by_peer(transport, 0);
  } else {
    transport_end(transport, NULL, true);
  }
}

static void transport_read_proxy(aui_transport *transport) {
  const void *bytes;
  size_t n;
  while (transport->proxy) {
    switch (aui_proxy_read(transport->proxy, &bytes, &n)) {
      case AUI_PROXY_MORE: return;
      case AUI_PROXY_OPEN: enter_tunnel(transport, bytes, n); break;
      case AUI_PROXY_BYTES: receive_of_server(transport, bytes, n); break;
      case AUI_PROXY_END: end_by_proxy(transport); return;
      case AUI_PROXY_FAILED: end_by_proxy_failure(transport); return;
    }
  }
}

static void transport_receive(aui_transport *transport, const void *bytes, size_t n) {
  if (transport->proxy) {
    aui_proxy_feed(transport->proxy, bytes, n);
    transport_read_proxy(transport);
  } else {
    receive_of_server(transport, bytes, n);
  }
}

void aui_transport_catch_up(aui_transport *transport) {
  char bytes[WRITE_SIZE];
  int fd = lws_get_socket_fd(transport->wsi), left = 0;
  ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n > 0) ioctl(fd, FIONREAD, &left);
  while (n > 0) {
    transport_receive(transport, bytes, (size_t)n);
    if (!transport->wsi || left < 0) return;
    n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    left -= (int)n;
  }
  if (n == 0 || errno != EAGAIN) end_by_peer(transport, n < 0 ? errno : transport->write_error);
}

/* libwebsockets closes its connection. After a reset it does so without reading what came before. */
static void transport_on_closing(aui_transport *transport) {
  aui_transport_catch_up(transport);
  if (transport->wsi) end_by_peer(transport, transport->write_error);
}

/* ---- Bytes to the peer ---- */

/* How many of the bytes the socket has taken, or -1 when the connection is broken. libwebsockets would keep what the
 * socket does not take, and as long as the peer takes nothing it would read nothing either, but spin. */
static ssize_t send_bytes(aui_transport *transport, const void *bytes, size_t n) {
  ssize_t taken;
  do {
    taken = send(lws_get_socket_fd(transport->wsi), bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (taken < 0 && errno == EINTR);
  if (taken >= 0) return taken;
  if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
  transport->write_error = errno;
  return -1;
}

/* Sends what the proxy's part has to say itself, as far as the socket takes it; false when the connection is broken. */
static bool flush_proxy(aui_transport *transport) {
  size_t n;
  const void *bytes = aui_proxy_output(transport->proxy, &n);
  ssize_t taken = n > 0 ? send_bytes(transport, bytes, n) : 0;
  if (taken > 0) aui_proxy_written(transport->proxy, (size_t)taken);
  return taken >= 0;
}

/* Whether it lets bytes pass: the tunnel is open, and what went before has left. */
static bool passes_proxy(const aui_transport *transport) {
  size_t n;
  aui_proxy_output(transport->proxy, &n);
  return n == 0 && aui_proxy_is_open(transport->proxy);
}

/* TLS with the proxy takes all of it, so that it counts as written. */
static ssize_t write_by_proxy(aui_transport *transport, const void *bytes, size_t n) {
  if (n > WRITE_SIZE) n = WRITE_SIZE;
  if (!aui_proxy_write(transport->proxy, bytes, n)) {
    transport->write_error = ENOMEM; /* for lack of anything else that can have happened */
    return -1;
  }
  return flush_proxy(transport) ? (ssize_t)n : -1;
}

/* How many of the bytes have left, or -1 when the connection is broken. */
static ssize_t write_bytes(aui_transport *transport, const void *bytes, size_t n) {
  return transport->proxy ? write_by_proxy(transport, bytes, n) : send_bytes(transport, bytes, n);
}

/* The next piece of the user's output; `*n` 0: there is none. */
static const void *next_piece(aui_transport *transport, size_t *n) {
  const void *bytes = transport->user->output(transport, n);
  if (*n > WRITE_SIZE) *n = WRITE_SIZE;
  return bytes;
}

/* These write what the socket takes of one piece. They return false when the connection is broken: the caller makes
 * libwebsockets close it. */
static bool write_plain(aui_transport *transport) {
  size_t n;
  const void *bytes = next_piece(transport, &n);
  ssize_t taken = n > 0 ? write_bytes(transport, bytes, n) : 0;
  if (taken > 0) transport->user->written(transport, (size_t)taken);
  return taken >= 0;
}

/* What TLS has to say itself goes first. */
static bool write_tls(aui_transport *transport) {
  size_t n, plain = 0;
  const void *bytes = aui_tls_output(transport->tls, &n);
  if (n == 0 && aui_tls_is_open(transport->tls)) {
    const void *text = next_piece(transport, &plain);
    if (plain > 0 && !aui_tls_write(transport->tls, text, plain)) {
      end_by_tls_failure(transport);
      return true;
    }
    bytes = aui_tls_output(transport->tls, &n);
  }
  ssize_t taken = n > 0 ? write_bytes(transport, bytes, n) : 0;
  if (taken > 0) aui_tls_written(transport->tls, (size_t)taken);
  if (plain > 0 && taken >= 0) transport->user->written(transport, plain);
  return taken >= 0;
}

/* A connection that turns out to have ended is not written to: a message that has not left can take the next one. */
static bool write_piece(aui_transport *transport) {
  aui_transport_catch_up(transport);
  if (!transport->wsi) return true;
  if (transport->proxy) {
    if (!flush_proxy(transport)) return false;
    if (!passes_proxy(transport)) return true;
  }
  return transport->tls ? write_tls(transport) : write_plain(transport);
}

static bool has_output(aui_transport *transport) {
  size_t n = 0;
  if (transport->proxy) {
    aui_proxy_output(transport->proxy, &n);
    if (!aui_proxy_is_open(transport->proxy)) return n > 0;
  }
  if (n == 0 && transport->tls) aui_tls_output(transport->tls, &n);
  if (n == 0 && (!transport->tls || aui_tls_is_open(transport->tls))) transport->user->output(transport, &n);
  return n > 0;
}

/* Has libwebsockets notify when the socket takes more, if there is more. */
static void await_room(aui_transport *transport) {
  transport->awaits_room = transport->wsi && has_output(transport);
  if (transport->awaits_room) lws_callback_on_writable(transport->wsi);
}

static bool write_when_there_is_room(aui_transport *transport) {
  bool ok = write_piece(transport);
  if (ok) await_room(transport);
  return ok;
}

/* As a rule the socket takes all: to be told first that it would costs more than to write. */
static void transport_write(aui_due *due) {
  aui_transport *transport = lws_container_of(due, aui_transport, write);
  if (!write_piece(transport)) transport_on_closing(transport);
  await_room(transport);
  transport->user->settle(transport);
}

void aui_transport_flush(aui_transport *transport) {
  if (!transport->wsi || transport->awaits_room || !has_output(transport)) return;
  aui_loop_defer_write(transport->loop, &transport->write);
}

/* ---- Events of libwebsockets ---- */

/* A transport that has let go of the connection may be gone afterwards. */
static bool transport_on_event(aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in,
                               size_t n) {
  aui_transport *transport = lws_container_of(owner, aui_transport, owner);
  bool ok = true;
  transport->loop->busy = true;
  if (n > AUI_RAW_READ_SIZE / 2) transport->loop->floods = true;
  transport->in_callback = true;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX: transport_receive(transport, in, n); break;
    case LWS_CALLBACK_RAW_WRITEABLE: ok = write_when_there_is_room(transport); break;
    default: transport_on_closing(transport); break;
  }
  if (ok) transport->user->settle(transport);
  void *owner_now = lws_get_opaque_user_data(wsi);
  if (owner_now != owner) return owner_now != NULL;
  transport->in_callback = false;
  return ok;
}

/* ---- Events of the dial ---- */

static void transport_on_resolved(void *owner) {
  aui_transport *transport = owner;
  transport->user->phase(transport, AUI_PHASE_CONNECT);
  transport->user->settle(transport);
}

static void transport_on_dial_failed(void *owner, const char *cause) {
  aui_transport *transport = owner;
  char words[AUI_LOOP_WHY_SIZE];
  snprintf(words, sizeof words, "%s%s", transport->proxy_options ? "proxy: " : "", cause);
  transport->dial = NULL;
  transport_end(transport, words, true);
  transport->user->settle(transport);
}

/* The first read makes the first output. */
static void start_tls(aui_transport *transport) {
  aui_loop *loop = transport->loop;
  char why[AUI_LOOP_WHY_SIZE];
  size_t n;
  SSL_CTX *context =
      aui_tls_contexts_get(&loop->tls, transport->tls_options, aui_loop_turn_time(loop), why, sizeof why);
  transport->tls = context ? aui_tls_new(context, transport->host, transport->port) : NULL;
  if (!transport->tls) {
    transport_end(transport, context ? "TLS: out of memory" : why, true);
    return;
  }
  transport->user->phase(transport, AUI_PHASE_TLS);
  if (aui_tls_read(transport->tls, NULL, 0, &n) == AUI_TLS_FAILED) end_by_tls_failure(transport);
}

/* There is a way to the server. */
static void begin_with_server(aui_transport *transport) {
  if (transport->tls_options) {
    start_tls(transport);
  } else {
    transport->user->connected(transport);
  }
}

/* The first read makes the first output. */
static void start_proxy(aui_transport *transport) {
  aui_loop *loop = transport->loop;
  const aui_proxy_options *options = transport->proxy_options;
  char why[AUI_LOOP_WHY_SIZE];
  SSL_CTX *context = NULL;
  if (options->tls) context = aui_tls_contexts_get(&loop->tls, options->tls, aui_loop_turn_time(loop), why, sizeof why);
  if (options->tls && !context) {
    transport_end(transport, why, true);
    return;
  }
  transport->proxy = aui_proxy_new(options, context, transport->host, transport->port);
  if (!transport->proxy) {
    transport_end(transport, "out of memory", true);
    return;
  }
  transport->user->phase(transport, AUI_PHASE_PROXY);
  transport_read_proxy(transport);
}

static void transport_on_connected(void *owner, uv_os_sock_t socket) {
  aui_transport *transport = owner;
  char why[AUI_LOOP_WHY_SIZE];
  transport->dial = NULL;
  transport->write_error = 0;
  transport->awaits_room = false;
  transport->wsi = aui_reactor_adopt(transport->loop->reactor, socket, &transport->owner, why, sizeof why);
  if (!transport->wsi) {
    transport_end(transport, why, true);
  } else if (transport->proxy_options) {
    start_proxy(transport);
  } else {
    begin_with_server(transport);
  }
  transport->user->settle(transport);
}

/* ---- For its user ---- */

/* NULL is fine; else the reason why not is in loop->why. */
static bool can_use(aui_loop *loop, const aui_tls_options *tls) {
  if (!tls) return true;
  return aui_tls_contexts_get(&loop->tls, tls, aui_loop_turn_time(loop), loop->why, sizeof loop->why);
}

bool aui_transport_init(aui_transport *transport, aui_loop *loop, const aui_transport_user *user,
                        const aui_endpoint *endpoint) {
  *transport =
      (aui_transport){.owner.on_event = transport_on_event, .user = user, .loop = loop, .port = endpoint->port};
  transport->write.check = transport_write;
  aui_list_init(&transport->write.node);
  const aui_tls_options *tls = endpoint->tls;
  const aui_proxy_options *proxy = endpoint->proxy;
  if (!can_use(loop, tls) || (proxy && !can_use(loop, proxy->tls))) return false;
  snprintf(loop->why, sizeof loop->why, "out of memory");
  transport->host = strdup(endpoint->host);
  transport->tls_options = tls ? aui_tls_options_copy(tls) : NULL;
  transport->proxy_options = proxy ? aui_proxy_options_copy(proxy) : NULL;
  return transport->host && (transport->tls_options || !tls) && (transport->proxy_options || !proxy);
}

void aui_transport_free(aui_transport *transport) {
  free(transport->host);
  aui_tls_options_free(transport->tls_options);
  aui_proxy_options_free(transport->proxy_options);
}

bool aui_transport_is_like(const aui_transport *a, const aui_transport *b) {
  bool same_place = a->port == b->port && strcmp(a->host, b->host) == 0;
  return same_place && aui_tls_options_equal(a->tls_options, b->tls_options) &&
         aui_proxy_options_equal(a->proxy_options, b->proxy_options);
}

bool aui_transport_is_between_records(const aui_transport *transport) {
  size_t n = 0, outer = 0;
  if (transport->tls) aui_tls_output(transport->tls, &n);
  if (transport->proxy) aui_proxy_output(transport->proxy, &outer);
  return n == 0 && outer == 0;
}

bool aui_transport_hand_over(aui_transport *from, aui_transport *to) {
  if (!from->wsi || !aui_transport_is_between_records(from)) return false;
  to->wsi = from->wsi;
  to->tls = from->tls;
  to->proxy = from->proxy;
  to->write_error = 0;
  to->awaits_room = false;
  lws_set_opaque_user_data(to->wsi, &to->owner);
  aui_list_remove(&from->write.node);
  from->wsi = NULL;
  from->tls = NULL;
  from->proxy = NULL;
  from->in_callback = false;
  return true;
}

void aui_transport_open(aui_transport *transport) {
  static const aui_dial_events events = {transport_on_resolved, transport_on_connected, transport_on_dial_failed};
  const aui_proxy_options *proxy = transport->proxy_options;
  const char *host = proxy ? proxy->host : transport->host;
  bool literal = aui_dial_is_literal(host, NULL);
  transport->user->phase(transport, literal ? AUI_PHASE_CONNECT : AUI_PHASE_RESOLVE);
  transport->dial = aui_dial_start(transport->loop, &events, transport, host, proxy ? proxy->port : transport->port);
  if (!transport->dial) transport_end(transport, "out of memory", true);
}

bool aui_transport_is_up(const aui_transport *transport) {
  return transport->wsi != NULL;
}
