/* Replies by themselves: chunks, deadlines and ends. How sessions fill them is in test_session.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/reply.h"

static aui_reply *new_reply(aui_reply_timeouts timeouts) {
  aui_reply *reply = aui_reply_new(NULL, "{}", 2, &timeouts, 100);
  assert_non_null(reply);
  return reply;
}

static void set_text(aui_reply *reply, size_t keep, const char *text) {
  aui_buffer_free(&reply->text);
  assert_true(aui_buffer_append(&reply->text, text, strlen(text)));
  aui_reply_text_changed(reply, keep);
}

static void assert_take(aui_reply *reply, size_t keep, const char *chunk) {
  size_t k, n;
  const char *bytes;
  assert_true(aui_reply_take(reply, &k, &bytes, &n));
  assert_int_equal(k, keep);
  assert_int_equal(n, strlen(chunk));
  assert_memory_equal(bytes, chunk, n);
  assert_false(aui_reply_take(reply, &k, &bytes, &n));
}

static void unread_changes_fold_into_one(void **state) {
  (void)state;
  size_t keep, n;
  const char *chunk;
  aui_reply *reply = new_reply((aui_reply_timeouts){AUI_NEVER, AUI_NEVER, AUI_NEVER});
  assert_false(aui_reply_take(reply, &keep, &chunk, &n));
  assert_string_equal(aui_reply_text(reply, &n), "");
  set_text(reply, 0, "one two");
  set_text(reply, 7, "one two three");
  assert_take(reply, 0, "one two three");
  set_text(reply, 4, "one 2");
  set_text(reply, 5, "one 2 3");
  set_text(reply, 7, "one 2 3 4");
  assert_take(reply, 4, "2 3 4");
  set_text(reply, 9, "one 2 3 4 5");
  set_text(reply, 3, "one");
  assert_take(reply, 3, "");
  set_text(reply, 1, "o");
  set_text(reply, 1, "one");
  assert_take(reply, 1, "ne"); /* a reader that keeps one byte ends up right */
  set_text(reply, 0, "");
  assert_take(reply, 0, "");
  aui_reply_free(reply);
}

/* Whatever the texts are, the reader that applies the chunks has the same. */
static void chunks_add_up(void **state) {
  (void)state;
  uint32_t random = 1;
  char shown[64] = "", text[64] = "";
  aui_reply *reply = new_reply((aui_reply_timeouts){AUI_NEVER, AUI_NEVER, AUI_NEVER});
  for (int i = 0; i < 100000; i++) {
    random = random * 1664525u + 1013904223u;
    size_t len = strlen(text), keep = (random >> 8) % (len + 1), more = (random >> 16) % 8;
    if (keep + more >= sizeof text) keep = more = 0;
    memset(text + keep, 'a' + (int)(random >> 24) % 26, more);
    text[keep + more] = 0;
    set_text(reply, keep, text);
    size_t k, n;
    const char *chunk;
    if ((random >> 12) % 3 == 0 && aui_reply_take(reply, &k, &chunk, &n)) {
      assert_true(k <= strlen(shown));
      memcpy(shown + k, chunk, n);
      shown[k + n] = 0;
    }
    if (!aui_reply_take(reply, &k, &chunk, &n)) {
      assert_string_equal(shown, text);
    } else {
      memcpy(shown + k, chunk, n);
      shown[k + n] = 0;
      assert_string_equal(shown, text);
    }
  }
  aui_reply_free(reply);
}

static void assert_timed_out(const aui_reply *reply, const char *message) {
  aui_error error = {0};
  aui_reply_timed_out(reply, AUI_NEVER, &error, &error);
  assert_int_equal(error.kind, AUI_ERROR_TIMEOUT);
  assert_string_equal(error.message, message);
  aui_error_clear(&error);
}

static void deadlines(void **state) {
  (void)state;
  aui_reply *reply = new_reply((aui_reply_timeouts){20, 30, 1000});
  assert_int_equal(aui_reply_deadline(reply, AUI_NEVER), 1100);
  reply->on_wire = true;
  reply->last_sign = 500;
  assert_int_equal(aui_reply_deadline(reply, AUI_NEVER), 520);
  assert_timed_out(reply, "no sign of an answer within 0.02 s (timeout.first)");
  reply->signaled = true;
  assert_int_equal(aui_reply_deadline(reply, AUI_NEVER), 530);
  assert_timed_out(reply, "no further sign of an answer within 0.03 s (timeout.idle)");
  reply->last_sign = 1070; /* both at once: the total is what cannot be mended by another sign */
  assert_int_equal(aui_reply_deadline(reply, AUI_NEVER), 1100);
  assert_timed_out(reply, "no complete answer within 1 s (timeout.total)");
  reply->last_sign = AUI_NEVER - 30;
  reply->timeouts.total = AUI_NEVER;
  assert_int_equal(aui_reply_deadline(reply, AUI_NEVER), AUI_NEVER);
  aui_reply_free(reply);
}

static void ends(void **state) {
  (void)state;
  size_t n;
  aui_reply *reply = new_reply((aui_reply_timeouts){AUI_NEVER, AUI_NEVER, AUI_NEVER});
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_null(aui_reply_message(reply, &n));
  assert_null(aui_reply_error(reply));
  assert_false(aui_reply_has_message(reply));
  assert_true(aui_reply_set_message(reply, "{}", 2));
  assert_true(aui_reply_set_message(reply, "{\"id\":1}", 8)); /* in its place */
  assert_true(aui_reply_has_message(reply));
  assert_null(aui_reply_message(reply, &n)); /* more may belong to it */
  aui_reply_finish(reply);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  assert_memory_equal(aui_reply_message(reply, &n), "{\"id\":1}", 8);
  assert_int_equal(n, 8);
  assert_null(aui_reply_error(reply));
  aui_reply_release(reply, 0);

  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_SERVER, "gone");
  reply = new_reply((aui_reply_timeouts){AUI_NEVER, AUI_NEVER, AUI_NEVER});
  aui_reply_fail(reply, &error, AUI_DELIVERED_MAYBE);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
  assert_string_equal(aui_reply_error(reply)->message, "gone");
  assert_int_equal(aui_reply_error(reply)->delivered, AUI_DELIVERED_MAYBE);
  assert_null(aui_reply_message(reply, &n));
  aui_reply_cancel(reply, 0);
  assert_string_equal(aui_reply_error(reply)->message, "gone");
  aui_reply_release(reply, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unread_changes_fold_into_one),
      cmocka_unit_test(chunks_add_up),
      cmocka_unit_test(deadlines),
      cmocka_unit_test(ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
