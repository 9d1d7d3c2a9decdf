/* Words of others: one line of valid UTF-8, cut where it is too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/utf8.h"
#include "engine/words.h"

#define UNKNOWN "\xEF\xBF\xBD"

static void check(const char *text, size_t n, const char *expected) {
  char line[64];
  size_t length = aui_words_copy(line, sizeof line, text, n);
  assert_string_equal(line, expected);
  assert_int_equal(length, strlen(expected));
}

static void lines(void **state) {
  (void)state;
  static const struct {
    const char *text, *expected;
  } cases[] = {
      {"", ""},
      {" \r\n ", ""},
      {" two\r\nlines\tand\x7F an end. \v", "two lines and an end."},
      {"\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"},
      {"C1 \xC2\x85next\xC2\x9B"
       "31m",
       "C1 next 31m"},
      {"not C1: \xC2\xA0\xC2\xA1", "not C1: \xC2\xA0\xC2\xA1"},
      {"a\xE2\x80\xA8line\xE2\x80\xA9paragraph\xE2\x80\xA6", "a line paragraph\xE2\x80\xA6"},
      {"f\xFCr Sie", "f" UNKNOWN "r Sie"},
      {"\xE2\x82", UNKNOWN UNKNOWN},
      {"\xED\xA0\x80", UNKNOWN UNKNOWN UNKNOWN},
      {"\x9B[31m", UNKNOWN "[31m"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check(cases[i].text, strlen(cases[i].text), cases[i].expected);
  check("a\0b", 3, "a b");
}

/* `lead` single bytes, then characters of three, into a line of `room`. */
static void check_cut(size_t lead, size_t room, size_t expected) {
  char text[128], line[64];
  memset(text, 'x', lead);
  for (size_t at = lead; at + 3 < sizeof text; at += 3) memcpy(text + at, "\xE2\x82\xAC", 3);
  memset(line, '#', sizeof line);
  size_t n = aui_words_copy(line, room, text, lead + 30);
  assert_int_equal(n, expected);
  assert_true(aui_utf8_valid(line, n));
  assert_memory_equal(line, text, n - 3);
  assert_string_equal(line + n - 3, "...");
  for (size_t i = room; i < sizeof line; i++) assert_int_equal(line[i], '#');
}

static void cuts(void **state) {
  (void)state;
  check_cut(0, 20, 18);
  check_cut(1, 20, 19);
  check_cut(2, 20, 17);
  check_cut(19, 20, 19);
  check_cut(0, 8, 6);
  check("0123456789012345678901234567890123456789012345678901234567890123", 64,
        "012345678901234567890123456789012345678901234567890123456789...");
  check("012345678901234567890123456789012345678901234567890123456789012   ", 66,
        "012345678901234567890123456789012345678901234567890123456789012");
}

static void check_seconds(uint64_t milliseconds, const char *expected) {
  char words[AUI_WORDS_SECONDS];
  assert_string_equal(aui_words_seconds(words, milliseconds), expected);
}

static void seconds(void **state) {
  (void)state;
  check_seconds(0, "0");
  check_seconds(1, "0.001");
  check_seconds(250, "0.25");
  check_seconds(10000, "10");
  check_seconds(1234560, "1234.56");
  check_seconds(UINT64_MAX, "18446744073709551.615");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(cuts), cmocka_unit_test(seconds)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
