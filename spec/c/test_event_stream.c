/* Server-Sent Events: what is read of a stream, however the input is sliced. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/event_stream.h"
#include "support.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { MAX_DATA = 16 };

/* What was read: of each event its data as it is, then "<name|id>"; "#" of a comment. */
typedef struct {
  aui_event_stream stream;
  aui_event_stream_result result; /* the last */
  aui_buffer text;
} reading;

static void add(reading *r, const char *bytes, size_t n) {
  assert_true(aui_buffer_append(&r->text, bytes, n));
}

static void add_event(reading *r) {
  add(r, "<", 1);
  add(r, r->stream.name.data, r->stream.name.len);
  add(r, "|", 1);
  add(r, r->stream.id.data, r->stream.id.len);
  add(r, ">", 1);
}

static bool read_slice(void *context, const uint8_t *slice, size_t n) {
  reading *r = context;
  const uint8_t *input = slice;
  do {
    r->result = aui_event_stream_read(&r->stream, &input, slice + n);
    assert_true(input >= slice && input <= slice + n);
    if (r->result == AUI_EVENT_STREAM_EVENT) add_event(r);
    if (r->result == AUI_EVENT_STREAM_COMMENT) add(r, "#", 1);
    if (r->result == AUI_EVENT_STREAM_DATA) {
      assert_true(r->stream.len > 0);
      add(r, r->stream.data, r->stream.len);
    }
  } while (r->result > AUI_EVENT_STREAM_NEED_MORE);
  if (r->result == AUI_EVENT_STREAM_NEED_MORE) assert_ptr_equal(input, slice + n);
  return r->result == AUI_EVENT_STREAM_NEED_MORE;
}

/* The caller releases it by `release`. */
static reading read_stream(feed_way way, const void *bytes, size_t n) {
  reading r = {0};
  aui_event_stream_begin(&r.stream, MAX_DATA);
  feed(way, bytes, n, read_slice, &r);
  return r;
}

static void release(reading *r) {
  aui_event_stream_free(&r->stream);
  aui_event_stream_free(&r->stream);
  aui_buffer_free(&r->text);
}

typedef struct {
  const char *input;
  const char *text;
} expectation;

static void assert_reads(const char *input, size_t n, const char *text) {
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_stream(way, input, n);
    bool same = r.text.len == strlen(text) && (r.text.len == 0 || memcmp(r.text.data, text, r.text.len) == 0);
    if (!same || r.result != AUI_EVENT_STREAM_NEED_MORE)
      fail_msg("%s: result %d, \"%.*s\" for\n%s", feed_way_names[way], r.result, (int)r.text.len,
               r.text.len ? r.text.data : "", input);
    release(&r);
  }
}

static void assert_all_read(const expectation *list, size_t count) {
  for (size_t i = 0; i < count; i++) assert_reads(list[i].input, strlen(list[i].input), list[i].text);
}

static void test_data(void **state) {
  (void)state;
  static const expectation list[] = {
      {"", ""},
      {"data: a\n\n", "a<|>"},
      {"data:a\n\n", "a<|>"},
      /* one blank is the field's, any other the data's */
      {"data:  a \n\n", " a <|>"},
      {"data:\ta\n\n", "\ta<|>"},
      /* colons may be in it */
      {"data: a: b:\n\n", "a: b:<|>"},
      {"data::\n\n", ":<|>"},
      /* several lines are joined, however empty */
      {"data: a\ndata: b\n\n", "a\nb<|>"},
      {"data\n\n", "<|>"},
      {"data:\n\n", "<|>"},
      {"data: \n\n", "<|>"},
      {"data\ndata\n\n", "\n<|>"},
      {"data: a\ndata\ndata:\n\n", "a\n\n<|>"},
      {"data\ndata: a\n\n", "\na<|>"},
      /* what has no data is no event */
      {"\n\n\n", ""},
      {"event: a\n\ndata: b\n\n", "b<|>"},
      /* each event has its own */
      {"data: a\n\ndata: b\n\n", "a<|>b<|>"},
      /* one without an end is none */
      {"data: a\n\ndata: b", "a<|>b"},
      {"data: a\n\ndata: b\n", "a<|>b"},
      /* what is no ASCII is not looked at */
      {"data: \xC3\xA9\xFF\n\n", "\xC3\xA9\xFF<|>"},
  };
  assert_all_read(list, COUNT(list));
}

