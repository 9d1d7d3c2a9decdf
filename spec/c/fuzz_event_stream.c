/* Fuzzes the reader of Server-Sent Events. Input: a byte for the limit of data, then the stream. Read whole, byte by
 * byte, and in pieces of uneven length, it must give the same. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/event_stream.h"

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  aui_event_stream stream;
  aui_event_stream_result result;
  size_t data;     /* bytes of the event at hand */
  size_t complete; /* how much of `text` is of complete events */
  aui_buffer text;
} reading;

static void add(reading *r, const void *bytes, size_t n) {
  check(aui_buffer_append(&r->text, bytes, n));
}

static void take(reading *r) {
  const aui_event_stream *stream = &r->stream;
  if (r->result == AUI_EVENT_STREAM_DATA) {
    check(stream->len > 0);
    r->data += stream->len;
    check(r->data <= stream->max_data);
    add(r, stream->data, stream->len);
  } else if (r->result == AUI_EVENT_STREAM_EVENT) {
    check(stream->id.len == 0 || !memchr(stream->id.data, 0, stream->id.len));
    add(r, "\n<", 2);
    add(r, stream->name.data, stream->name.len);
    add(r, "\n", 1);
    add(r, stream->id.data, stream->id.len);
    add(r, ">\n", 2);
    r->data = 0;
    r->complete = r->text.len;
  }
}

/* Reads one slice, from memory of exactly its size. Returns false at an error. */
static bool read_slice(reading *r, const uint8_t *bytes, size_t n) {
  uint8_t *slice = malloc(n);
  check(slice || n == 0);
  if (n > 0) memcpy(slice, bytes, n);
  const uint8_t *input = slice, *end = n > 0 ? slice + n : slice;
  do {
    r->result = aui_event_stream_read(&r->stream, &input, end);
    check(input >= slice && input <= end);
    take(r);
  } while (r->result > AUI_EVENT_STREAM_NEED_MORE);
  check(r->result != AUI_EVENT_STREAM_NEED_MORE || input == end);
  check(r->result != AUI_EVENT_STREAM_NO_MEMORY);
  free(slice);
  return r->result == AUI_EVENT_STREAM_NEED_MORE;
}

/* In pieces of 1 up to `longest` bytes. The caller releases it. */
static reading read_in_pieces(const uint8_t *bytes, size_t n, size_t max_data, size_t longest) {
  reading r = {0};
  aui_event_stream_begin(&r.stream, max_data);
  for (size_t at = 0, piece = 1; at < n; at += piece, piece = piece % longest + 1) {
    if (piece > n - at) piece = n - at;
    if (!read_slice(&r, bytes + at, piece)) break;
  }
  return r;
}

static void release(reading *r) {
  aui_event_stream_free(&r->stream);
  aui_buffer_free(&r->text);
}

/* Before an error, more of the data may have been passed on in small pieces. */
static void check_equal(const reading *a, const reading *b) {
  check(a->result == b->result && a->complete == b->complete && a->stream.retry == b->stream.retry);
  size_t n = a->result == AUI_EVENT_STREAM_NEED_MORE ? a->text.len : a->complete;
  check(a->result != AUI_EVENT_STREAM_NEED_MORE || a->text.len == b->text.len);
  check(n == 0 || memcmp(a->text.data, b->text.data, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  size_t max_data = data[0] == 0xFF ? 1 << 20 : data[0], n = size - 1;
  const uint8_t *bytes = data + 1;
  reading whole = {0};
  aui_event_stream_begin(&whole.stream, max_data);
  read_slice(&whole, bytes, n);
  static const size_t longest[] = {1, 7, 200};
  for (size_t i = 0; i < sizeof longest / sizeof *longest; i++) {
    reading pieces = read_in_pieces(bytes, n, max_data, longest[i]);
    check_equal(&whole, &pieces);
    release(&pieces);
  }
  release(&whole);
  return 0;
}
