/* One WebSocket connection below any session: what is written when, taking a message back, and closing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/websocket.h"

/* RFC 6455, 1.3: this nonce and its answer. */
static const char nonce[] = "the sample nonce";
static const char accepted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const aui_request request = {"host", "/", ""};

/* Zero masks, so that payloads can be read as they are; the nonce is drawn first, from the end. */
static void fill(aui_websocket *ws) {
  memset(ws->random, 0, sizeof ws->random);
  memcpy(ws->random + sizeof ws->random - 16, nonce, 16);
  ws->random_len = sizeof ws->random;
}

static void refill(aui_websocket *ws) {
  memset(ws->random, 0, sizeof ws->random);
  ws->random_len = sizeof ws->random;
}

static aui_websocket_event receive(aui_websocket *ws, const char *bytes, size_t n) {
  const uint8_t *input = (const uint8_t *)bytes, *end = input + n;
  aui_frame slice;
  int why;
  return aui_websocket_read(ws, &input, end, 1000, &slice, &why);
}

#define RECEIVE(ws, literal) receive(ws, literal, sizeof literal - 1)

static void establish(aui_websocket *ws) {
  fill(ws);
  const aui_handshake_offer offer = {0};
  assert_true(aui_websocket_begin(ws, -1, &offer));
  assert_true(aui_websocket_flush(ws, &request, 1000));
  assert_int_equal(ws->state, AUI_WEBSOCKET_HANDSHAKE);
  assert_memory_equal(ws->out.data, "GET / HTTP/1.1\r\nHost: host\r\n", 28);
  aui_websocket_wrote(ws, ws->out.len);
  assert_int_equal(RECEIVE(ws, accepted), AUI_WEBSOCKET_OPENED);
  assert_int_equal(ws->state, AUI_WEBSOCKET_OPEN);
  refill(ws);
}

#define assert_out(ws, literal)                                                                                        \
  do {                                                                                                                 \
    assert_int_equal((ws)->out.len, sizeof literal - 1);                                                               \
    assert_memory_equal((ws)->out.data, literal, sizeof literal - 1);                                                  \
  } while (0)

static void flush(aui_websocket *ws) {
  refill(ws);
  assert_true(aui_websocket_flush(ws, &request, 1000));
}

static void a_message_is_taken_back(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  assert_int_equal(RECEIVE(&ws, "\x89\x01p"), AUI_WEBSOCKET_NEED_MORE);
  flush(&ws);
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_TEXT, "{}", 2));
  assert_out(&ws, "\x8A\x81\0\0\0\0p\x81\x82\0\0\0\0{}");
  assert_true(aui_websocket_unsend(&ws));
  assert_out(&ws, "\x8A\x81\0\0\0\0p");
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_TEXT, "[]", 2));
  aui_websocket_wrote(&ws, 7); /* the pong, and not a byte more */
  assert_true(aui_websocket_unsend(&ws));
  assert_int_equal(ws.out.len, 0);
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_TEXT, "[]", 2));
  aui_websocket_wrote(&ws, 1);
  assert_false(aui_websocket_unsend(&ws));
  assert_out(&ws, "\x82\0\0\0\0[]");
  aui_websocket_clear(&ws);
}

static void a_message_behind_a_half_written_pong_is_taken_back(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  RECEIVE(&ws, "\x89\x01p");
  flush(&ws);
  aui_websocket_wrote(&ws, 3);
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_TEXT, "{}", 2));
  assert_out(&ws, "\0\0\0p\x81\x82\0\0\0\0{}");
  aui_websocket_wrote(&ws, 2);
  assert_true(aui_websocket_unsend(&ws));
  assert_out(&ws, "\0p");
  aui_websocket_clear(&ws);
}

static void pongs_wait_until_all_before_them_is_written(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_TEXT, "{}", 2));
  RECEIVE(&ws, "\x89\x01p\x89\x00\x89\x01q");
  flush(&ws);
  assert_out(&ws, "\x81\x82\0\0\0\0{}");
  aui_websocket_wrote(&ws, 8);
  flush(&ws);
  assert_out(&ws, "\x8A\x81\0\0\0\0p\x8A\x80\0\0\0\0\x8A\x81\0\0\0\0q");
  flush(&ws);
  assert_out(&ws, "\x8A\x81\0\0\0\0p\x8A\x80\0\0\0\0\x8A\x81\0\0\0\0q");
  aui_websocket_clear(&ws);
}

