/* A client's connection for messages that are answered by Server-Sent Events: one POST after another (RFC 9112), each
 * when the answer to the one before has ended. */
#ifndef AUI_ENGINE_STREAM_H
#define AUI_ENGINE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/alike.h"
#include "engine/event_stream.h"
#include "engine/http.h"

enum { AUI_STREAM_MAX_BODY = 16 * 1024 }; /* bytes of a refusal's body that are kept */

typedef enum {
  AUI_STREAM_DOWN,    /* no connection */
  AUI_STREAM_READY,   /* nothing is under way: a message may be sent */
  AUI_STREAM_ASKING,  /* the head of the answer is awaited */
  AUI_STREAM_READING, /* its body is */
  AUI_STREAM_SPENT    /* the connection bears no other message */
} aui_stream_state;

/* All zero is a stream that is down. Fields may be read; only the functions below change them. */
typedef struct {
  aui_stream_state state;
  aui_buffer out; /* bytes to write: what is left of the request */
  bool left;      /* some of it has been written */

  aui_http http; /* `status` is the answer's */
  aui_event_stream events;
  const uint8_t *piece, *piece_end; /* what is left of a piece of the body, within the input */
  const uint8_t *begin;             /* where in that the event begins which is being read; NULL: not in it */
  aui_span event;                   /* with AUI_STREAM_EVENT: all of it; NULL: it began in another piece */
  aui_alike alike;
  aui_delta delta; /* with AUI_STREAM_DELTA */
  bool other_type; /* the answer says that it is something else than an event stream */

  int64_t unix_time; /* see aui_stream_begin */
  long retry_after;  /* of the answer, as aui_retry_after_read has it; -1: none */
  aui_buffer body;   /* of a refusal */
} aui_stream;

/* Begins with a transport that has just opened. `unix_time`: the date, as of aui_retry_after_read. */
void aui_stream_begin(aui_stream *stream, int64_t unix_time);

/* What a message is sent with. */
typedef struct {
  const aui_request *request; /* without what is said of the body, and of the answer's type */
  int64_t last_seq;           /* the answer goes on behind the event of this number; -1: it begins */
  size_t max_response_head;   /* bytes of the answer's head, */
  size_t max_data;            /* and of an event's data */
} aui_stream_message;

/* Appends the message's request, with a body of `n` bytes, to `out`. Only when READY. Returns false, and changes
 * nothing, when memory is short. */
bool aui_stream_send(aui_stream *stream, const aui_stream_message *message, const void *body, size_t n);

/* Takes the request back, if no byte of it was written, else returns false. */
bool aui_stream_unsend(aui_stream *stream);

/* The first `n` bytes of `out` were written. */
void aui_stream_wrote(aui_stream *stream, size_t n);

typedef enum {
  AUI_STREAM_NEED_MORE = 0,
  AUI_STREAM_DATA,    /* a slice of an event's data: `events.data`, `events.len` */
  AUI_STREAM_EVENT,   /* the event is complete */
  AUI_STREAM_DELTA,   /* an event that is like the one of aui_stream_learn: `delta`, within the input */
  AUI_STREAM_COMMENT, /* a sign of life */
  AUI_STREAM_END,     /* the answer is complete: it is READY now, or SPENT */
  AUI_STREAM_REFUSED, /* the answer has another status than 2xx: http.status, `retry_after`, `body`. It is SPENT */
  AUI_STREAM_STRAY,   /* something came that answers nothing. It is SPENT */

  /* The answer cannot be read: it is SPENT. */
  AUI_STREAM_BAD_HTTP, /* `*why` has the aui_http_event */
  AUI_STREAM_OTHER_TYPE,
  AUI_STREAM_BAD_EVENTS /* `*why` has the aui_event_stream_result */
} aui_stream_event;

/* Reads from `*input` up to `end`, up to the first thing to report, and moves `*input` behind what was consumed. To be
 * called until it returns NEED_MORE, with the same input; or no more at all, until aui_stream_clear. */
aui_stream_event aui_stream_read(aui_stream *stream, const uint8_t **input, const uint8_t *end, int *why);

/* With AUI_STREAM_EVENT: the event's data, of `n` bytes, is a delta, whose number and text stand there. Those behind it
 * that are like it come as AUI_STREAM_DELTA, until aui_alike_forget. Returns false when memory is short. */
bool aui_stream_learn(aui_stream *stream, size_t n, aui_json_span number, aui_json_span text);

/* The transport has ended, in order or not: END when that ended the answer, REFUSED when the status had come of one
 * that is no 2xx, else NEED_MORE. */
aui_stream_event aui_stream_eof(const aui_stream *stream, bool in_order);

/* The transport is gone: releases the memory, and sets all to zero. */
void aui_stream_clear(aui_stream *stream);

#endif
