/* Messages answered by Server-Sent Events on one connection: the request byte by byte, and what is read of the answer,
 * however the input is sliced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/stream.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const aui_request request = {.host = "h", .target = "/stream", .headers = "X: 1\r\n"};

static const aui_stream_message plain = {
    .request = &request, .last_seq = -1, .max_response_head = 1024, .max_data = 64};

/* What was read: data as it is, "|" behind an event, "#" of a comment, "." at the end, "!" of a refusal with its
 * status and body, "?" of what answers nothing, "x" of what cannot be read. */
typedef struct {
  aui_stream stream;
  aui_buffer text;
  int why;
  aui_span slice; /* which is being read */
} reading;

static void add(reading *r, const char *bytes, size_t n) {
  assert_true(aui_buffer_append(&r->text, bytes, n));
}

static void add_refusal(reading *r) {
  char status[16];
  int n = snprintf(status, sizeof status, "!%d ", r->stream.http.status);
  add(r, status, (size_t)n);
  add(r, r->stream.body.data, r->stream.body.len);
}

/* An event that is whole lies in what is being read: all else may be gone. */
static void check_event(const reading *r) {
  aui_span event = r->stream.event;
  if (!event.at) return;
  assert_true(event.at >= r->slice.at && event.at + event.len <= r->slice.at + r->slice.len);
}

static void take(reading *r, aui_stream_event event) {
  switch (event) {
    case AUI_STREAM_NEED_MORE: break;
    case AUI_STREAM_DATA: add(r, r->stream.events.data, r->stream.events.len); break;
    case AUI_STREAM_EVENT:
      check_event(r);
      add(r, "|", 1);
      break;
    case AUI_STREAM_COMMENT: add(r, "#", 1); break;
    case AUI_STREAM_END: add(r, ".", 1); break;
    case AUI_STREAM_REFUSED: add_refusal(r); break;
    case AUI_STREAM_STRAY: add(r, "?", 1); break;
    default: add(r, "x", 1); break;
  }
}

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  reading *r = context;
  const uint8_t *input = slice;
  aui_stream_event event;
  r->slice = (aui_span){(const char *)slice, n};
  do {
    event = aui_stream_read(&r->stream, &input, slice + n, &r->why);
    take(r, event);
  } while (event != AUI_STREAM_NEED_MORE && r->stream.state != AUI_STREAM_SPENT);
  return r->stream.state != AUI_STREAM_SPENT;
}

static void ask(reading *r, const aui_stream_message *message) {
  assert_true(aui_stream_send(&r->stream, message, "{}", 2));
  aui_stream_wrote(&r->stream, r->stream.out.len);
}

/* The caller releases it by `release`. */
static reading read_answer(const char *answer, feed_way way) {
  reading r = {0};
  aui_stream_begin(&r.stream, -1);
  ask(&r, &plain);
  feed(way, answer, strlen(answer), read_slice, &r);
  return r;
}

static void release(reading *r) {
  aui_stream_clear(&r->stream);
  assert_int_equal(r->stream.state, AUI_STREAM_DOWN);
  aui_buffer_free(&r->text);
}

static bool text_is(const reading *r, const char *text) {
  return r->text.len == strlen(text) && (r->text.len == 0 || memcmp(r->text.data, text, r->text.len) == 0);
}

/* ---- The request ---- */

static void assert_output(const aui_stream *stream, const char *expected) {
  assert_int_equal(stream->out.len, strlen(expected));
  assert_memory_equal(stream->out.data, expected, stream->out.len);
}

