/* Errors: names, what follows from the kind, and the message's form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/error.h"
#include "engine/words.h"

static void names(void **state) {
  (void)state;
  static const char *const kinds[] = {"none",      "auth",    "application", "rate_limit", "server",
                                      "transport", "timeout", "protocol",    "canceled",   "overflow"};
  for (int kind = AUI_ERROR_NONE; kind <= AUI_ERROR_OVERFLOW; kind++)
    assert_string_equal(aui_error_kind_name(kind), kinds[kind]);
  assert_string_equal(aui_delivered_name(AUI_DELIVERED_NO), "no");
  assert_string_equal(aui_delivered_name(AUI_DELIVERED_MAYBE), "maybe");
  assert_string_equal(aui_delivered_name(AUI_DELIVERED_YES), "yes");
}

static void kinds_of_statuses(void **state) {
  (void)state;
  static const struct {
    int status;
    aui_error_kind kind;
  } cases[] = {{0, AUI_ERROR_PROTOCOL},      {200, AUI_ERROR_PROTOCOL},    {301, AUI_ERROR_PROTOCOL},
               {399, AUI_ERROR_PROTOCOL},    {400, AUI_ERROR_APPLICATION}, {401, AUI_ERROR_AUTH},
               {402, AUI_ERROR_APPLICATION}, {403, AUI_ERROR_AUTH},        {422, AUI_ERROR_APPLICATION},
               {429, AUI_ERROR_RATE_LIMIT},  {499, AUI_ERROR_APPLICATION}, {500, AUI_ERROR_SERVER},
               {599, AUI_ERROR_SERVER},      {600, AUI_ERROR_SERVER},      {999, AUI_ERROR_SERVER},
               {408, AUI_ERROR_TIMEOUT},     {421, AUI_ERROR_SERVER},      {425, AUI_ERROR_SERVER},
               {1000, AUI_ERROR_PROTOCOL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(aui_error_kind_of_status(cases[i].status), cases[i].kind);
}

static void setting_replaces_everything(void **state) {
  (void)state;
  static const bool retryable[] = {false, false, false, true, true, true, true, false, false, true};
  aui_error error = {0};
  for (int kind = AUI_ERROR_AUTH; kind <= AUI_ERROR_OVERFLOW; kind++) {
    assert_true(aui_buffer_append(&error.payload, "{}", 2));
    error.close_code = 1008;
    error.status_code = 500;
    error.delivered = AUI_DELIVERED_YES;
    aui_error_set(&error, kind, "%s %d", "number", kind);
    assert_int_equal(error.kind, kind);
    assert_int_equal(error.retryable, retryable[kind]);
    assert_int_equal(error.delivered, AUI_DELIVERED_NO);
    assert_int_equal(error.close_code, 0);
    assert_int_equal(error.status_code, 0);
    assert_int_equal(error.retry_after, -1);
    assert_int_equal(error.payload.len, 0);
  }
  assert_string_equal(error.message, "number 9");
  aui_error_set(&error, AUI_ERROR_SERVER, "%s again", error.message); /* its own message may go into the new one */
  assert_string_equal(error.message, "number 9 again");
}

static void a_message_is_words(void **state) {
  (void)state;
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_SERVER, "name not found: %s", "host.\r\n");
  assert_string_equal(error.message, "name not found: host.");
  char text[2000];
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  aui_error_set(&error, AUI_ERROR_SERVER, "%s", text);
  assert_int_equal(strlen(error.message), AUI_WORDS_MAX);
}

static void copies(void **state) {
  (void)state;
  aui_error from = {0}, to = {0};
  aui_error_set(&from, AUI_ERROR_SERVER, "busy");
  from.status_code = 503;
  from.retry_after = 7;
  assert_true(aui_buffer_append(&from.payload, "body", 4));
  aui_error_copy(&to, &from);
  aui_error_clear(&from);
  assert_int_equal(from.kind, AUI_ERROR_NONE);
  assert_int_equal(to.kind, AUI_ERROR_SERVER);
  assert_string_equal(to.message, "busy");
  assert_int_equal(to.status_code, 503);
  assert_int_equal(to.retry_after, 7);
  assert_int_equal(to.payload.len, 4);
  assert_memory_equal(to.payload.data, "body", 4);
  aui_error_clear(&to);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names),
      cmocka_unit_test(kinds_of_statuses),
      cmocka_unit_test(setting_replaces_everything),
      cmocka_unit_test(a_message_is_words),
      cmocka_unit_test(copies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