static void test_nul_in_data(void **state) {
  (void)state;
  static const char input[] = "data: a\0b\n\n";
  for (int way = 0; way < FEED_WAYS; way++) {
    reading r = read_stream(way, input, sizeof input - 1);
    assert_int_equal(r.text.len, 6);
    assert_memory_equal(r.text.data, "a\0b<|>", 6);
    release(&r);
  }
}

static void test_line_ends(void **state) {
  (void)state;
  static const expectation list[] = {
      {"data: a\r\rdata: b\r\r", "a<|>b<|>"},
      {"data: a\r\n\r\ndata: b\r\n\r\n", "a<|>b<|>"},
      {"data: a\r\ndata: b\r\n\n", "a\nb<|>"},
      {"data: a\n\rdata: b\r\n\r", "a<|>b<|>"},
      {"data: a\n\r\ndata: b\n\r\n", "a<|>b<|>"},
      {"data: a\r\r\ndata: b\n\n", "a<|>b<|>"},
      {"\r\ndata: a\r\r", "a<|>"},
  };
  assert_all_read(list, COUNT(list));
}

static void test_byte_order_mark(void **state) {
  (void)state;
  static const expectation list[] = {
      {"\xEF\xBB\xBF"
       "data: a\n\n",
       "a<|>"},
      {"\xEF\xBB\xBF\n"
       "data: a\n\n",
       "a<|>"},
      /* one only, and only at the beginning */
      {"\xEF\xBB\xBF\xEF\xBB\xBF"
       "data: a\n\n",
       ""},
      {"\n\xEF\xBB\xBF"
       "data: a\n\n",
       ""},
      /* what only begins like one is the name of a field */
      {"\xEF\xBB"
       "data: a\ndata: b\n\n",
       "b<|>"},
      {"\xEF\ndata: b\n\n", "b<|>"},
      {"\xEF\xBB", ""},
  };
  assert_all_read(list, COUNT(list));
}

static void test_other_fields(void **state) {
  (void)state;
  static const expectation list[] = {
      {"event: e\nid: 1\ndata: a\n\n", "a<e|1>"},
      /* the last one counts, an empty one too */
      {"event: e\nevent:f\nid: 1\nid: 2\ndata: a\n\n", "a<f|2>"},
      {"event: e\nevent\nid: 1\nid\ndata: a\n\n", "a<|>"},
      /* an event's name is its own, an id stays */
      {"event: e\nid: 1\ndata: a\n\ndata: b\n\n", "a<e|1>b<|1>"},
      {"event: e\nid: 1\n\ndata: b\n\n", "b<|1>"},
      /* comments and what nobody knows */
      {": data: x\n:\n:data\ndata: a\n\n", "###a<|>"},
      {"data: a\n:\rdata: b\n\n", "a#\nb<|>"},
      {": a", ""},
      {"datax: x\ndat: x\nDATA: x\n data: x\ndata : x\neventually: x\nnothing\ndata: a\n\n", "a<|>"},
  };
  assert_all_read(list, COUNT(list));
  static const char nul[] = "id: 1\nid: 2\0\ndata: a\n\n";
  assert_reads(nul, sizeof nul - 1, "a<|1>");
}

static void test_retry(void **state) {
  (void)state;
  static const struct {
    const char *input;
    int64_t retry;
  } list[] = {
      {"", -1},
      {"retry: 0\n", 0},
      {"retry:1500\n", 1500},
      {"retry: 1\nretry: 2\n", 2},
      {"retry: 1\nretry: x\nretry\nretry:\nretry: -2\nretry: 2 \nretry: 2.5\n", 1},
      {"retry: 3", -1},
      {"retry: 9223372036854775799\n", INT64_C(9223372036854775799)},
      {"retry: 99999999999999999999999\n", INT64_MAX},
  };
  for (size_t i = 0; i < COUNT(list); i++) {
    for (int way = 0; way < FEED_WAYS; way++) {
      reading r = read_stream(way, list[i].input, strlen(list[i].input));
      if (r.stream.retry != list[i].retry) fail_msg("%s: %lld", list[i].input, (long long)r.stream.retry);
      release(&r);
    }
  }
}

/* ---- Limits ---- */

typedef struct {
  const char *before;
  size_t filling; /* how many x follow, */
  const char *behind;
  aui_event_stream_result result;
} limit;

