/* One HTTP request and its answer by libwebsockets' HTTP client. What that leaves open is settled here: which address,
 * whether the peer's certificate is good, whether the answer is whole, and what failed, in words. */
#include "net/fetch.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/internal.h"

enum { WRITE_SIZE = 16 * 1024 }; /* bytes of the request's body given to libwebsockets at a time */

typedef enum { AT_NAME, AT_CONNECTION, AT_ANSWER, AT_BODY } place;

struct aui_fetch {
  aui_net *net; /* NULL once the loop is gone */
  aui_node node;
  aui_ready ready;
  uv_timer_t timer; /* goes off at the deadline; after the end, on the next turn, to close the connection */

  char *host;
  uint16_t port;
  struct lws_vhost *vhost;
  SSL_CTX *tls; /* kept by the vhost; NULL: plain TCP */
  char *method;
  char *target;
  char *host_field;
  char *headers;
  unsigned char *body; /* behind LWS_PRE bytes that lws_write may use */
  size_t body_len;
  size_t body_written;
  uint64_t timeout;
  size_t max_body;

  aui_dial *dial;
  struct lws *wsi;
  place at;
  bool peer_accepted; /* its certificate */
  bool chunked;
  bool has_length;
  size_t length;
  bool complete; /* libwebsockets thinks so */

  bool ended;
  aui_buffer received;
  aui_fetch_answer answer;
  aui_error error; /* kind NONE: there is an answer, or may be */
};

/* ---- The end ---- */