static void test_request(void **state) {
  (void)state;
  aui_stream stream = {0};
  aui_stream_begin(&stream, -1);
  assert_int_equal(stream.state, AUI_STREAM_READY);
  assert_true(aui_stream_send(&stream, &plain, "{\"a\":1}", 7));
  assert_output(&stream, "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
                         "Accept: text/event-stream\r\nX: 1\r\n\r\n{\"a\":1}");
  assert_int_equal(stream.state, AUI_STREAM_ASKING);
  assert_true(aui_stream_unsend(&stream));
  assert_int_equal(stream.state, AUI_STREAM_READY);
  assert_int_equal(stream.out.len, 0);
  assert_false(aui_stream_unsend(&stream));
  aui_stream_message resumed = plain;
  resumed.last_seq = 0;
  assert_true(aui_stream_send(&stream, &resumed, "{}", 2));
  assert_output(&stream, "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                         "Accept: text/event-stream\r\nLast-Event-ID: 0\r\nX: 1\r\n\r\n{}");
  aui_stream_wrote(&stream, 0);
  assert_true(aui_stream_unsend(&stream));
  assert_true(aui_stream_send(&stream, &resumed, "{}", 2));
  aui_stream_wrote(&stream, 1);
  assert_false(aui_stream_unsend(&stream));
  aui_stream_clear(&stream);
}

static void test_no_memory_for_the_request(void **state) {
  (void)state;
  static char nothing;
  const aui_buffer full = {.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
  aui_stream stream = {0};
  aui_stream_begin(&stream, -1);
  stream.out = full;
  assert_false(aui_stream_send(&stream, &plain, "{}", 2));
  assert_memory_equal(&stream.out, &full, sizeof full);
  assert_int_equal(stream.state, AUI_STREAM_READY);
}

/* ---- The answer ---- */

#define OK "HTTP/1.1 200 OK\r\n"
#define TYPED OK "Content-Type: text/event-stream\r\n"
#define LENGTH(n) TYPED "Content-Length: " #n "\r\n\r\n"
#define CHUNKED TYPED "Transfer-Encoding: chunked\r\n\r\n"

static const struct {
  const char *answer;
  const char *text;
  aui_stream_state state;
} answers[] = {
    {LENGTH(19) "data: a\n\ndata: bc\n\n", "a|bc|.", AUI_STREAM_READY},
    {CHUNKED "8\r\ndata: a\n\r\n7\r\n\ndata: \r\n4\r\nbc\n\n\r\n0\r\n\r\n", "a|bc|.", AUI_STREAM_READY},
    {CHUNKED "3\r\n:a\n\r\n0\r\nT: 1\r\n\r\n", "#.", AUI_STREAM_READY},
    {TYPED "\r\ndata: a\n\n: b\n", "a|#", AUI_STREAM_READING},
    /* an answer that has not come whole */
    {"HTTP/1.1 200", "", AUI_STREAM_ASKING},
    {LENGTH(9) "data: a\n", "a", AUI_STREAM_READING},
    /* an event without its end is none */
    {LENGTH(8) "data: a\n", "a.", AUI_STREAM_READY},
    {"HTTP/1.1 204 No Content\r\n\r\n", ".", AUI_STREAM_READY},
    {"HTTP/1.1 100 Continue\r\n\r\n" LENGTH(9) "data: a\n\n", "a|.", AUI_STREAM_READY},
    /* the connection bears no other */
    {TYPED "Connection: close\r\nContent-Length: 9\r\n\r\ndata: a\n\n", "a|.", AUI_STREAM_SPENT},
    {"HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\ndata: a\n\n", "a|.", AUI_STREAM_SPENT},
    /* types */
    {OK "Content-Type: Text/Event-Stream ; charset=utf-8\r\nContent-Length: 9\r\n\r\ndata: a\n\n", "a|.",
     AUI_STREAM_READY},
    {OK "Content-Length: 9\r\n\r\ndata: a\n\n", "a|.", AUI_STREAM_READY},
    {OK "Content-Type: text/html\r\nContent-Length: 2\r\n\r\nab", "x", AUI_STREAM_SPENT},
    {OK "Content-Type: text/event-streams\r\n\r\n", "x", AUI_STREAM_SPENT},
    /* refusals */
    {"HTTP/1.1 404 X\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nab", "!404 ab", AUI_STREAM_SPENT},
    {"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "!500 ab", AUI_STREAM_SPENT},
    {"HTTP/1.1 301 X\r\nContent-Length: 0\r\n\r\n", "!301 ", AUI_STREAM_SPENT},
    {"HTTP/1.1 101 X\r\n\r\n", "!101 ", AUI_STREAM_SPENT},
    {"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabx\n", "!503 ab", AUI_STREAM_SPENT},
    {"HTTP/1.1 503 X\r\nTransfer-Encoding: x\r\n\r\n", "!503 ", AUI_STREAM_SPENT},
    {"HTTP/1.1 503 X\r\n\r\nab", "", AUI_STREAM_READING},
    /* what cannot be read */
    {"HTTP/2", "x", AUI_STREAM_SPENT},
    {TYPED "Transfer-Encoding: x\r\n\r\n", "x", AUI_STREAM_SPENT},
    {CHUNKED "9\r\ndata: a\n\nx\n", "a|x", AUI_STREAM_SPENT},
};

static void test_answers(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(answers); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(answers[i].answer, way);
      if (!text_is(&r, answers[i].text) || r.stream.state != answers[i].state)
        fail_msg("%s: \"%.*s\", state %d of\n%s", feed_way_names[way], (int)r.text.len, r.text.data, r.stream.state,
                 answers[i].answer);
      release(&r);
    }
  }
}

/* Cut in two at each place. */
static void test_event_that_is_cut(void **state) {
  (void)state;
  static const char answer[] = LENGTH(18) "data: a\n\ndata: b\n\n";
  for (size_t cut = 0; cut < sizeof answer; cut++) {
    reading r = read_answer("", FEED_WHOLE);
    feed(FEED_WHOLE, answer, cut, read_slice, &r);
    feed(FEED_WHOLE, answer + cut, sizeof answer - 1 - cut, read_slice, &r);
    assert_true(text_is(&r, "a|b|."));
    release(&r);
  }
}

static void test_limits(void **state) {
  (void)state;
  char answer[1200];
  snprintf(answer, sizeof answer, LENGTH(80) "data: %065d", 0);
  reading r = read_answer(answer, FEED_WHOLE);
  assert_true(text_is(&r, "x"));
  assert_int_equal(r.why, AUI_EVENT_STREAM_DATA_TOO_LONG);
  release(&r);
  snprintf(answer, sizeof answer, OK "X: %01100d", 0);
  r = read_answer(answer, FEED_WHOLE);
  assert_true(text_is(&r, "x"));
  assert_int_equal(r.why, AUI_HTTP_HEAD_TOO_LONG);
  release(&r);
}

static void test_long_refusal(void **state) {
  (void)state;
  enum { LONG = AUI_STREAM_MAX_BODY + 10 };
  static const char head[] = "HTTP/1.1 500 X\r\n\r\n";
  char *answer = malloc(sizeof head + LONG);
  assert_non_null(answer);
  memcpy(answer, head, sizeof head - 1);
  memset(answer + sizeof head - 1, 'a', LONG);
  answer[sizeof head - 1 + LONG] = '\0';
  reading r = read_answer(answer, FEED_WHOLE);
  assert_int_equal(r.stream.state, AUI_STREAM_SPENT);
  assert_int_equal(r.stream.body.len, AUI_STREAM_MAX_BODY);
  free(answer);
  release(&r);
}

static void test_retry_after(void **state) {
  (void)state;
  reading r = read_answer("HTTP/1.1 429 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", FEED_BYTES);
  assert_true(text_is(&r, "!429 "));
  assert_int_equal(r.stream.retry_after, 7);
  release(&r);
  r = read_answer("HTTP/1.1 429 X\r\nContent-Length: 0\r\n\r\n", FEED_WHOLE);
  assert_int_equal(r.stream.retry_after, -1);
  release(&r);
}

/* ---- One after another ---- */

static void test_answers_on_one_connection(void **state) {
  (void)state;
  static const char first[] = LENGTH(9) "data: a\n\n", second[] = CHUNKED "9\r\ndata: b\n\n\r\n0\r\n\r\n";
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_answer(first, way);
    assert_int_equal(r.stream.state, AUI_STREAM_READY);
    ask(&r, &plain);
    feed(way, second, sizeof second - 1, read_slice, &r);
    assert_true(text_is(&r, "a|.b|."));
    assert_int_equal(r.stream.state, AUI_STREAM_READY);
    release(&r);
  }
}

