/* Server-Sent Events, line by line as they arrive. A line of data is passed on at once, since only the end of the event
 * can follow from what comes later; the few other values that matter are collected until their line ends. */
#include "engine/event_stream.h"

#include <string.h>

#include "engine/prefix.h"

static const uint8_t bom[] = {0xEF, 0xBB, 0xBF};

void aui_event_stream_begin(aui_event_stream *stream, size_t max_data) {
  *stream = (aui_event_stream){.max_data = max_data, .retry = -1};
}

void aui_event_stream_free(aui_event_stream *stream) {
  aui_buffer_free(&stream->name);
  aui_buffer_free(&stream->id);
  aui_buffer_free(&stream->value);
  aui_buffer_free(&stream->next_name);
}

/* How many of the bytes, of which there is one at least, stand before the end of the line, or in all. By windows, so
 * that it is linear where all ends are of one kind, too. */
static size_t count_to_line_end(const uint8_t *bytes, size_t n) {
  enum { WINDOW = 128 };
  if (*bytes == '\n' || *bytes == '\r') return 0;
  for (size_t from = 0; from < n; from += WINDOW) {
    size_t window = aui_min(n - from, WINDOW);
    const uint8_t *line_feed = memchr(bytes + from, '\n', window);
    if (line_feed) window = (size_t)(line_feed - bytes) - from;
    const uint8_t *carriage_return = memchr(bytes + from, '\r', window);
    if (carriage_return) return (size_t)(carriage_return - bytes);
    if (line_feed) return from + window;
  }
  return n;
}

/* ---- Data ---- */

static aui_event_stream_result pass_data(aui_event_stream *stream, const void *bytes, size_t n) {
  if (n == 0) return AUI_EVENT_STREAM_NEED_MORE;
  if (n > stream->max_data - stream->data_len) return AUI_EVENT_STREAM_DATA_TOO_LONG;
  stream->data_len += n;
  stream->data = bytes;
  stream->len = n;
  return AUI_EVENT_STREAM_DATA;
}

/* Between two lines there is a line feed. */
static aui_event_stream_result begin_data_line(aui_event_stream *stream) {
  bool further = stream->has_data;
  stream->has_data = true;
  return further ? pass_data(stream, "\n", 1) : AUI_EVENT_STREAM_NEED_MORE;
}

/* ---- Other fields ---- */

static aui_event_stream_field find_field(const aui_event_stream *stream) {
  static const struct {
    size_t length;
    const char *key;
    aui_event_stream_field field;
  } fields[] = {{4, "data", AUI_EVENT_STREAM_FIELD_DATA},
                {0, "", AUI_EVENT_STREAM_FIELD_COMMENT},
                {5, "event", AUI_EVENT_STREAM_FIELD_EVENT},
                {2, "id", AUI_EVENT_STREAM_FIELD_ID},
                {5, "retry", AUI_EVENT_STREAM_FIELD_RETRY}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    if (fields[i].length != stream->key_len) continue;
    if (memcmp(fields[i].key, stream->key, stream->key_len) == 0) return fields[i].field;
  }
  return AUI_EVENT_STREAM_OTHER;
}

/* The name of the field is complete: what its value is for is known now. */
static aui_event_stream_result begin_value(aui_event_stream *stream) {
  stream->field = find_field(stream);
  stream->key_len = 0;
  return stream->field == AUI_EVENT_STREAM_FIELD_DATA ? begin_data_line(stream) : AUI_EVENT_STREAM_NEED_MORE;
}

static void swap_buffers(aui_buffer *a, aui_buffer *b) {
  aui_buffer other = *a;
  *a = *b;
  *b = other;
}

/* Digits alone, else it is passed over. */
static void take_retry(aui_event_stream *stream) {
  int64_t number = 0;
  for (size_t i = 0; i < stream->value.len; i++) {
    char c = stream->value.data[i];
    if (c < '0' || c > '9') return;
    number = number > (INT64_MAX - 9) / 10 ? INT64_MAX : number * 10 + (c - '0');
  }
  if (stream->value.len > 0) stream->retry = number;
}

static bool has_nul(const aui_buffer *text) {
  return text->len > 0 && memchr(text->data, '\0', text->len);
}

static void end_value(aui_event_stream *stream) {
  switch (stream->field) {
    case AUI_EVENT_STREAM_FIELD_EVENT: swap_buffers(&stream->next_name, &stream->value); break;
    case AUI_EVENT_STREAM_FIELD_ID:
      if (!has_nul(&stream->value)) swap_buffers(&stream->id, &stream->value);
      break;
    case AUI_EVENT_STREAM_FIELD_RETRY: take_retry(stream); break;
    case AUI_EVENT_STREAM_FIELD_DATA:
    case AUI_EVENT_STREAM_FIELD_COMMENT:
    case AUI_EVENT_STREAM_OTHER: break;
  }
  stream->value.len = 0;
}

/* ---- Lines ---- */