/* libwebsockets' connections must not be closed while it is calling: the next turn does that. */
static void close_connection(uv_timer_t *timer) {
  aui_fetch *fetch = timer->data;
  struct lws *wsi = fetch->wsi;
  if (!wsi) return;
  fetch->wsi = NULL;
  fetch->net->busy = true;
  lws_set_opaque_user_data(wsi, NULL);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void end(aui_fetch *fetch) {
  fetch->ended = true;
  fetch->net->busy = true;
  if (fetch->dial) aui_dial_cancel(fetch->dial);
  fetch->dial = NULL;
  uv_timer_start(&fetch->timer, close_connection, 0, 0);
  aui_net_announce(fetch->net, &fetch->ready);
}

static void fail(aui_fetch *fetch, aui_error_kind kind, const char *words) {
  if (fetch->ended) return;
  aui_error_set(&fetch->error, kind, "%s", words);
  fetch->error.delivered = fetch->at < AT_ANSWER ? AUI_DELIVERED_NO : AUI_DELIVERED_MAYBE;
  aui_buffer_free(&fetch->received);
  end(fetch);
}

static void succeed(aui_fetch *fetch) {
  if (fetch->ended) return;
  fetch->answer.body = fetch->received.data;
  fetch->answer.body_len = fetch->received.len;
  end(fetch);
}

static void fail_to_connect(aui_fetch *fetch) {
  char words[AUI_NET_WHY_SIZE];
  SSL *ssl = lws_get_ssl(fetch->wsi);
  if (ssl) {
    aui_tls_describe_handshake(ssl, fetch->host, words, sizeof words);
  } else {
    snprintf(words, sizeof words, "connection to %s port %u failed", fetch->host, fetch->port);
  }
  fail(fetch, AUI_ERROR_TRANSPORT, words);
  if (ssl) fetch->error.retryable = false;
}

/* `cause` is libwebsockets' word, NULL if it has none. Of an answer in another protocol it may notice no more than that
 * the connection ends. */
static void fail_before_answer(aui_fetch *fetch, const char *cause) {
  char words[128];
  if (fetch->ended) return;
  if (fetch->at < AT_ANSWER) {
    fail_to_connect(fetch);
  } else if (cause && (strncmp(cause, "HS: ", 4) == 0 || strcmp(cause, "problems parsing header") == 0)) {
    snprintf(words, sizeof words, "the server's answer is not HTTP/1.1, or its head is longer than %d bytes",
             AUI_FETCH_MAX_HEAD);
    fail(fetch, AUI_ERROR_PROTOCOL, words);
  } else {
    fail(fetch, AUI_ERROR_TRANSPORT, "the connection was cut before an answer in HTTP/1.1");
  }
}

static void fail_in_answer(aui_fetch *fetch) {
  fail(fetch, AUI_ERROR_TRANSPORT, "the connection was cut in the middle of the answer");
}

static const char *missing(const aui_fetch *fetch) {
  switch (fetch->at) {
    case AT_NAME: return "the name was not resolved";
    case AT_ANSWER: return "the server did not answer";
    case AT_BODY: return "the answer was not complete";
    case AT_CONNECTION: break;
  }
  bool tls = fetch->wsi && lws_get_ssl(fetch->wsi);
  return tls ? "the TLS handshake was not completed" : "the server did not accept the connection";
}

static void on_deadline(uv_timer_t *timer) {
  aui_fetch *fetch = timer->data;
  char words[128];
  snprintf(words, sizeof words, "%s within %g s (timeout)", missing(fetch), (double)fetch->timeout / 1000);
  fail(fetch, AUI_ERROR_TIMEOUT, words);
}

/* ---- The request ---- */

/* libwebsockets has written the first lines and Host. Without its word that the peer's certificate is good, nothing of
 * the request, which has a secret in it, leaves. */
static int add_headers(aui_fetch *fetch, char **at, size_t room) {
  char length[48] = "";
  if (fetch->tls && !fetch->peer_accepted) {
    fail(fetch, AUI_ERROR_TRANSPORT, "TLS: the server's certificate was not verified");
    return -1;
  }
  if (strcmp(fetch->method, "POST") == 0) {
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", fetch->body_len);
  }
  int n = snprintf(*at, room, "%s%s", fetch->headers, length);
  if (n < 0 || (size_t)n >= room) {
    fail(fetch, AUI_ERROR_OVERFLOW, "headers: too long for libwebsockets");
    return -1;
  }
  *at += n;
  fetch->at = AT_ANSWER;
  if (fetch->body_len > 0) {
    lws_client_http_body_pending(fetch->wsi, 1);
    lws_callback_on_writable(fetch->wsi);
  }
  return 0;
}

static int write_body(aui_fetch *fetch) {
  size_t n = fetch->body_len - fetch->body_written;
  if (n == 0) return 0;
  bool last = n <= WRITE_SIZE;
  if (!last) n = WRITE_SIZE;
  unsigned char *from = fetch->body + LWS_PRE + fetch->body_written;
  if (lws_write(fetch->wsi, from, n, last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0) return -1;
  fetch->body_written += n;
  if (last) {
    lws_client_http_body_pending(fetch->wsi, 0);
  } else {
    lws_callback_on_writable(fetch->wsi);
  }
  return 0;
}

/* ---- The answer ---- */

/* The value of a field, which is NULL when it is absent; false if it is longer than any that makes sense. */
static bool get_field(struct lws *wsi, enum lws_token_indexes token, char *buffer, int size, const char **value) {
  *value = NULL;
  if (lws_hdr_total_length(wsi, token) == 0) return true;
  *value = buffer;
  return lws_hdr_copy(wsi, buffer, size, token) > 0;
}

/* A whole number at most `max`; false if it is none. More than `max` is `max`. */
static bool read_number(const char *text, size_t max, size_t *number) {
  if (!*text || text[strspn(text, "0123456789")]) return false;
  errno = 0;
  unsigned long long value = strtoull(text, NULL, 10);
  *number = errno || value > max ? max : (size_t)value;
  return true;
}

static void read_retry_after(aui_fetch *fetch) {
  char buffer[32];
  const char *value;
  size_t seconds;
  bool fits = get_field(fetch->wsi, WSI_TOKEN_HTTP_RETRY_AFTER, buffer, sizeof buffer, &value);
  bool given = fits && value && read_number(value, INT32_MAX, &seconds);
  fetch->answer.retry_after = given ? (long)seconds : -1;
}

/* How the body ends (RFC 9112, 6.3). libwebsockets knows "chunked" in this very spelling, and takes what is no number
 * for 0; both kinds of end at once are an attack or a mistake. */
static bool read_framing(aui_fetch *fetch) {
  char coding[32], length[32];
  const char *coding_value, *length_value;
  bool fit = get_field(fetch->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, coding, sizeof coding, &coding_value) &&
             get_field(fetch->wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length, &length_value);
  fetch->chunked = fit && coding_value;
  fetch->has_length = fit && length_value;
  if (!fit || (fetch->chunked && (fetch->has_length || strcmp(coding_value, "chunked") != 0))) return false;
  return !fetch->has_length || read_number(length_value, SIZE_MAX, &fetch->length);
}

static void fail_over_limit(aui_fetch *fetch) {
  char words[128];
  snprintf(words, sizeof words, "the answer's body is longer than %zu bytes (max_body)", fetch->max_body);
  fail(fetch, AUI_ERROR_OVERFLOW, words);
  fetch->error.retryable = false;
}

static void read_head(aui_fetch *fetch) {
  int status = (int)lws_http_client_http_response(fetch->wsi);
  fetch->at = AT_BODY;
  fetch->answer.status = status;
  read_retry_after(fetch);
  if (status < 200 || status > 599) {
    fail(fetch, AUI_ERROR_PROTOCOL, "the server's answer has no status from 200 to 599");
  } else if (!read_framing(fetch)) {
    fail(fetch, AUI_ERROR_PROTOCOL, "the answer's Content-Length or Transfer-Encoding cannot be understood");
  } else if (fetch->has_length && fetch->length > fetch->max_body) {
    fail_over_limit(fetch);
  } else if (status == 204 || status == 304 || (fetch->has_length && fetch->length == 0)) {
    succeed(fetch);
  }
}

static void keep_body(aui_fetch *fetch, const void *bytes, size_t n) {
  if (fetch->ended) return;
  if (n > fetch->max_body - fetch->received.len) {
    fail_over_limit(fetch);
  } else if (!aui_buffer_append(&fetch->received, bytes, n)) {
    fail(fetch, AUI_ERROR_OVERFLOW, "out of memory");
  }
}

/* libwebsockets does not tell a peer's FIN from a reset, which leaves a socket without a peer; nor close_notify from
 * the lack of it. */
static bool ended_in_order(struct lws *wsi) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  SSL *ssl = lws_get_ssl(wsi);
  if (ssl) return (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
  return getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &size) == 0;
}

/* An end of the stream in order is the end of a body that has no other (RFC 9112, 6.3 and 9.8). */
static void read_end_of_stream(aui_fetch *fetch) {
  if (ended_in_order(fetch->wsi) && !fetch->chunked && !fetch->has_length) {
    succeed(fetch);
  } else {
    fail_in_answer(fetch);
  }
}

/* libwebsockets calls a chunked body that is cut complete as well, but fails then. */
static int read_body(aui_fetch *fetch) {
  char *bytes = fetch->net->plain + LWS_PRE;
  int n = (int)sizeof fetch->net->plain - LWS_PRE;
  int result = lws_http_client_read(fetch->wsi, &bytes, &n);
  if (result >= 0) {
    if (fetch->complete) succeed(fetch);
  } else if (n > 0) {
    fail(fetch, AUI_ERROR_PROTOCOL, "the answer breaks the chunked coding");
  } else {
    read_end_of_stream(fetch);
  }
  return 0;
}

/* ---- What libwebsockets says ---- */

static int serve(aui_fetch *fetch, enum lws_callback_reasons reason, void *in, size_t len) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER: return add_headers(fetch, in, len);
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE: return write_body(fetch);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: read_head(fetch); break;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: return read_body(fetch);
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ: keep_body(fetch, in, len); break;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP: fetch->complete = true; break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: fail_before_answer(fetch, in); break;
    default: break;
  }
  return 0;
}