static void assert_limited(const limit *l) {
  size_t before = strlen(l->before), behind = strlen(l->behind), n = before + l->filling + behind;
  char *input = malloc(n);
  assert_non_null(input);
  memcpy(input, l->before, before);
  memset(input + before, 'x', l->filling);
  memcpy(input + before + l->filling, l->behind, behind);
  for (int way = 0; way < FEED_WAYS; way++) {
    if (way == FEED_BYTES && n > 1024) continue; /* a page for each would be many; test_long_pieces has it */
    reading r = read_stream(way, input, n);
    if (r.result != l->result) fail_msg("%s: %d for %s...%s", feed_way_names[way], r.result, l->before, l->behind);
    release(&r);
  }
  free(input);
}

static void test_limits(void **state) {
  (void)state;
  enum { LINE = AUI_EVENT_STREAM_MAX_LINE };
  static const limit list[] = {
      {"data: ", MAX_DATA, "\n\n", AUI_EVENT_STREAM_NEED_MORE},
      {"data: ", MAX_DATA + 1, "", AUI_EVENT_STREAM_DATA_TOO_LONG},
      {"data: a\ndata: ", MAX_DATA - 2, "\n\n", AUI_EVENT_STREAM_NEED_MORE},
      {"data: a\ndata: ", MAX_DATA - 1, "", AUI_EVENT_STREAM_DATA_TOO_LONG},
      {"data: ", MAX_DATA, "\ndata", AUI_EVENT_STREAM_NEED_MORE},
      {"data: ", MAX_DATA, "\ndata:", AUI_EVENT_STREAM_DATA_TOO_LONG},
      {"data: ", MAX_DATA, "\ndata\n", AUI_EVENT_STREAM_DATA_TOO_LONG},
      {"data: ", MAX_DATA, "\n\ndata: a\n\n", AUI_EVENT_STREAM_NEED_MORE}, /* the next event has its own room */
      {"data: ", MAX_DATA, "\n: x\n\n", AUI_EVENT_STREAM_NEED_MORE},
      /* the colon and the blank behind it do not count */
      {": ", LINE, "\n", AUI_EVENT_STREAM_NEED_MORE},
      {": ", LINE + 1, "", AUI_EVENT_STREAM_LINE_TOO_LONG},
      {"id: ", LINE - 2, "\ndata: a\n\n", AUI_EVENT_STREAM_NEED_MORE},
      {"id: ", LINE - 1, "", AUI_EVENT_STREAM_LINE_TOO_LONG},
      {"", LINE, "\n", AUI_EVENT_STREAM_NEED_MORE},
      {"", LINE + 1, "", AUI_EVENT_STREAM_LINE_TOO_LONG},
      {"x\n", LINE, "\n", AUI_EVENT_STREAM_NEED_MORE}, /* each line has its own room */
  };
  for (size_t i = 0; i < COUNT(list); i++) assert_limited(&list[i]);
}

/* Byte by byte, from plain memory. */
static void test_long_pieces(void **state) {
  (void)state;
  reading r = {0};
  aui_event_stream_begin(&r.stream, MAX_DATA);
  const uint8_t x = 'x';
  assert_true(read_slice(&r, (const uint8_t *)"id:", 3));
  for (int i = 0; i < AUI_EVENT_STREAM_MAX_LINE - 2; i++) assert_true(read_slice(&r, &x, 1));
  assert_false(read_slice(&r, &x, 1));
  assert_int_equal(r.result, AUI_EVENT_STREAM_LINE_TOO_LONG);
  release(&r);
}

/* A value to be kept, when its buffer cannot grow any more. */
static void test_no_memory(void **state) {
  (void)state;
  static char nothing;
  aui_event_stream stream;
  aui_event_stream_begin(&stream, MAX_DATA);
  stream.value = (aui_buffer){.data = &nothing, .len = SIZE_MAX / 4, .cap = SIZE_MAX / 4};
  const uint8_t *input = (const uint8_t *)"id: 1";
  assert_int_equal(aui_event_stream_read(&stream, &input, input + 5), AUI_EVENT_STREAM_NO_MEMORY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_data, guarded_teardown),
      cmocka_unit_test_teardown(test_nul_in_data, guarded_teardown),
      cmocka_unit_test_teardown(test_line_ends, guarded_teardown),
      cmocka_unit_test_teardown(test_byte_order_mark, guarded_teardown),
      cmocka_unit_test_teardown(test_other_fields, guarded_teardown),
      cmocka_unit_test_teardown(test_retry, guarded_teardown),
      cmocka_unit_test_teardown(test_limits, guarded_teardown),
      cmocka_unit_test(test_long_pieces),
      cmocka_unit_test(test_no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
