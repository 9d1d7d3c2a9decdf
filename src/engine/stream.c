/* A client's connection for messages that are answered by Server-Sent Events: joins HTTP and the events in its bodies.
 */
#include "engine/stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/prefix.h"
#include "engine/retry_after.h"

enum { MAX_CHUNK_FRAMING = 16 * 1024 }; /* bytes */

void aui_stream_begin(aui_stream *stream, int64_t unix_time) {
  *stream = (aui_stream){.state = AUI_STREAM_READY, .unix_time = unix_time};
}

/* ---- The request ---- */

static bool write_request(aui_buffer *out, const aui_stream_message *message, const void *body, size_t n) {
  char fields[192], last[48] = "";
  if (message->last_seq >= 0) snprintf(last, sizeof last, "Last-Event-ID: %" PRId64 "\r\n", message->last_seq);
  snprintf(fields, sizeof fields,
           "Content-Type: application/json\r\nContent-Length: %zu\r\nAccept: text/event-stream\r\n%s", n, last);
  if (!aui_http_write_request(out, "POST", message->request, fields)) return false;
  if (aui_buffer_append(out, body, n)) return true;
  out->len = 0;
  return false;
}

static void forget_answer(aui_stream *stream) {
  aui_http_free(&stream->http);
  aui_event_stream_free(&stream->events);
  aui_alike_forget(&stream->alike);
  aui_buffer_free(&stream->body);
}

bool aui_stream_send(aui_stream *stream, const aui_stream_message *message, const void *body, size_t n) {
  const aui_http_limits limits = {message->max_response_head, MAX_CHUNK_FRAMING};
  if (!write_request(&stream->out, message, body, n)) return false;
  forget_answer(stream);
  aui_http_begin(&stream->http, &limits);
  aui_event_stream_begin(&stream->events, message->max_data);
  stream->left = stream->other_type = false;
  stream->retry_after = -1;
  stream->state = AUI_STREAM_ASKING;
  return true;
}

bool aui_stream_unsend(aui_stream *stream) {
  if (stream->left || stream->out.len == 0) return false;
  stream->out.len = 0;
  stream->state = AUI_STREAM_READY;
  return true;
}

void aui_stream_wrote(aui_stream *stream, size_t n) {
  aui_buffer_consume(&stream->out, n);
  if (n > 0) stream->left = true;
}

/* ---- The answer ---- */

static bool is_success(const aui_stream *stream) {
  return stream->http.status >= 200 && stream->http.status < 300;
}

static aui_stream_event spend(aui_stream *stream, aui_stream_event event) {
  stream->state = AUI_STREAM_SPENT;
  return event;
}

