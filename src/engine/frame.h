/* WebSocket frames (RFC 6455, section 5) as a client meets them: reads a server's frames, writes
 * masked ones. */
#ifndef AUI_ENGINE_FRAME_H
#define AUI_ENGINE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/buffer.h"

enum { AUI_FRAME_MAX_CONTROL = 125, AUI_FRAME_MASK_SIZE = 4, AUI_FRAME_MAX_REASON = 123 };

/* Opcodes that a client sends. */
typedef enum {
  AUI_OPCODE_TEXT = 0x1,
  AUI_OPCODE_BINARY = 0x2,
  AUI_OPCODE_CLOSE = 0x8,
  AUI_OPCODE_PING = 0x9,
  AUI_OPCODE_PONG = 0xA
} aui_opcode;

/* What aui_frame_read found. Negative values are violations of the protocol by the peer: the reader
 * must not be used again until aui_frame_init; the connection is to be closed with
 * aui_frame_close_code(result). */
typedef enum {
  AUI_FRAME_NEED_MORE = 0,              /* all input was consumed, nothing to report */
  AUI_FRAME_TEXT = AUI_OPCODE_TEXT,     /* a slice of a text message's payload; `last` marks the message's end */
  AUI_FRAME_BINARY = AUI_OPCODE_BINARY, /* the same of a binary message */
  AUI_FRAME_PING = 3,                   /* whole control frames, payload in `data`/`len` */
  AUI_FRAME_PONG = 4,
  AUI_FRAME_CLOSE = 5, /* `close_code` (1005 when the frame has none), the reason in `data`/`len`, and NUL behind it */

  AUI_FRAME_MASKED = -1,                  /* a server must not mask (5.1) */
  AUI_FRAME_RESERVED_BITS = -2,           /* no extension was negotiated that uses them so (5.2; RFC 7692, 6) */
  AUI_FRAME_RESERVED_OPCODE = -3,         /* (5.2) */
  AUI_FRAME_CONTROL_TOO_LONG = -4,        /* more than 125 bytes (5.5) */
  AUI_FRAME_CONTROL_FRAGMENTED = -5,      /* (5.5) */
  AUI_FRAME_UNEXPECTED_CONTINUATION = -6, /* nothing to continue (5.4) */
  AUI_FRAME_INTERLEAVED = -7,             /* a new message inside a fragmented one (5.4) */
  AUI_FRAME_BAD_LENGTH = -8,              /* not the shortest form, or the top bit set (5.2) */
  AUI_FRAME_BAD_CLOSE = -9,               /* a close payload of one byte, or a code that must not be sent (7.4) */
  AUI_FRAME_BAD_CLOSE_REASON = -10,       /* a close reason that is not UTF-8 (5.5.1) */
  AUI_FRAME_TOO_BIG = -11                 /* the message is longer than the limit */
} aui_frame_result;

typedef struct {
  const uint8_t *data; /* into the input, or into the reader for a control frame: valid until the next call */
  size_t len;
  bool last;
  bool compressed; /* of a message's slice: it has to be inflated (RFC 7692, 6.2) */
  uint16_t close_code;
} aui_frame;

/* A reader's state between two inputs. Private but for `frames` and `kind`; holds no memory of its own, so there
 * is nothing to free. */
typedef struct {
  uint64_t max_message; /* bytes */
  uint64_t message;     /* bytes announced for the current message so far */
  uint64_t remaining;   /* of the current frame's payload */
  uint64_t frames;      /* how many have begun: for whoever counts */
  bool in_message;      /* a message has begun whose last frame is not complete */
  bool in_payload;      /* the current frame's head is complete: */
  bool fin;
  bool may_compress; /* see aui_frame_allow_compression */
  bool compressed;   /* the last message that has begun is */
  uint8_t opcode;
  uint8_t kind; /* of the last message that has begun: its opcode */
  uint8_t head_len;
  uint8_t head[10]; /* of a head that the network split */
  uint8_t control_len;
  uint8_t control[AUI_FRAME_MAX_CONTROL + 1];
} aui_frame_reader;

/* Begins with a new connection's first byte. `max_message` is the limit of a message's payload in
 * bytes, over all its fragments; a head that announces more fails at once. */
void aui_frame_init(aui_frame_reader *reader, uint64_t max_message);

/* Permessage-deflate was negotiated: messages may be compressed (RFC 7692). For these `max_message` is not the limit,
 * since it is one of what is inflated, but twice that and a little is, which no compressor needs. */
void aui_frame_allow_compression(aui_frame_reader *reader);

/* Reads from `*input` up to `end`, moves `*input` behind what was consumed, and returns at the first thing to report.
 * Call again until it returns AUI_FRAME_NEED_MORE (then `*input == end`) or a negative value. A message's payload is
 * never copied: a slice points into the input and may end anywhere, also inside a character of text, which is not
 * checked here; a slice with `len` 0 only says that the message has ended. `frame` is filled in for positive results
 * alone. What follows a close frame is read like anything else: to ignore it (5.5.1) is the caller's part. */
aui_frame_result aui_frame_read(aui_frame_reader *reader, const uint8_t **input, const uint8_t *end, aui_frame *frame);

/* Whether the last byte read was the last one of a message or of a control frame between messages, or none was read. */
bool aui_frame_is_between(const aui_frame_reader *reader);

/* The close code that RFC 6455 (7.4.1) asks for after a negative result: 1002, 1007 (not UTF-8), 1009 (too big). */
uint16_t aui_frame_close_code(aui_frame_result violation);

/* One English clause for an error message, such as "the server sent a masked frame". For any other
 * value it says that there is no violation. Never NULL. */
const char *aui_frame_describe(aui_frame_result violation);

/* Appends one unfragmented frame, masked with `mask` (which must be unpredictable, RFC 6455 10.3).
 * Control payloads must not exceed 125 bytes; `payload` must not point into `out`. Returns false,
 * with `out` unchanged, when memory is short. */
bool aui_frame_write(aui_buffer *out, aui_opcode opcode, const uint8_t mask[AUI_FRAME_MASK_SIZE], const void *payload,
                     size_t n);

/* Appends a close frame with `code` (no payload when it is 1005) and the UTF-8 text `reason`, cut
 * to 123 bytes without splitting a character. Returns false, with `out` unchanged, when memory is
 * short. */
bool aui_frame_write_close(aui_buffer *out, const uint8_t mask[AUI_FRAME_MASK_SIZE], uint16_t code, const char *reason);

#endif
