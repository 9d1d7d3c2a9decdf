/* Fuzzes the reader of a proxy's answer. Input: a byte that says what the tunnel was asked with and how much of that
 * has left, then what the proxy sends. Read whole, byte by byte, and with bytes behind it, it must give the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/aui.h"

enum { WITH_CREDENTIALS = 1, ASKED = 2 };

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  aui_tunnel *tunnel;
  aui_tunnel_event event;
  size_t consumed;
} reading;

static void begin(reading *r, unsigned how) {
  const aui_tunnel_route route = {.proxy_host = "proxy",
                                  .proxy_port = 3128,
                                  .credentials = how & WITH_CREDENTIALS ? "ann:secret" : NULL,
                                  .host = "::1",
                                  .port = 443};
  size_t n;
  *r = (reading){.tunnel = aui_tunnel_new(&route)};
  check(r->tunnel);
  aui_tunnel_output(r->tunnel, &n);
  if (how & ASKED) aui_tunnel_written(r->tunnel, n);
}

/* Reads one slice, from memory of exactly its size. Returns false at a result. */
static bool read_slice(reading *r, const uint8_t *bytes, size_t n) {
  uint8_t *slice = malloc(n);
  check(slice || n == 0);
  if (n > 0) memcpy(slice, bytes, n);
  const uint8_t *input = slice, *end = n > 0 ? slice + n : slice;
  r->event = aui_tunnel_read(r->tunnel, &input, end);
  check(input >= slice && input <= end);
  check(r->event != AUI_TUNNEL_MORE || input == end);
  r->consumed += (size_t)(input - slice);
  free(slice);
  return r->event == AUI_TUNNEL_MORE;
}

static void check_error(const reading *r) {
  const aui_error *error = aui_tunnel_error(r->tunnel);
  check((r->event == AUI_TUNNEL_FAILED) == (error->kind == AUI_ERROR_TRANSPORT));
  check(r->event == AUI_TUNNEL_FAILED || error->kind == AUI_ERROR_NONE);
  check(r->consumed <= AUI_TUNNEL_MAX_HEAD);
}

static void check_equal(const reading *a, const reading *b) {
  const aui_error *x = aui_tunnel_error(a->tunnel), *y = aui_tunnel_error(b->tunnel);
  check(a->event == b->event && x->retryable == y->retryable && strcmp(x->message, y->message) == 0);
  check(a->event != AUI_TUNNEL_OPEN || a->consumed == b->consumed);
}

/* An answer that ends with its head is the same with bytes behind it. */
static void check_with_bytes_behind(const reading *whole, unsigned how, const uint8_t *bytes, size_t n) {
  static const uint8_t behind[] = "HTTP/1.1 101 Switching Protocols\r\n";
  if (whole->event != AUI_TUNNEL_OPEN) return;
  uint8_t *longer = malloc(n + sizeof behind);
  reading r;
  check(longer);
  memcpy(longer, bytes, n);
  memcpy(longer + n, behind, sizeof behind);
  begin(&r, how);
  check(!read_slice(&r, longer, n + sizeof behind));
  check_equal(whole, &r);
  aui_tunnel_free(r.tunnel);
  free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  const uint8_t *bytes = data + 1;
  size_t n = size - 1;
  reading whole, single;
  begin(&whole, data[0]);
  begin(&single, data[0]);
  read_slice(&whole, bytes, n);
  for (size_t i = 0; i < n && read_slice(&single, bytes + i, 1); i++) {
  }
  check_error(&whole);
  check_equal(&whole, &single);
  check_with_bytes_behind(&whole, data[0], bytes, n);
  if (whole.event == AUI_TUNNEL_MORE) aui_tunnel_cut(whole.tunnel, "reset");
  aui_tunnel_free(whole.tunnel);
  aui_tunnel_free(single.tunnel);
  return 0;
}
