/* A link: one session's place on the loop. It opens the transports that the session wants, carries bytes between the
 * two, and keeps the session's time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "net/internal.h"

struct aui_link {
  aui_owner owner;
  aui_net *net; /* NULL once the loop is gone */
  aui_node node;
  aui_node due; /* in net->due from when the timer has gone off until the end of that turn */
  aui_ready ready;
  aui_session *session;
  char *host;
  uint16_t port;
  aui_tls_context *tls_context; /* NULL: plain TCP */
  aui_pool_options pool;        /* its name is ours; NULL: none */
  bool first;                   /* connection: it may come from the pool */
  bool asks_first;              /* what the request shall say, before each connection */
  bool released;

  /* The transport: at most a question, a dial, or a connection. */
  bool asks;
  aui_dial *dial;
  struct lws *wsi;
  aui_tls *tls;
  bool in_callback; /* libwebsockets is calling for `wsi`, which must not be closed then but by the return value */
  int write_error;  /* errno, 0 for none */

  uv_timer_t timer;
  uint64_t timer_due; /* when it will go off; AUI_NEVER when it is not running */
};

static void pump(aui_link *link);

/* ---- The end of a transport ---- */

static void free_tls(aui_link *link) {
  aui_tls_free(link->tls);
  link->tls = NULL;
}

/* Tells a TLS peer that this is the end, as far as the socket takes it at once. */
static void say_goodbye(aui_link *link) {
  size_t n;
  aui_tls_close(link->tls);
  const void *bytes = aui_tls_output(link->tls, &n);
  if (n > 0) lws_write(link->wsi, (unsigned char *)bytes, n, LWS_WRITE_RAW);
}

/* Takes the connection from the link, after a goodbye; NULL when there is none. */
static struct lws *part(aui_link *link) {
  struct lws *wsi = link->wsi;
  link->asks = false;
  if (link->dial) aui_dial_cancel(link->dial);
  link->dial = NULL;
  if (wsi && link->tls) say_goodbye(link);
  free_tls(link);
  link->wsi = NULL;
  return wsi;
}

/* The link and its connection part: libwebsockets' later callbacks for it find no link, and close it. */
static void hang_up(aui_link *link) {
  struct lws *wsi = part(link);
  if (!wsi) return;
  lws_set_opaque_user_data(wsi, NULL);
  if (!link->in_callback) aui_raw_close(wsi);
  link->in_callback = false;
}

/* They part, but the connection stays until the peer has ended it too, though not for long: closed at once, it would
 * answer what the peer still sends with a reset, and our last words might be lost (RFC 6455, 7.1.1). */
static void leave_to_linger(aui_link *link) {
  struct lws *wsi = part(link);
  if (!wsi) return;
  aui_raw_linger(wsi);
  link->in_callback = false;
}

/* The transport could not be opened, or broke. */
static void lose(aui_link *link, const char *cause, bool retryable) {
  hang_up(link);
  aui_session_disconnected(link->session, cause, retryable, aui_net_turn_time(link->net));
}

static void lose_to_tls_failure(aui_link *link) {
  char cause[AUI_NET_WHY_SIZE];
  snprintf(cause, sizeof cause, "%s", aui_tls_error(link->tls));
  lose(link, cause, aui_tls_retryable(link->tls));
}

/* ---- Bytes from the peer ---- */

static void receive_tls(aui_link *link, const void *bytes, size_t n) {
  aui_net *net = link->net;
  uint64_t now = aui_net_turn_time(net);
  size_t plain;
  aui_tls_feed(link->tls, bytes, n);
  for (;;) {
    switch (aui_tls_read(link->tls, net->plain, sizeof net->plain, &plain)) {
      case AUI_TLS_MORE: return;
      case AUI_TLS_OPEN: aui_session_connected(link->session, now); break;
      case AUI_TLS_PLAIN: aui_session_receive(link->session, net->plain, plain, now); break;
      case AUI_TLS_END: lose(link, NULL, true); return;
      case AUI_TLS_FAILED: lose_to_tls_failure(link); return;
    }
  }
}

