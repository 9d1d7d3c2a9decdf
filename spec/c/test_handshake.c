/* The opening handshake: the request byte by byte, and every check of the answer, however the input is sliced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/handshake.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { LIMIT = 16 * 1024 };

/* RFC 6455, 1.3. */
static const uint8_t sample_nonce[AUI_HANDSHAKE_NONCE_SIZE] = "the sample nonce";
#define ACCEPT_LINE "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define UPGRADE_LINES "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\n"
#define GOOD SWITCH UPGRADE_LINES ACCEPT_LINE "\r\n"

/* ---- the request ---- */

static const aui_handshake_offer nothing_offered = {0};

static void test_request(void **state) {
  (void)state;
  aui_handshake handshake;
  aui_buffer out = {0};
  const aui_request request = {
      .host = "localhost:7788",
      .target = "/api/v1/external/session?network_api_key=k",
      .headers = "Origin: http://localhost\r\nX-More: 1\r\n",
  };
  static const char expected[] = "before"
                                 "GET /api/v1/external/session?network_api_key=k HTTP/1.1\r\n"
                                 "Host: localhost:7788\r\n"
                                 "Upgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                 "Sec-WebSocket-Version: 13\r\n"
                                 "Origin: http://localhost\r\n"
                                 "X-More: 1\r\n"
                                 "\r\n";
  assert_true(aui_buffer_append(&out, "before", 6));
  assert_true(aui_handshake_begin(&handshake, &out, &request, &nothing_offered,
                                  guarded(sample_nonce, sizeof sample_nonce), LIMIT));
  assert_int_equal(out.len, sizeof expected - 1);
  assert_memory_equal(out.data, expected, out.len);
  assert_int_equal(handshake.http.status, 0);
  assert_int_equal(handshake.retry_after, -1);
  aui_handshake_free(&handshake);
  aui_buffer_free(&out);
}

static void test_request_that_offers_compression(void **state) {
  (void)state;
  const aui_request request = {.host = "h", .target = "/", .headers = "X: 1\r\n"};
  const aui_handshake_offer offer = {.compression = true};
  aui_handshake handshake;
  aui_buffer out = {0};
  static const char expected[] =
      "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits\r\n"
      "X: 1\r\n\r\n";
  assert_true(aui_handshake_begin(&handshake, &out, &request, &offer, sample_nonce, LIMIT));
  assert_int_equal(out.len, sizeof expected - 1);
  assert_memory_equal(out.data, expected, out.len);
  aui_handshake_free(&handshake);
  aui_buffer_free(&out);
}

static void begin_offering(aui_handshake *handshake, const aui_handshake_offer *offer, size_t max_head) {
  aui_buffer out = {0};
  const aui_request request = {.host = "h", .target = "/", .headers = ""};
  assert_true(aui_handshake_begin(handshake, &out, &request, offer, sample_nonce, max_head));
  assert_memory_equal(out.data, "GET / HTTP/1.1\r\nHost: h\r\n", 25);
  aui_buffer_free(&out);
}

static void begin(aui_handshake *handshake, size_t max_head) {
  begin_offering(handshake, &nothing_offered, max_head);
}

static void test_request_when_memory_is_short(void **state) {
  (void)state;
  char nothing;
  const aui_buffer full = {.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
  const aui_request request = {.host = "h", .target = "/", .headers = ""};
  aui_handshake handshake;
  aui_buffer out = full;
  assert_false(aui_handshake_begin(&handshake, &out, &request, &nothing_offered, sample_nonce, LIMIT));
  assert_memory_equal(&out, &full, sizeof out);
  aui_handshake_free(&handshake);
}

/* ---- the answer ---- */

typedef struct {
  aui_handshake handshake;
  aui_handshake_result result;
  size_t consumed;
} reading;

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  reading *r = context;
  const uint8_t *input = slice;
  r->result = aui_handshake_read(&r->handshake, &input, slice + n);
  assert_true(input >= slice && input <= slice + n);
  if (r->result == AUI_HANDSHAKE_NEED_MORE) assert_ptr_equal(input, slice + n);
  r->consumed += (size_t)(input - slice);
  return r->result == AUI_HANDSHAKE_NEED_MORE;
}

