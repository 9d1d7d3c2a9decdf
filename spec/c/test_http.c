/* HTTP/1.1: the head of a request byte by byte, and what is read of an answer, however the input is sliced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/http.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const aui_http_limits limits = {.max_response_head = 16 * 1024, .max_chunk_framing = 64};

/* Buffers that cannot grow any more; their memory is never touched. */
static char nothing;
static const aui_buffer full = {.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};

/* ---- The request ---- */

static void test_request(void **state) {
  (void)state;
  aui_buffer out = {0};
  const aui_request request = {.host = "localhost:7788", .target = "/a?b=c", .headers = "X: 1\r\nY: 2\r\n"};
  static const char expected[] = "before"
                                 "POST /a?b=c HTTP/1.1\r\nHost: localhost:7788\r\nContent-Length: 3\r\n"
                                 "X: 1\r\nY: 2\r\n\r\n";
  assert_true(aui_buffer_append(&out, "before", 6));
  assert_true(aui_http_write_request(&out, "POST", &request, "Content-Length: 3\r\n"));
  assert_int_equal(out.len, sizeof expected - 1);
  assert_memory_equal(out.data, expected, out.len);
  aui_buffer_free(&out);

  out = full;
  assert_false(aui_http_write_request(&out, "GET", &request, ""));
  assert_memory_equal(&out, &full, sizeof out);
}

/* ---- The answer ---- */

/* What was read: each field as "name=value|", "/" behind the head, the body as it is. */
typedef struct {
  aui_http http;
  aui_http_event event; /* the last */
  size_t consumed;
  aui_buffer text;
} reading;

static void add(reading *r, const char *bytes, size_t n) {
  assert_true(aui_buffer_append(&r->text, bytes, n));
}

static void add_field(reading *r) {
  add(r, r->http.name.at, r->http.name.len);
  add(r, "=", 1);
  add(r, r->http.value.at, r->http.value.len);
  add(r, "|", 1);
}

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  reading *r = context;
  const uint8_t *input = slice;
  do {
    r->event = aui_http_read(&r->http, &input, slice + n);
    assert_true(input >= slice && input <= slice + n);
    if (r->event == AUI_HTTP_FIELD) add_field(r);
    if (r->event == AUI_HTTP_HEAD) add(r, "/", 1);
    if (r->event == AUI_HTTP_BODY) {
      assert_true(r->http.piece.len > 0);
      add(r, r->http.piece.at, r->http.piece.len);
    }
  } while (r->event > AUI_HTTP_NEED_MORE && r->event != AUI_HTTP_END);
  if (r->event == AUI_HTTP_NEED_MORE) assert_ptr_equal(input, slice + n);
  r->consumed += (size_t)(input - slice);
  return r->event == AUI_HTTP_NEED_MORE;
}

/* The caller releases it by `release`. */
static reading read_answer(feed_way way, const void *answer, size_t n, const aui_http_limits *within) {
  reading r = {0};
  aui_http_begin(&r.http, within);
  assert_true(aui_http_is_untouched(&r.http));
  feed(way, answer, n, read_slice, &r);
  return r;
}