static void test_what_answers_nothing(void **state) {
  (void)state;
  reading r = {0};
  aui_stream_begin(&r.stream, -1);
  assert_false(read_slice(&r, (const uint8_t *)OK, 4)); /* nothing was asked */
  assert_true(text_is(&r, "?"));
  release(&r);
  aui_stream_begin(&r.stream, -1);
  assert_true(aui_stream_send(&r.stream, &plain, "{}", 2));
  assert_false(read_slice(&r, (const uint8_t *)OK, 4)); /* nor has any of it left */
  assert_true(text_is(&r, "?"));
  release(&r);
  r = read_answer(LENGTH(9) "data: a\n\nHTTP/1.1", FEED_WHOLE); /* behind the answer */
  assert_true(text_is(&r, "a|."));
  assert_int_equal(r.stream.state, AUI_STREAM_SPENT);
  release(&r);
}

static void test_answer_before_the_whole_request(void **state) {
  (void)state;
  reading r = {0};
  aui_stream_begin(&r.stream, -1);
  assert_true(aui_stream_send(&r.stream, &plain, "{}", 2));
  aui_stream_wrote(&r.stream, 1);
  assert_false(read_slice(&r, (const uint8_t *)LENGTH(9) "data: a\n\n", strlen(LENGTH(9)) + 9));
  assert_true(text_is(&r, "a|."));
  release(&r);
}