/* A byte order mark at the beginning is passed over; what only begins like one is the beginning of a name. */
static void take_bom(aui_event_stream *stream, const uint8_t **input) {
  if (**input == bom[stream->bom]) {
    ++*input;
    if (++stream->bom == sizeof bom) stream->place = AUI_EVENT_STREAM_AT_NAME;
    return;
  }
  memcpy(stream->key, bom, stream->bom);
  stream->key_len = stream->line_len = stream->bom;
  stream->place = AUI_EVENT_STREAM_AT_NAME;
}

static aui_event_stream_result take_name(aui_event_stream *stream, const uint8_t **input, size_t n) {
  const uint8_t *colon = memchr(*input, ':', n);
  size_t length = colon ? (size_t)(colon - *input) : n;
  size_t kept = aui_min(length, AUI_EVENT_STREAM_KEY - stream->key_len);
  memcpy(stream->key + stream->key_len, *input, kept);
  stream->key_len += kept;
  stream->line_len += length;
  *input += length;
  if (stream->line_len > AUI_EVENT_STREAM_MAX_LINE) return AUI_EVENT_STREAM_LINE_TOO_LONG;
  if (!colon) return AUI_EVENT_STREAM_NEED_MORE;
  ++*input;
  stream->place = AUI_EVENT_STREAM_AT_BLANK;
  return begin_value(stream);
}

static aui_event_stream_result take_value(aui_event_stream *stream, const uint8_t **input, size_t n) {
  const uint8_t *bytes = *input;
  *input += n;
  if (stream->field == AUI_EVENT_STREAM_FIELD_DATA) return pass_data(stream, bytes, n);
  stream->line_len += n;
  if (stream->line_len > AUI_EVENT_STREAM_MAX_LINE) return AUI_EVENT_STREAM_LINE_TOO_LONG;
  bool dropped = stream->field == AUI_EVENT_STREAM_OTHER || stream->field == AUI_EVENT_STREAM_FIELD_COMMENT;
  return dropped || aui_buffer_append(&stream->value, bytes, n) ? AUI_EVENT_STREAM_NEED_MORE
                                                                : AUI_EVENT_STREAM_NO_MEMORY;
}

/* Takes `n` bytes of a line, at least one, or those before something that is to be told. */
static aui_event_stream_result take_part_of_line(aui_event_stream *stream, const uint8_t **input, size_t n) {
  const uint8_t *end = *input + n;
  aui_event_stream_result result = AUI_EVENT_STREAM_NEED_MORE;
  if (stream->place == AUI_EVENT_STREAM_AT_NAME) result = take_name(stream, input, n);
  if (result != AUI_EVENT_STREAM_NEED_MORE || *input == end) return result;
  if (stream->place == AUI_EVENT_STREAM_AT_BLANK) {
    stream->place = AUI_EVENT_STREAM_AT_VALUE;
    if (**input == ' ') ++*input;
    if (*input == end) return AUI_EVENT_STREAM_NEED_MORE;
  }
  return take_value(stream, input, (size_t)(end - *input));
}

/* An empty line; without data it is the end of nothing. */
static aui_event_stream_result end_event(aui_event_stream *stream) {
  bool complete = stream->has_data;
  swap_buffers(&stream->name, &stream->next_name);
  stream->next_name.len = stream->data_len = 0;
  stream->has_data = false;
  return complete ? AUI_EVENT_STREAM_EVENT : AUI_EVENT_STREAM_NEED_MORE;
}

static aui_event_stream_result end_line(aui_event_stream *stream) {
  aui_event_stream_result result = AUI_EVENT_STREAM_NEED_MORE;
  bool within_name = stream->place == AUI_EVENT_STREAM_AT_NAME;
  if (within_name && stream->line_len == 0) return end_event(stream);
  if (within_name) result = begin_value(stream); /* there is no colon */
  if (stream->field == AUI_EVENT_STREAM_FIELD_COMMENT) result = AUI_EVENT_STREAM_COMMENT;
  end_value(stream);
  stream->place = AUI_EVENT_STREAM_AT_NAME;
  stream->line_len = 0;
  return result;
}

static aui_event_stream_result stream_read_some(aui_event_stream *stream, const uint8_t **input, const uint8_t *end) {
  bool joined = stream->after_cr && **input == '\n';
  stream->after_cr = false;
  if (joined) {
    ++*input;
    return AUI_EVENT_STREAM_NEED_MORE;
  }
  size_t n = count_to_line_end(*input, (size_t)(end - *input));
  if (n > 0) return take_part_of_line(stream, input, n);
  stream->after_cr = **input == '\r';
  ++*input;
  return end_line(stream);
}

aui_event_stream_result aui_event_stream_read(aui_event_stream *stream, const uint8_t **input, const uint8_t *end) {
  while (*input < end) {
    if (stream->place == AUI_EVENT_STREAM_AT_BOM) {
      take_bom(stream, input);
      continue;
    }
    aui_event_stream_result result = stream_read_some(stream, input, end);
    if (result != AUI_EVENT_STREAM_NEED_MORE) return result;
  }
  return AUI_EVENT_STREAM_NEED_MORE;
}
