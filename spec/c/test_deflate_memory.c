/* The memory of compressed messages: how long it is kept, and that it may be short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/deflate.h"
#include "scarce_memory.h"

/* RFC 7692, 7.2.3.1 and 7.2.3.2: the second is nothing but a reference to the first. */
static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}, again[] = {0xf2, 0x00, 0x11, 0x00, 0x00};

static aui_deflate begin(bool takeover) {
  aui_deflate deflate;
  const aui_extension agreed = {.deflate = true, .takeover = takeover, .window_bits = 15};
  aui_deflate_begin(&deflate, &agreed);
  return deflate;
}

/* Reads a message of "Hello". */
static aui_deflate_result read_hello(aui_deflate *deflate, const uint8_t *bytes, size_t n) {
  aui_deflate_piece piece;
  aui_deflate_result result;
  aui_deflate_feed(deflate, bytes, n, true);
  while ((result = aui_deflate_read(deflate, 5, &piece)) == AUI_DEFLATE_PIECE) {
    if (piece.len > 0) assert_memory_equal(piece.data, "Hello", piece.len);
  }
  return result;
}

static void nothing_is_kept_without_takeover(void **state) {
  (void)state;
  memory_begin(SIZE_MAX, false);
  aui_deflate deflate = begin(false);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(read_hello(&deflate, hello, sizeof hello), AUI_DEFLATE_NEED_MORE);
    assert_int_equal(memory.live, 0);
  }
  aui_deflate_free(&deflate);
}

static void a_window_at_rest_is_one_block(void **state) {
  (void)state;
  memory_begin(SIZE_MAX, false);
  aui_deflate deflate = begin(true);
  assert_int_equal(read_hello(&deflate, hello, sizeof hello), AUI_DEFLATE_NEED_MORE);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(memory.live, 3); /* the inflater, zlib's state, its window */
    aui_deflate_rest(&deflate);
    assert_int_equal(memory.live, 1);
    aui_deflate_rest(&deflate);
    assert_int_equal(memory.live, 1);
    assert_int_equal(read_hello(&deflate, again, sizeof again), AUI_DEFLATE_NEED_MORE);
  }
  aui_deflate_rest(&deflate);
  aui_deflate_free(&deflate);
  assert_int_equal(memory.live, 0);
}

/* Returns whether an allocation failed. One that only a rest wanted does not matter. */
static bool run(size_t left, bool for_good) {
  memory_begin(left, for_good);
  aui_deflate deflate = begin(true);
  memory_arm();
  aui_deflate_result result = read_hello(&deflate, hello, sizeof hello);
  bool failed_at_first = memory.failed, failed_at_rest = false;
  if (result == AUI_DEFLATE_NEED_MORE) {
    aui_deflate_rest(&deflate);
    failed_at_rest = memory.failed;
    result = read_hello(&deflate, again, sizeof again);
  }
  memory_disarm();
  bool matters = result != AUI_DEFLATE_NEED_MORE;
  if (matters) assert_int_equal(result, AUI_DEFLATE_NO_MEMORY);
  if (matters) assert_true(memory.failed);
  if (failed_at_first || (memory.failed && !failed_at_rest)) assert_true(matters);
  if (failed_at_rest && !failed_at_first && !for_good) assert_false(matters);
  aui_deflate_free(&deflate);
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void each_allocation_fails(void **state) {
  size_t n = 0;
  while (run(n, *(bool *)*state)) n++;
  assert_true(n > 6);
}

int main(void) {
  static bool alone = false, for_good = true;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_kept_without_takeover),
      cmocka_unit_test(a_window_at_rest_is_one_block),
      {"each_allocation_fails (alone)", each_allocation_fails, NULL, NULL, &alone},
      {"each_allocation_fails (with all that follow)", each_allocation_fails, NULL, NULL, &for_good},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
