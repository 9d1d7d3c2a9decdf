/* Messages that a server compressed: RFC 7692's own examples, what zlib makes with every window, with and without
 * takeover, however it is sliced, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "engine/buffer.h"
#include "engine/deflate.h"
#include "support.h"

#define BYTES(literal) literal, sizeof literal - 1
#define COUNT(array) (sizeof array / sizeof *array)

enum { LIMIT = 1 << 20 };

/* ---- reading ---- */

typedef struct {
  aui_deflate deflate;
  aui_buffer message; /* that is under way, or was the last one */
  uint64_t limit;
  size_t messages, pieces;
  aui_deflate_result result;
} reading;

static reading begin(aui_extension agreed) {
  reading r = {.limit = LIMIT};
  agreed.deflate = true;
  aui_deflate_begin(&r.deflate, &agreed);
  return r;
}

static void end(reading *r) {
  aui_deflate_free(&r->deflate);
  aui_buffer_free(&r->message);
}

static void take_piece(reading *r, const aui_deflate_piece *piece) {
  assert_true(piece->len > 0 || piece->last);
  assert_true(aui_buffer_append(&r->message, piece->data, piece->len));
  r->messages += piece->last;
  r->pieces++;
}

/* False at an error. */
static bool read_all(reading *r, const uint8_t *bytes, size_t n, bool last) {
  aui_deflate_piece piece;
  size_t messages = r->messages;
  aui_deflate_feed(&r->deflate, bytes, n, last);
  while ((r->result = aui_deflate_read(&r->deflate, r->limit, &piece)) == AUI_DEFLATE_PIECE) {
    take_piece(r, &piece);
  }
  assert_false(r->result == AUI_DEFLATE_NEED_MORE && aui_deflate_is_pending(&r->deflate));
  if (r->result == AUI_DEFLATE_NEED_MORE) assert_int_equal(r->messages - messages, last);
  return r->result == AUI_DEFLATE_NEED_MORE;
}

/* The slices of one message. */
typedef struct {
  reading *reading;
  size_t left;
} slices;

static bool read_slice(void *context, const uint8_t *bytes, size_t n) {
  slices *s = context;
  s->left -= n;
  return read_all(s->reading, bytes, n, s->left == 0);
}

static bool read_message(reading *r, feed_way way, const void *bytes, size_t n) {
  slices s = {r, n};
  r->message.len = 0;
  if (n == 0) return read_slice(&s, bytes, n);
  return feed(way, bytes, n, read_slice, &s);
}

static void assert_message(const reading *r, const void *expected, size_t n) {
  assert_int_equal(r->result, AUI_DEFLATE_NEED_MORE);
  assert_int_equal(r->message.len, n);
  if (n > 0) assert_memory_equal(r->message.data, expected, n);
}

static const aui_extension takeover = {.takeover = true, .window_bits = 15};
static const aui_extension no_takeover = {.takeover = false, .window_bits = 15};

/* ---- RFC 7692 ---- */

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