/* `chain` and `ok` are what OpenSSL gives to a verify callback. */
static int judge_peer(aui_fetch *fetch, void *chain, bool ok) {
  bool accepted = aui_tls_accept_peer(fetch->tls, fetch->host, chain, ok);
  fetch->peer_accepted = accepted && X509_STORE_CTX_get_error_depth(chain) == 0;
  return accepted ? 0 : -1;
}

/* The last that is heard of a connection, and in some cases all. */
static void on_destroyed(aui_fetch *fetch) {
  if (fetch->at == AT_BODY) {
    fail_in_answer(fetch);
  } else {
    fail_before_answer(fetch, NULL);
  }
  fetch->wsi = NULL;
}

/* The fetch that a connection belongs to; NULL once the fetch has let go of it, and for the connections of links. */
static aui_fetch *fetch_of(struct lws *wsi) {
  const struct lws_protocols *protocol = lws_get_protocol(wsi);
  if (!protocol || protocol->callback != aui_fetch_callback) return NULL;
  aui_fetch *fetch = lws_get_opaque_user_data(wsi);
  if (!fetch) return NULL;
  fetch->net->busy = true;
  fetch->wsi = wsi; /* libwebsockets calls before it has returned it */
  return fetch;
}

int aui_fetch_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  aui_fetch *fetch;
  switch (reason) {
    case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
      fetch = fetch_of(wsi);
      return fetch ? judge_peer(fetch, user, len != 0) : -1;
    case LWS_CALLBACK_WSI_DESTROY:
      fetch = fetch_of(wsi);
      if (fetch) on_destroyed(fetch);
      return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
    case LWS_CALLBACK_CLIENT_HTTP_WRITEABLE:
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      fetch = fetch_of(wsi);
      return fetch && !fetch->ended ? serve(fetch, reason, in, len) : 0;
    default: return 0;
  }
}

