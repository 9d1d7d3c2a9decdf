/* The byte buffer: growth, removal, and what it does when there is no memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "support.h"

static void assert_holds(const aui_buffer *buffer, const char *expected) {
  assert_int_equal(buffer->len, strlen(expected));
  assert_memory_equal(buffer->data, expected, buffer->len);
}

static void test_empty(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, NULL, 0));
  assert_true(aui_buffer_reserve(&buffer, 0));
  aui_buffer_consume(&buffer, 0);
  aui_buffer_consume(&buffer, 5);
  assert_null(buffer.data);
  assert_int_equal(buffer.len, 0);
  assert_int_equal(buffer.cap, 0);
  aui_buffer_free(&buffer);
}

static void test_append_keeps_order(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, guarded("one", 3), 3));
  assert_true(aui_buffer_append(&buffer, guarded("", 0), 0));
  assert_true(aui_buffer_append(&buffer, guarded(" two", 4), 4));
  assert_holds(&buffer, "one two");
  aui_buffer_free(&buffer);
}

static void test_capacity_doubles(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  size_t growths = 0;
  for (size_t i = 0; i < 100000; i++) {
    size_t before = buffer.cap;
    assert_true(aui_buffer_append(&buffer, &(char){(char)i}, 1));
    if (buffer.cap != before) growths++;
    assert_true(buffer.len <= buffer.cap);
  }
  assert_true(growths <= 17);
  for (size_t i = 0; i < buffer.len; i++) assert_int_equal(buffer.data[i], (char)i);
  aui_buffer_free(&buffer);
}

static void test_reserved_room_is_used_without_moving(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, "x", 1));
  assert_true(aui_buffer_reserve(&buffer, 1000));
  assert_true(buffer.cap - buffer.len >= 1000);
  const char *data = buffer.data;
  char filling[1000];
  memset(filling, 'y', sizeof filling);
  assert_true(aui_buffer_append(&buffer, filling, sizeof filling));
  assert_ptr_equal(buffer.data, data);
  assert_int_equal(buffer.len, 1001);
  aui_buffer_free(&buffer);
}

static void test_consume(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, "abcdef", 6));
  aui_buffer_consume(&buffer, 0);
  assert_holds(&buffer, "abcdef");
  aui_buffer_consume(&buffer, 2);
  assert_holds(&buffer, "cdef");
  aui_buffer_consume(&buffer, 4);
  assert_holds(&buffer, "");
  assert_true(aui_buffer_append(&buffer, "gh", 2));
  aui_buffer_consume(&buffer, 100);
  assert_holds(&buffer, "");
  aui_buffer_free(&buffer);
}

static void test_consume_moves_nothing(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, "abcdef", 6));
  const char *data = buffer.data;
  aui_buffer_consume(&buffer, 2);
  assert_ptr_equal(buffer.data, data + 2);
  assert_true(aui_buffer_append(&buffer, "g", 1));
  assert_ptr_equal(buffer.data, data + 2);
  assert_holds(&buffer, "cdefg");
  aui_buffer_consume(&buffer, 5);
  assert_ptr_equal(buffer.data, data);
  aui_buffer_free(&buffer);
}

static void test_consumed_room_is_used_again(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_reserve(&buffer, 1));
  size_t cap = buffer.cap;
  char filling[1000];
  memset(filling, 'y', sizeof filling);
  assert_true(cap <= sizeof filling);
  assert_true(aui_buffer_append(&buffer, filling, cap));
  aui_buffer_consume(&buffer, cap - 2);
  assert_true(aui_buffer_append(&buffer, "abc", 3));
  assert_holds(&buffer, "yyabc");
  assert_int_equal(buffer.cap, cap);
  aui_buffer_free(&buffer);
}

/* A queue that is never empty: each byte is checked on its way out, and the memory stays small. */
static void test_a_lasting_queue_is_bounded(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  uint8_t in = 0, out = 0;
  for (size_t round = 0; round < 5000; round++) {
    size_t n = round == 0 ? 1000 : 77;
    for (size_t i = 0; i < n; i++) assert_true(aui_buffer_append(&buffer, &(uint8_t){in++}, 1));
    for (size_t i = 0; i < 77; i++) assert_int_equal((uint8_t)buffer.data[i], (uint8_t)(out + i));
    aui_buffer_consume(&buffer, 77);
    out += 77;
    assert_true(buffer.gone + buffer.cap <= 4096);
  }
  assert_int_equal(buffer.len, 1000 - 77);
  aui_buffer_free(&buffer);
}

static void test_free_leaves_a_usable_buffer(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, "abc", 3));
  aui_buffer_free(&buffer);
  aui_buffer_free(&buffer);
  assert_null(buffer.data);
  assert_true(aui_buffer_append(&buffer, "abc", 3));
  aui_buffer_consume(&buffer, 1);
  aui_buffer_free(&buffer);
  assert_true(aui_buffer_append(&buffer, "d", 1));
  assert_holds(&buffer, "d");
  aui_buffer_free(&buffer);
}

/* Sizes whose sum overflows, and one that malloc never gives: of 32 bits it may give a quarter. */
static void test_memory_is_short(void **state) {
  (void)state;
  aui_buffer buffer = {0};
  assert_true(aui_buffer_append(&buffer, "abc", 3));
  aui_buffer before = buffer;
  const size_t ungiven = sizeof(size_t) > 4 ? SIZE_MAX / 4 - 64 : SIZE_MAX;
  const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 2, SIZE_MAX / 4 + 1, ungiven};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    assert_false(aui_buffer_reserve(&buffer, sizes[i]));
    assert_false(aui_buffer_append(&buffer, "never read", sizes[i]));
    assert_memory_equal(&buffer, &before, sizeof buffer);
    assert_holds(&buffer, "abc");
  }
  aui_buffer_consume(&buffer, 2);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    assert_false(aui_buffer_append(&buffer, "never read", sizes[i]));
    assert_holds(&buffer, "c");
  }
  aui_buffer_free(&buffer);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_empty),
      cmocka_unit_test_teardown(test_append_keeps_order, guarded_teardown),
      cmocka_unit_test(test_capacity_doubles),
      cmocka_unit_test(test_reserved_room_is_used_without_moving),
      cmocka_unit_test(test_consume),
      cmocka_unit_test(test_consume_moves_nothing),
      cmocka_unit_test(test_consumed_room_is_used_again),
      cmocka_unit_test(test_a_lasting_queue_is_bounded),
      cmocka_unit_test(test_free_leaves_a_usable_buffer),
      cmocka_unit_test(test_memory_is_short),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