static void the_examples_of_the_rfc(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
    const char *text;
  } examples[] = {
      {BYTES(HELLO), "Hello"},                                                  /* 7.2.3.1 */
      {BYTES("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello"},         /* 7.2.3.3: without compression */
      {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello"},                     /* 7.2.3.4: a final block */
      {BYTES("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello"}, /* 7.2.3.5: two blocks */
      {BYTES("\x00"), ""},                                                      /* 7.2.3.6 */
      {BYTES(""), ""},                                                          /* some send no byte at all then, */
      {BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello"},                         /* or none behind a final block */
  };
  for (size_t i = 0; i < COUNT(examples); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = begin(i % 2 ? takeover : no_takeover);
      for (int n = 0; n < 3; n++) {
        assert_true(read_message(&r, way, examples[i].bytes, examples[i].n));
        assert_message(&r, examples[i].text, strlen(examples[i].text));
      }
      end(&r);
    }
  }
}

/* 7.2.3.2: the second message is nothing but a reference to the first. */
static void the_window_goes_on_where_that_was_agreed(void **state) {
  (void)state;
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = begin(takeover);
    assert_true(read_message(&r, way, BYTES(HELLO)));
    assert_message(&r, BYTES("Hello"));
    assert_true(read_message(&r, way, BYTES("\xf2\x00\x11\x00\x00")));
    assert_message(&r, BYTES("Hello"));
    end(&r);
    r = begin(no_takeover);
    assert_true(read_message(&r, way, BYTES(HELLO)));
    assert_false(read_message(&r, way, BYTES("\xf2\x00\x11\x00\x00")));
    assert_int_equal(r.result, AUI_DEFLATE_BAD_DATA);
    end(&r);
  }
}

static void the_window_outlives_a_final_block_and_an_empty_message(void **state) {
  (void)state;
  reading r = begin(takeover);
  assert_true(read_message(&r, FEED_WHOLE, BYTES("\xf3\x48\xcd\xc9\xc9\x07\x00\x00")));
  assert_true(read_message(&r, FEED_WHOLE, "", 0));
  assert_message(&r, "", 0);
  assert_true(read_message(&r, FEED_WHOLE, BYTES("\xf2\x00\x11\x00\x00")));
  assert_message(&r, BYTES("Hello"));
  assert_int_equal(r.messages, 3);
  end(&r);
}

/* The slices of a message may be empty, as fragments may. */
static void slices_may_be_empty(void **state) {
  (void)state;
  reading r = begin(no_takeover);
  assert_true(read_all(&r, (const uint8_t *)"", 0, false));
  assert_true(read_all(&r, (const uint8_t *)HELLO, 3, false));
  assert_true(read_all(&r, (const uint8_t *)"", 0, false));
  assert_true(read_all(&r, (const uint8_t *)HELLO + 3, 4, false));
  assert_int_equal(r.messages, 0);
  assert_true(read_all(&r, (const uint8_t *)"", 0, true));
  assert_message(&r, BYTES("Hello"));
  end(&r);
}

/* ---- what zlib makes ---- */

/* A server's compressor. */
typedef struct {
  z_stream stream;
  bool takeover;
} compressor;

static void begin_compressing(compressor *c, aui_extension agreed) {
  *c = (compressor){.takeover = agreed.takeover};
  int bits = agreed.window_bits < 9 ? 9 : agreed.window_bits; /* zlib can do no less, and has servers do so, too */
  assert_int_equal(deflateInit2(&c->stream, 6, Z_DEFLATED, -bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
}

static void compress_message(compressor *c, const char *text, size_t n, aui_buffer *out) {
  if (!c->takeover) deflateReset(&c->stream);
  out->len = 0;
  assert_true(aui_buffer_reserve(out, n + n / 8 + 64));
  c->stream.next_in = (unsigned char *)text;
  c->stream.avail_in = (unsigned)n;
  c->stream.next_out = (unsigned char *)out->data;
  c->stream.avail_out = (unsigned)out->cap;
  assert_int_equal(deflate(&c->stream, Z_SYNC_FLUSH), Z_OK);
  assert_true(c->stream.avail_out > 0);
  out->len = out->cap - c->stream.avail_out - 4;
  assert_memory_equal(out->data + out->len, "\0\0\xff\xff", 4);
}

/* Cumulative updates whose text is now and then of no use to a compressor; the longest has more than a window. */
static size_t write_update(char *room, int number) {
  uint32_t random = 1;
  size_t n = (size_t)number * number * 9;
  for (size_t i = 0; i < n; i++) {
    random = random * 1664525 + 1013904223;
    room[i] = (char)(i % 300 < 200 ? random >> 24 : 'a' + i % 7);
  }
  return n;
}

static void every_window_is_followed(aui_extension agreed, bool rests, feed_way way) {
  static char text[1 << 17];
  reading r = begin(agreed);
  compressor c;
  begin_compressing(&c, agreed);
  aui_buffer compressed = {0};
  for (int i = 0; i <= 100; i += 10) {
    size_t n = write_update(text, i);
    if (n == 0) continue; /* zlib flushes nothing twice */
    compress_message(&c, text, n, &compressed);
    assert_true(read_message(&r, way, compressed.data, compressed.len));
    assert_message(&r, text, n);
    if (!rests) continue;
    aui_deflate_rest(&r.deflate);
    assert_null(r.deflate.inflater);
  }
  assert_int_equal(r.messages, 10);
  aui_buffer_free(&compressed);
  deflateEnd(&c.stream);
  end(&r);
}

static void windows_of_every_size(void **state) {
  (void)state;
  for (uint8_t bits = 8; bits <= 15; bits++) {
    every_window_is_followed((aui_extension){.takeover = true, .window_bits = bits}, false, FEED_WHOLE);
    every_window_is_followed((aui_extension){.takeover = true, .window_bits = bits}, true, FEED_WHOLE);
    every_window_is_followed((aui_extension){.takeover = false, .window_bits = bits}, true, FEED_BEFORE);
  }
  every_window_is_followed(takeover, true, FEED_BYTES);
}

static void nothing_rests_in_the_middle_of_a_message(void **state) {
  (void)state;
  reading r = begin(takeover);
  for (size_t i = 0; i < 6; i++) {
    assert_true(read_all(&r, (const uint8_t *)HELLO + i, 1, false));
    aui_deflate_rest(&r.deflate);
  }
  assert_true(read_all(&r, (const uint8_t *)HELLO + 6, 1, true));
  assert_message(&r, BYTES("Hello"));
  end(&r);
}

/* ---- what is refused ---- */

/* The bomb is of zeros, a thousand times as many as it has bytes. */
static void a_bomb_is_too_big(void **state) {
  (void)state;
  enum { SIZE = 4 << 20 };
  char *zeros = calloc(1, SIZE);
  assert_non_null(zeros);
  compressor c;
  begin_compressing(&c, takeover);
  aui_buffer bomb = {0};
  compress_message(&c, zeros, SIZE, &bomb);
  assert_true(bomb.len < SIZE / 900);
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = begin(takeover);
    assert_false(read_message(&r, way, bomb.data, bomb.len));
    assert_int_equal(r.result, AUI_DEFLATE_TOO_BIG);
    assert_int_equal(aui_deflate_close_code(r.result), 1009);
    assert_true(r.message.len <= LIMIT); /* and nothing beyond was shown */
    end(&r);
  }
  aui_buffer_free(&bomb);
  deflateEnd(&c.stream);
  free(zeros);
}

static void the_limit_is_of_one_message(void **state) {
  (void)state;
  for (uint64_t limit = 4; limit <= 5; limit++) {
    reading r = begin(takeover);
    r.limit = limit;
    for (int i = 0; i < 3 && r.result == AUI_DEFLATE_NEED_MORE; i++) read_message(&r, FEED_WHOLE, BYTES(HELLO));
    assert_int_equal(r.result, limit == 4 ? AUI_DEFLATE_TOO_BIG : AUI_DEFLATE_NEED_MORE);
    assert_int_equal(r.messages, limit == 4 ? 0 : 3);
    end(&r);
  }
}

/* Whatever is cut off a message: its end, but for the last byte, is in the middle of a block. */
static void a_message_that_breaks_off_is_refused(void **state) {
  (void)state;
  static const char two[] = "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
  for (size_t n = 1; n < sizeof two - 2; n++) {
    if (n == 4) continue; /* behind the first block */
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = begin(takeover);
      bool ok = read_message(&r, way, two, n);
      if (ok || r.result != AUI_DEFLATE_BAD_DATA) fail_msg("%zu bytes give %d", n, r.result);
      assert_int_equal(aui_deflate_close_code(r.result), 1007);
      end(&r);
    }
  }
}

static void garbage_is_refused(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t n;
  } garbage[] = {
      {BYTES("\xff")},                                 /* no type of block */
      {BYTES("\x06\x00")},                             /* the same, behind nothing */
      {BYTES("\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c")}, /* a length that contradicts itself */
      {BYTES("\xf2\x00\x11\x00\x00")},                 /* a reference to what never was */
      {BYTES("\x04\x00\xfe\xff")},                     /* codes that nobody can read */
      {BYTES("Hello")},
      {BYTES(HELLO "\x00\x00\xff\xff\xff")}, /* behind the tail that was not to be there */
      {BYTES("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xf3\x48\xcd\xc9\xc9\x07\x00\x82\x89\xd1\xf7\x05\x00\x00\x00")},
      {BYTES("\x78\x9c\xf3\x48\xcd\xc9\xc9\x07\x00\x05\x8c\x01\xf5")}, /* gzip, and zlib's own format */
  };
  for (size_t i = 0; i < COUNT(garbage); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = begin(takeover);
      bool ok = read_message(&r, way, garbage[i].bytes, garbage[i].n);
      if (ok || r.result != AUI_DEFLATE_BAD_DATA) fail_msg("case %zu gives %d", i, r.result);
      end(&r);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_examples_of_the_rfc),
      cmocka_unit_test(the_window_goes_on_where_that_was_agreed),
      cmocka_unit_test(the_window_outlives_a_final_block_and_an_empty_message),
      cmocka_unit_test(slices_may_be_empty),
      cmocka_unit_test(windows_of_every_size),
      cmocka_unit_test(nothing_rests_in_the_middle_of_a_message),
      cmocka_unit_test(a_bomb_is_too_big),
      cmocka_unit_test(the_limit_is_of_one_message),
      cmocka_unit_test(a_message_that_breaks_off_is_refused),
      cmocka_unit_test(garbage_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