/* The caller releases the handshake. */
static reading read_answer(feed_way way, const void *answer, size_t n, size_t max_head) {
  reading r = {0};
  begin(&r.handshake, max_head);
  feed(way, answer, n, read_slice, &r);
  return r;
}

static void assert_result(const char *answer, size_t n, size_t max_head, aui_handshake_result expected) {
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_answer(way, answer, n, max_head);
    if (r.result != expected)
      fail_msg("%s: %d instead of %d for\n%.*s", feed_way_names[way], r.result, expected, (int)n, answer);
    aui_handshake_free(&r.handshake);
  }
}

static void assert_results(const char *const *answers, size_t n, aui_handshake_result expected) {
  for (size_t i = 0; i < n; i++) assert_result(answers[i], strlen(answers[i]), LIMIT, expected);
}

static void test_accepted(void **state) {
  (void)state;
  static const char *const answers[] = {
      GOOD,
      /* names and tokens in any case, values in lists, with and without white space */
      SWITCH "UPGRADE:WebSocket\r\nconnection:\t keep-alive , uPGRADE \t\r\n"
             "sec-websocket-accept: \t s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \t \r\n\r\n",
      SWITCH "Upgrade: h2c,websocket,x\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: h2c,, websocket\r\nConnection: Upgrade, close\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: close\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      /* a status line with another reason, with none, and without the space before it */
      "HTTP/1.1 101 Web Socket Protocol Handshake\r\n" UPGRADE_LINES ACCEPT_LINE "\r\n",
      "HTTP/1.1 101 \r\n" UPGRADE_LINES ACCEPT_LINE "\r\n",
      "HTTP/1.1 101\r\n" UPGRADE_LINES ACCEPT_LINE "\r\n",
      /* what does not matter here: other fields, empty ones, odd names, bytes beyond ASCII, lengths of a body */
      SWITCH UPGRADE_LINES ACCEPT_LINE "Server: n/1\r\nX:\r\n!#$%&'*+-.^_`|~09aZ: \xE9 \x01\r\n"
                                       "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
      /* a folded field, and lines that end in LF alone */
      SWITCH "Upgrade: h2c,\r\n websocket\r\nConnection:\r\n\tUpgrade\r\n" ACCEPT_LINE "\r\n",
      "HTTP/1.1 101 X\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n\n",
      /* lists that name nothing */
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Extensions:\r\nSec-WebSocket-Protocol: \t\r\n\r\n",
      /* interim answers, whose fields do not count */
      "HTTP/1.1 100 Continue\r\n\r\n" GOOD,
      "HTTP/1.1 103 Early Hints\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: x\r\n\r\n"
      "HTTP/1.1 102 Processing\r\n\r\n" GOOD,
  };
  assert_results(answers, COUNT(answers), AUI_HANDSHAKE_ACCEPTED);
}

/* The bytes behind the head belong to the frames. */
static void test_accepted_leaves_the_frames(void **state) {
  (void)state;
  static const char answer[] = GOOD "\x81\x05Hello\r\n\r\n";
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_answer(way, answer, sizeof answer - 1, LIMIT);
    assert_int_equal(r.result, AUI_HANDSHAKE_ACCEPTED);
    assert_int_equal(r.consumed, strlen(GOOD));
    assert_int_equal(r.handshake.http.status, 101);
    aui_handshake_free(&r.handshake);
  }
}

static void test_need_more_until_the_last_byte(void **state) {
  (void)state;
  for (size_t n = 0; n < strlen(GOOD); n++) assert_result(GOOD, n, LIMIT, AUI_HANDSHAKE_NEED_MORE);
}

static void test_no_upgrade(void **state) {
  (void)state;
  static const char *const answers[] = {
      SWITCH "\r\n",
      SWITCH "Connection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: websockets\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: websocked\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: web socket\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade:\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Apgrade: websocket\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrada: websocket\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      SWITCH "X-Upgrade: websocket\r\nConnection: Upgrade\r\n" ACCEPT_LINE "\r\n",
      "HTTP/1.1 100 Continue\r\nUpgrade: websocket\r\n\r\n" SWITCH "Connection: Upgrade\r\n" ACCEPT_LINE "\r\n",
  };
  assert_results(answers, COUNT(answers), AUI_HANDSHAKE_NO_UPGRADE);
}