static void receive(aui_link *link, const void *bytes, size_t n) {
  if (link->tls) {
    receive_tls(link, bytes, n);
  } else {
    aui_session_receive(link->session, bytes, n, aui_net_turn_time(link->net));
  }
}

/* The connection ended without our doing: with an error, or else with the peer's FIN. */
static void lose_to_peer(aui_link *link, int error) {
  bool orderly = !error && !link->tls;
  bool handshake = link->tls && !aui_tls_is_open(link->tls);
  char cause[128], words[160];
  if (error) {
    uv_strerror_r(uv_translate_sys_error(error == EPIPE ? ECONNRESET : error), cause, sizeof cause);
  } else {
    snprintf(cause, sizeof cause, handshake ? "the server ended the connection" : "TLS ended without close_notify");
  }
  snprintf(words, sizeof words, "%s%s", handshake ? "TLS handshake: " : "", cause);
  free_tls(link); /* nothing can be said to the peer any more */
  lose(link, orderly ? NULL : words, true);
}

/* Reads all that lies in the socket now, to the end of the stream if it is there: a turn of the loop reads one piece.
 * What comes meanwhile is left, so that a fast peer cannot keep us here. The connection may be gone afterwards. */
static void catch_up(aui_link *link) {
  char bytes[AUI_NET_WRITE_SIZE];
  int fd = lws_get_socket_fd(link->wsi), left = 0;
  ssize_t n;
  ioctl(fd, FIONREAD, &left);
  do {
    n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) receive(link, bytes, (size_t)n);
    left -= (int)n;
  } while (n > 0 && left >= 0 && link->wsi);
  bool ended = n == 0 || (n < 0 && errno != EAGAIN);
  if (link->wsi && ended) lose_to_peer(link, n < 0 ? errno : link->write_error);
}

/* libwebsockets closes its connection. After a reset it does so without reading what came before. */
static void on_closing(aui_link *link) {
  catch_up(link);
  if (link->wsi) lose_to_peer(link, link->write_error);
}

/* ---- Bytes to the peer ---- */

static bool write_bytes(aui_link *link, const void *bytes, size_t n) {
  if (lws_write(link->wsi, (unsigned char *)bytes, n, LWS_WRITE_RAW) >= 0) return true;
  link->write_error = errno ? errno : EPIPE;
  return false;
}

static size_t piece_of(size_t n) {
  return n < AUI_NET_WRITE_SIZE ? n : AUI_NET_WRITE_SIZE;
}

/* These write one piece. They return false when the connection is broken: the caller makes libwebsockets close it. */
static bool write_plain(aui_link *link) {
  uint64_t now = aui_net_turn_time(link->net);
  size_t n;
  const void *bytes = aui_session_output(link->session, &n, now);
  n = piece_of(n);
  if (n > 0 && !write_bytes(link, bytes, n)) return false;
  if (n > 0) aui_session_written(link->session, n, now);
  return true;
}

/* What TLS has to say itself goes first. */
static bool write_tls(aui_link *link) {
  uint64_t now = aui_net_turn_time(link->net);
  size_t n, plain = 0;
  const void *bytes = aui_tls_output(link->tls, &n);
  if (n == 0 && aui_tls_is_open(link->tls)) {
    const void *text = aui_session_output(link->session, &plain, now);
    plain = piece_of(plain);
    if (plain > 0 && !aui_tls_write(link->tls, text, plain)) {
      lose_to_tls_failure(link);
      return true;
    }
    bytes = aui_tls_output(link->tls, &n);
  }
  if (n > 0 && !write_bytes(link, bytes, n)) return false;
  aui_tls_written(link->tls, n);
  if (plain > 0) aui_session_written(link->session, plain, now);
  return true;
}

