/* One HTTP request and its answer: what becomes of it, whatever the transport does. */
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
#define OK "HTTP/1.1 200 OK\r\n"

enum { NOW = 1000, TIMEOUT = 500 };

static const aui_exchange_request get = {.method = "GET",
                                         .head = {.host = "h:1", .target = "/a?b", .headers = "X: y\r\n"},
                                         .timeout = TIMEOUT,
                                         .max_response_head = 1000,
                                         .max_body = 5,
                                         .unix_time = 784111777};

static aui_exchange_request post(void) {
  aui_exchange_request request = get;
  request.method = "POST";
  request.body = "hello";
  request.body_len = 5;
  return request;
}

static aui_exchange *start(const aui_exchange_request *request) {
  aui_exchange *exchange = aui_exchange_new(request, NOW);
  assert_non_null(exchange);
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_CONNECT);
  assert_false(aui_exchange_is_over(exchange));
  assert_null(aui_exchange_get_answer(exchange));
  assert_null(aui_exchange_get_error(exchange));
  assert_int_equal(aui_exchange_deadline(exchange), NOW + TIMEOUT);
  return exchange;
}

static void connect_transport(aui_exchange *exchange, bool adopted) {
  aui_exchange_phase(exchange, AUI_PHASE_CONNECT);
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  if (adopted) {
    aui_exchange_adopted(exchange);
  } else {
    aui_exchange_connected(exchange);
  }
}

static void write_all(aui_exchange *exchange) {
  size_t n;
  assert_non_null(aui_exchange_output(exchange, &n));
  aui_exchange_written(exchange, n);
  assert_null(aui_exchange_output(exchange, &n));
  assert_int_equal(n, 0);
}

/* One that has sent its request on a new connection. */
static aui_exchange *ask(const aui_exchange_request *request) {
  aui_exchange *exchange = start(request);
  connect_transport(exchange, false);
  write_all(exchange);
  return exchange;
}

static void receive(aui_exchange *exchange, const char *bytes) {
  aui_exchange_receive(exchange, bytes, strlen(bytes), NOW);
}

static void assert_answer(const aui_exchange *exchange, int status, const char *body) {
  const aui_answer *answer = aui_exchange_get_answer(exchange);
  assert_true(aui_exchange_is_over(exchange));
  assert_null(aui_exchange_get_error(exchange));
  assert_non_null(answer);
  assert_int_equal(answer->status, status);
  assert_int_equal(answer->body.len, strlen(body));
  if (*body) assert_memory_equal(answer->body.data, body, answer->body.len);
}

static void assert_failed(const aui_exchange *exchange, aui_error_kind kind, bool retryable, aui_delivered delivered,
                          const char *words) {
  const aui_error *error = aui_exchange_get_error(exchange);
  assert_true(aui_exchange_is_over(exchange));
  assert_null(aui_exchange_get_answer(exchange));
  assert_non_null(error);
  assert_string_equal(error->message, words);
  assert_int_equal(error->kind, kind);
  assert_int_equal(error->retryable, retryable);
  assert_int_equal(error->delivered, delivered);
  assert_true(aui_exchange_deadline(exchange) == AUI_NEVER);
  size_t n;
  assert_null(aui_exchange_output(exchange, &n));
}

/* It is over: its transport is to be closed, and then nothing is wanted any more. */
static void finish(aui_exchange *exchange) {
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_DISCONNECT);
  aui_exchange_disconnected(exchange, NULL, true);
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  aui_exchange_free(exchange);
}

/* ---- The request ---- */

static void assert_output(const aui_exchange *exchange, const char *expected) {
  size_t n;
  const char *bytes = aui_exchange_output(exchange, &n);
  assert_int_equal(n, strlen(expected));
  assert_memory_equal(bytes, expected, n);
}

static void test_requests(void **state) {
  (void)state;
  size_t n;
  aui_exchange *exchange = start(&get);
  assert_null(aui_exchange_output(exchange, &n)); /* there is no transport yet */
  aui_exchange_written(exchange, 5);
  connect_transport(exchange, false);
  assert_output(exchange, "GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: y\r\n\r\n");
  aui_exchange_written(exchange, 6);
  assert_output(exchange, "?b HTTP/1.1\r\nHost: h:1\r\nX: y\r\n\r\n");
  aui_exchange_free(exchange);

  aui_exchange_request request = post();
  exchange = start(&request);
  connect_transport(exchange, false);
  assert_output(exchange, "POST /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nX: y\r\n\r\nhello");
  aui_exchange_free(exchange);

  request.body = NULL;
  request.body_len = 0;
  exchange = start(&request);
  connect_transport(exchange, false);
  assert_output(exchange, "POST /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\nX: y\r\n\r\n");
  aui_exchange_free(exchange);

  request = post();
  request.method = "DELETE"; /* as PUT and PATCH */
  exchange = start(&request);
  connect_transport(exchange, false);
  assert_output(exchange, "DELETE /a?b HTTP/1.1\r\nHost: h:1\r\nContent-Length: 5\r\nX: y\r\n\r\nhello");
  aui_exchange_free(exchange);
  aui_exchange_free(NULL);
}

