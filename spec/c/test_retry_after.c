/* What a server may write into Retry-After, and what is no such value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "engine/retry_after.h"

static const int64_t then = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 */

/* The value stands at the end of its memory, so that a sanitizer sees what is read behind it. */
static long read_value(const char *value, int64_t unix_time) {
  size_t n = strlen(value);
  char *copy = malloc(n ? n : 1);
  memcpy(copy, value, n);
  long seconds = aui_retry_after_read(copy, n, unix_time);
  free(copy);
  return seconds;
}

static void numbers_are_seconds(void **state) {
  (void)state;
  assert_int_equal(read_value("0", then), 0);
  assert_int_equal(read_value("120", then), 120);
  assert_int_equal(read_value("007", -1), 7);
  assert_int_equal(read_value("2147483647", -1), INT32_MAX);
  assert_int_equal(read_value("2147483648", -1), INT32_MAX);
  assert_int_equal(read_value("99999999999999999999999999999999999999999", -1), INT32_MAX);
}

static void a_date_counts_from_now_in_each_of_its_forms(void **state) {
  (void)state;
  assert_int_equal(read_value("Sun, 06 Nov 1994 08:49:37 GMT", then - 60), 60);
  assert_int_equal(read_value("Sunday, 06-Nov-94 08:49:37 GMT", then - 60), 60);
  assert_int_equal(read_value("Sun Nov  6 08:49:37 1994", then - 60), 60);
  assert_int_equal(read_value("Wed Nov 16 08:49:37 1994", then), 10 * 24 * 3600);
}

static void a_date_that_is_over_is_now(void **state) {
  (void)state;
  assert_int_equal(read_value("Sun, 06 Nov 1994 08:49:37 GMT", then), 0);
  assert_int_equal(read_value("Sun, 06 Nov 1994 08:49:37 GMT", then + 1), 0);
  assert_int_equal(read_value("Thu, 01 Jan 1970 00:00:00 GMT", then), 0);
  assert_int_equal(read_value("Sat, 01 Jan 0000 00:00:00 GMT", then), 0);
}

static void a_date_far_ahead_is_the_longest_time(void **state) {
  (void)state;
  assert_int_equal(read_value("Fri, 31 Dec 9999 23:59:60 GMT", 0), INT32_MAX);
}

static void a_date_needs_to_know_what_date_it_is(void **state) {
  (void)state;
  assert_int_equal(read_value("Sun, 06 Nov 1994 08:49:37 GMT", -1), -1);
}

static void a_year_of_two_digits_is_the_one_less_than_51_years_ahead(void **state) {
  const int64_t now = 1764288000; /* 28 Nov 2025 */
  (void)state;
  assert_int_equal(read_value("Friday, 28-Nov-25 00:01:00 GMT", now), 60);
  assert_int_equal(read_value("Saturday, 28-Nov-75 00:00:00 GMT", now), 1577836800);
  assert_int_equal(read_value("Sunday, 28-Nov-76 00:00:00 GMT", now), 0);
  assert_int_equal(read_value("Sunday, 06-Nov-94 08:49:37 GMT", now), 0);
}

/* Against the C library's calendar, through leap years and the ends of centuries. */
static void every_day_is_where_the_calendar_has_it(void **state) {
  (void)state;
  for (int64_t at = 0; at < INT32_MAX; at += 24 * 3600 - 1) {
    time_t time = (time_t)at;
    struct tm parts;
    char value[64];
    gmtime_r(&time, &parts);
    strftime(value, sizeof value, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    assert_int_equal(read_value(value, 0), at);
  }
  assert_int_equal(read_value("Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 - 5), 5);
  assert_int_equal(read_value("Tue, 29 Feb 2000 00:00:00 GMT", 951782400 - 5), 5);
}

static void anything_else_is_nothing(void **state) {
  static const char *const values[] = {"",
                                       " ",
                                       "-1",
                                       "+1",
                                       "1.5",
                                       "1 ",
                                       " 1",
                                       "12s",
                                       "0x10",
                                       "soon",
                                       "Sun",
                                       "Sun,",
                                       "Sun, ",
                                       "Sun, 06 Nov 1994 08:49:37",
                                       "Sun, 06 Nov 1994 08:49:37 GM",
                                       "Sun, 06 Nov 1994 08:49:37 GMT ",
                                       "Sun, 06 Nov 1994 08:49:37 CET",
                                       "Sun, 06 Nov 1994 08:49:37 +0000",
                                       "sun, 06 nov 1994 08:49:37 gmt",
                                       "Sunday, 06 Nov 1994 08:49:37 GMT",
                                       "Sun, 6 Nov 1994 08:49:37 GMT",
                                       "Sun, 00 Nov 1994 08:49:37 GMT",
                                       "Sun, 31 Nov 1994 08:49:37 GMT",
                                       "Wed, 29 Feb 2023 08:49:37 GMT",
                                       "Mon, 29 Feb 1900 08:49:37 GMT",
                                       "Sun, 06 Foo 1994 08:49:37 GMT",
                                       "Sun, 06 Nov 94 08:49:37 GMT",
                                       "Sun, 06 Nov 1994 24:49:37 GMT",
                                       "Sun, 06 Nov 1994 08:60:37 GMT",
                                       "Sun, 06 Nov 1994 08:49:61 GMT",
                                       "Sun, 06 Nov 1994 8:49:37 GMT",
                                       "Sun, 06 Nov 1994",
                                       "Sun, 06-Nov-94 08:49:37 GMT",
                                       "Sunday, 06-Nov-1994 08:49:37 GMT",
                                       "Sunday, 06-Nov-94 08:49:37",
                                       "Sun Nov 6 08:49:37 1994",
                                       "Sun Nov 06 08:49:37 1994 GMT",
                                       "Sun Nov  6 08:49:37 94",
                                       "Sun Nov  06 08:49:37 1994",
                                       "Sun, 0\xFF Nov 1994 08:49:37 GMT"};
  (void)state;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) assert_int_equal(read_value(values[i], then), -1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_seconds),
      cmocka_unit_test(a_date_counts_from_now_in_each_of_its_forms),
      cmocka_unit_test(a_date_that_is_over_is_now),
      cmocka_unit_test(a_date_far_ahead_is_the_longest_time),
      cmocka_unit_test(a_date_needs_to_know_what_date_it_is),
      cmocka_unit_test(a_year_of_two_digits_is_the_one_less_than_51_years_ahead),
      cmocka_unit_test(every_day_is_where_the_calendar_has_it),
      cmocka_unit_test(anything_else_is_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