static void test_no_connection(void **state) {
  (void)state;
  static const char *const answers[] = {
      SWITCH "Upgrade: websocket\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: websocket\r\nConnection: keep-alive\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: websocket\r\nConnection: Upgrade2\r\n" ACCEPT_LINE "\r\n",
      SWITCH "Upgrade: websocket\r\nConnection: Up\r\nConnection: grade\r\n" ACCEPT_LINE "\r\n",
  };
  assert_results(answers, COUNT(answers), AUI_HANDSHAKE_NO_CONNECTION);
}

static void test_bad_accept(void **state) {
  (void)state;
  static const char *const answers[] = {
      SWITCH UPGRADE_LINES "\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept:\r\n\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo==\r\n\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE ACCEPT_LINE "\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Accept: x\r\n\r\n",
      SWITCH UPGRADE_LINES "Sec-WebSocket-Accept: x\r\n" ACCEPT_LINE "\r\n",
  };
  assert_results(answers, COUNT(answers), AUI_HANDSHAKE_BAD_ACCEPT);
}

static void test_unoffered(void **state) {
  (void)state;
  static const char *const extensions[] = {
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Extensions: x\r\n\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE "sec-websocket-extensions: x; a=\"b\"\r\nSec-WebSocket-Extensions:\r\n\r\n",
  };
  static const char *const protocols[] = {
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Protocol: chat\r\n\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Protocol: x\r\n\r\n",
      SWITCH UPGRADE_LINES ACCEPT_LINE "Sec-WebSocket-Protocol:\r\nsec-websocket-protocol: a, b\r\n\r\n",
  };
  assert_results(extensions, COUNT(extensions), AUI_HANDSHAKE_EXTENSION_NOT_OFFERED);
  assert_results(protocols, COUNT(protocols), AUI_HANDSHAKE_BAD_PROTOCOL);
}

/* Of a request that offers the subprotocol "aui-websocket". */
static void assert_chosen(const char *fields, aui_handshake_result expected) {
  const aui_handshake_offer offer = {.protocol = "aui-websocket"};
  char answer[512];
  snprintf(answer, sizeof answer, SWITCH UPGRADE_LINES ACCEPT_LINE "%s\r\n", fields);
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = {0};
    begin_offering(&r.handshake, &offer, LIMIT);
    feed(way, answer, strlen(answer), read_slice, &r);
    if (r.result != expected) fail_msg("%d instead of %d for %s", r.result, expected, fields);
    aui_handshake_free(&r.handshake);
  }
}

static void test_offered(void **state) {
  (void)state;
  assert_chosen("Sec-WebSocket-Protocol: aui-websocket\r\n", AUI_HANDSHAKE_ACCEPTED);
  assert_chosen("sec-websocket-protocol:\taui-websocket \r\n", AUI_HANDSHAKE_ACCEPTED);
  assert_chosen("", AUI_HANDSHAKE_NO_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol:\r\n", AUI_HANDSHAKE_NO_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol: token\r\n", AUI_HANDSHAKE_BAD_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol: aui-websocke\r\n", AUI_HANDSHAKE_BAD_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol: AUI-WebSocket\r\n", AUI_HANDSHAKE_BAD_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol: token, aui-websocket\r\n", AUI_HANDSHAKE_BAD_PROTOCOL);
  assert_chosen("Sec-WebSocket-Protocol: aui-websocket\r\nSec-WebSocket-Protocol: aui-websocket\r\n",
                AUI_HANDSHAKE_BAD_PROTOCOL);
}

/* Everything that http finds, and one thing that it does not mind. */
static const char *const no_http[] = {
    "S",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    SWITCH UPGRADE_LINES "X: a\rb\r\n" ACCEPT_LINE "\r\n",
    "HTTP/1.0 101 Switching Protocols\r\n" UPGRADE_LINES ACCEPT_LINE "\r\n",
};

/* ---- permessage-deflate ---- */

/* What a request that offers compression gets for these fields, however they arrive. */
static aui_handshake_result agree(const char *fields, aui_extension *agreed) {
  const aui_handshake_offer offer = {.compression = true};
  char answer[512];
  snprintf(answer, sizeof answer, SWITCH UPGRADE_LINES ACCEPT_LINE "%s\r\n", fields);
  aui_handshake_result result = AUI_HANDSHAKE_NEED_MORE;
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = {0};
    begin_offering(&r.handshake, &offer, LIMIT);
    feed(way, answer, strlen(answer), read_slice, &r);
    if (way > 0 && r.result != result) fail_msg("%d and %d for %s", r.result, result, fields);
    result = r.result;
    *agreed = r.handshake.extension;
    aui_handshake_free(&r.handshake);
  }
  return result;
}