/* ---- The connection ---- */

/* By `address`, which needs no resolver. */
static void connect_to(aui_fetch *fetch, const char *address) {
  int tls = fetch->tls ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0; /* judge_peer checks it */
  struct lws_client_connect_info info = {
      .context = fetch->net->reactor->lws,
      .vhost = fetch->vhost,
      .address = address,
      .port = fetch->port,
      .ssl_connection = tls | LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
      .method = fetch->method,
      .path = fetch->target,
      .host = fetch->host_field,
      .alpn = "http/1.1",
      .local_protocol_name = "aui-fetch",
      .opaque_user_data = fetch,
      .pwsi = &fetch->wsi,
  };
  if (lws_client_connect_via_info(&info)) return;
  fetch->wsi = NULL;
  fail(fetch, AUI_ERROR_TRANSPORT, "libwebsockets could not open a connection");
}

static void on_resolved(void *owner) {
  aui_fetch *fetch = owner;
  fetch->at = AT_CONNECTION;
}

/* The connection has told which address works; libwebsockets' HTTP client wants to make its own. */
static void on_connected(void *owner, uv_os_sock_t socket) {
  aui_fetch *fetch = owner;
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  char address[NI_MAXHOST];
  fetch->dial = NULL;
  bool known = getpeername(socket, (struct sockaddr *)&peer, &size) == 0 &&
               getnameinfo((struct sockaddr *)&peer, size, address, sizeof address, NULL, 0, NI_NUMERICHOST) == 0;
  close(socket);
  if (known) {
    connect_to(fetch, address);
  } else {
    fail(fetch, AUI_ERROR_TRANSPORT, "the connection was cut before the request");
  }
}

static void on_dial_failed(void *owner, const char *cause) {
  aui_fetch *fetch = owner;
  fetch->dial = NULL;
  fail(fetch, AUI_ERROR_TRANSPORT, cause);
}

/* ---- For the host ---- */

static void destroy(aui_fetch *fetch) {
  free(fetch->host);
  free(fetch->method);
  free(fetch->target);
  free(fetch->host_field);
  free(fetch->headers);
  free(fetch->body);
  aui_buffer_free(&fetch->received);
  aui_error_clear(&fetch->error);
  free(fetch);
}

static bool check_limit(aui_net *net, const char *name, size_t size, size_t limit) {
  if (size <= limit) return true;
  snprintf(net->why, sizeof net->why, "%s: expected at most %zu bytes, got %zu", name, limit, size);
  return false;
}

