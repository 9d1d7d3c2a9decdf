/* Exchanges when memory is short: one allocation after the other fails, alone or with all that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/aui.h"
#include "scarce_memory.h"

/* Its pieces outgrow what was there before them. */
static const char *const answer[] = {
    "HTTP/1.1 200 OK\r\nX-Long: a value that does not fit into the first room that a line has\r\nX: ",
    "folded\r\n over two lines\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n80\r\n",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
};

static void converse(aui_exchange *exchange) {
  size_t n;
  aui_exchange_phase(exchange, AUI_PHASE_CONNECT);
  aui_exchange_connected(exchange);
  aui_exchange_output(exchange, &n);
  aui_exchange_written(exchange, n);
  for (size_t i = 0; i < sizeof answer / sizeof *answer; i++) {
    aui_exchange_receive(exchange, answer[i], strlen(answer[i]), 0);
  }
}

static void assert_outcome(const aui_exchange *exchange) {
  const aui_error *error = aui_exchange_get_error(exchange);
  assert_true(aui_exchange_is_over(exchange));
  assert_int_equal(error != NULL, memory.failed);
  if (error) {
    assert_string_equal(error->message, "out of memory");
    assert_int_equal(error->kind, AUI_ERROR_OVERFLOW);
  } else {
    assert_int_equal(aui_exchange_get_answer(exchange)->body.len, 5 + 0x80);
  }
}

/* Returns whether an allocation failed. */
static bool run(size_t left, bool for_good) {
  const aui_exchange_request request = {.method = "POST",
                                        .head = {.host = "h", .target = "/", .headers = ""},
                                        .body = answer[3],
                                        .body_len = strlen(answer[3]),
                                        .proxy = "proxy:3128",
                                        .timeout = AUI_NEVER,
                                        .max_response_head = 1000,
                                        .max_body = 1000};
  memory_begin(left, for_good);
  memory_arm();
  aui_exchange *exchange = aui_exchange_new(&request, 0);
  if (exchange) converse(exchange);
  memory_disarm();
  if (exchange) assert_outcome(exchange);
  if (!exchange) assert_true(memory.failed);
  aui_exchange_free(exchange);
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void each_allocation_fails(void **state) {
  size_t n = 0;
  while (run(n, *(bool *)*state)) n++;
  assert_true(n > 5);
}

int main(void) {
  static bool alone = false, for_good = true;
  const struct CMUnitTest tests[] = {
      {"each_allocation_fails (alone)", each_allocation_fails, NULL, NULL, &alone},
      {"each_allocation_fails (with all that follow)", each_allocation_fails, NULL, NULL, &for_good},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
