/* Fuzzes the frame reader and writer. Input: a byte for the message limit, a byte that seeds the slicing, and in its
 * highest bit says whether messages may be compressed, then what the server sends. Sliced and whole input must give the
 * same; a written frame must read back. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/frame.h"
#include "engine/utf8.h"

static void check(bool holds) {
  if (!holds) abort();
}

typedef struct {
  uint8_t result;
  bool last, compressed;
  uint16_t close_code;
  uint32_t text_len; /* of all messages so far */
  uint32_t control_len;
} event;

typedef struct {
  aui_frame_reader reader;
  aui_frame_result result;
  uint64_t limit;
  uint64_t message; /* bytes of the current message */
  aui_buffer text;  /* all messages, text and binary */
  aui_buffer control;
  aui_buffer events; /* each event but the slices inside a message */
} session;

static void note(session *s, const aui_frame *frame) {
  if (s->result == AUI_FRAME_TEXT || s->result == AUI_FRAME_BINARY) {
    s->message += frame->len;
    check(s->message <= s->limit || (frame->compressed && s->message <= 2 * s->limit + 64));
    check(frame->len > 0 || frame->last);
    check(aui_buffer_append(&s->text, frame->data, frame->len));
    if (!frame->last) return;
    s->message = 0;
  } else {
    check(frame->len <= AUI_FRAME_MAX_CONTROL);
    check(aui_buffer_append(&s->control, frame->data, frame->len));
  }
  if (s->result == AUI_FRAME_CLOSE) check(aui_utf8_valid(frame->data, frame->len));
  event e;
  memset(&e, 0, sizeof e); /* padding included, since events are compared as bytes */
  e.result = (uint8_t)s->result;
  e.last = frame->last;
  e.compressed = frame->compressed;
  e.close_code = frame->close_code;
  e.text_len = (uint32_t)s->text.len;
  e.control_len = (uint32_t)s->control.len;
  check(aui_buffer_append(&s->events, &e, sizeof e));
}

/* Reads one slice, from memory of exactly its size. Returns false after a violation. */
static bool read_slice(session *s, const uint8_t *bytes, size_t n) {
  uint8_t *slice = malloc(n);
  check(slice || n == 0);
  if (n > 0) memcpy(slice, bytes, n);
  const uint8_t *input = slice, *end = n > 0 ? slice + n : slice;
  do {
    aui_frame frame;
    const uint8_t *before = input;
    s->result = aui_frame_read(&s->reader, &input, end, &frame);
    check(input >= before && input <= end);
    if (s->result > 0) {
      check(input > before);
      note(s, &frame);
    }
  } while (s->result > 0);
  check(s->result < 0 || input == end);
  free(slice);
  return s->result == AUI_FRAME_NEED_MORE;
}

static void read_sliced(session *s, const uint8_t *bytes, size_t n, uint32_t seed) {
  while (n > 0) {
    seed = seed * 1664525 + 1013904223;
    size_t size = 1 + (seed >> 16) % (seed >> 31 ? 4 : 40);
    if (size > n) size = n;
    if (!read_slice(s, bytes, size)) return;
    bytes += size;
    n -= size;
  }
}

static void check_equal(const aui_buffer *a, const aui_buffer *b) {
  check(a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0));
}

static void release(session *s) {
  aui_buffer_free(&s->text);
  aui_buffer_free(&s->control);
  aui_buffer_free(&s->events);
}

static void check_slicing(const uint8_t *bytes, size_t n, uint64_t limit, uint32_t seed) {
  session whole = {.limit = limit}, sliced = {.limit = limit};
  aui_frame_init(&whole.reader, limit);
  aui_frame_init(&sliced.reader, limit);
  if (seed & 0x80) {
    aui_frame_allow_compression(&whole.reader);
    aui_frame_allow_compression(&sliced.reader);
  }
  read_slice(&whole, bytes, n);
  read_sliced(&sliced, bytes, n, seed);
  check(whole.result == sliced.result);
  check_equal(&whole.text, &sliced.text);
  check_equal(&whole.control, &sliced.control);
  check_equal(&whole.events, &sliced.events);
  release(&whole);
  release(&sliced);
}

/* Takes the mask off the one frame in `out`, as a server would, and reads it. */
static void check_round_trip(const uint8_t *payload, size_t n, uint8_t seed) {
  const uint8_t mask[AUI_FRAME_MASK_SIZE] = {seed, (uint8_t)(seed * 3), (uint8_t)~seed, 0x5A};
  aui_buffer out = {0};
  check(aui_frame_write(&out, AUI_OPCODE_TEXT, mask, payload, n));
  size_t head = out.len - n - AUI_FRAME_MASK_SIZE;
  uint8_t *bytes = (uint8_t *)out.data;
  check(bytes[1] & 0x80 && memcmp(bytes + head, mask, sizeof mask) == 0);
  bytes[1] &= 0x7F;
  uint8_t *masked = bytes + head + AUI_FRAME_MASK_SIZE;
  for (size_t i = 0; i < n; i++) masked[i] ^= mask[i % AUI_FRAME_MASK_SIZE];
  memmove(bytes + head, masked, n);

  session s = {.limit = n};
  aui_frame_init(&s.reader, n);
  check(read_slice(&s, bytes, head + n));
  check(s.text.len == n && (n == 0 || memcmp(s.text.data, payload, n) == 0));
  check(s.events.len == sizeof(event));
  release(&s);
  aui_buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  check_slicing(data + 2, size - 2, data[0] == 0xFF ? UINT64_MAX : data[0], data[1]);
  check_round_trip(data + 2, size - 2, data[1]);
  return 0;
}