static void release(reading *r) {
  aui_http_free(&r->http);
  aui_http_free(&r->http);
  aui_buffer_free(&r->text);
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"
#define CODED "Transfer-Encoding=chunked|/"

typedef struct {
  const char *answer;
  aui_http_event event;
  int status;
  const char *text;
  const char *behind; /* of the answer, what is left unread */
} expectation;

static void assert_reads(const expectation *e, feed_way way) {
  size_t n = strlen(e->answer);
  reading r = read_answer(way, e->answer, n, &limits);
  bool same = r.event == e->event && r.http.status == e->status && r.text.len == strlen(e->text) &&
              (r.text.len == 0 || memcmp(r.text.data, e->text, r.text.len) == 0);
  if (!same)
    fail_msg("%s: event %d, status %d, \"%.*s\" for\n%s", feed_way_names[way], r.event, r.http.status, (int)r.text.len,
             r.text.len ? r.text.data : "", e->answer);
  if (e->event == AUI_HTTP_END) assert_string_equal(e->answer + r.consumed, e->behind ? e->behind : "");
  release(&r);
}

static void assert_all_read(const expectation *list, size_t count) {
  for (size_t i = 0; i < count; i++) {
    for (int way = 0; way < FEED_WAYS; way++) assert_reads(&list[i], way);
  }
}

static void test_heads(void **state) {
  (void)state;
  static const expectation list[] = {
      {OK "Content-Length: 0\r\n\r\n", AUI_HTTP_END, 200, "Content-Length=0|/", NULL},
      /* the reason does not matter, nor does the space before it; any status of three digits is one */
      {"HTTP/1.1 204\r\n\r\n", AUI_HTTP_END, 204, "/", NULL},
      {"HTTP/1.1 304 \r\n\r\n", AUI_HTTP_END, 304, "/", NULL},
      {"HTTP/1.0 999 \xE9 x y\r\nContent-Length:0\r\n\r\n", AUI_HTTP_END, 999, "Content-Length=0|/", NULL},
      {"HTTP/1.9 600 X\r\n\r\n", AUI_HTTP_NEED_MORE, 600, "/", NULL},
      /* names are tokens, values whatever they are, without the blanks around */
      {"HTTP/1.1 204\r\n!#$%&'*+-.^_`|~09aZ: \xE9 \x01\t\r\nX:\r\nX: \t \r\n\r\n", AUI_HTTP_END, 204,
       "!#$%&'*+-.^_`|~09aZ=\xE9 \x01|X=|X=|/", NULL},
      {"HTTP/1.1 204\r\nA:b\r\na: b: c\r\n\r\n", AUI_HTTP_END, 204, "A=b|a=b: c|/", NULL},
      /* lines that end in LF alone */
      {"HTTP/1.1 200 OK\nX: y\nContent-Length: 2\n\nhi", AUI_HTTP_END, 200, "X=y|Content-Length=2|/hi", NULL},
      {"HTTP/1.1 204 No\nX: y\r\nZ: \n\r\n", AUI_HTTP_END, 204, "X=y|Z=|/", NULL},
      /* folded fields (RFC 9112, 5.2) */
      {"HTTP/1.1 204\r\nX: a \t\r\n \t b\r\n c\r\nY: d\r\n\r\n", AUI_HTTP_END, 204, "X=a b c|Y=d|/", NULL},
      {"HTTP/1.1 204\r\nX:\r\n a\r\n \r\n\t\r\n\r\n", AUI_HTTP_END, 204, "X=a|/", NULL},
      {"HTTP/1.1 204\nX:\n\ta\nY:\n \n\n", AUI_HTTP_END, 204, "X=a|Y=|/", NULL},
      {OK "Content-Length:\r\n 2\r\n\r\nhi", AUI_HTTP_END, 200, "Content-Length=2|/hi", NULL},
      /* interim answers are passed over, and what they say does not count */
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 X\r\n\r\n", AUI_HTTP_END, 204, "/", NULL},
      {"HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\nX: a\r\n b\r\n\r\nHTTP/1.1 102 X\r\n\r\n"
       "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n?",
       AUI_HTTP_END, 200, "Content-Length=1|/?", NULL},
      {"HTTP/1.1 100 Continue\r\nX: y\r\n", AUI_HTTP_NEED_MORE, 100, "", NULL},
      {"HTTP/1.1 100 Continue\r\n\r\n", AUI_HTTP_NEED_MORE, 0, "", NULL},
      /* but for 101, behind which something else begins */
      {"HTTP/1.1 101 X\r\nUpgrade: y\r\nContent-Length: 5\r\n\r\nHTTP/", AUI_HTTP_END, 101,
       "Upgrade=y|Content-Length=5|/", "HTTP/"},
      /* not complete */
      {"", AUI_HTTP_NEED_MORE, 0, "", NULL},
      {"HTTP/1.1 200", AUI_HTTP_NEED_MORE, 0, "", NULL},
      {OK "X: y", AUI_HTTP_NEED_MORE, 200, "", NULL},
      {OK "X: y\r\n", AUI_HTTP_NEED_MORE, 200, "", NULL}, /* it may go on */
      {OK "X: y\r\n ", AUI_HTTP_NEED_MORE, 200, "", NULL},
      {OK "X: y\r\nZ", AUI_HTTP_NEED_MORE, 200, "X=y|", NULL},
  };
  assert_all_read(list, COUNT(list));
}

static void test_no_http(void **state) {
  (void)state;
  static const char *const answers[] = {
      /* another protocol: seen with the first byte that differs */
      "S",
      "SSH-2.0-OpenSSH_9.2\r\n",
      "\r\nHTTP/1.1 200 OK\r\n\r\n",
      " HTTP/1.1 200 OK\r\n\r\n",
      "http/1.1 200 OK\r\n\r\n",
      "HTTP/2",
      "HTTP/1,1 200 OK\r\n\r\n",
      "HTTP/0.9 200 OK\r\n\r\n",
      "HTTP\n",
      /* status lines */
      "HTTP/1.\n",
      "HTTP/1.1\r\n\r\n",
      "HTTP/1.1 \r\n\r\n",
      "HTTP/1.1 10\r\n\r\n",
      "HTTP/1.1 20x OK\r\n\r\n",
      "HTTP/1.1 2000 OK\r\n\r\n",
      "HTTP/1.1 200-OK\r\n\r\n",
      "HTTP/1.1  200 OK\r\n\r\n",
      "HTTP/1.1\t200 OK\r\n\r\n",
      "HTTP/1.x 200 OK\r\n\r\n",
      "HTTP/1.10 200 OK\r\n\r\n",
      "HTTP/1.1 099 X\r\n\r\n",
      /* CR that ends no line */
      "HTTP/1.1 200 OK\r\r\n\r\n",
      "HTTP/1.1 200 a\rb\r\n\r\n",
      OK "X: a\rb\r\n\r\n",
      OK "X: a\r\r\n\r\n",
      OK "X: a\r\n b\rc\r\n\r\n",
      /* fields */
      OK "no colon\r\n\r\n",
      OK "nocolon\r\n\r\n",
      OK "X\r\n\r\n",
      OK ": no name\r\n\r\n",
      OK "space : before the colon\r\n\r\n",
      OK "a(b): c\r\n\r\n",
      OK "\xC3\xA9: x\r\n\r\n",
      OK " X: y\r\n\r\n",
      "HTTP/1.1 100 Continue\r\nno colon\r\n\r\n",
  };
  for (size_t i = 0; i < COUNT(answers); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(way, answers[i], strlen(answers[i]), &limits);
      if (r.event != AUI_HTTP_NOT_HTTP) fail_msg("%s: %d for\n%s", feed_way_names[way], r.event, answers[i]);
      release(&r);
    }
  }
}