static void test_end_of_the_connection(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    aui_stream_event in_order, cut;
  } cases[] = {
      {"", AUI_STREAM_NEED_MORE, AUI_STREAM_NEED_MORE},
      {TYPED, AUI_STREAM_NEED_MORE, AUI_STREAM_NEED_MORE},
      {TYPED "\r\ndata: a\n\n", AUI_STREAM_END, AUI_STREAM_NEED_MORE},
      {LENGTH(9) "data", AUI_STREAM_NEED_MORE, AUI_STREAM_NEED_MORE},
      {LENGTH(9) "data: a\n\n", AUI_STREAM_NEED_MORE, AUI_STREAM_NEED_MORE},
      {"HTTP/1.1 401 X\r\nContent-Length: 9\r\n\r\nab", AUI_STREAM_REFUSED, AUI_STREAM_REFUSED},
  };
  for (size_t i = 0; i < COUNT(cases); i++) {
    reading r = read_answer(cases[i].answer, FEED_WHOLE);
    assert_int_equal(aui_stream_eof(&r.stream, true), cases[i].in_order);
    assert_int_equal(aui_stream_eof(&r.stream, false), cases[i].cut);
    release(&r);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request),
      cmocka_unit_test(test_no_memory_for_the_request),
      cmocka_unit_test_teardown(test_answers, guarded_teardown),
      cmocka_unit_test_teardown(test_event_that_is_cut, guarded_teardown),
      cmocka_unit_test_teardown(test_limits, guarded_teardown),
      cmocka_unit_test_teardown(test_long_refusal, guarded_teardown),
      cmocka_unit_test_teardown(test_retry_after, guarded_teardown),
      cmocka_unit_test_teardown(test_answers_on_one_connection, guarded_teardown),
      cmocka_unit_test_teardown(test_what_answers_nothing, guarded_teardown),
      cmocka_unit_test_teardown(test_answer_before_the_whole_request, guarded_teardown),
      cmocka_unit_test_teardown(test_end_of_the_connection, guarded_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
