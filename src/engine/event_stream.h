/* Server-Sent Events (WHATWG HTML, 9.2.5 and 9.2.6) as they arrive, in pieces of any size: the data of an event comes
 * out in slices and is not kept. Whether it is valid UTF-8 is for the caller to check. */
#ifndef AUI_ENGINE_EVENT_STREAM_H
#define AUI_ENGINE_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/buffer.h"

enum { AUI_EVENT_STREAM_MAX_LINE = 16 * 1024 }; /* bytes of a line that is no data, its end not counted */

typedef enum {
  AUI_EVENT_STREAM_NEED_MORE = 0,
  AUI_EVENT_STREAM_DATA,    /* a slice of an event's data: `data`, `len` */
  AUI_EVENT_STREAM_EVENT,   /* the event is complete, whose slices came before; it may have none. See `name`, `id` */
  AUI_EVENT_STREAM_COMMENT, /* servers send one now and then, so that a stream is not silent */

  AUI_EVENT_STREAM_LINE_TOO_LONG = -1, /* AUI_EVENT_STREAM_MAX_LINE */
  AUI_EVENT_STREAM_DATA_TOO_LONG = -2, /* max_data */
  AUI_EVENT_STREAM_NO_MEMORY = -3
} aui_event_stream_result;

typedef enum {
  AUI_EVENT_STREAM_OTHER,         /* one that nobody knows */
  AUI_EVENT_STREAM_FIELD_COMMENT, /* it has no name */
  AUI_EVENT_STREAM_FIELD_DATA,
  AUI_EVENT_STREAM_FIELD_EVENT,
  AUI_EVENT_STREAM_FIELD_ID,
  AUI_EVENT_STREAM_FIELD_RETRY
} aui_event_stream_field;

enum { AUI_EVENT_STREAM_KEY = 6 }; /* one byte more than the longest name of a field */

/* A stream being read. Fields are private but for those marked. */
typedef struct {
  size_t max_data;

  /* May be read. */
  const char *data; /* with AUI_EVENT_STREAM_DATA: never empty; part of the input, or a line feed between two lines */
  size_t len;
  aui_buffer name; /* with AUI_EVENT_STREAM_EVENT: what its `event` says, empty for nothing; */
  aui_buffer id;   /* the last `id`, which stays until there is another; one that has NUL is none; */
  int64_t retry;   /* and the last `retry` that is a number, milliseconds; -1 before the first */

  enum {
    AUI_EVENT_STREAM_AT_BOM, /* at the beginning, where a byte order mark is passed over */
    AUI_EVENT_STREAM_AT_NAME,
    AUI_EVENT_STREAM_AT_BLANK, /* behind the colon, where one is passed over */
    AUI_EVENT_STREAM_AT_VALUE
  } place;
  unsigned bom;  /* how many of its bytes have come */
  bool after_cr; /* a line feed belongs to the end of the line before */

  char key[AUI_EVENT_STREAM_KEY]; /* of the field at hand */
  size_t key_len;                 /* no more than fits */
  aui_event_stream_field field;
  size_t line_len;      /* bytes of this line, when it is no data */
  aui_buffer value;     /* of this line, when it is to be kept */
  aui_buffer next_name; /* of the event at hand */
  bool has_data;        /* it has a line of it, be it empty */
  size_t data_len;      /* bytes */
} aui_event_stream;

/* Prepares for a stream, whose events may have `max_data` bytes of data each. To be released with
 * aui_event_stream_free. */
void aui_event_stream_begin(aui_event_stream *stream, size_t max_data);

/* Reads from `*input` up to `end`, up to the next thing to report, and moves `*input` behind what was consumed.
 * NEED_MORE: all of it was. To be called until it returns that; after an error it must not be called again. An event
 * that the end of the stream leaves incomplete is none: what came of its data is to be dropped. */
aui_event_stream_result aui_event_stream_read(aui_event_stream *stream, const uint8_t **input, const uint8_t *end);

/* Whether nothing of an event has come since the last one ended. */
static inline bool aui_event_stream_is_between(const aui_event_stream *stream) {
  bool at_line = stream->place == AUI_EVENT_STREAM_AT_NAME && stream->line_len == 0 && !stream->after_cr;
  return at_line && !stream->has_data && stream->next_name.len == 0;
}

/* Releases the memory. Not needed twice, but harmless. */
void aui_event_stream_free(aui_event_stream *stream);

#endif
