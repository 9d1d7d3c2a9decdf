/* How long the delays between attempts are, and when there is no further one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/aui.h"
#include "engine/backoff.h"

static const aui_backoff_config config = {500, 30000, AUI_BACKOFF_NO_END, 10000};

/* The delay after `failures` earlier ones. */
static uint64_t delay_after(uint32_t failures, const aui_backoff_config *c, uint32_t random) {
  aui_backoff backoff = {failures};
  return aui_backoff_failed(&backoff, c, 0, random).delay;
}

static void each_span_is_twice_the_last_up_to_the_longest(void **state) {
  static const uint64_t spans[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
  (void)state;
  aui_backoff backoff = {0};
  for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
    assert_int_equal(aui_backoff_failed(&backoff, &config, 0, UINT32_MAX).delay, spans[i]);
    assert_int_equal(backoff.failures, i + 1);
  }
}

static void jitter_is_full(void **state) {
  (void)state;
  assert_int_equal(delay_after(0, &config, 0), 1); /* never nothing: no tight loop */
  assert_int_equal(delay_after(0, &config, UINT32_MAX / 2), 250);
  assert_int_equal(delay_after(0, &config, UINT32_MAX), 500);
  assert_int_equal(delay_after(100, &config, 0), 1);
  assert_int_equal(delay_after(100, &config, UINT32_MAX / 2), 15000);
}

static void a_longest_delay_below_the_first_holds(void **state) {
  aui_backoff_config c = {500, 20, AUI_BACKOFF_NO_END, 0};
  (void)state;
  for (uint32_t failures = 0; failures < 100; failures++) assert_int_equal(delay_after(failures, &c, UINT32_MAX), 20);
}

static void no_delay_is_too_long_or_too_short_to_count(void **state) {
  aui_backoff_config longest = {UINT32_MAX, UINT32_MAX, AUI_BACKOFF_NO_END, 0};
  aui_backoff_config beyond = {AUI_NEVER, AUI_NEVER, AUI_BACKOFF_NO_END, 0};
  aui_backoff_config shortest = {1, 1, AUI_BACKOFF_NO_END, 0};
  (void)state;
  assert_int_equal(delay_after(0, &longest, UINT32_MAX), UINT32_MAX);
  assert_int_equal(delay_after(1000, &longest, UINT32_MAX), UINT32_MAX);
  assert_int_equal(delay_after(0, &beyond, UINT32_MAX), UINT32_MAX);
  assert_int_equal(delay_after(1000, &beyond, UINT32_MAX), UINT32_MAX);
  for (uint32_t random = 0; random < 0xF0000000u; random += 0x0FFFFFFFu) {
    assert_int_equal(delay_after(5, &shortest, random), 1);
  }
}

static void attempts_end(void **state) {
  aui_backoff_config c = {500, 30000, 2, 0};
  aui_backoff backoff = {0};
  (void)state;
  assert_int_equal(aui_backoff_failed(&backoff, &c, 0, UINT32_MAX).delay, 500);
  assert_int_equal(aui_backoff_failed(&backoff, &c, 0, UINT32_MAX).delay, 1000);
  assert_int_equal(aui_backoff_failed(&backoff, &c, 0, UINT32_MAX).delay, AUI_NEVER);
  assert_int_equal(aui_backoff_failed(&backoff, &c, 0, UINT32_MAX).delay, AUI_NEVER);
  aui_backoff_healthy(&backoff);
  assert_int_equal(aui_backoff_failed(&backoff, &c, 0, UINT32_MAX).delay, 500);
}

static void none_may_fail(void **state) {
  aui_backoff_config c = {500, 30000, 0, 0};
  (void)state;
  assert_int_equal(delay_after(0, &c, 0), AUI_NEVER);
}

static aui_backoff_wait wait_after(uint32_t failures, uint64_t asked, uint32_t random) {
  aui_backoff backoff = {failures};
  return aui_backoff_failed(&backoff, &config, asked, random);
}

static void the_soonest_is_as_after_a_first_failure(void **state) {
  (void)state;
  assert_int_equal(wait_after(100, 0, UINT32_MAX).delay, 30000);
  assert_int_equal(wait_after(100, 0, UINT32_MAX).least, 500);
  assert_int_equal(wait_after(100, 0, 0).least, 1);
  assert_int_equal(wait_after(UINT32_MAX, 0, 0).least, AUI_NEVER);
}

/* Never sooner than asked, and not all at the same time. */
static void what_the_server_asks_for_comes_on_top_and_is_spread(void **state) {
  (void)state;
  assert_int_equal(wait_after(0, 60000, 0).delay, 60001);
  assert_int_equal(wait_after(0, 60000, UINT32_MAX).delay, 66000);
  assert_int_equal(wait_after(0, 60000, UINT32_MAX).least, 66000);
  assert_int_equal(wait_after(0, 1000, UINT32_MAX).delay, 1500);
  assert_int_equal(wait_after(3, 60000, UINT32_MAX).delay, 66000);
  assert_int_equal(wait_after(5, 60000, UINT32_MAX).delay, 76000);
  assert_int_equal(wait_after(5, 60000, UINT32_MAX).least, 66000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_span_is_twice_the_last_up_to_the_longest),
      cmocka_unit_test(jitter_is_full),
      cmocka_unit_test(a_longest_delay_below_the_first_holds),
      cmocka_unit_test(no_delay_is_too_long_or_too_short_to_count),
      cmocka_unit_test(attempts_end),
      cmocka_unit_test(none_may_fail),
      cmocka_unit_test(the_soonest_is_as_after_a_first_failure),
      cmocka_unit_test(what_the_server_asks_for_comes_on_top_and_is_spread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