#define DEFLATE "Sec-WebSocket-Extensions: permessage-deflate"

static void test_compression_agreed(void **state) {
  (void)state;
  static const struct {
    const char *fields;
    aui_extension agreed;
  } cases[] = {
      {"", {false, false, 0}},
      {"Sec-WebSocket-Extensions: ,\r\n", {false, false, 0}},
      {DEFLATE "\r\n", {true, true, 15}},
      {"sec-websocket-extensions:\tPermessage-Deflate\r\n", {true, true, 15}},
      {DEFLATE "; client_no_context_takeover\r\n", {true, true, 15}},
      {DEFLATE ";server_no_context_takeover\r\n", {true, false, 15}},
      {DEFLATE "; server_max_window_bits=8\r\n", {true, true, 8}},
      {DEFLATE "; server_max_window_bits = 15\r\n", {true, true, 15}},
      {DEFLATE "; client_max_window_bits=8\r\n", {true, true, 15}},
      {DEFLATE "; server_max_window_bits=\"10\"; client_max_window_bits=\"\\1\\5\"\r\n", {true, true, 10}},
      {DEFLATE "\t;\tserver_no_context_takeover ; client_max_window_bits=9;server_max_window_bits=12;"
               "client_no_context_takeover\r\n",
       {true, false, 12}},
      {"Sec-WebSocket-Extensions: , ,permessage-deflate ,\r\nSec-WebSocket-Extensions:\r\n", {true, true, 15}},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    aui_extension agreed;
    aui_handshake_result result = agree(cases[i].fields, &agreed);
    if (result != AUI_HANDSHAKE_ACCEPTED) fail_msg("%d for %s", result, cases[i].fields);
    assert_int_equal(agreed.deflate, cases[i].agreed.deflate);
    assert_int_equal(agreed.takeover, cases[i].agreed.takeover);
    assert_int_equal(agreed.window_bits, cases[i].agreed.window_bits);
  }
}