static void of_too_many_pings_the_newest_is_answered(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  enum { PONG_SIZE = 7 };
  char ping[] = "\x89\x01?";
  for (char c = 'a'; c <= 'z'; c++) {
    ping[2] = c;
    RECEIVE(&ws, ping);
  }
  flush(&ws);
  assert_int_equal(ws.out.len, AUI_WEBSOCKET_MAX_PONGS * PONG_SIZE);
  for (int i = 0; i < AUI_WEBSOCKET_MAX_PONGS - 1; i++) assert_int_equal(ws.out.data[i * PONG_SIZE + 6], 'a' + i);
  assert_int_equal(ws.out.data[ws.out.len - 1], 'z');
  aui_websocket_clear(&ws);
}

static void binary_messages_pass_like_text(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  assert_int_equal(RECEIVE(&ws, "\x82\x01\xFF"), AUI_WEBSOCKET_BINARY);
  assert_int_equal(RECEIVE(&ws, "\x81\x01x"), AUI_WEBSOCKET_TEXT);
  assert_true(aui_websocket_send(&ws, AUI_OPCODE_BINARY, "\xFF", 1));
  assert_out(&ws, "\x82\x81\0\0\0\0\xFF");
  aui_websocket_clear(&ws);
}

static void the_peer_closes(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  RECEIVE(&ws, "\x89\x01p");
  assert_int_equal(RECEIVE(&ws, "\x88\x06\x03\xE8"
                                "done"),
                   AUI_WEBSOCKET_PEER_CLOSE);
  assert_int_equal(ws.peer_code, 1000);
  assert_string_equal(ws.peer_reason, "done");
  assert_int_equal(RECEIVE(&ws, "\x83 not read any more"), AUI_WEBSOCKET_NEED_MORE);
  assert_false(aui_websocket_is_done(&ws));
  flush(&ws);
  assert_out(&ws, "\x88\x82\0\0\0\0\x03\xE8");
  assert_false(aui_websocket_is_done(&ws));
  aui_websocket_wrote(&ws, ws.out.len);
  assert_true(aui_websocket_is_done(&ws));
  aui_websocket_clear(&ws);
}

static void we_close(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  aui_websocket_close(&ws, 1000);
  aui_websocket_close(&ws, 1001); /* the first stands */
  flush(&ws);
  assert_out(&ws, "\x88\x82\0\0\0\0\x03\xE8");
  aui_websocket_wrote(&ws, ws.out.len);
  assert_false(aui_websocket_is_done(&ws));
  assert_int_equal(RECEIVE(&ws, "\x81\x02{}"), AUI_WEBSOCKET_TEXT); /* until the peer's own close */
  RECEIVE(&ws, "\x89\0");
  flush(&ws);
  assert_int_equal(ws.out.len, 0); /* nothing is sent behind a close frame (5.5.1) */
  assert_int_equal(RECEIVE(&ws, "\x88\0"), AUI_WEBSOCKET_PEER_CLOSE);
  assert_int_equal(ws.peer_code, 1005);
  assert_true(aui_websocket_is_done(&ws));
  aui_websocket_clear(&ws);
}

static void a_violation_closes_at_once(void **state) {
  (void)state;
  aui_websocket ws = {0};
  establish(&ws);
  assert_int_equal(RECEIVE(&ws, "\x83\x01x"), AUI_WEBSOCKET_BAD_FRAME);
  assert_int_equal(RECEIVE(&ws, "\x81\x02{}"), AUI_WEBSOCKET_NEED_MORE);
  flush(&ws);
  assert_out(&ws, "\x88\x82\0\0\0\0\x03\xEA");
  aui_websocket_wrote(&ws, ws.out.len);
  assert_true(aui_websocket_is_done(&ws));
  aui_websocket_clear(&ws);
}

static void the_end_keeps_the_random_bytes_alone(void **state) {
  (void)state;
  aui_websocket ws = {0}, fresh = {0};
  establish(&ws);
  RECEIVE(&ws, "\x88\x03\x03\xE8x");
  ws.random_len = 3;
  memcpy(ws.random, "abc", 3);
  aui_websocket_clear(&ws);
  assert_int_equal(ws.random_len, 3);
  assert_memory_equal(ws.random, "abc", 3);
  assert_int_equal(ws.state, AUI_WEBSOCKET_DOWN);
  assert_int_equal(ws.written, 0);
  assert_false(ws.peer_closed || ws.close_due || ws.pong_count);
  assert_null(ws.peer_reason);
  assert_memory_equal(&ws.frames, &fresh.frames, sizeof ws.frames);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_message_is_taken_back),
      cmocka_unit_test(a_message_behind_a_half_written_pong_is_taken_back),
      cmocka_unit_test(pongs_wait_until_all_before_them_is_written),
      cmocka_unit_test(of_too_many_pings_the_newest_is_answered),
      cmocka_unit_test(binary_messages_pass_like_text),
      cmocka_unit_test(the_peer_closes),
      cmocka_unit_test(we_close),
      cmocka_unit_test(a_violation_closes_at_once),
      cmocka_unit_test(the_end_keeps_the_random_bytes_alone),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
