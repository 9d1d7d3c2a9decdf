/* One HTTP request and its whole answer: what becomes of it, whatever the transport does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/aui.h"
#include "engine/deadline.h"
#include "engine/failure.h"
#include "engine/http.h"
#include "engine/retry_after.h"

enum { MAX_CHUNK_FRAMING = 16 * 1024 }; /* bytes */

struct aui_exchange {
  aui_buffer request;
  size_t sent;     /* bytes of it that have left on this connection */
  bool has_left;   /* some have, on this one or an earlier */
  bool may_repeat; /* the server may act on it twice */
  aui_http_limits limits;
  size_t max_body;
  uint64_t timeout;
  uint64_t begin;
  uint64_t deadline;
  int64_t unix_time; /* at `begin` */

  enum { WANTED, OPENING, OPEN, DROPPING, GONE } transport;
  bool adopted;
  aui_phase phase;
  char *proxy; /* NULL: none */
  bool is_plain;

  aui_http http;
  bool has_head; /* of the answer */
  bool reusable; /* the transport, behind the answer */
  bool over;
  aui_answer answer;
  aui_error error; /* kind NONE: there is an answer, or may be */
};

/* ---- The end ---- */

static void exchange_fail(aui_exchange *exchange) {
  exchange->error.delivered = exchange->has_left ? AUI_DELIVERED_MAYBE : AUI_DELIVERED_NO;
  exchange->over = true;
  aui_buffer_free(&exchange->answer.body);
  aui_buffer_free(&exchange->request);
}

static void run_out_of_memory(aui_exchange *exchange) {
  aui_failure_out_of_memory(&exchange->error);
  exchange_fail(exchange);
}

/* `left`: how many bytes are behind the answer. */
static void exchange_succeed(aui_exchange *exchange, size_t left) {
  bool all_sent = exchange->sent == exchange->request.len;
  exchange->reusable = exchange->http.keep_alive && left == 0 && all_sent;
  exchange->over = true;
  aui_buffer_free(&exchange->request);
}

/* ---- The answer ---- */

static void exchange_take_field(aui_exchange *exchange, uint64_t now) {
  const aui_http *http = &exchange->http;
  if (!aui_span_equals(http->name, "retry-after")) return;
  int64_t date = exchange->unix_time < 0 ? -1 : exchange->unix_time + (int64_t)((now - exchange->begin) / 1000);
  exchange->answer.retry_after = aui_retry_after_read(http->value.at, http->value.len, date);
}

static void fail_over_limit(aui_exchange *exchange) {
  aui_failure_of_long_body(&exchange->error, exchange->max_body);
  exchange_fail(exchange);
}

static void exchange_take_head(aui_exchange *exchange) {
  const aui_http *http = &exchange->http;
  exchange->has_head = true;
  exchange->answer.status = http->status;
  if (http->status == AUI_HTTP_SWITCHING_PROTOCOLS) {
    aui_failure_of_switching(&exchange->error);
    exchange_fail(exchange);
  }
}

static void take_body(aui_exchange *exchange) {
  aui_buffer *body = &exchange->answer.body;
  aui_span piece = exchange->http.piece;
  if (piece.len > exchange->max_body - body->len) {
    fail_over_limit(exchange);
  } else if (!aui_buffer_append(body, piece.at, piece.len)) {
    run_out_of_memory(exchange);
  }
}

/* Waits for nothing that would not be taken: the server says how long a body or a chunk is before it comes. */
static void check_announced(aui_exchange *exchange) {
  if (exchange->http.left > exchange->max_body - exchange->answer.body.len) fail_over_limit(exchange);
}