/* ---- Answers ---- */

static bool receive_slice(void *context, const uint8_t *slice, size_t n) {
  aui_exchange_receive(context, slice, n, NOW);
  return true;
}

static void test_answers(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    int status;
    const char *body;
    bool reusable;
  } list[] = {
      {OK "Content-Length: 5\r\n\r\nhello", 200, "hello", true},
      {OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n me\r\n0\r\n\r\n", 200, "hi me", true},
      {"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n", 204, "", true},
      {"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 1\r\n\r\n?", 302, "?", true},
      {"HTTP/1.1 999 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 999, "", false},
      {OK "Content-Length: 5\r\n\r\nhello!", 200, "hello", false},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      aui_exchange *exchange = ask(&get);
      feed(way, list[i].bytes, strlen(list[i].bytes), receive_slice, exchange);
      assert_answer(exchange, list[i].status, list[i].body);
      assert_int_equal(aui_exchange_may_detach(exchange), list[i].reusable);
      finish(exchange);
    }
  }
}

static void test_a_body_that_the_connection_ends(void **state) {
  (void)state;
  aui_exchange *exchange = ask(&get);
  receive(exchange, OK "\r\nhell");
  receive(exchange, "o");
  assert_false(aui_exchange_is_over(exchange));
  aui_exchange_disconnected(exchange, NULL, true);
  assert_answer(exchange, 200, "hello");
  assert_false(aui_exchange_may_detach(exchange));
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  aui_exchange_free(exchange);

  /* An end that was not in order may have cut it. */
  exchange = ask(&get);
  receive(exchange, OK "\r\nhell");
  aui_exchange_disconnected(exchange, "TLS ended without close_notify", true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE,
                "the connection was cut in the middle of the answer: TLS ended without close_notify");
  aui_exchange_free(exchange);
}

static void test_retry_after(void **state) {
  (void)state;
  static const struct {
    const char *value;
    int64_t unix_time;
    long expected;
  } list[] = {{"17", -1, 17},
              {"x", 784111777, -1},
              {"Sun, 06 Nov 1994 08:49:47 GMT", 784111777, 8}, /* the answer comes two seconds later */
              {"Sun, 06 Nov 1994 08:49:47 GMT", -1, -1}};
  for (size_t i = 0; i < COUNT(list); i++) {
    aui_exchange_request request = get;
    request.unix_time = list[i].unix_time;
    request.timeout = AUI_NEVER;
    aui_exchange *exchange = aui_exchange_new(&request, NOW);
    assert_true(aui_exchange_deadline(exchange) == AUI_NEVER);
    connect_transport(exchange, false);
    write_all(exchange);
    receive(exchange, "HTTP/1.1 503 X\r\nContent-Length: 0\r\nRetry-After: ");
    aui_exchange_receive(exchange, list[i].value, strlen(list[i].value), NOW + 2000);
    aui_exchange_receive(exchange, "\r\n\r\n", 4, NOW + 2000);
    assert_answer(exchange, 503, "");
    assert_int_equal(aui_exchange_get_answer(exchange)->retry_after, list[i].expected);
    finish(exchange);
  }
}

/* A server may refuse a request that it has not read whole; the rest of that would be taken for the next. */
static void test_an_answer_before_the_request_has_left(void **state) {
  (void)state;
  aui_exchange_request request = post();
  aui_exchange *exchange = start(&request);
  connect_transport(exchange, false);
  aui_exchange_written(exchange, 10);
  receive(exchange, "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n");
  assert_answer(exchange, 413, "");
  assert_false(aui_exchange_may_detach(exchange));
  finish(exchange);
}

static void test_bytes_behind_the_answer(void **state) {
  (void)state;
  aui_exchange *exchange = ask(&get);
  receive(exchange, "HTTP/1.1 204 X\r\n\r\n");
  assert_true(aui_exchange_may_detach(exchange));
  receive(exchange, "");
  assert_true(aui_exchange_may_detach(exchange));
  receive(exchange, "x");
  assert_false(aui_exchange_may_detach(exchange));
  finish(exchange);
}

