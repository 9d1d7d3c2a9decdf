/* Fuzzes the inflation of a server's messages. Input: a byte for what was agreed, one that seeds the slicing, one for
 * the limit of a message, then messages, each behind a byte with its length. Whole, sliced, and with rests between the
 * messages they must give the same; and what zlib compresses must come out as it was. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "engine/buffer.h"
#include "engine/deflate.h"

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  aui_deflate deflate;
  aui_deflate_result result;
  uint64_t limit;
  bool rests;
  aui_buffer text; /* of all messages, each ended by a zero */
  uint64_t length; /* of the present one */
} reading;

static void begin(reading *r, const aui_extension *agreed, uint64_t limit, bool rests) {
  *r = (reading){.limit = limit, .rests = rests};
  aui_deflate_begin(&r->deflate, agreed);
}

static void end(reading *r) {
  aui_deflate_free(&r->deflate);
  aui_buffer_free(&r->text);
}

static void note(reading *r, const aui_deflate_piece *piece) {
  check(piece->len > 0 || piece->last);
  check(aui_buffer_append(&r->text, piece->data, piece->len));
  r->length += piece->len;
  check(r->length <= r->limit);
  if (!piece->last) return;
  check(aui_buffer_append(&r->text, "", 1));
  r->length = 0;
}

/* Reads one slice, from memory of exactly its size. False at an error. */
static bool read_slice(reading *r, const uint8_t *bytes, size_t n, bool last) {
  uint8_t *slice = malloc(n > 0 ? n : 1);
  check(slice != NULL);
  if (n > 0) memcpy(slice, bytes, n);
  aui_deflate_piece piece = {0};
  aui_deflate_feed(&r->deflate, slice, n, last);
  while ((r->result = aui_deflate_read(&r->deflate, r->limit, &piece)) == AUI_DEFLATE_PIECE) note(r, &piece);
  check(r->result != AUI_DEFLATE_NO_MEMORY);
  if (r->result == AUI_DEFLATE_NEED_MORE) check(piece.last == last && !aui_deflate_is_pending(&r->deflate));
  free(slice);
  if (r->rests) aui_deflate_rest(&r->deflate);
  return r->result == AUI_DEFLATE_NEED_MORE;
}

/* Slices of no byte, too. */
static bool read_sliced(reading *r, const uint8_t *bytes, size_t n, uint32_t *seed) {
  for (;;) {
    *seed = *seed * 1664525 + 1013904223;
    size_t size = (*seed >> 16) % (*seed >> 31 ? 4 : 40);
    if (size >= n) return read_slice(r, bytes, n, true);
    if (!read_slice(r, bytes, size, false)) return false;
    bytes += size;
    n -= size;
  }
}

/* Of a message that is both broken and too big, the slices say which of the two is seen, and how much comes before. */
static void check_equal(const reading *a, const reading *b) {
  check((a->result < 0) == (b->result < 0));
  if (a->result < 0) return;
  check(a->text.len == b->text.len && (a->text.len == 0 || memcmp(a->text.data, b->text.data, a->text.len) == 0));
}

static void check_messages(const uint8_t *data, size_t size, const aui_extension *agreed, uint64_t limit,
                           uint32_t seed) {
  reading whole, sliced, resting;
  begin(&whole, agreed, limit, false);
  begin(&sliced, agreed, limit, false);
  begin(&resting, agreed, limit, true);
  bool ok = true;
  while (size > 0 && ok) {
    size_t n = *data++;
    size--;
    if (n > size) n = size;
    ok = read_slice(&whole, data, n, true);
    read_sliced(&sliced, data, n, &seed);
    read_slice(&resting, data, n, true);
    check_equal(&whole, &sliced);
    check_equal(&whole, &resting);
    data += n;
    size -= n;
  }
  end(&whole);
  end(&sliced);
  end(&resting);
}

/* The same text twice, so that the second message refers to the first where it may. */
static void check_round_trip(const uint8_t *text, size_t n, const aui_extension *agreed, uint32_t seed) {
  z_stream stream = {0};
  reading r;
  aui_buffer out = {0};
  if (n == 0) return;
  int bits = agreed->window_bits < 9 ? 9 : agreed->window_bits;
  check(deflateInit2(&stream, (int)(seed % 10), Z_DEFLATED, -bits, 1 + (int)(seed % 9), (int)(seed % 5)) == Z_OK);
  check(aui_buffer_reserve(&out, 2 * n + 1000));
  begin(&r, agreed, n, seed % 2);
  for (int i = 0; i < 2; i++) {
    if (!agreed->takeover) deflateReset(&stream);
    stream.next_in = (uint8_t *)text;
    stream.avail_in = (unsigned)n;
    stream.next_out = (uint8_t *)out.data;
    stream.avail_out = (unsigned)out.cap;
    check(deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_out > 0);
    r.text.len = 0;
    check(read_sliced(&r, (uint8_t *)out.data, out.cap - stream.avail_out - 4, &seed));
    check(r.text.len == n + 1 && memcmp(r.text.data, text, n) == 0);
  }
  deflateEnd(&stream);
  aui_buffer_free(&out);
  end(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  const aui_extension agreed = {.deflate = true, .takeover = data[0] & 8, .window_bits = (uint8_t)(8 + (data[0] & 7))};
  check_messages(data + 3, size - 3, &agreed, data[2] == 0xFF ? 1 << 20 : 64 * (uint64_t)data[2], data[1]);
  check_round_trip(data + 3, size - 3, &agreed, data[1]);
  return 0;
}