static void assert_event(const char *bytes, size_t n, const aui_http_limits *within, aui_http_event expected) {
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_answer(way, bytes, n, within);
    if (r.event != expected)
      fail_msg("%s: %d, not %d, for\n%.*s", feed_way_names[way], r.event, expected, (int)n, bytes);
    release(&r);
  }
}

static void test_nul(void **state) {
  (void)state;
#define ASSERT_NUL(text, event) assert_event(text, sizeof text - 1, &limits, event)
  ASSERT_NUL("HTTP/1.1 200 O\0K\r\n", AUI_HTTP_NOT_HTTP);
  ASSERT_NUL(OK "X\0: y\r\n", AUI_HTTP_NOT_HTTP);
  ASSERT_NUL(OK "X: a\0b\r\n", AUI_HTTP_NOT_HTTP);
  ASSERT_NUL(OK "X: a\r\n \0b\r\n", AUI_HTTP_NOT_HTTP);
  ASSERT_NUL(CHUNKED "1;\0\r\n", AUI_HTTP_BAD_CHUNK);
}

static void test_tls_alert(void **state) {
  (void)state;
  static const char alert[] = "\x15\x03\x03\x00\x02\x02\x0A"; /* unexpected_message, which is a line feed */
  assert_event(alert, sizeof alert - 1, &limits, AUI_HTTP_TLS_ALERT);
  assert_event(alert, 2, &limits, AUI_HTTP_TLS_ALERT);
  assert_event(alert, 1, &limits, AUI_HTTP_NEED_MORE);
  assert_event("\x15\x04", 2, &limits, AUI_HTTP_NOT_HTTP);
  assert_event("\x16\x03", 2, &limits, AUI_HTTP_NOT_HTTP);
}

/* ---- Bodies ---- */

