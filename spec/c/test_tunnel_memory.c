/* Tunnels when memory is short: one allocation after the other fails, alone or with all that follow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/aui.h"
#include "scarce_memory.h"

/* Its line outgrows what was there before it. */
static const char answer[] = "HTTP/1.1 200 Connection established, in more words than fit into the first room of a line"
                             "\r\nX: y\r\n\r\n";

static aui_tunnel_event converse(aui_tunnel *tunnel) {
  size_t n;
  aui_tunnel_output(tunnel, &n);
  aui_tunnel_written(tunnel, n);
  const uint8_t *input = (const uint8_t *)answer;
  return aui_tunnel_read(tunnel, &input, input + strlen(answer));
}

/* Returns whether an allocation failed. */
static bool run(size_t left, bool for_good) {
  const aui_tunnel_route route = {.proxy_host = "fe80::dead:beef:1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20",
                                  .proxy_port = 3128,
                                  .credentials = "Aladdin:open sesame, whose encoding needs room of its own",
                                  .host = "::1",
                                  .port = 443};
  aui_tunnel_event event = AUI_TUNNEL_FAILED;
  memory_begin(left, for_good);
  memory_arm();
  aui_tunnel *tunnel = aui_tunnel_new(&route);
  if (tunnel) event = converse(tunnel);
  memory_disarm();
  if (tunnel && event == AUI_TUNNEL_FAILED) {
    assert_int_equal(aui_tunnel_error(tunnel)->kind, AUI_ERROR_OVERFLOW);
    assert_string_equal(aui_tunnel_error(tunnel)->message, "out of memory");
  }
  assert_int_equal(event == AUI_TUNNEL_OPEN, !memory.failed);
  aui_tunnel_free(tunnel);
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void test_each_allocation(void **state) {
  (void)state;
  for (int for_good = 0; for_good <= 1; for_good++) {
    size_t left = 0;
    while (run(left, for_good)) left++;
    assert_true(left > 5);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_allocation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
