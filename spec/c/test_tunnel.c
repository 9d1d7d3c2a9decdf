/* A tunnel through a proxy: the request byte by byte, and every answer that a proxy may give, however it is sliced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/aui.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define OPENED "HTTP/1.1 200 Connection established\r\n"

static const aui_tunnel_route route = {.proxy_host = "proxy", .proxy_port = 3128, .host = "agent", .port = 443};

static aui_tunnel *start(const aui_tunnel_route *where) {
  aui_tunnel *tunnel = aui_tunnel_new(where);
  assert_non_null(tunnel);
  return tunnel;
}

/* One whose request has left. */
static aui_tunnel *ask(const aui_tunnel_route *where) {
  aui_tunnel *tunnel = start(where);
  size_t n;
  assert_non_null(aui_tunnel_output(tunnel, &n));
  aui_tunnel_written(tunnel, n);
  assert_null(aui_tunnel_output(tunnel, &n));
  assert_int_equal(n, 0);
  return tunnel;
}

static aui_tunnel_event receive(aui_tunnel *tunnel, const char *bytes) {
  const uint8_t *input = (const uint8_t *)bytes;
  return aui_tunnel_read(tunnel, &input, input + strlen(bytes));
}

static void assert_failed(aui_tunnel *tunnel, aui_error_kind kind, bool retryable, const char *words) {
  const aui_error *error = aui_tunnel_error(tunnel);
  assert_string_equal(error->message, words);
  assert_int_equal(error->kind, kind);
  assert_int_equal(error->retryable, retryable);
  assert_int_equal(error->delivered, AUI_DELIVERED_NO);
  aui_tunnel_free(tunnel);
}

/* ---- The request ---- */

static void assert_request(const aui_tunnel_route *where, const char *expected) {
  aui_tunnel *tunnel = start(where);
  size_t n;
  const char *bytes = aui_tunnel_output(tunnel, &n);
  assert_int_equal(n, strlen(expected));
  assert_memory_equal(bytes, expected, n);
  aui_tunnel_written(tunnel, 8);
  bytes = aui_tunnel_output(tunnel, &n);
  assert_int_equal(n, strlen(expected) - 8);
  assert_memory_equal(bytes, expected + 8, n);
  aui_tunnel_free(tunnel);
}

static void test_requests(void **state) {
  (void)state;
  aui_tunnel_route where = route;
  assert_request(&where, "CONNECT agent:443 HTTP/1.1\r\nHost: agent:443\r\n\r\n");
  where.host = "::1";
  where.port = 65535;
  assert_request(&where, "CONNECT [::1]:65535 HTTP/1.1\r\nHost: [::1]:65535\r\n\r\n");
  where = route;
  where.credentials = "Aladdin:open sesame"; /* RFC 7617, 2 */
  assert_request(&where, "CONNECT agent:443 HTTP/1.1\r\nHost: agent:443\r\n"
                         "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
  where.credentials = "";
  assert_request(&where, "CONNECT agent:443 HTTP/1.1\r\nHost: agent:443\r\nProxy-Authorization: Basic \r\n\r\n");
  aui_tunnel_free(NULL);
}

/* ---- Tunnels that open ---- */

typedef struct {
  aui_tunnel *tunnel;
  aui_tunnel_event event;
  size_t consumed;
} reading;

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  reading *r = context;
  const uint8_t *input = slice;
  r->event = aui_tunnel_read(r->tunnel, &input, slice + n);
  assert_true(input >= slice && input <= slice + n);
  r->consumed += (size_t)(input - slice);
  return r->event == AUI_TUNNEL_MORE;
}

/* What is behind the head is not read. */
static void assert_opens(const char *head, const char *behind) {
  char bytes[512];
  strcat(strcpy(bytes, head), behind);
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = {.tunnel = ask(&route)};
    feed(way, bytes, strlen(bytes), read_slice, &r);
    assert_int_equal(r.event, AUI_TUNNEL_OPEN);
    assert_int_equal(r.consumed, strlen(head));
    assert_int_equal(aui_tunnel_error(r.tunnel)->kind, AUI_ERROR_NONE);
    aui_tunnel_free(r.tunnel);
  }
}