/* A connection that turns out to have ended is not written to: a message that has not left can take the next one. */
static bool write_piece(aui_link *link) {
  catch_up(link);
  if (!link->wsi) return true;
  return link->tls ? write_tls(link) : write_plain(link);
}

static bool has_output(aui_link *link) {
  size_t n = 0;
  if (link->tls) aui_tls_output(link->tls, &n);
  if (n == 0 && (!link->tls || aui_tls_is_open(link->tls))) {
    aui_session_output(link->session, &n, aui_net_turn_time(link->net));
  }
  return n > 0;
}

/* ---- What libwebsockets says ---- */

/* A link that has let go of the connection may be gone afterwards. */
static bool serve(aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in, size_t n) {
  aui_link *link = lws_container_of(owner, aui_link, owner);
  bool ok = true;
  link->net->busy = true;
  link->in_callback = true;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX: receive(link, in, n); break;
    case LWS_CALLBACK_RAW_WRITEABLE: ok = write_piece(link); break;
    default: on_closing(link); break;
  }
  if (ok) pump(link);
  void *owner_now = lws_get_opaque_user_data(wsi);
  if (owner_now != owner) return owner_now != NULL;
  link->in_callback = false;
  return ok;
}

/* ---- What dialling comes to ---- */

static void on_resolved(void *owner) {
  aui_link *link = owner;
  aui_session_phase(link->session, AUI_PHASE_CONNECT, aui_net_turn_time(link->net));
  pump(link);
}

static void on_dial_failed(void *owner, const char *cause) {
  aui_link *link = owner;
  link->dial = NULL;
  lose(link, cause, true);
  pump(link);
}

/* The first read makes the first output. */
static void start_tls(aui_link *link) {
  size_t n;
  link->tls = aui_tls_new(link->tls_context, link->host);
  if (!link->tls) {
    lose(link, "TLS: out of memory", true);
    return;
  }
  aui_session_phase(link->session, AUI_PHASE_TLS, aui_net_turn_time(link->net));
  if (aui_tls_read(link->tls, NULL, 0, &n) == AUI_TLS_FAILED) lose_to_tls_failure(link);
}

static void on_connected(void *owner, uv_os_sock_t socket) {
  aui_link *link = owner;
  lws_sock_file_fd_type fd = {.sockfd = socket};
  struct lws_vhost *vhost = lws_get_vhost_by_name(link->net->lws, "default");
  link->dial = NULL;
  link->write_error = 0;
  link->wsi = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_SOCKET, fd, "aui", NULL);
  if (!link->wsi) {
    lose(link, "libwebsockets has no room for another connection", true);
  } else {
    lws_set_opaque_user_data(link->wsi, &link->owner);
    if (link->tls_context) {
      start_tls(link);
    } else {
      aui_session_connected(link->session, aui_net_turn_time(link->net));
    }
  }
  pump(link);
}

/* ---- The pump ---- */

static void dial(aui_link *link) {
  static const aui_dial_events events = {on_resolved, on_connected, on_dial_failed};
  bool literal = aui_dial_is_literal(link->host, NULL);
  uint64_t now = aui_net_turn_time(link->net);
  aui_session_phase(link->session, literal ? AUI_PHASE_CONNECT : AUI_PHASE_RESOLVE, now);
  link->dial = aui_dial_start(link->net, &events, link, link->host, link->port);
  if (!link->dial) lose(link, "out of memory", true);
}

/* Whether the pool had a connection. */
static bool take_from_pool(aui_link *link) {
  if (!link->pool.name || !link->first) return false;
  link->wsi = aui_idle_take(link->net, link->pool.name, &link->owner, &link->tls);
  if (!link->wsi) return false;
  uint64_t now = aui_net_turn_time(link->net);
  link->write_error = 0;
  aui_session_phase(link->session, AUI_PHASE_CONNECT, now);
  aui_session_adopted(link->session, now);
  return true;
}