/* Returns false when all input is used. */
static bool read_event(aui_exchange *exchange, const uint8_t **input, const uint8_t *end, uint64_t now) {
  aui_http_event event = aui_http_read(&exchange->http, input, end);
  switch (event) {
    case AUI_HTTP_NEED_MORE: break;
    case AUI_HTTP_FIELD: exchange_take_field(exchange, now); break;
    case AUI_HTTP_HEAD: exchange_take_head(exchange); break;
    case AUI_HTTP_BODY: take_body(exchange); break;
    case AUI_HTTP_END: exchange_succeed(exchange, (size_t)(end - *input)); break;
    default: aui_failure_of_http(&exchange->error, &exchange->http, event); exchange_fail(exchange);
  }
  if (!exchange->over) check_announced(exchange);
  return event != AUI_HTTP_NEED_MORE;
}

/* Returns whether what has come may be an answer: before the request nothing is (RFC 9112, 9.2). */
static bool expects_answer(aui_exchange *exchange) {
  if (exchange->sent > 0) return true;
  if (exchange->adopted) {
    exchange->transport = DROPPING; /* it is a word to the exchange before */
  } else {
    aui_failure_of_early_answer(&exchange->error);
    exchange_fail(exchange);
  }
  return false;
}

void aui_exchange_receive(aui_exchange *exchange, const void *bytes, size_t n, uint64_t now) {
  if (exchange->transport != OPEN || n == 0) return;
  if (exchange->over) exchange->reusable = false;
  if (exchange->over || !expects_answer(exchange)) return;
  const uint8_t *input = bytes, *end = input + n;
  while (!exchange->over && read_event(exchange, &input, end, now)) {
  }
}

/* ---- The transport ---- */

aui_want aui_exchange_want(const aui_exchange *exchange) {
  switch (exchange->transport) {
    case WANTED: return exchange->over ? AUI_WANT_NOTHING : AUI_WANT_CONNECT;
    case OPENING:
    case OPEN: return exchange->over ? AUI_WANT_DISCONNECT : AUI_WANT_NOTHING;
    case DROPPING: return AUI_WANT_DISCONNECT;
    default: return AUI_WANT_NOTHING;
  }
}

void aui_exchange_phase(aui_exchange *exchange, aui_phase phase) {
  exchange->transport = OPENING;
  exchange->phase = phase;
}

static void exchange_open(aui_exchange *exchange, bool adopted) {
  exchange->transport = OPEN;
  exchange->adopted = adopted;
  exchange->sent = 0;
  aui_http_free(&exchange->http);
  aui_http_begin(&exchange->http, &exchange->limits);
}

void aui_exchange_connected(aui_exchange *exchange) {
  exchange_open(exchange, false);
}

void aui_exchange_adopted(aui_exchange *exchange) {
  exchange_open(exchange, true);
}

const void *aui_exchange_output(const aui_exchange *exchange, size_t *n) {
  bool open = exchange->transport == OPEN && !exchange->over;
  *n = open ? exchange->request.len - exchange->sent : 0;
  return *n > 0 ? exchange->request.data + exchange->sent : NULL;
}

void aui_exchange_written(aui_exchange *exchange, size_t n) {
  if (exchange->transport != OPEN || n == 0) return;
  exchange->sent += n;
  exchange->has_left = true;
}

static aui_exchange_progress progress_of(const aui_exchange *exchange) {
  if (exchange->transport != OPEN) return AUI_EXCHANGE_OPENING;
  return exchange->has_head ? AUI_EXCHANGE_READING : AUI_EXCHANGE_ASKING;
}

/* Whether the connection ended because nobody used it for a while, and another may take the request. */
static bool was_stale(const aui_exchange *exchange) {
  bool unread = exchange->sent == 0 || exchange->may_repeat;
  return exchange->adopted && unread && aui_http_is_untouched(&exchange->http);
}

static void exchange_transport_gone(aui_exchange *exchange, const char *cause, bool retryable) {
  aui_exchange_progress progress = progress_of(exchange);
  bool complete = progress == AUI_EXCHANGE_READING && aui_http_ends_with_connection(&exchange->http);
  if (!cause && complete) {
    exchange_succeed(exchange, 0);
  } else if (progress == AUI_EXCHANGE_OPENING) {
    aui_failure_of_opening(&exchange->error, exchange->phase, cause, retryable);
    exchange_fail(exchange);
  } else {
    aui_failure_of_exchange_cut(&exchange->error, progress, cause, retryable);
    bool is_silent = !exchange->adopted && aui_http_is_untouched(&exchange->http);
    if (exchange->is_plain && is_silent) aui_failure_ask_for_tls(&exchange->error);
    exchange_fail(exchange);
  }
}