static bool is_event_stream(aui_span type) {
  const char *end = memchr(type.at, ';', type.len);
  if (end) type.len = (size_t)(end - type.at);
  while (type.len > 0 && (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t')) type.len--;
  return aui_span_equals(type, "text/event-stream");
}

static void stream_take_field(aui_stream *stream) {
  aui_span name = stream->http.name, value = stream->http.value;
  if (aui_span_equals(name, "retry-after")) {
    stream->retry_after = aui_retry_after_read(value.at, value.len, stream->unix_time);
  } else if (aui_span_equals(name, "content-type")) {
    stream->other_type = !is_event_stream(value);
  }
}

static aui_stream_event stream_take_head(aui_stream *stream) {
  stream->state = AUI_STREAM_READING;
  return is_success(stream) && stream->other_type ? spend(stream, AUI_STREAM_OTHER_TYPE) : AUI_STREAM_NEED_MORE;
}

static aui_stream_event take_refusal(aui_stream *stream, int *why) {
  aui_buffer *body = &stream->body;
  aui_span piece = stream->http.piece;
  size_t n = aui_min(piece.len, AUI_STREAM_MAX_BODY - body->len);
  if (!aui_buffer_append(body, piece.at, n)) {
    *why = AUI_HTTP_NO_MEMORY;
    return spend(stream, AUI_STREAM_BAD_HTTP);
  }
  return body->len < AUI_STREAM_MAX_BODY ? AUI_STREAM_NEED_MORE : spend(stream, AUI_STREAM_REFUSED);
}

static aui_stream_event stream_take_body(aui_stream *stream, int *why) {
  if (!is_success(stream)) return take_refusal(stream, why);
  stream->piece = (const uint8_t *)stream->http.piece.at;
  stream->piece_end = stream->piece + stream->http.piece.len;
  stream->begin = NULL; /* what began in the piece before is no longer there */
  return AUI_STREAM_NEED_MORE;
}

static aui_stream_event end_answer(aui_stream *stream, bool more) {
  bool reusable = stream->http.keep_alive && stream->out.len == 0 && !more;
  if (!is_success(stream)) return spend(stream, AUI_STREAM_REFUSED);
  stream->state = reusable ? AUI_STREAM_READY : AUI_STREAM_SPENT;
  return AUI_STREAM_END;
}

/* The answer breaks the rules: what counts of a refusal is the status. */
static aui_stream_event break_off(aui_stream *stream, int event, int *why) {
  *why = event;
  bool refused = stream->state == AUI_STREAM_READING && !is_success(stream);
  return spend(stream, refused ? AUI_STREAM_REFUSED : AUI_STREAM_BAD_HTTP);
}

/* Takes an event that is like the last delta, if that comes next. */
static bool take_alike(aui_stream *stream) {
  aui_span rest = {(const char *)stream->piece, (size_t)(stream->piece_end - stream->piece)};
  size_t n = aui_alike_match(&stream->alike, rest, &stream->delta);
  if (n == 0 || n > stream->events.max_data) return false;
  stream->piece += n;
  return true;
}

/* What begins within a line end is not looked for. */
static aui_stream_event end_of_event(aui_stream *stream) {
  size_t n = stream->begin ? (size_t)(stream->piece - stream->begin) : 0;
  stream->event = (aui_span){(const char *)stream->begin, n};
  stream->begin = NULL;
  return AUI_STREAM_EVENT;
}

static aui_stream_event read_piece(aui_stream *stream, int *why) {
  if (aui_event_stream_is_between(&stream->events)) {
    if (take_alike(stream)) return AUI_STREAM_DELTA;
    stream->begin = stream->piece;
  }
  aui_event_stream_result result = aui_event_stream_read(&stream->events, &stream->piece, stream->piece_end);
  switch (result) {
    case AUI_EVENT_STREAM_NEED_MORE: return AUI_STREAM_NEED_MORE;
    case AUI_EVENT_STREAM_DATA: return AUI_STREAM_DATA;
    case AUI_EVENT_STREAM_EVENT: return end_of_event(stream);
    case AUI_EVENT_STREAM_COMMENT: return AUI_STREAM_COMMENT;
    default: *why = result; return spend(stream, AUI_STREAM_BAD_EVENTS);
  }
}

bool aui_stream_learn(aui_stream *stream, size_t n, aui_json_span number, aui_json_span text) {
  stream->alike.bytes.len = 0;
  if (!stream->event.at || stream->events.len != n) return true;
  size_t before = (size_t)(stream->events.data - stream->event.at);
  number = (aui_json_span){before + number.start, before + number.end};
  text = (aui_json_span){before + text.start, before + text.end};
  return aui_alike_learn(&stream->alike, stream->event, number, text);
}

/* Reads up to the next event of HTTP, of which most are nothing to report. `*more`: there may be another. */
static aui_stream_event read_http(aui_stream *stream, const uint8_t **input, const uint8_t *end, int *why, bool *more) {
  aui_http_event event = aui_http_read(&stream->http, input, end);
  *more = event != AUI_HTTP_NEED_MORE;
  switch (event) {
    case AUI_HTTP_NEED_MORE: return AUI_STREAM_NEED_MORE;
    case AUI_HTTP_FIELD: stream_take_field(stream); return AUI_STREAM_NEED_MORE;
    case AUI_HTTP_HEAD: return stream_take_head(stream);
    case AUI_HTTP_BODY: return stream_take_body(stream, why);
    case AUI_HTTP_END: return end_answer(stream, *input < end);
    default: return break_off(stream, event, why);
  }
}

static bool awaits_answer(const aui_stream *stream) {
  return stream->state == AUI_STREAM_READING || (stream->state == AUI_STREAM_ASKING && stream->left);
}

aui_stream_event aui_stream_read(aui_stream *stream, const uint8_t **input, const uint8_t *end, int *why) {
  aui_stream_event event;
  bool more = true;
  do {
    if (stream->piece < stream->piece_end) {
      event = read_piece(stream, why);
    } else if (awaits_answer(stream)) {
      event = read_http(stream, input, end, why, &more);
    } else {
      event = *input < end ? spend(stream, AUI_STREAM_STRAY) : AUI_STREAM_NEED_MORE;
      *input = end;
      return event;
    }
  } while (event == AUI_STREAM_NEED_MORE && more);
  return event;
}

aui_stream_event aui_stream_eof(const aui_stream *stream, bool in_order) {
  if (stream->state != AUI_STREAM_READING) return AUI_STREAM_NEED_MORE;
  if (!is_success(stream)) return AUI_STREAM_REFUSED;
  return in_order && aui_http_ends_with_connection(&stream->http) ? AUI_STREAM_END : AUI_STREAM_NEED_MORE;
}

void aui_stream_clear(aui_stream *stream) {
  forget_answer(stream);
  aui_buffer_free(&stream->out);
  *stream = (aui_stream){0};
}
