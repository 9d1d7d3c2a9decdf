/* UTF-8: every code point, every short sequence against an arithmetic reference, and where a mistake is noticed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/utf8.h"
#include "support.h"

/* ---- a reference that decodes ---- */

static size_t encode(uint32_t code_point, uint8_t out[4]) {
  size_t n = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
  static const uint8_t marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = n - 1; i > 0; i--, code_point >>= 6) out[i] = 0x80 | (code_point & 0x3F);
  out[0] = (uint8_t)(marks[n] | code_point);
  return n;
}

/* Whether the text is valid: it is when every character, encoded again, gives the same bytes. */
static bool reference_valid(const uint8_t *p, size_t n) {
  while (n > 0) {
    size_t size = *p < 0x80 ? 1 : (*p & 0xE0) == 0xC0 ? 2 : (*p & 0xF0) == 0xE0 ? 3 : (*p & 0xF8) == 0xF0 ? 4 : 0;
    if (size == 0 || size > n) return false;
    uint32_t code_point = size == 1 ? *p : *p & (0x7F >> size);
    for (size_t i = 1; i < size; i++) code_point = code_point << 6 | (p[i] & 0x3F);
    uint8_t again[4];
    if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) return false;
    if (encode(code_point, again) != size || memcmp(p, again, size) != 0) return false;
    p += size;
    n -= size;
  }
  return true;
}

static void assert_as_reference(const uint8_t *bytes, size_t n) {
  if (aui_utf8_valid(bytes, n) == reference_valid(bytes, n)) return;
  fail_msg("%02x %02x %02x %02x (%zu bytes) is judged wrongly", bytes[0], bytes[1], bytes[2], bytes[3], n);
}

static void test_every_code_point(void **state) {
  (void)state;
  for (uint32_t code_point = 0; code_point < 0x110000; code_point++) {
    uint8_t bytes[4] = {0};
    size_t n = encode(code_point, bytes);
    bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (aui_utf8_valid(bytes, n) == surrogate) fail_msg("U+%04X is judged wrongly", code_point);
  }
}

static void test_every_sequence_of_up_to_three_bytes(void **state) {
  (void)state;
  uint8_t bytes[4] = {0};
  for (unsigned i = 0; i < 0x10000; i++) {
    bytes[0] = (uint8_t)(i >> 8);
    bytes[1] = (uint8_t)i;
    assert_as_reference(bytes, 1);
    assert_as_reference(bytes, 2);
  }
  for (unsigned i = 0; i < 0x200000; i++) { /* those that E0 to FF begin */
    bytes[0] = (uint8_t)(0xE0 + (i >> 16));
    bytes[1] = (uint8_t)(i >> 8);
    bytes[2] = (uint8_t)i;
    assert_as_reference(bytes, 3);
  }
}

static void test_sequences_of_four_bytes(void **state) {
  (void)state;
  static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0xBF, 0xC0, 0xFF};
  uint8_t bytes[4];
  for (unsigned i = 0; i < 0x1000 * 36; i++) {
    bytes[0] = (uint8_t)(0xF0 + i / 36 / 0x100);
    bytes[1] = (uint8_t)(i / 36);
    bytes[2] = edges[i % 36 / 6];
    bytes[3] = edges[i % 6];
    assert_as_reference(bytes, 4);
  }
}

/* ---- pieces ---- */

typedef struct {
  aui_utf8 utf8;
  size_t accepted; /* bytes of accepted pieces */
} text;

static bool take_piece(void *context, const uint8_t *piece, size_t n) {
  text *t = context;
  if (!aui_utf8_feed(&t->utf8, piece, n)) return false;
  t->accepted += n;
  return true;
}

static const struct {
  const char *bytes;
  int bad; /* the index of the first byte that cannot be valid, -1 for none */
  bool complete;
} cases[] = {
    {"", -1, 1},
    {"plain", -1, 1},
    {"\x7F", -1, 1},
    {"\xC2\x80 \xDF\xBF", -1, 1},
    {"\xE0\xA0\x80 \xEF\xBF\xBF", -1, 1},
    {"\xED\x9F\xBF \xEE\x80\x80", -1, 1}, /* around the surrogates */
    {"\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", -1, 1},
    {"\xEF\xBB\xBF byte order mark", -1, 1},
    {"\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB", -1, 1},
    /* unfinished */
    {"\xC2", -1, 0},
    {"\xE0\xA0", -1, 0},
    {"\xF0", -1, 0},
    {"\xF0\x90", -1, 0},
    {"\xF4\x8F\xBF", -1, 0},
    {"\xC3\xA9\xC3", -1, 0},
    /* bytes that begin nothing */
    {"\x80", 0, 0},
    {"a\xBF", 1, 0},
    {"\xC0\x80", 0, 0},
    {"\xC1\xBF", 0, 0},
    {"\xF5\x80\x80\x80", 0, 0},
    {"\xFE", 0, 0},
    {"\xFF", 0, 0},
    {"\xC3\xA9\xA9", 2, 0},
    /* overlong, surrogate, beyond U+10FFFF: seen in the second byte */
    {"\xE0\x80\x80", 1, 0},
    {"\xE0\x9F\xBF", 1, 0},
    {"\xED\xA0\x80", 1, 0},
    {"\xED\xBF\xBF", 1, 0},
    {"\xF0\x80\x80\x80", 1, 0},
    {"\xF0\x8F\xBF\xBF", 1, 0},
    {"\xF4\x90\x80\x80", 1, 0},
    {"\xF4\xBF\xBF\xBF", 1, 0},
    /* a continuation that is none; the narrow range is for the first one only */
    {"\xC2 ", 1, 0},
    {"\xC2\xC2", 1, 0},
    {"\xE0\xA0\x7F", 2, 0},
    {"\xE1\x80\xC0", 2, 0},
    {"\xF0\x90\x80\x7F", 3, 0},
    {"\xF4\x8F\xBF\xC0", 3, 0},
    {"\xE0\xA0\x80\xE0\xA0\x80\xE1\x80\x80", -1, 1},
    {"\xED\x9F\xBF\xC3\xBF", -1, 1},
};