static void connect_transport(aui_link *link) {
  bool reused = take_from_pool(link);
  link->first = false;
  if (reused) return;
  link->asks = link->asks_first;
  if (link->asks) {
    aui_session_phase(link->session, AUI_PHASE_REQUEST, aui_net_turn_time(link->net));
  } else {
    dial(link);
  }
}

static void do_what_it_wants(aui_link *link) {
  for (;;) {
    switch (aui_session_want(link->session)) {
      case AUI_WANT_CONNECT: connect_transport(link); break;
      case AUI_WANT_DISCONNECT:
        if (aui_session_wants_linger(link->session)) leave_to_linger(link);
        lose(link, NULL, true);
        break;
      case AUI_WANT_NOTHING: return;
    }
  }
}

static void give_random(aui_link *link) {
  unsigned char bytes[256];
  size_t n = aui_session_random_wanted(link->session);
  if (n == 0) return;
  if (n > sizeof bytes) n = sizeof bytes;
  if (uv_random(NULL, NULL, bytes, n, 0, NULL) == 0) {
    aui_session_random(link->session, bytes, n);
  } else {
    lose(link, "no random numbers to be had", true);
  }
}

static void on_timer(uv_timer_t *timer);

/* A deadline that moved away, as most do, leaves the timer as it is: it goes off for nothing once, and is set anew. */
static void set_timer(aui_link *link) {
  uint64_t due = aui_session_deadline(link->session), now = aui_net_turn_time(link->net);
  if (due >= link->timer_due) return;
  link->timer_due = due;
  uv_timer_start(&link->timer, on_timer, due > now ? due - now : 0, 0);
}

static void on_freed(uv_handle_t *handle) {
  aui_link *link = handle->data;
  free(link->host);
  free((char *)link->pool.name);
  free(link);
}

static void destroy(aui_link *link) {
  aui_session_free(link->session);
  link->session = NULL;
  aui_list_remove(&link->node);
  aui_list_remove(&link->due);
  aui_list_remove(&link->ready.node);
  if (link->net) {
    uv_close((uv_handle_t *)&link->timer, on_freed);
  } else {
    on_freed((uv_handle_t *)&link->timer);
  }
}

/* To be called after anything that touched the session. The link may be gone afterwards, if it was released. */
static void pump(aui_link *link) {
  link->net->busy = true;
  if (aui_session_random_wanted(link->session)) give_random(link);
  do_what_it_wants(link);
  if (link->wsi && has_output(link)) lws_callback_on_writable(link->wsi);
  do_what_it_wants(link); /* asking for output may have run out of memory */
  set_timer(link);
  bool news = aui_session_news(link->session);
  if (link->released) {
    if (aui_session_finished(link->session)) destroy(link);
  } else if (news) {
    aui_net_announce(link->net, &link->ready);
  }
}

/* libuv may run timers before it reads and writes, and a host that was busy is late: see aui_link_judge_due. */
static void on_timer(uv_timer_t *timer) {
  aui_link *link = timer->data;
  link->timer_due = AUI_NEVER;
  if (aui_list_is_empty(&link->due)) aui_list_append(&link->net->due, &link->due);
}

static bool is_due(const aui_link *link, uint64_t now) {
  return aui_session_deadline(link->session) <= now;
}

static void judge(aui_link *link) {
  uint64_t now = aui_net_turn_time(link->net);
  if (link->wsi && is_due(link, now)) catch_up(link);
  if (is_due(link, now)) aui_session_tick(link->session, now);
  pump(link);
}

void aui_link_judge_due(aui_net *net) {
  while (!aui_list_is_empty(&net->due)) {
    aui_link *link = lws_container_of(net->due.next, aui_link, due);
    aui_list_remove(&link->due);
    judge(link);
  }
}

/* ---- For the host ---- */