static void test_what_opens_a_tunnel(void **state) {
  (void)state;
  static const char *const heads[] = {
      OPENED "\r\n",
      "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
      "HTTP/1.1 200\n\n",
      "HTTP/1.1 299 Odd\r\n\r\n",
      "HTTP/1.1 100 Continue\r\n\r\n" OPENED "\r\n",
      OPENED "Content-Length: 5\r\n\r\n", /* RFC 9110, 9.3.6: these mean nothing there */
      OPENED "Transfer-Encoding: chunked\r\n\r\n",
      OPENED "Content-Length: 5\r\nContent-Length: 6\r\nTransfer-Encoding: gzip\r\n\r\n",
      OPENED "X: folded\r\n field\r\n\r\n",
  };
  for (size_t i = 0; i < COUNT(heads); i++) {
    assert_opens(heads[i], "");
    assert_opens(heads[i], "bytes of the server");
    assert_opens(heads[i], "\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n");
  }
}

/* ---- Tunnels that do not ---- */

static void test_refusals(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    bool retryable;
    const char *words; /* behind "the proxy proxy:3128 refused the tunnel with HTTP status " */
  } list[] = {
      {"407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n", false,
       "407 (Proxy Authentication Required): it asks for a user name and a password"},
      {"401 Unauthorized\r\n", false, "401 (Unauthorized): it asks for a user name and a password"},
      {"407\r\n", false, "407: it asks for a user name and a password"},
      {"403 Filtered\r\nContent-Length: 100\r\n", false, "403 (Filtered)"},
      {"400 Bad Request\r\n", false, "400 (Bad Request)"},
      {"302 Found\r\nLocation: http://login/\r\n", false, "302 (Found)"},
      {"101 Switching Protocols\r\n", false, "101 (Switching Protocols)"},
      {"408 \r\n", true, "408"},
      {"429 Too Many Requests\r\n", true, "429 (Too Many Requests)"},
      {"500 Unable to connect\r\n", true, "500 (Unable to connect)"},
      {"502 Bad\tGateway \r\n", true, "502 (Bad Gateway)"},
      {"503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n", true, "503 (Service Unavailable)"},
      {"999 0123456789012345678901234567890123456789012345678901234567890123456789\r\n", true,
       "999 (012345678901234567890123456789012345678901234567890123456789...)"},
      {"100 Continue\r\n\r\nHTTP/1.1 504\r\n", true, "504"},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      char bytes[256] = "HTTP/1.1 ", words[256] = "the proxy proxy:3128 refused the tunnel with HTTP status ";
      strcat(strcat(bytes, list[i].bytes), "\r\nbody");
      reading r = {.tunnel = ask(&route)};
      feed(way, bytes, strlen(bytes), read_slice, &r);
      assert_int_equal(r.event, AUI_TUNNEL_FAILED);
      assert_failed(r.tunnel, AUI_ERROR_TRANSPORT, list[i].retryable, strcat(words, list[i].words));
    }
  }
}

static void test_credentials_that_are_not_accepted(void **state) {
  (void)state;
  aui_tunnel_route where = route;
  where.credentials = "ann:secret";
  where.proxy_host = "fe80::1";
  aui_tunnel *tunnel = ask(&where);
  assert_int_equal(receive(tunnel, "HTTP/1.1 407 No\r\n\r\n"), AUI_TUNNEL_FAILED);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, false,
                "the proxy [fe80::1]:3128 refused the tunnel with HTTP status 407 (No): "
                "it does not accept the user name and password");
}

static void test_schemes_of_authentication(void **state) {
  (void)state;
  static const struct {
    const char *fields;
    bool knows_basic;
  } list[] = {
      {"", true},
      {"Proxy-Authenticate: Basic\r\n", true},
      {"Proxy-Authenticate: bASIC realm=\"x\"\r\n", true},
      {"Proxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM\r\nProxy-Authenticate: Basic realm=\"x\"\r\n", true},
      {"Proxy-Authenticate: Basic\r\nProxy-Authenticate: NTLM\r\n", true},
      {"Proxy-Authenticate: Negotiate, NTLM ,\t Basic,\r\n", true},
      {"Proxy-Authenticate: Digest realm=\"x\", nonce=\"y\", Basic realm=\"z\"\r\n", true},
      {"Proxy-Authenticate:\r\n", false},
      {"Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n", false},
      {"Proxy-Authenticate: Basically, Digest basic, x=Basic, Basi\r\n", false},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    char bytes[256] = "HTTP/1.1 407 No\r\n",
         words[256] = "the proxy proxy:3128 refused the tunnel with HTTP status 407 (No): ";
    strcat(words, list[i].knows_basic ? "it asks for a user name and a password"
                                      : "it knows no authentication by the scheme Basic");
    aui_tunnel *tunnel = ask(&route);
    assert_int_equal(receive(tunnel, strcat(strcat(bytes, list[i].fields), "\r\n")), AUI_TUNNEL_FAILED);
    assert_failed(tunnel, AUI_ERROR_TRANSPORT, false, words);
  }
}