static void test_detaching(void **state) {
  (void)state;
  aui_exchange *exchange = ask(&get);
  assert_false(aui_exchange_may_detach(exchange));
  receive(exchange, "HTTP/1.1 204 X\r\n\r\n");
  aui_exchange_detach(exchange);
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  assert_false(aui_exchange_may_detach(exchange));
  assert_answer(exchange, 204, "");
  aui_exchange_free(exchange);
}

/* ---- Answers that are none ---- */

static void test_bad_answers(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    aui_error_kind kind;
    const char *words;
  } list[] = {
      {"SSH-2.0", AUI_ERROR_PROTOCOL, "the server's answer is not HTTP/1.1"},
      {"\x15\x03", AUI_ERROR_PROTOCOL, "the server speaks TLS here: use wss://"},
      {"HTTP/1.1 101 X\r\n\r\n", AUI_ERROR_PROTOCOL,
       "the server switched to another protocol, for which nobody had asked"},
      {OK "Content-Length: x\r\n\r\n", AUI_ERROR_PROTOCOL,
       "the answer's Content-Length or Transfer-Encoding cannot be understood"},
      {OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", AUI_ERROR_PROTOCOL, "the answer breaks the chunked coding"},
      {OK "Content-Length: 6\r\n\r\n", AUI_ERROR_OVERFLOW,
       "the answer's body is longer than 5 bytes (max_response_body)"},
      {OK "\r\nhello!", AUI_ERROR_OVERFLOW, "the answer's body is longer than 5 bytes (max_response_body)"},
      {OK "Transfer-Encoding: chunked\r\n\r\n80000000\r\n", AUI_ERROR_OVERFLOW,
       "the answer's body is longer than 5 bytes (max_response_body)"},
      {OK "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n4 ;x\n", AUI_ERROR_OVERFLOW,
       "the answer's body is longer than 5 bytes (max_response_body)"},
      {OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nffffffffffffffff\r\n!", AUI_ERROR_OVERFLOW,
       "the answer's body is longer than 5 bytes (max_response_body)"},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      aui_exchange *exchange = ask(&get);
      feed(way, list[i].bytes, strlen(list[i].bytes), receive_slice, exchange);
      assert_failed(exchange, list[i].kind, false, AUI_DELIVERED_MAYBE, list[i].words);
      assert_false(aui_exchange_may_detach(exchange));
      finish(exchange);
    }
  }
}

static void test_limits(void **state) {
  (void)state;
  char filler[20000];
  memset(filler, 'x', sizeof filler - 1);
  filler[sizeof filler - 1] = 0;
  aui_exchange *exchange = ask(&get);
  receive(exchange, OK "X: ");
  receive(exchange, filler);
  assert_failed(exchange, AUI_ERROR_OVERFLOW, false, AUI_DELIVERED_MAYBE,
                "the head of the server's answer exceeds the limit (max_response_head)");
  finish(exchange);

  exchange = ask(&get);
  receive(exchange, OK "Transfer-Encoding: chunked\r\n\r\n1;");
  receive(exchange, filler);
  assert_failed(exchange, AUI_ERROR_OVERFLOW, false, AUI_DELIVERED_MAYBE,
                "what the answer has between its chunks exceeds the limit (max_chunk_framing)");
  finish(exchange);
}

static void test_an_answer_before_the_request(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  connect_transport(exchange, false);
  receive(exchange, OK "Content-Length: 0\r\n\r\n");
  assert_failed(exchange, AUI_ERROR_PROTOCOL, false, AUI_DELIVERED_NO,
                "the server spoke before it was asked: not as HTTP/1.1 has it");
  finish(exchange);
}

/* ---- The transport ends ---- */

static void test_no_transport(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  aui_exchange_phase(exchange, AUI_PHASE_RESOLVE);
  receive(exchange, "x"); /* of nobody */
  aui_exchange_disconnected(exchange, "name not found: h", true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, "name not found: h");
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  aui_exchange_free(exchange);

  exchange = start(&get);
  aui_exchange_phase(exchange, AUI_PHASE_TLS);
  aui_exchange_disconnected(exchange, "TLS: certificate of h not accepted: x", false);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, false, AUI_DELIVERED_NO, "TLS: certificate of h not accepted: x");
  aui_exchange_free(exchange);
}