static bool copy_request(aui_fetch *fetch, const aui_endpoint *endpoint, const aui_fetch_request *request) {
  fetch->host = strdup(endpoint->host);
  fetch->port = endpoint->port;
  fetch->method = strdup(request->method);
  fetch->target = strdup(request->target);
  fetch->host_field = strdup(request->host);
  fetch->headers = strdup(request->headers);
  fetch->body = malloc(LWS_PRE + request->body_len);
  fetch->timeout = request->timeout;
  fetch->max_body = request->max_body;
  if (!fetch->host || !fetch->method || !fetch->target || !fetch->host_field || !fetch->headers || !fetch->body) {
    return false;
  }
  fetch->body_len = request->body_len;
  if (request->body_len > 0) memcpy(fetch->body + LWS_PRE, request->body, request->body_len);
  return true;
}

/* Once everything is there. */
static void begin(aui_fetch *fetch) {
  static const aui_dial_events events = {on_resolved, on_connected, on_dial_failed};
  aui_net *net = fetch->net;
  uv_update_time(net->loop);
  uv_timer_init(net->loop, &fetch->timer);
  fetch->timer.data = fetch;
  aui_list_append(&net->fetches, &fetch->node);
  if (fetch->timeout != AUI_NEVER) uv_timer_start(&fetch->timer, on_deadline, fetch->timeout, 0);
  fetch->at = aui_dial_is_literal(fetch->host, NULL) ? AT_CONNECTION : AT_NAME;
  fetch->dial = aui_dial_start(net, &events, fetch, fetch->host, fetch->port);
  if (!fetch->dial) fail(fetch, AUI_ERROR_OVERFLOW, "out of memory");
  net->busy = true;
}

aui_fetch *aui_fetch_start(aui_net *net, const aui_endpoint *endpoint, const aui_fetch_request *request, uint64_t id,
                           const char **why) {
  *why = net->why;
  if (!check_limit(net, "target", strlen(request->target), AUI_FETCH_MAX_TARGET) ||
      !check_limit(net, "request_host", strlen(request->host), AUI_FETCH_MAX_HOST_FIELD) ||
      !check_limit(net, "headers", strlen(request->headers), AUI_FETCH_MAX_HEADERS)) {
    return NULL;
  }
  SSL_CTX *tls = NULL;
  if (endpoint->tls) {
    tls = aui_tls_contexts_get(&net->tls, endpoint->tls, aui_net_turn_time(net), net->why, sizeof net->why);
    if (!tls) return NULL;
  }
  snprintf(net->why, sizeof net->why, "out of memory");
  struct lws_vhost *vhost = tls ? aui_net_tls_vhost(net, tls) : net->reactor->vhost;
  if (!vhost) return NULL;
  aui_fetch *fetch = calloc(1, sizeof *fetch);
  if (!fetch) return NULL;
  fetch->net = net;
  fetch->tls = tls;
  fetch->vhost = vhost;
  fetch->ready.id = id;
  aui_list_init(&fetch->ready.node);
  if (!copy_request(fetch, endpoint, request)) {
    destroy(fetch);
    return NULL;
  }
  begin(fetch);
  return fetch;
}

const aui_fetch_answer *aui_fetch_get_answer(const aui_fetch *fetch) {
  return fetch->ended && fetch->error.kind == AUI_ERROR_NONE ? &fetch->answer : NULL;
}

const aui_error *aui_fetch_get_error(const aui_fetch *fetch) {
  return fetch->error.kind == AUI_ERROR_NONE ? NULL : &fetch->error;
}

/* Ends whatever is under way, and takes the fetch off the loop. */
static void leave(aui_fetch *fetch, const char *why, uv_close_cb on_left) {
  fail(fetch, AUI_ERROR_CANCELED, why);
  close_connection(&fetch->timer);
  aui_list_remove(&fetch->node);
  aui_list_remove(&fetch->ready.node);
  uv_close((uv_handle_t *)&fetch->timer, on_left);
}

static void on_released(uv_handle_t *handle) {
  destroy(handle->data);
}

void aui_fetch_release(aui_fetch *fetch) {
  if (fetch->net) {
    leave(fetch, "the fetch was given up", on_released);
  } else {
    destroy(fetch);
  }
}

void aui_fetch_kill(aui_fetch *fetch) {
  leave(fetch, "the loop was closed", NULL);
  fetch->net = NULL;
}

aui_fetch *aui_fetch_of_node(aui_node *node) {
  return lws_container_of(node, aui_fetch, node);
}