static void test_bodies(void **state) {
  (void)state;
  static const expectation list[] = {
      /* of known length; what follows is another message's */
      {OK "Content-Length: 5\r\n\r\nhelloHTTP/1.1", AUI_HTTP_END, 200, "Content-Length=5|/hello", "HTTP/1.1"},
      {OK "content-length: 3,3\r\nContent-Length: 003\r\n\r\nhi!", AUI_HTTP_END, 200,
       "content-length=3,3|Content-Length=003|/hi!", NULL},
      {OK "Content-Length: 6\r\n\r\nhello", AUI_HTTP_NEED_MORE, 200, "Content-Length=6|/hello", NULL},
      {OK "Content-Length: 99999999999999999999\r\n\r\nhello", AUI_HTTP_NEED_MORE, 200,
       "Content-Length=99999999999999999999|/hello", NULL},
      /* none, whatever the fields say */
      {"HTTP/1.1 204 X\r\nContent-Length: x\r\n\r\nHTTP", AUI_HTTP_END, 204, "Content-Length=x|/", "HTTP"},
      {"HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", AUI_HTTP_END, 304, "Content-Length=9|/", NULL},
      {"HTTP/1.1 304 X\r\nTransfer-Encoding: chunked\r\n\r\n", AUI_HTTP_END, 304, CODED, NULL},
      /* to the end of the connection */
      {OK "\r\nhello\r\n\r\n", AUI_HTTP_NEED_MORE, 200, "/hello\r\n\r\n", NULL},

      /* chunks: extensions, blanks and trailers do not count, sizes have leading zeros and either case */
      {CHUNKED "3\r\nsor\r\n2\r\nry\r\n0\r\n\r\nHTTP", AUI_HTTP_END, 200, CODED "sorry", "HTTP"},
      {OK "transfer-encoding: Chunked\r\n\r\n0005;a=\"b\"\r\nsorry\r\n0;c\r\nT: x\r\n folded\r\nnot a field\r\n\r\n",
       AUI_HTTP_END, 200, "transfer-encoding=Chunked|/sorry", NULL},
      {CHUNKED "A \r\n0123456789\r\n1a\t\r\nabcdefghijklmnopqrstuvwxyz\r\n00\r\n\r\n", AUI_HTTP_END, 200,
       CODED "0123456789abcdefghijklmnopqrstuvwxyz", NULL},
      {CHUNKED "2\r\n\r\n\r\n0\r\n\r\n", AUI_HTTP_END, 200, CODED "\r\n", NULL},
      {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nhello\n0\n\n", AUI_HTTP_END, 200, CODED "hello", NULL},
      {CHUNKED "0000000000000000000005\r\nsorry\r\n0\r\n\r\n", AUI_HTTP_END, 200, CODED "sorry", NULL},
      {CHUNKED "ffffffffffffffff\r\nsorry", AUI_HTTP_NEED_MORE, 200, CODED "sorry", NULL},
      {CHUNKED "80000000\r\nx", AUI_HTTP_NEED_MORE, 200, CODED "x", NULL},
      {CHUNKED "1\r\n[\r\nFFFFFFF4\r\nxxxx", AUI_HTTP_NEED_MORE, 200, CODED "[xxxx", NULL},
      {CHUNKED "5\r\nhello\r\n0\r\n", AUI_HTTP_NEED_MORE, 200, CODED "hello", NULL},
      {CHUNKED "5\r\nhello\r\n0\r\nT: x\r\n", AUI_HTTP_NEED_MORE, 200, CODED "hello", NULL},

      /* broken ones */
      {CHUNKED "\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED ";x\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "5x\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "0x5\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "-5\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED " 5\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "hello\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "10000000000000000\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "10000000000000005\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED, NULL},
      {CHUNKED "5\r\nsorry!\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED "sorry", NULL},
      {CHUNKED "5\r\nsorry\r\nx\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED "sorry", NULL},
      {CHUNKED "5\r\nsorry\r\n0\r\nT: a\rb\r\n", AUI_HTTP_BAD_CHUNK, 200, CODED "sorry", NULL},
  };
  assert_all_read(list, COUNT(list));
}

/* RFC 9112, 6.1 and 6.3: told behind the head, which is in order. */
static void test_bad_framing(void **state) {
  (void)state;
  static const expectation list[] = {
      {OK "Content-Length:\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=|/", NULL},
      {OK "Content-Length: -1\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=-1|/", NULL},
      {OK "Content-Length: +1\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=+1|/", NULL},
      {OK "Content-Length: 1x\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=1x|/", NULL},
      {OK "Content-Length: 1 1\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=1 1|/", NULL},
      {OK "Content-Length: 1,2\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Content-Length=1,2|/", NULL},
      {OK "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200,
       "Content-Length=1|Content-Length=2|/", NULL},
      {OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200,
       "Content-Length=1|" CODED, NULL},
      {OK "Transfer-Encoding: gzip\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Transfer-Encoding=gzip|/", NULL},
      {OK "Transfer-Encoding: gzip, chunked\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200, "Transfer-Encoding=gzip, chunked|/",
       NULL},
      {OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n", AUI_HTTP_BAD_FRAMING, 200,
       "Transfer-Encoding=gzip|" CODED, NULL},
  };
  assert_all_read(list, COUNT(list));
}

#define ENCODED(name) "Content-Encoding: " name "\r\n"

/* Nobody can read an encoded body; that of a refusal is passed over, since its status says enough. */
static void test_encodings(void **state) {
  (void)state;
  static const expectation list[] = {
      {OK ENCODED("gzip") "Content-Length: 5\r\n\r\n", AUI_HTTP_ENCODED, 200,
       "Content-Encoding=gzip|Content-Length=5|/", NULL},
      {OK ENCODED("br") "\r\nhello", AUI_HTTP_ENCODED, 200, "Content-Encoding=br|/", "hello"},
      {OK ENCODED("Identity") "\r\nhello", AUI_HTTP_NEED_MORE, 200, "Content-Encoding=Identity|/hello", NULL},
      {OK ENCODED("") "\r\nhello", AUI_HTTP_NEED_MORE, 200, "Content-Encoding=|/hello", NULL},
      {OK ENCODED("gzip") "Content-Length: 0\r\n\r\n", AUI_HTTP_END, 200, "Content-Encoding=gzip|Content-Length=0|/",
       NULL},
      {"HTTP/1.1 500 X\r\n" ENCODED("gzip") "Content-Length: 5\r\n\r\nhelloHTTP", AUI_HTTP_END, 500,
       "Content-Encoding=gzip|Content-Length=5|/", "HTTP"},
  };
  assert_all_read(list, COUNT(list));
}

/* Whether the connection may be used again, and whether its end is the message's. */
static void test_connections(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    bool keep_alive;
    bool ends_with_connection;
  } list[] = {
      {"HTTP/1.1 204 X\r\n\r\n", true, false},
      {OK "Content-Length: 0\r\n\r\n", true, false},
      {OK "Content-Length: 1\r\nConnection: keep-alive, x\r\n\r\n?", true, false},
      {CHUNKED "0\r\n\r\n", true, false},
      {OK "Content-Length: 0\r\nConnection: x, Close\r\n\r\n", false, false},
      {OK "Content-Length: 0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n", false, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false, false},
      {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n", true, false},
      {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n", false, false},
      {OK "\r\n", false, true},
      {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\nx", false, true},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_answer(way, list[i].answer, strlen(list[i].answer), &limits);
      assert_int_equal(r.event, list[i].ends_with_connection ? AUI_HTTP_NEED_MORE : AUI_HTTP_END);
      if (r.http.keep_alive != list[i].keep_alive) fail_msg("%s", list[i].answer);
      assert_int_equal(aui_http_ends_with_connection(&r.http), list[i].ends_with_connection);
      assert_false(aui_http_is_untouched(&r.http));
      release(&r);
    }
  }
}

static void test_the_length_is_told_with_the_head(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    bool has_length;
    uint64_t length;
  } list[] = {{OK "Content-Length: 17\r\n\r\n", true, 17},
              {OK "Content-Length: 18446744073709551616\r\n\r\n", true, UINT64_MAX},
              {"HTTP/1.1 304 X\r\nContent-Length: 17\r\n\r\n", false, 0},
              {OK "Content-Length: 17x\r\n\r\n", false, 0},
              {OK "\r\n", false, 0},
              {CHUNKED, false, 0}};
  for (size_t i = 0; i < COUNT(list); i++) {
    reading r = read_answer(FEED_WHOLE, list[i].answer, strlen(list[i].answer), &limits);
    assert_int_equal(r.http.has_length, list[i].has_length);
    if (list[i].has_length) assert_true(r.http.length == list[i].length);
    release(&r);
  }
}

/* ---- Limits ---- */

/* Each but for the last byte's worth of it. */
static void assert_head_limit(const char *answer, size_t head) {
  size_t n = strlen(answer);
  for (size_t limit = 0; limit <= head; limit++) {
    const aui_http_limits within = {.max_response_head = limit, .max_chunk_framing = 64};
    assert_event(answer, n, &within, limit < head ? AUI_HTTP_HEAD_TOO_LONG : AUI_HTTP_END);
  }
}

static void test_limit_of_the_head(void **state) {
  (void)state;
  static const char plain[] = OK "X: y\r\nContent-Length: 5\r\n\r\n";
  static const char folded[] = "HTTP/1.1 204 X\r\nX: y\r\n \t \r\n  z\r\n\r\n";
  static const char two[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 X\r\n\r\n";
  assert_head_limit(OK "X: y\r\nContent-Length: 5\r\n\r\nsorry", sizeof plain - 1);
  assert_head_limit(folded, sizeof folded - 1);
  assert_head_limit(two, sizeof two - 1);
}

static void test_endless_line(void **state) {
  (void)state;
  size_t limit = limits.max_response_head;
  char *answer = malloc(limit + 1);
  assert_non_null(answer);
  memset(answer, 'x', limit + 1);
  memcpy(answer, OK "X: ", sizeof OK "X: " - 1);
  assert_event(answer, limit + 1, &limits, AUI_HTTP_HEAD_TOO_LONG);
  assert_event(answer, limit - 1, &limits, AUI_HTTP_NEED_MORE);
  free(answer);
}

static void test_limit_of_what_is_between_chunks(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    size_t needed;
  } list[] = {{CHUNKED "0\r\n\r\n", 5},
              {CHUNKED "1;abc\r\nx\r\n0\r\n\r\n", 7},
              {CHUNKED "1\r\nx\r\n1;abc\r\nx\r\n0\r\n\r\n", 9},
              {CHUNKED "1\r\nx\r\n0\r\nT: a\r\n\r\n", 13}};
  for (size_t i = 0; i < COUNT(list); i++) {
    for (size_t limit = 0; limit <= list[i].needed; limit++) {
      const aui_http_limits within = {.max_response_head = 1000, .max_chunk_framing = limit};
      bool enough = limit == list[i].needed;
      assert_event(list[i].answer, strlen(list[i].answer), &within, enough ? AUI_HTTP_END : AUI_HTTP_FRAMING_TOO_LONG);
    }
  }
}

/* ---- The rest ---- */

static void test_the_end_stays_the_end(void **state) {
  (void)state;
  static const uint8_t more[] = "HTTP/1.1 200 OK\r\n";
  reading r = read_answer(FEED_WHOLE, "HTTP/1.1 204 X\r\n\r\n", 18, &limits);
  for (int i = 0; i < 2; i++) {
    const uint8_t *input = more;
    assert_int_equal(aui_http_read(&r.http, &input, more + sizeof more - 1), AUI_HTTP_END);
    assert_ptr_equal(input, more);
  }
  release(&r);
}

static void test_memory_is_short(void **state) {
  (void)state;
  reading r = {0};
  aui_http_begin(&r.http, &limits);
  r.http.line = full;
  feed(FEED_WHOLE, "HTTP", 4, read_slice, &r);
  assert_int_equal(r.event, AUI_HTTP_NO_MEMORY);
  r.http.line = (aui_buffer){0};
  release(&r);
}

static void test_every_event_has_words(void **state) {
  (void)state;
  for (int event = AUI_HTTP_ENCODED; event < 0; event++) {
    const char *words = aui_http_describe(event);
    for (int other = event + 1; other <= 0; other++) assert_string_not_equal(words, aui_http_describe(other));
  }
  assert_string_equal(aui_http_describe(AUI_HTTP_TLS_ALERT), "the server speaks TLS here: use wss://");
}

static void test_lists(void **state) {
  (void)state;
  static const struct {
    const char *list;
    bool has;
  } cases[] = {{"", false},          {"upgrade", true},   {"a, UPGRADE", true}, {"a,\tUpgrade ,", true},
               {",, upgrade", true}, {"upgrade2", false}, {"up grade", false},  {"a upgrade", false}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    aui_span list = {cases[i].list, strlen(cases[i].list)};
    assert_int_equal(aui_span_list_has(list, "upgrade"), cases[i].has);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_request),
      cmocka_unit_test(test_heads),
      cmocka_unit_test(test_no_http),
      cmocka_unit_test(test_nul),
      cmocka_unit_test(test_tls_alert),
      cmocka_unit_test(test_bodies),
      cmocka_unit_test(test_bad_framing),
      cmocka_unit_test(test_encodings),
      cmocka_unit_test(test_connections),
      cmocka_unit_test(test_the_length_is_told_with_the_head),
      cmocka_unit_test(test_limit_of_the_head),
      cmocka_unit_test(test_endless_line),
      cmocka_unit_test(test_limit_of_what_is_between_chunks),
      cmocka_unit_test(test_the_end_stays_the_end),
      cmocka_unit_test(test_memory_is_short),
      cmocka_unit_test(test_every_event_has_words),
      cmocka_unit_test(test_lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