/* Each case behind 0 to 70 letters, so that it meets every position in the words that are read at once. */
static void test_pieces(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (size_t letters = 0; letters <= 70; letters++) {
      char bytes[128];
      memset(bytes, 'x', letters);
      strcpy(bytes + letters, cases[i].bytes);
      size_t n = strlen(bytes);
      for (int way = 0; way < FEED_WAYS; way++) {
        text t = {0};
        bool valid = feed(way, bytes, n, take_piece, &t);
        if (valid != (cases[i].bad < 0) || (valid && aui_utf8_complete(&t.utf8) != cases[i].complete))
          fail_msg("case %zu behind %zu letters, %s: judged wrongly", i, letters, feed_way_names[way]);
        if (!valid && way == FEED_BYTES) assert_int_equal(t.accepted, letters + (size_t)cases[i].bad);
      }
      assert_int_equal(aui_utf8_valid(bytes, n), cases[i].complete);
    }
  }
}

/* One byte among letters, wherever it lies in the words that are read at once. */
static void test_one_byte_among_letters(void **state) {
  (void)state;
  char bytes[100];
  for (size_t at = 0; at < sizeof bytes; at++) {
    memset(bytes, 'x', sizeof bytes);
    bytes[at] = '\x80';
    for (int way = 0; way < FEED_WAYS; way++) {
      text t = {0};
      if (feed(way, bytes, sizeof bytes, take_piece, &t)) fail_msg("80 at %zu, %s: not seen", at, feed_way_names[way]);
    }
  }
}

static void test_every_split_in_two(void **state) {
  (void)state;
  static const char bytes[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  for (size_t at = 0; at < sizeof bytes; at++) {
    aui_utf8 utf8 = {0};
    assert_true(aui_utf8_feed(&utf8, guarded(bytes, at), at));
    assert_int_equal(aui_utf8_complete(&utf8), aui_utf8_boundary(bytes, sizeof bytes - 1, at) == at);
    assert_true(aui_utf8_feed(&utf8, guarded(bytes + at, sizeof bytes - 1 - at), sizeof bytes - 1 - at));
    assert_true(aui_utf8_complete(&utf8));
  }
}

static void test_empty_piece_changes_nothing(void **state) {
  (void)state;
  aui_utf8 utf8 = {0};
  assert_true(aui_utf8_feed(&utf8, NULL, 0));
  assert_true(aui_utf8_complete(&utf8));
  assert_true(aui_utf8_feed(&utf8, "\xE0", 1));
  assert_true(aui_utf8_feed(&utf8, NULL, 0));
  assert_false(aui_utf8_complete(&utf8));
  assert_false(aui_utf8_feed(&utf8, "\x80", 1));
  assert_true(aui_utf8_valid(NULL, 0));
}

static void test_boundary(void **state) {
  (void)state;
  static const char bytes[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z";
  static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  size_t n = sizeof bytes - 1;
  const uint8_t *text = guarded(bytes, n);
  for (size_t at = 0; at <= n; at++) assert_int_equal(aui_utf8_boundary(text, n, at), expected[at]);
  assert_int_equal(aui_utf8_boundary("\xC3\xA9", 2, 1), 0);
  assert_int_equal(aui_utf8_boundary(NULL, 0, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_code_point),
      cmocka_unit_test(test_every_sequence_of_up_to_three_bytes),
      cmocka_unit_test(test_sequences_of_four_bytes),
      cmocka_unit_test(test_pieces),
      cmocka_unit_test(test_one_byte_among_letters),
      cmocka_unit_test_teardown(test_every_split_in_two, guarded_teardown),
      cmocka_unit_test(test_empty_piece_changes_nothing),
      cmocka_unit_test_teardown(test_boundary, guarded_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
