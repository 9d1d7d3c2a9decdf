/* Fuzzes the reader of the handshake's answer. Input: a byte for the limit of the head, a byte that seeds the slicing,
 * then what the server sends; every second limit goes with an offer of compression. Sliced and whole input must give
 * the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/handshake.h"

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  aui_handshake handshake;
  aui_handshake_result result;
  size_t consumed;
} reading;

static void begin(reading *r, size_t max_head) {
  const aui_handshake_offer offer = {.compression = max_head % 4 == 0};
  aui_buffer out = {0};
  const aui_request request = {.host = "localhost", .target = "/", .headers = ""};
  *r = (reading){0};
  check(aui_handshake_begin(&r->handshake, &out, &request, &offer, (const uint8_t *)"the sample nonce", max_head));
  aui_buffer_free(&out);
}

/* Reads one slice, from memory of exactly its size. Returns false at a result. */
static bool read_slice(reading *r, const uint8_t *bytes, size_t n) {
  uint8_t *slice = malloc(n);
  check(slice || n == 0);
  if (n > 0) memcpy(slice, bytes, n);
  const uint8_t *input = slice, *end = n > 0 ? slice + n : slice;
  r->result = aui_handshake_read(&r->handshake, &input, end);
  check(input >= slice && input <= end);
  check(r->result != AUI_HANDSHAKE_NEED_MORE || input == end);
  r->consumed += (size_t)(input - slice);
  free(slice);
  return r->result == AUI_HANDSHAKE_NEED_MORE;
}

static void read_sliced(reading *r, const uint8_t *bytes, size_t n, uint32_t seed) {
  while (n > 0) {
    seed = seed * 1664525 + 1013904223;
    size_t size = 1 + (seed >> 16) % (seed >> 31 ? 4 : 40);
    if (size > n) size = n;
    if (!read_slice(r, bytes, size)) return;
    bytes += size;
    n -= size;
  }
}

static void check_invariants(const reading *r) {
  const aui_handshake *h = &r->handshake;
  check(r->result != AUI_HANDSHAKE_NO_MEMORY);
  check(h->body.len <= AUI_HANDSHAKE_MAX_BODY);
  check(h->retry_after >= -1 && h->retry_after <= INT32_MAX);
  check(h->http.status == 0 || (h->http.status >= 100 && h->http.status <= 999));
  if (r->result == AUI_HANDSHAKE_ACCEPTED) check(h->http.status == 101 && h->body.len == 0);
  if (h->extension.deflate)
    check(h->offer.compression && h->extension.window_bits >= 8 && h->extension.window_bits <= 15);
  if (r->result == AUI_HANDSHAKE_REFUSED) check(h->http.status >= 200);
  if (r->result == AUI_HANDSHAKE_NEED_MORE)
    check((aui_handshake_eof(h) == AUI_HANDSHAKE_NEED_MORE) == (r->consumed == 0));
}

static void check_equal(const reading *a, const reading *b) {
  check(a->result == b->result);
  if (a->result < 0) return; /* the rest means nothing then */
  const aui_handshake *x = &a->handshake, *y = &b->handshake;
  check(a->consumed == b->consumed);
  check(memcmp(&x->extension, &y->extension, sizeof x->extension) == 0);
  check(x->http.status == y->http.status && x->retry_after == y->retry_after && x->body.len == y->body.len);
  check(x->body.len == 0 || memcmp(x->body.data, y->body.data, x->body.len) == 0);
  check(aui_handshake_eof(x) == aui_handshake_eof(y));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  size_t max_head = data[0] == 0xFF ? 16 * 1024 : 2 * (size_t)data[0];
  reading whole, sliced;
  begin(&whole, max_head);
  begin(&sliced, max_head);
  read_slice(&whole, data + 2, size - 2);
  read_sliced(&sliced, data + 2, size - 2, data[1]);
  check_invariants(&whole);
  check_equal(&whole, &sliced);
  aui_handshake_free(&whole.handshake);
  aui_handshake_free(&sliced.handshake);
  return 0;
}