static void test_compression_refused(void **state) {
  (void)state;
  static const struct {
    const char *fields;
    aui_handshake_result result;
  } cases[] = {
      {"Sec-WebSocket-Extensions: permessage-bzip2\r\n", AUI_HANDSHAKE_EXTENSION_NOT_OFFERED},
      {"Sec-WebSocket-Extensions: permessage-deflated\r\n", AUI_HANDSHAKE_EXTENSION_NOT_OFFERED},
      {"Sec-WebSocket-Extensions: x-webkit-deflate-frame\r\n", AUI_HANDSHAKE_EXTENSION_NOT_OFFERED},
      {DEFLATE ", x\r\n", AUI_HANDSHAKE_EXTENSION_NOT_OFFERED},
      {DEFLATE "\r\nSec-WebSocket-Extensions: x\r\n", AUI_HANDSHAKE_EXTENSION_NOT_OFFERED},
      {DEFLATE ", permessage-deflate\r\n", AUI_HANDSHAKE_EXTENSION_REPEATED},
      {DEFLATE "\r\n" DEFLATE "\r\n", AUI_HANDSHAKE_EXTENSION_REPEATED},
      {DEFLATE ";\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE ";;server_no_context_takeover\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE " server_no_context_takeover\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE "; server_max_window_bits=\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE "; server_max_window_bits=\"10\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE "; server_max_window_bits=\"10\\\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE "; server_max_window_bits=\"10\" 11\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {"Sec-WebSocket-Extensions: =permessage-deflate\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {"Sec-WebSocket-Extensions: \"permessage-deflate\"\r\n", AUI_HANDSHAKE_EXTENSION_MALFORMED},
      {DEFLATE "; window=10\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_no_context_takeover; server_no_context_takeover\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=9; server_max_window_bits=9\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_no_context_takeover=1\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; client_no_context_takeover=\"\"\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; client_max_window_bits\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=\"\"\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=7\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=16\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; client_max_window_bits=0\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; client_max_window_bits=010\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=08\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=+9\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=1x\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
      {DEFLATE "; server_max_window_bits=\"100000000000000000000000000000000010\"\r\n", AUI_HANDSHAKE_BAD_PARAMETER},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    aui_extension agreed;
    aui_handshake_result result = agree(cases[i].fields, &agreed);
    if (result != cases[i].result) fail_msg("%d instead of %d for %s", result, cases[i].result, cases[i].fields);
  }
}

static void test_not_http(void **state) {
  (void)state;
  assert_results(no_http, COUNT(no_http), AUI_HANDSHAKE_NOT_HTTP);
}

static void test_tls_alert(void **state) {
  (void)state;
  static const char alert[] = "\x15\x03\x03\x00\x02\x02\x0A"; /* unexpected_message, which is a line feed */
  assert_result(alert, sizeof alert - 1, LIMIT, AUI_HANDSHAKE_TLS_ALERT);
  assert_result(alert, 2, LIMIT, AUI_HANDSHAKE_TLS_ALERT);
  assert_result(alert, 1, LIMIT, AUI_HANDSHAKE_NEED_MORE);
  assert_result("\x15\x04", 2, LIMIT, AUI_HANDSHAKE_NOT_HTTP);
  assert_result("\x16\x03", 2, LIMIT, AUI_HANDSHAKE_NOT_HTTP);
  assert_string_equal(aui_handshake_describe(AUI_HANDSHAKE_TLS_ALERT), "the server speaks TLS here: use wss://");
}

static void test_limit_of_the_head(void **state) {
  (void)state;
  size_t n = strlen(GOOD);
  assert_result(GOOD, n, n, AUI_HANDSHAKE_ACCEPTED);
  for (size_t limit = 0; limit < n; limit++) assert_result(GOOD, n, limit, AUI_HANDSHAKE_HEAD_TOO_LONG);

  /* interim answers share it */
  static const char two[] = "HTTP/1.1 100 Continue\r\n\r\n" GOOD;
  assert_result(two, sizeof two - 1, sizeof two - 1, AUI_HANDSHAKE_ACCEPTED);
  assert_result(two, sizeof two - 1, sizeof two - 2, AUI_HANDSHAKE_HEAD_TOO_LONG);

  /* but not a body */
  static const char refusal[] = "HTTP/1.1 401 X\r\nContent-Length: 5\r\n\r\nsorry";
  assert_result(refusal, sizeof refusal - 1, sizeof refusal - 6, AUI_HANDSHAKE_REFUSED);
  assert_result(refusal, sizeof refusal - 1, sizeof refusal - 7, AUI_HANDSHAKE_HEAD_TOO_LONG);
}

/* ---- refusals ---- */

static const struct {
  const char *answer;
  aui_handshake_result result;
  int status;
  long retry_after;
  const char *body;
} refusals[] = {
    /* delimited: nothing more is waited for */
    {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nsorry", AUI_HANDSHAKE_REFUSED, 401, -1, "sorry"},
    {"HTTP/1.1 401\r\ncontent-length:0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 401, -1, ""},
    {"HTTP/1.0 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", AUI_HANDSHAKE_REFUSED, 403, -1, "no"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3,3\r\nContent-Length: 003\r\n\r\nhi!more", AUI_HANDSHAKE_REFUSED, 200, -1,
     "hi!"},
    {"HTTP/1.1 204 No Content\r\n\r\n", AUI_HANDSHAKE_REFUSED, 204, -1, ""},
    {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", AUI_HANDSHAKE_REFUSED, 304, -1, ""},
    {"HTTP/1.1 100 Continue\r\nRetry-After: 9\r\nContent-Length: 7\r\n\r\n"
     "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n?",
     AUI_HANDSHAKE_REFUSED, 404, -1, "?"},
    {"HTTP/1.1 426 Upgrade Required\r\n" UPGRADE_LINES ACCEPT_LINE "Content-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED,
     426, -1, ""},
    {"HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 599, -1, ""},

    /* Retry-After: seconds, else unknown */
    {"HTTP/1.1 429 X\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 429, 30, ""},
    {"HTTP/1.1 503 X\r\nretry-after:0\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 503, 0, ""},
    {"HTTP/1.1 503 X\r\nRetry-After: 2147483646\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 503, 2147483646,
     ""},
    {"HTTP/1.1 503 X\r\nRetry-After: 2147483648\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 503, 2147483647,
     ""},
    {"HTTP/1.1 503 X\r\nRetry-After: 99999999999999999999999999\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED,
     503, 2147483647, ""},
    {"HTTP/1.1 503 X\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED,
     503, -1, ""},
    {"HTTP/1.1 503 X\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 503, -1, ""},
    {"HTTP/1.1 503 X\r\nRetry-After:\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 503, -1, ""},

    /* chunked; extensions and trailers do not count */
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsor\r\n2;x=y\r\nry\r\n0\r\nT: x\r\n\r\n",
     AUI_HANDSHAKE_REFUSED, 401, -1, "sorry"},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 401, -1, ""},
    /* a broken coding ends the body, and where the body ends cannot be told, there is none */
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsorry\r\nx\r\n", AUI_HANDSHAKE_REFUSED, 401, -1,
     "sorry"},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\n", AUI_HANDSHAKE_REFUSED, 401, -1, ""},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: gzip\r\n\r\nsorry", AUI_HANDSHAKE_REFUSED, 401, -1, ""},
    {"HTTP/1.1 401 X\r\nContent-Length: 1x\r\n\r\n", AUI_HANDSHAKE_REFUSED, 401, -1, ""},
    /* a folded field does not hide what the others say */
    {"HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer realm=\"x\",\r\n  error=\"y\"\r\nContent-Length: 2\r\n\r\nno",
     AUI_HANDSHAKE_REFUSED, 401, -1, "no"},
    {"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", AUI_HANDSHAKE_REFUSED, 999, -1, ""},

    /* not delimited, or not complete yet */
    {"HTTP/1.1 401 X\r\n\r\nsorry", AUI_HANDSHAKE_NEED_MORE, 401, -1, "sorry"},
    {"HTTP/1.1 401 X\r\nContent-Length: 6\r\n\r\nsorry", AUI_HANDSHAKE_NEED_MORE, 401, -1, "sorry"},
    {"HTTP/1.1 401 X\r\nContent-Length: 99999999999999999999\r\n\r\nsorry", AUI_HANDSHAKE_NEED_MORE, 401, -1, "sorry"},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nsorry", AUI_HANDSHAKE_NEED_MORE, 401, -1,
     "sorry"},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsorry\r\n", AUI_HANDSHAKE_NEED_MORE, 401, -1, "sorry"},
    {"HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsorry\r\n0\r\n", AUI_HANDSHAKE_NEED_MORE, 401, -1,
     "sorry"},
    {"HTTP/1.1 429 X\r\nRetry-After: 3\r\nX:", AUI_HANDSHAKE_NEED_MORE, 429, 3, ""},
};

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(refusals); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(way, refusals[i].answer, strlen(refusals[i].answer), LIMIT);
      const aui_handshake *h = &r.handshake;
      if (r.result != refusals[i].result || h->http.status != refusals[i].status ||
          h->retry_after != refusals[i].retry_after || h->body.len != strlen(refusals[i].body) ||
          (h->body.len && memcmp(h->body.data, refusals[i].body, h->body.len) != 0))
        fail_msg("%s: %d, status %d, retry after %ld, body \"%.*s\" for\n%s", feed_way_names[way], r.result,
                 h->http.status, h->retry_after, (int)h->body.len, h->body.len ? h->body.data : "", refusals[i].answer);
      if (r.result == AUI_HANDSHAKE_NEED_MORE) assert_int_equal(aui_handshake_eof(h), AUI_HANDSHAKE_REFUSED);
      aui_handshake_free(&r.handshake);
    }
  }
}

/* A body without end is a refusal as soon as as much of it is there as is kept. */
static void test_limit_of_the_body(void **state) {
  (void)state;
  static const char *const heads[] = {
      "HTTP/1.1 401 X\r\n\r\n",
      "HTTP/1.1 401 X\r\nContent-Length: 4096\r\n\r\n",
      "HTTP/1.1 401 X\r\nContent-Length: 100000\r\n\r\n",
      "HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
      "HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n1001\r\n",
  };
  for (size_t i = 0; i < COUNT(heads); i++) {
    char answer[256 + AUI_HANDSHAKE_MAX_BODY + 1];
    size_t head = strlen(heads[i]), n = head + AUI_HANDSHAKE_MAX_BODY;
    memset(answer, 'x', sizeof answer);
    memcpy(answer, heads[i], head);
    assert_result(answer, n - 1, LIMIT, AUI_HANDSHAKE_NEED_MORE);
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(way, answer, n + 1, LIMIT);
      assert_int_equal(r.result, AUI_HANDSHAKE_REFUSED);
      assert_int_equal(r.handshake.body.len, AUI_HANDSHAKE_MAX_BODY);
      assert_memory_equal(r.handshake.body.data, answer + head, AUI_HANDSHAKE_MAX_BODY);
      aui_handshake_free(&r.handshake);
    }
  }
}

/* What stands between chunks without end ends the body. */
static void test_chunk_framing_is_limited(void **state) {
  (void)state;
  static const char head[] = "HTTP/1.1 401 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n1;";
  char answer[8 * 1024];
  memset(answer, 'x', sizeof answer);
  memcpy(answer, head, sizeof head - 1);
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_answer(way, answer, sizeof answer, LIMIT);
    assert_int_equal(r.result, AUI_HANDSHAKE_REFUSED);
    assert_int_equal(r.handshake.body.len, 2);
    assert_memory_equal(r.handshake.body.data, "no", 2);
    aui_handshake_free(&r.handshake);
  }
}