void aui_exchange_disconnected(aui_exchange *exchange, const char *cause, bool retryable) {
  bool again = exchange->transport == DROPPING || (exchange->transport == OPEN && was_stale(exchange));
  if (!exchange->over && !again) exchange_transport_gone(exchange, cause, retryable);
  exchange->transport = exchange->over ? GONE : WANTED;
  exchange->phase = AUI_PHASE_CONNECT;
}

bool aui_exchange_may_detach(const aui_exchange *exchange) {
  return exchange->transport == OPEN && exchange->reusable;
}

void aui_exchange_detach(aui_exchange *exchange) {
  exchange->transport = GONE;
}

/* ---- Time ---- */

uint64_t aui_exchange_deadline(const aui_exchange *exchange) {
  return exchange->over ? AUI_NEVER : exchange->deadline;
}

void aui_exchange_tick(aui_exchange *exchange, uint64_t now) {
  if (now < aui_exchange_deadline(exchange)) return;
  aui_failure_of_exchange_timeout(&exchange->error, progress_of(exchange), exchange->phase, exchange->proxy,
                                  exchange->timeout);
  exchange_fail(exchange);
}

/* ---- For users ---- */

static bool exchange_write_request(aui_buffer *out, const aui_exchange_request *request) {
  char fields[64] = "";
  bool has_content = strcmp(request->method, "GET") != 0;
  if (has_content) snprintf(fields, sizeof fields, "Content-Length: %zu\r\n", request->body_len);
  return aui_http_write_request(out, request->method, &request->head, fields) &&
         aui_buffer_append(out, request->body, request->body_len);
}

aui_exchange *aui_exchange_new(const aui_exchange_request *request, uint64_t now) {
  aui_exchange *exchange = calloc(1, sizeof *exchange);
  if (!exchange) return NULL;
  exchange->may_repeat = strcmp(request->method, "GET") == 0;
  exchange->limits = (aui_http_limits){request->max_response_head, MAX_CHUNK_FRAMING};
  exchange->max_body = request->max_body;
  exchange->timeout = request->timeout;
  exchange->begin = now;
  exchange->deadline = aui_deadline_after(now, request->timeout);
  exchange->unix_time = request->unix_time;
  exchange->phase = AUI_PHASE_CONNECT;
  exchange->answer.retry_after = -1;
  exchange->is_plain = request->is_plain;
  exchange->proxy = request->proxy ? strdup(request->proxy) : NULL;
  bool has_proxy = exchange->proxy || !request->proxy;
  if (has_proxy && exchange_write_request(&exchange->request, request)) return exchange;
  aui_exchange_free(exchange);
  return NULL;
}

void aui_exchange_free(aui_exchange *exchange) {
  if (!exchange) return;
  aui_buffer_free(&exchange->request);
  aui_http_free(&exchange->http);
  aui_buffer_free(&exchange->answer.body);
  aui_error_clear(&exchange->error);
  free(exchange->proxy);
  free(exchange);
}

void aui_exchange_cancel(aui_exchange *exchange, const char *why) {
  if (exchange->over) return;
  aui_error_set(&exchange->error, AUI_ERROR_CANCELED, "%s", why);
  exchange_fail(exchange);
}

bool aui_exchange_is_over(const aui_exchange *exchange) {
  return exchange->over;
}

const aui_answer *aui_exchange_get_answer(const aui_exchange *exchange) {
  return exchange->over && exchange->error.kind == AUI_ERROR_NONE ? &exchange->answer : NULL;
}

const aui_error *aui_exchange_get_error(const aui_exchange *exchange) {
  return exchange->error.kind == AUI_ERROR_NONE ? NULL : &exchange->error;
}