static void assert_unreadable(const char *bytes, const char *words) {
  aui_tunnel *tunnel = ask(&route);
  assert_int_equal(receive(tunnel, bytes), AUI_TUNNEL_FAILED);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, false, words);
}

static void test_answers_that_are_none(void **state) {
  (void)state;
  const char *not_http = "the answer of the proxy proxy:3128 is not HTTP/1.1";
  assert_unreadable("220 mail.example ESMTP\r\n", not_http);
  assert_unreadable("HTTP/2 200\r\n", not_http);
  assert_unreadable("HTTP/1.1 20\r\n", not_http);
  assert_unreadable(OPENED "no field\r\n\r\n", not_http);
  assert_unreadable("\x15\x03\x03", "the proxy proxy:3128 speaks TLS: give it as https://");
}

static void test_a_head_without_end(void **state) {
  (void)state;
  aui_tunnel *tunnel = ask(&route);
  aui_tunnel_event event = receive(tunnel, OPENED);
  size_t sent = strlen(OPENED);
  while (event == AUI_TUNNEL_MORE && sent < 2 * AUI_TUNNEL_MAX_HEAD) {
    event = receive(tunnel, "X: y\r\n");
    sent += strlen("X: y\r\n");
  }
  assert_int_equal(event, AUI_TUNNEL_FAILED);
  assert_in_range(sent, AUI_TUNNEL_MAX_HEAD, AUI_TUNNEL_MAX_HEAD + 6);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, false,
                "the answer of the proxy proxy:3128 has a head of more than 16384 bytes");
}

static void test_an_answer_before_the_request(void **state) {
  (void)state;
  const char *words = "the proxy proxy:3128 spoke before it was asked: not as HTTP/1.1 has it";
  aui_tunnel *tunnel = start(&route);
  assert_int_equal(receive(tunnel, OPENED "\r\n"), AUI_TUNNEL_FAILED);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, false, words);

  tunnel = start(&route); /* what is left of the request would go through the tunnel */
  aui_tunnel_written(tunnel, 10);
  assert_int_equal(receive(tunnel, OPENED "\r\n"), AUI_TUNNEL_FAILED);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, false, words);

  tunnel = start(&route); /* a refusal need not wait for it */
  assert_int_equal(receive(tunnel, "HTTP/1.1 503 Full\r\n\r\n"), AUI_TUNNEL_FAILED);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, true,
                "the proxy proxy:3128 refused the tunnel with HTTP status 503 (Full)");
}

static void test_connections_that_end(void **state) {
  (void)state;
  aui_tunnel *tunnel = ask(&route);
  aui_tunnel_cut(tunnel, NULL);
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, true, "the proxy proxy:3128 ended the connection without an answer");

  tunnel = ask(&route);
  assert_int_equal(receive(tunnel, "HTTP/1.1 2"), AUI_TUNNEL_MORE);
  aui_tunnel_cut(tunnel, "connection reset by peer");
  assert_failed(tunnel, AUI_ERROR_TRANSPORT, true,
                "the proxy proxy:3128 ended the connection in the middle of its answer: connection reset by peer");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_requests),
      cmocka_unit_test_teardown(test_what_opens_a_tunnel, guarded_teardown),
      cmocka_unit_test_teardown(test_refusals, guarded_teardown),
      cmocka_unit_test(test_credentials_that_are_not_accepted),
      cmocka_unit_test(test_schemes_of_authentication),
      cmocka_unit_test(test_answers_that_are_none),
      cmocka_unit_test(test_a_head_without_end),
      cmocka_unit_test(test_an_answer_before_the_request),
      cmocka_unit_test(test_connections_that_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