static void test_cuts(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    const char *cause;
    const char *words;
  } list[] = {
      {"", NULL, "the connection was cut before an answer in HTTP/1.1"},
      {"HTTP/1.1 200 OK\r\nX", "reset", "the connection was cut before an answer in HTTP/1.1: reset"},
      {"HTTP/1.1 100 Continue\r\n\r\n", NULL, "the connection was cut before an answer in HTTP/1.1"},
      {OK "Content-Length: 5\r\n\r\nhell", NULL, "the connection was cut in the middle of the answer"},
      {OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", NULL, "the connection was cut in the middle of the answer"},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    aui_exchange *exchange = ask(&get);
    receive(exchange, list[i].bytes);
    aui_exchange_disconnected(exchange, list[i].cause, true);
    assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, list[i].words);
    assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
    aui_exchange_free(exchange);
  }
}

static void test_a_server_that_is_silent_without_tls(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    const char *words;
  } list[] = {
      {"", "the connection was cut before an answer in HTTP/1.1: reset (does it want TLS: wss:// or https://?)"},
      {"HTTP/1.1 200", "the connection was cut before an answer in HTTP/1.1: reset"},
      {"HTTP/1.1 100 Continue\r\n\r\n", "the connection was cut before an answer in HTTP/1.1: reset"},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    aui_exchange_request request = get;
    request.is_plain = true;
    aui_exchange *exchange = ask(&request);
    receive(exchange, list[i].bytes);
    aui_exchange_disconnected(exchange, "reset", true);
    assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, list[i].words);
    aui_exchange_free(exchange);
  }
}

static void test_a_cut_before_anything_has_left(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  connect_transport(exchange, false);
  aui_exchange_disconnected(exchange, NULL, true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO,
                "the connection was cut before an answer in HTTP/1.1");
  aui_exchange_free(exchange);
}

/* ---- A connection that another exchange has left ---- */

static void answer_on_another(aui_exchange *exchange) {
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_CONNECT);
  assert_false(aui_exchange_is_over(exchange));
  connect_transport(exchange, false);
  write_all(exchange);
  receive(exchange, "HTTP/1.1 204 X\r\n\r\n");
  assert_answer(exchange, 204, "");
  finish(exchange);
}

static void test_a_stale_connection(void **state) {
  (void)state;
  aui_exchange_request request = post();
  request.is_plain = true; /* nobody asks then: it was open before */
  for (int posts = 0; posts < 2; posts++) {
    aui_exchange *exchange = start(posts ? &request : &get);
    connect_transport(exchange, true);
    aui_exchange_disconnected(exchange, NULL, true);
    answer_on_another(exchange);

    /* What comes before the request answers something else. */
    exchange = start(posts ? &request : &get);
    connect_transport(exchange, true);
    receive(exchange, "HTTP/1.1 408 X\r\n\r\n");
    assert_int_equal(aui_exchange_want(exchange), AUI_WANT_DISCONNECT);
    aui_exchange_disconnected(exchange, NULL, true);
    answer_on_another(exchange);
  }

  aui_exchange *exchange = start(&get);
  connect_transport(exchange, true);
  write_all(exchange);
  aui_exchange_disconnected(exchange, "reset", true);
  answer_on_another(exchange);

  exchange = start(&request);
  connect_transport(exchange, true);
  write_all(exchange);
  aui_exchange_disconnected(exchange, "reset", true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE,
                "the connection was cut before an answer in HTTP/1.1: reset");
  aui_exchange_free(exchange);
}

static void test_a_stale_connection_that_had_begun_to_answer(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  connect_transport(exchange, true);
  write_all(exchange);
  receive(exchange, "HTTP/1.1 2");
  aui_exchange_disconnected(exchange, NULL, true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE,
                "the connection was cut before an answer in HTTP/1.1");
  aui_exchange_free(exchange);
}

static void test_what_has_left_on_a_stale_connection_may_have_arrived(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  connect_transport(exchange, true);
  write_all(exchange);
  aui_exchange_disconnected(exchange, NULL, true);
  aui_exchange_phase(exchange, AUI_PHASE_CONNECT);
  aui_exchange_disconnected(exchange, "refused", true);
  assert_failed(exchange, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, "refused");
  aui_exchange_free(exchange);
}

/* ---- Time, and giving up ---- */