/* ---- the end of the stream ---- */

static void test_eof(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    aui_handshake_result expected;
  } cases[] = {
      {"", AUI_HANDSHAKE_NEED_MORE},
      {"H", AUI_HANDSHAKE_NOT_HTTP},
      {"\x15", AUI_HANDSHAKE_NOT_HTTP},
      {"HTTP/1.1 401 Unauthorized\r", AUI_HANDSHAKE_NOT_HTTP},
      {"HTTP/1.1 401 Unauthorized\r\n", AUI_HANDSHAKE_REFUSED},
      {"HTTP/1.1 401 Unauthorized\r\nX", AUI_HANDSHAKE_REFUSED},
      {"HTTP/1.1 401 Unauthorized\r\n\r\n", AUI_HANDSHAKE_REFUSED},
      {"HTTP/1.1 200 OK\r\n", AUI_HANDSHAKE_REFUSED},
      {SWITCH, AUI_HANDSHAKE_NOT_HTTP},
      {SWITCH UPGRADE_LINES ACCEPT_LINE, AUI_HANDSHAKE_NOT_HTTP},
      {"HTTP/1.1 100 Continue\r\n", AUI_HANDSHAKE_NOT_HTTP},
      {"HTTP/1.1 100 Continue\r\n\r\n", AUI_HANDSHAKE_NOT_HTTP},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(way, cases[i].answer, strlen(cases[i].answer), LIMIT);
      assert_int_equal(r.result, AUI_HANDSHAKE_NEED_MORE);
      if (aui_handshake_eof(&r.handshake) != cases[i].expected)
        fail_msg("%s: %s", feed_way_names[way], cases[i].answer);
      aui_handshake_free(&r.handshake);
    }
  }
}

