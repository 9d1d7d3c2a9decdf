/* Fuzzes an exchange: whatever a driver does in whatever order, and whatever the server sends, it ends once, in an
 * answer or in an error, and wants nothing any more then. Input: what happens, a byte each; for what the server sends,
 * the number of bytes behind. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/aui.h"

enum { MAX_BODY = 64, TIMEOUT = 100 };

typedef struct {
  const uint8_t *data;
  size_t size;
} input;

typedef struct {
  aui_exchange *exchange;
  uint64_t now;
  bool up;      /* there is a transport, */
  bool opening; /* which is not open yet */
  bool left;    /* some of the request has */
} driver;

static void check(bool holds) {
  if (!holds) abort();
}

static uint8_t take(input *in) {
  if (in->size == 0) return 0;
  in->size--;
  return *in->data++;
}

static void check_state(const driver *d) {
  const aui_answer *answer = aui_exchange_get_answer(d->exchange);
  const aui_error *error = aui_exchange_get_error(d->exchange);
  size_t n;
  const void *output = aui_exchange_output(d->exchange, &n);
  check((output != NULL) == (n > 0));
  check(aui_exchange_is_over(d->exchange) == (answer || error));
  check(!answer || !error);
  if (answer) check(answer->status >= 200 && answer->status <= 999 && answer->body.len <= MAX_BODY);
  if (answer) check(answer->retry_after >= -1 && d->left);
  if (error) check(*error->message && error->kind != AUI_ERROR_NONE);
  if (error) check(error->delivered == (d->left ? AUI_DELIVERED_MAYBE : AUI_DELIVERED_NO));
  if (answer || error) check(n == 0 && aui_exchange_deadline(d->exchange) == AUI_NEVER);
  if (aui_exchange_may_detach(d->exchange)) check(answer && d->up);
}

/* A new connection, or one that another exchange has left. */
static void connect_transport(driver *d, uint8_t how) {
  d->up = true;
  d->opening = how & 4;
  aui_exchange_phase(d->exchange, how & 2 ? AUI_PHASE_RESOLVE : AUI_PHASE_TLS);
  if (d->opening) return;
  if (how & 1) {
    aui_exchange_adopted(d->exchange);
  } else {
    aui_exchange_connected(d->exchange);
  }
}

static void disconnect_transport(driver *d) {
  d->up = false;
  if (aui_exchange_may_detach(d->exchange)) {
    aui_exchange_detach(d->exchange);
  } else {
    aui_exchange_disconnected(d->exchange, NULL, true);
  }
}

static void do_what_it_wants(driver *d, input *in) {
  for (int i = 0; i < 4; i++) {
    switch (aui_exchange_want(d->exchange)) {
      case AUI_WANT_NOTHING: return;
      case AUI_WANT_CONNECT:
        check(!d->up);
        connect_transport(d, take(in));
        break;
      case AUI_WANT_DISCONNECT:
        check(d->up);
        disconnect_transport(d);
        break;
    }
  }
}

static void write_some(driver *d, uint8_t most) {
  size_t n;
  aui_exchange_output(d->exchange, &n);
  if (n > most) n = most;
  aui_exchange_written(d->exchange, n);
  if (n > 0) d->left = true;
}

static void receive(driver *d, input *in) {
  size_t n = take(in);
  if (n > in->size) n = in->size;
  uint8_t *bytes = malloc(n);
  check(bytes || n == 0);
  if (n > 0) memcpy(bytes, in->data, n);
  in->data += n;
  in->size -= n;
  aui_exchange_receive(d->exchange, bytes, n, d->now);
  free(bytes);
}

static void happen(driver *d, input *in) {
  uint8_t what = take(in);
  switch (what % 8) {
    case 0:
    case 1: receive(d, in); break;
    case 2: write_some(d, what); break;
    case 3: write_some(d, UINT8_MAX); break;
    case 4:
      if (d->up) aui_exchange_disconnected(d->exchange, what & 8 ? "cut" : NULL, what & 16);
      d->up = false;
      break;
    case 5:
      d->now += what;
      aui_exchange_tick(d->exchange, d->now);
      break;
    case 6:
      if (d->up && d->opening) aui_exchange_connected(d->exchange);
      d->opening = false;
      break;
    default:
      if (what == UINT8_MAX) aui_exchange_cancel(d->exchange, "nobody waits");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, size};
  uint8_t kind = take(&in);
  const aui_exchange_request request = {.method = kind & 1 ? "POST" : "GET",
                                        .head = {.host = "h", .target = "/", .headers = ""},
                                        .body = "body",
                                        .body_len = kind & 1 ? 4 : 0,
                                        .timeout = TIMEOUT,
                                        .max_response_head = 500,
                                        .max_body = MAX_BODY,
                                        .unix_time = kind & 2 ? 784111777 : -1};
  driver d = {.exchange = aui_exchange_new(&request, 0)};
  check(d.exchange);
  do_what_it_wants(&d, &in);
  while (in.size > 0) {
    happen(&d, &in);
    check_state(&d);
    do_what_it_wants(&d, &in);
    check_state(&d);
  }
  aui_exchange_tick(d.exchange, d.now + TIMEOUT);
  check(aui_exchange_is_over(d.exchange));
  check_state(&d);
  do_what_it_wants(&d, &in);
  check(aui_exchange_want(d.exchange) == AUI_WANT_NOTHING);
  aui_exchange_free(d.exchange);
  return 0;
}
