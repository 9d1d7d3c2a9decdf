/* Fuzzes the reader of HTTP answers. Input: a byte for the limit of the head, one for that between chunks, then what
 * the server sends. Read whole, byte by byte, and with bytes behind it, it must give the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/http.h"

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  aui_http http;
  aui_http_event event;
  size_t consumed;
  size_t body; /* bytes */
  aui_buffer text;
} reading;

static void begin(reading *r, const aui_http_limits *limits) {
  *r = (reading){0};
  aui_http_begin(&r->http, limits);
}

static void add(reading *r, const char *prefix, aui_span span) {
  check(span.at || span.len == 0);
  check(aui_buffer_append(&r->text, prefix, strlen(prefix)) && aui_buffer_append(&r->text, span.at, span.len));
}

static bool is_clean(aui_span value) {
  static const char bad[] = {'\r', '\n', '\0'};
  for (size_t i = 0; i < value.len; i++) {
    if (memchr(bad, value.at[i], sizeof bad)) return false;
  }
  bool blank = value.len > 0 && (strchr(" \t", value.at[0]) || strchr(" \t", value.at[value.len - 1]));
  return !blank;
}

static void take(reading *r) {
  const aui_http *http = &r->http;
  switch (r->event) {
    case AUI_HTTP_FIELD:
      check(http->name.len > 0 && is_clean(http->name) && is_clean(http->value));
      add(r, "\n", http->name);
      add(r, ": ", http->value);
      break;
    case AUI_HTTP_HEAD:
      check(!http->has_length || http->length > 0);
      add(r, "\n\n", (aui_span){0});
      break;
    case AUI_HTTP_BODY:
      check(http->piece.len > 0);
      r->body += http->piece.len;
      check(!http->has_length || r->body <= http->length);
      add(r, "", http->piece);
      break;
    default: break;
  }
}

/* Reads one slice, from memory of exactly its size. Returns false at the end, or at an error. */
static bool read_slice(reading *r, const uint8_t *bytes, size_t n) {
  uint8_t *slice = malloc(n);
  check(slice || n == 0);
  if (n > 0) memcpy(slice, bytes, n);
  const uint8_t *input = slice, *end = n > 0 ? slice + n : slice;
  do {
    r->event = aui_http_read(&r->http, &input, end);
    check(input >= slice && input <= end);
    take(r);
  } while (r->event > AUI_HTTP_NEED_MORE && r->event != AUI_HTTP_END);
  check(r->event != AUI_HTTP_NEED_MORE || input == end);
  r->consumed += (size_t)(input - slice);
  free(slice);
  return r->event == AUI_HTTP_NEED_MORE;
}

static void check_invariants(const reading *r) {
  const aui_http *http = &r->http;
  check(r->event != AUI_HTTP_NO_MEMORY);
  check(http->status == 0 || (http->status >= 100 && http->status <= 999));
  check(http->line.len <= http->limits.max_response_head + http->limits.max_chunk_framing);
  if (r->event == AUI_HTTP_END) check(http->status >= 200 || http->status == 101);
  bool passed_over = http->encoding[0]; /* the body */
  if (r->event == AUI_HTTP_END && http->has_length && !passed_over) check(r->body == http->length);
  if (r->event == AUI_HTTP_NEED_MORE) check(aui_http_is_untouched(http) == (r->consumed == 0));
  if (aui_http_ends_with_connection(http)) check(r->event == AUI_HTTP_NEED_MORE && !http->keep_alive);
}

static void check_equal(const reading *a, const reading *b) {
  check(a->event == b->event && a->http.status == b->http.status && a->text.len == b->text.len);
  check(a->text.len == 0 || memcmp(a->text.data, b->text.data, a->text.len) == 0);
  check(a->http.keep_alive == b->http.keep_alive);
  if (a->event == AUI_HTTP_END) check(a->consumed == b->consumed);
}

static void release(reading *r) {
  aui_http_free(&r->http);
  aui_buffer_free(&r->text);
}

/* The same message with bytes behind it ends where it ended. */
static void check_with_bytes_behind(const reading *whole, const uint8_t *bytes, size_t n) {
  static const uint8_t behind[] = "HTTP/1.1 200 OK\r\n";
  if (whole->event != AUI_HTTP_END) return;
  uint8_t *longer = malloc(n + sizeof behind);
  reading r;
  check(longer);
  memcpy(longer, bytes, n);
  memcpy(longer + n, behind, sizeof behind);
  begin(&r, &whole->http.limits);
  check(!read_slice(&r, longer, n + sizeof behind));
  check_equal(whole, &r);
  release(&r);
  free(longer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  const aui_http_limits limits = {.max_response_head = data[0] == 0xFF ? 16 * 1024 : 2 * (size_t)data[0],
                                  .max_chunk_framing = data[1]};
  const uint8_t *bytes = data + 2;
  size_t n = size - 2;
  reading whole, single;
  begin(&whole, &limits);
  begin(&single, &limits);
  read_slice(&whole, bytes, n);
  for (size_t i = 0; i < n && read_slice(&single, bytes + i, 1); i++) {
  }
  check_invariants(&whole);
  check_equal(&whole, &single);
  check_with_bytes_behind(&whole, bytes, n);
  release(&whole);
  release(&single);
  return 0;
}