static void test_status_is_unknown_after_an_interim_answer(void **state) {
  (void)state;
  static const char answer[] = "HTTP/1.1 100 Continue\r\nRetry-After: 5\r\n\r\n";
  reading r = read_answer(FEED_WHOLE, answer, sizeof answer - 1, LIMIT);
  assert_int_equal(r.handshake.http.status, 0);
  assert_int_equal(r.handshake.retry_after, -1);
  aui_handshake_free(&r.handshake);
}

/* ---- memory ---- */

/* Buffers that cannot grow any more, where the answer is to be stored; their memory is never touched. */
static void test_memory_is_short(void **state) {
  (void)state;
  char nothing;
  const aui_buffer full = {.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
  reading r = {0};
  begin(&r.handshake, LIMIT);
  r.handshake.http.line = full;
  feed(FEED_WHOLE, "HTTP", 4, read_slice, &r);
  assert_int_equal(r.result, AUI_HANDSHAKE_NO_MEMORY);
  r.handshake.http.line = (aui_buffer){0};
  aui_handshake_free(&r.handshake);

  begin(&r.handshake, LIMIT);
  feed(FEED_WHOLE, "HTTP/1.1 401 X\r\n\r\n", 18, read_slice, &r);
  assert_int_equal(r.result, AUI_HANDSHAKE_NEED_MORE);
  r.handshake.body = full;
  feed(FEED_WHOLE, "sorry", 5, read_slice, &r);
  assert_int_equal(r.result, AUI_HANDSHAKE_NO_MEMORY);
  r.handshake.body = (aui_buffer){0};
  aui_handshake_free(&r.handshake);
}

static void test_free_twice(void **state) {
  (void)state;
  reading r = read_answer(FEED_WHOLE, "HTTP/1.1 401 X\r\n\r\nsorry", 23, LIMIT);
  aui_handshake_free(&r.handshake);
  aui_handshake_free(&r.handshake);
  assert_null(r.handshake.body.data);
}

static void test_every_result_has_words(void **state) {
  (void)state;
  static const aui_handshake_result results[] = {AUI_HANDSHAKE_NEED_MORE,
                                                 AUI_HANDSHAKE_HEAD_TOO_LONG,
                                                 AUI_HANDSHAKE_NOT_HTTP,
                                                 AUI_HANDSHAKE_TLS_ALERT,
                                                 AUI_HANDSHAKE_NO_MEMORY,
                                                 AUI_HANDSHAKE_NO_UPGRADE,
                                                 AUI_HANDSHAKE_NO_CONNECTION,
                                                 AUI_HANDSHAKE_BAD_ACCEPT,
                                                 AUI_HANDSHAKE_BAD_PROTOCOL,
                                                 AUI_HANDSHAKE_NO_PROTOCOL,
                                                 AUI_HANDSHAKE_EXTENSION_NOT_OFFERED,
                                                 AUI_HANDSHAKE_EXTENSION_MALFORMED,
                                                 AUI_HANDSHAKE_EXTENSION_REPEATED,
                                                 AUI_HANDSHAKE_BAD_PARAMETER};
  for (size_t i = 0; i < COUNT(results); i++) {
    const char *words = aui_handshake_describe(results[i]);
    for (size_t j = 0; j < i; j++) assert_string_not_equal(words, aui_handshake_describe(results[j]));
  }
  assert_string_equal(aui_handshake_describe(AUI_HANDSHAKE_NOT_HTTP), "the server's answer is not HTTP/1.1");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_request, guarded_teardown),
      cmocka_unit_test(test_request_that_offers_compression),
      cmocka_unit_test(test_request_when_memory_is_short),
      cmocka_unit_test(test_accepted),
      cmocka_unit_test(test_accepted_leaves_the_frames),
      cmocka_unit_test(test_need_more_until_the_last_byte),
      cmocka_unit_test(test_no_upgrade),
      cmocka_unit_test(test_no_connection),
      cmocka_unit_test(test_bad_accept),
      cmocka_unit_test(test_unoffered),
      cmocka_unit_test(test_offered),
      cmocka_unit_test(test_compression_agreed),
      cmocka_unit_test(test_compression_refused),
      cmocka_unit_test(test_not_http),
      cmocka_unit_test(test_tls_alert),
      cmocka_unit_test(test_limit_of_the_head),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_limit_of_the_body),
      cmocka_unit_test(test_chunk_framing_is_limited),
      cmocka_unit_test(test_eof),
      cmocka_unit_test(test_status_is_unknown_after_an_interim_answer),
      cmocka_unit_test(test_memory_is_short),
      cmocka_unit_test(test_free_twice),
      cmocka_unit_test(test_every_result_has_words),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