static void test_timeouts(void **state) {
  (void)state;
  static const struct {
    const char *words;
    aui_phase phase;
    const char *bytes; /* NULL: there is no connection */
    aui_delivered delivered;
  } list[] = {
      {"the name was not resolved within 0.5 s (timeout.call)", AUI_PHASE_RESOLVE, NULL, AUI_DELIVERED_NO},
      {"the server did not accept the connection within 0.5 s (timeout.call)", AUI_PHASE_CONNECT, NULL,
       AUI_DELIVERED_NO},
      {"the TLS handshake was not completed within 0.5 s (timeout.call)", AUI_PHASE_TLS, NULL, AUI_DELIVERED_NO},
      {"the server did not answer within 0.5 s (timeout.call)", AUI_PHASE_CONNECT, "HTTP/1.1 200", AUI_DELIVERED_MAYBE},
      {"the answer was not complete within 0.5 s (timeout.call)", AUI_PHASE_TLS, OK "\r\nx", AUI_DELIVERED_MAYBE},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    aui_exchange *exchange = start(&get);
    aui_exchange_phase(exchange, list[i].phase);
    if (list[i].bytes) {
      aui_exchange_connected(exchange);
      write_all(exchange);
      receive(exchange, list[i].bytes);
    }
    aui_exchange_tick(exchange, NOW + TIMEOUT - 1);
    assert_false(aui_exchange_is_over(exchange));
    aui_exchange_tick(exchange, NOW + TIMEOUT);
    assert_failed(exchange, AUI_ERROR_TIMEOUT, true, list[i].delivered, list[i].words);
    aui_exchange_tick(exchange, NOW + 2 * TIMEOUT);
    receive(exchange, "late");
    finish(exchange);
  }
}

static void test_timeouts_of_a_proxy(void **state) {
  (void)state;
  static const struct {
    aui_phase phase;
    const char *words;
  } list[] = {
      {AUI_PHASE_RESOLVE, "the name of the proxy p:1 was not resolved within 0.5 s (timeout.call)"},
      {AUI_PHASE_CONNECT, "the proxy p:1 did not accept the connection within 0.5 s (timeout.call)"},
      {AUI_PHASE_PROXY, "the proxy p:1 did not open a tunnel within 0.5 s (timeout.call)"},
      {AUI_PHASE_TLS, "the TLS handshake was not completed within 0.5 s (timeout.call)"},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    aui_exchange_request request = get;
    request.proxy = "p:1";
    aui_exchange *exchange = start(&request);
    aui_exchange_phase(exchange, list[i].phase);
    aui_exchange_tick(exchange, NOW + TIMEOUT);
    assert_failed(exchange, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, list[i].words);
    finish(exchange);
  }
}

static void test_giving_up(void **state) {
  (void)state;
  aui_exchange *exchange = start(&get);
  aui_exchange_cancel(exchange, "nobody waits");
  assert_failed(exchange, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, "nobody waits");
  assert_int_equal(aui_exchange_want(exchange), AUI_WANT_NOTHING);
  aui_exchange_cancel(exchange, "twice");
  assert_string_equal(aui_exchange_get_error(exchange)->message, "nobody waits");
  aui_exchange_free(exchange);

  exchange = ask(&get);
  aui_exchange_cancel(exchange, "nobody waits");
  assert_failed(exchange, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, "nobody waits");
  finish(exchange);

  /* One that is to leave its connection. */
  exchange = start(&get);
  connect_transport(exchange, true);
  receive(exchange, "x");
  aui_exchange_cancel(exchange, "nobody waits");
  finish(exchange);

  exchange = ask(&get);
  receive(exchange, "HTTP/1.1 204 X\r\n\r\n");
  aui_exchange_cancel(exchange, "too late");
  assert_answer(exchange, 204, "");
  finish(exchange);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_requests),
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_a_body_that_the_connection_ends),
      cmocka_unit_test(test_retry_after),
      cmocka_unit_test(test_an_answer_before_the_request_has_left),
      cmocka_unit_test(test_bytes_behind_the_answer),
      cmocka_unit_test(test_detaching),
      cmocka_unit_test(test_bad_answers),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_an_answer_before_the_request),
      cmocka_unit_test(test_no_transport),
      cmocka_unit_test(test_cuts),
      cmocka_unit_test(test_a_server_that_is_silent_without_tls),
      cmocka_unit_test(test_a_cut_before_anything_has_left),
      cmocka_unit_test(test_a_stale_connection),
      cmocka_unit_test(test_a_stale_connection_that_had_begun_to_answer),
      cmocka_unit_test(test_what_has_left_on_a_stale_connection_may_have_arrived),
      cmocka_unit_test(test_timeouts),
      cmocka_unit_test(test_timeouts_of_a_proxy),
      cmocka_unit_test(test_giving_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
