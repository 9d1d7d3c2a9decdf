/* What is kept of a connection until somebody takes it: in order, within its room, and that something was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/recording.h"

static void add(aui_recording *recording, aui_recorded_kind kind, const char *bytes) {
  aui_recording_add(recording, &(aui_recorded){.kind = kind, .at = 7, .bytes = bytes, .n = strlen(bytes)});
}

/* Takes the oldest, which is this. */
static void assert_next(aui_recording *recording, aui_recorded_kind kind, const char *bytes) {
  aui_recorded *recorded = aui_recording_take(recording);
  assert_non_null(recorded);
  assert_string_equal(aui_recorded_name(recorded->kind), aui_recorded_name(kind));
  assert_int_equal(recorded->n, strlen(bytes));
  if (*bytes) assert_memory_equal(recorded->bytes, bytes, strlen(bytes));
  aui_recorded_free(recorded);
}

static void things_come_in_order(void **state) {
  (void)state;
  aui_recording *recording = aui_recording_new(100);
  assert_null(aui_recording_take(recording));
  add(recording, AUI_RECORDED_UP, "");
  add(recording, AUI_RECORDED_SENT, "question");
  assert_next(recording, AUI_RECORDED_UP, "");
  add(recording, AUI_RECORDED_CUT, "");
  assert_next(recording, AUI_RECORDED_SENT, "question");
  assert_next(recording, AUI_RECORDED_CUT, "");
  assert_null(aui_recording_take(recording));
  add(recording, AUI_RECORDED_RESET, ""); /* is left there */
  aui_recording_free(recording);
}

static void slices_make_a_message(void **state) {
  (void)state;
  aui_recording *recording = aui_recording_new(100);
  aui_recording_slice(recording, "ans", 3, false, 1);
  assert_null(aui_recording_take(recording));
  aui_recording_slice(recording, "wer", 3, false, 2);
  aui_recording_slice(recording, NULL, 0, true, 3);
  aui_recording_slice(recording, "next", 4, true, 4);
  aui_recorded *recorded = aui_recording_take(recording);
  assert_int_equal(recorded->at, 3);
  assert_memory_equal(recorded->bytes, "answer", 6);
  aui_recorded_free(recorded);
  assert_next(recording, AUI_RECORDED_MESSAGE, "next");
  aui_recording_slice(recording, "half", 4, false, 5);
  aui_recording_free(recording);
}

static void what_has_no_room_is_a_loss(void **state) {
  (void)state;
  aui_recording *recording = aui_recording_new(8);
  add(recording, AUI_RECORDED_SENT, "12345678");
  add(recording, AUI_RECORDED_SENT, "9");
  add(recording, AUI_RECORDED_SENT, "9");
  assert_next(recording, AUI_RECORDED_SENT, "12345678");
  assert_next(recording, AUI_RECORDED_LOSS, ""); /* once */
  aui_recording_slice(recording, "12345", 5, false, 1);
  aui_recording_slice(recording, "6789", 4, false, 1);
  assert_null(aui_recording_take(recording));
  add(recording, AUI_RECORDED_SENT, "123"); /* there is room again */
  assert_next(recording, AUI_RECORDED_SENT, "123");
  aui_recording_free(recording);
}

static void what_has_no_bytes_is_bounded_too(void **state) {
  (void)state;
  aui_recording *recording = aui_recording_new(8);
  for (int i = 0; i < AUI_RECORDING_MOST + 2; i++) add(recording, AUI_RECORDED_COMMENT, "");
  for (int i = 0; i < AUI_RECORDING_MOST; i++) assert_next(recording, AUI_RECORDED_COMMENT, "");
  assert_next(recording, AUI_RECORDED_LOSS, "");
  assert_null(aui_recording_take(recording));
  add(recording, AUI_RECORDED_COMMENT, ""); /* there is room again */
  assert_next(recording, AUI_RECORDED_COMMENT, "");
  aui_recording_free(recording);
}

static void nothing_need_be_freed(void **state) {
  (void)state;
  aui_recording_free(NULL);
  aui_recorded_free(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(things_come_in_order),       cmocka_unit_test(slices_make_a_message),
      cmocka_unit_test(what_has_no_room_is_a_loss), cmocka_unit_test(what_has_no_bytes_is_bounded_too),
      cmocka_unit_test(nothing_need_be_freed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