aui_link *aui_net_open(aui_net *net, aui_session *session, const aui_endpoint *endpoint, uint64_t id,
                       const char **why) {
  *why = net->why;
  aui_tls_entry *tls = endpoint->tls ? aui_net_share_tls(net, endpoint->tls) : NULL;
  if (endpoint->tls && !tls) return NULL;
  snprintf(net->why, sizeof net->why, "out of memory");
  aui_link *link = calloc(1, sizeof *link);
  if (!link) return NULL;
  link->host = strdup(endpoint->host);
  if (endpoint->pool) {
    link->pool = *endpoint->pool;
    link->pool.name = strdup(endpoint->pool->name);
  }
  if (!link->host || (endpoint->pool && !link->pool.name)) {
    free((char *)link->pool.name);
    free(link->host);
    free(link);
    return NULL;
  }
  link->owner.serve = serve;
  link->first = true;
  link->net = net;
  link->session = session;
  link->ready.id = id;
  link->port = endpoint->port;
  link->asks_first = endpoint->asks;
  link->tls_context = tls ? tls->context : NULL;
  uv_timer_init(net->loop, &link->timer);
  link->timer.data = link;
  link->timer_due = AUI_NEVER;
  aui_list_init(&link->due);
  aui_list_init(&link->ready.node);
  aui_list_append(&net->links, &link->node);
  aui_link_pump(link);
  return link;
}

bool aui_link_asks(const aui_link *link) {
  return link->asks;
}

void aui_link_give_request(aui_link *link, const aui_request *request) {
  if (!link->asks) return;
  link->asks = false;
  if (aui_session_set_request(link->session, request)) {
    dial(link);
  } else {
    lose(link, "out of memory", true);
  }
  aui_link_pump(link);
}

void aui_link_refuse_request(aui_link *link, const char *why, bool retryable) {
  if (!link->asks) return;
  lose(link, why, retryable);
  aui_link_pump(link);
}

aui_session *aui_link_session(aui_link *link) {
  return link->session;
}

/* Without a loop, whatever the session wants has failed or is done at once. */
static void pump_dead(aui_link *link) {
  uint64_t now = uv_hrtime() / 1000000;
  aui_want want;
  while ((want = aui_session_want(link->session)) != AUI_WANT_NOTHING) {
    if (want == AUI_WANT_CONNECT) aui_session_phase(link->session, AUI_PHASE_CONNECT, now);
    aui_session_disconnected(link->session, "the loop was closed", false, now);
  }
  if (link->released) destroy(link);
}

void aui_link_pump(aui_link *link) {
  if (link->net) {
    uv_update_time(link->net->loop);
    pump(link);
  } else {
    pump_dead(link);
  }
}

static bool is_between_records(const aui_link *link) {
  size_t n = 0;
  if (link->tls) aui_tls_output(link->tls, &n);
  return n == 0;
}

bool aui_link_give_back(aui_link *link) {
  if (!link->pool.name || !link->wsi || !is_between_records(link)) return false;
  if (!aui_session_may_detach(link->session)) return false;
  if (!aui_idle_keep(link->net, &link->pool, link->wsi, link->tls)) return false;
  link->wsi = NULL;
  link->tls = NULL;
  aui_session_detach(link->session, aui_net_now(link->net));
  aui_link_pump(link);
  return true;
}

void aui_link_release(aui_link *link) {
  uint64_t now = link->net ? aui_net_now(link->net) : uv_hrtime() / 1000000;
  if (link->net) aui_link_give_back(link);
  link->released = true;
  aui_list_remove(&link->ready.node);
  aui_session_close(link->session, now);
  aui_link_pump(link);
}

static void on_timer_closed(uv_handle_t *handle) {
  aui_link *link = handle->data;
  pump_dead(link);
}

void aui_link_kill(aui_link *link) {
  lose(link, "the loop was closed", false);
  aui_list_remove(&link->node);
  aui_list_remove(&link->due);
  aui_list_remove(&link->ready.node);
  link->net = NULL;
  uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}

aui_link *aui_link_of_node(aui_node *node) {
  return lws_container_of(node, aui_link, node);
}
