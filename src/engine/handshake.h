/* The client's side of the opening handshake (RFC 6455, section 4; RFC 9112 for the response's
 * form). */
#ifndef AUI_ENGINE_HANDSHAKE_H
#define AUI_ENGINE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/buffer.h"

enum {
  AUI_HANDSHAKE_NONCE_SIZE = 16,  /* bytes */
  AUI_HANDSHAKE_ACCEPT_SIZE = 28, /* characters */
  AUI_HANDSHAKE_MAX_BODY = 4096   /* bytes */
};

/* What goes into the request. Borrowed for the call only. None may hold CR, LF or NUL but for the
 * line ends of `headers`; the caller has checked that. */
typedef struct {
  const char *host;    /* the Host field: name or address, with ":port" unless it is the scheme's own */
  const char *target;  /* path and query, beginning with "/" */
  const char *headers; /* further fields, each line ended by CRLF; "" for none */
} aui_request;

typedef enum {
  AUI_HANDSHAKE_NEED_MORE = 0,
  AUI_HANDSHAKE_ACCEPTED = 1, /* the connection is open; input behind the head belongs to the frames */
  AUI_HANDSHAKE_REFUSED = 2,  /* an answer with another status: see `status`, `body`, `retry_after` */

  /* The answer breaks the protocol; the connection is to be dropped. */
  AUI_HANDSHAKE_TOO_LARGE = -1,     /* the head exceeds the limit */
  AUI_HANDSHAKE_NOT_HTTP = -2,      /* not an HTTP/1.1 response */
  AUI_HANDSHAKE_NO_UPGRADE = -3,    /* 101 without "Upgrade: websocket" */
  AUI_HANDSHAKE_NO_CONNECTION = -4, /* 101 without "Connection: Upgrade" */
  AUI_HANDSHAKE_BAD_ACCEPT = -5,    /* Sec-WebSocket-Accept missing, repeated or wrong */
  AUI_HANDSHAKE_BAD_EXTENSION = -6, /* an extension that was not offered */
  AUI_HANDSHAKE_BAD_PROTOCOL = -7,  /* a subprotocol, though none was offered */
  AUI_HANDSHAKE_TLS_ALERT = -8,     /* the server expects TLS on this connection */
  AUI_HANDSHAKE_NO_MEMORY = -9
} aui_handshake_result;

/* What the next bytes of the answer are. Private. */
typedef enum {
  AUI_HANDSHAKE_AT_STATUS,
  AUI_HANDSHAKE_AT_FIELDS,
  AUI_HANDSHAKE_AT_BODY, /* up to its length, or to the end of the stream */
  AUI_HANDSHAKE_AT_CHUNK_SIZE,
  AUI_HANDSHAKE_AT_CHUNK,
  AUI_HANDSHAKE_AT_CHUNK_END
} aui_handshake_place;

/* What the fields of the current head said. Private. */
typedef struct {
  bool upgrade;
  bool connection;
  bool accept;     /* the right one was there */
  bool bad_accept; /* another one was there, or a second */
  bool extension;
  bool protocol;
  bool transfer_coding;
  bool chunked; /* the last transfer coding is "chunked" */
  bool has_length;
  uint64_t length;
} aui_handshake_fields;

/* A handshake under way. Fields are private but for those marked. */
typedef struct {
  size_t max_head;  /* bytes */
  size_t head_left; /* how many more bytes the heads, and the framing of a chunked body, may have */
  char accept[AUI_HANDSHAKE_ACCEPT_SIZE + 1];
  aui_handshake_place place;
  aui_handshake_fields fields;
  aui_buffer line;    /* the part that arrived of a line */
  uint64_t body_left; /* of the body or the current chunk */

  /* Of a refused handshake; valid until aui_handshake_free. */
  int status;       /* 100..599, 0 while unknown */
  long retry_after; /* seconds, at most 2^31 - 1 (RFC 9110, 10.2.3; the date form is not read); -1
                       when absent */
  aui_buffer body;  /* the first AUI_HANDSHAKE_MAX_BODY bytes, chunked coding removed */
} aui_handshake;

/* Appends the request to `out` and prepares `handshake`, whatever it held, for the answer. `nonce`
 * must be unpredictable (4.1). `max_head` limits the answer's head in bytes, those of interim
 * answers included. Returns false, with `out` unchanged, when memory is short. The handshake must
 * be released with aui_handshake_free in any case. */
bool aui_handshake_begin(aui_handshake *handshake, aui_buffer *out, const aui_request *request,
                         const uint8_t nonce[AUI_HANDSHAKE_NONCE_SIZE], size_t max_head);

/* Reads from `*input` up to `end` and moves `*input` behind what was consumed. After any result but
 * NEED_MORE it must not be called again. Interim 1xx answers other than 101 are skipped.
 *
 * REFUSED comes with the body's end, or as soon as `body` is full. A body that breaks off or breaks the chunked coding
 * ends there: what counts is the status.
 *
 * NOT_HTTP is, besides other text than a response, the result for a bare CR, NUL, space before a colon, a
 * Content-Length that is no number or two of them (RFC 9112 demands that), for a bare LF (2.2 lets a recipient accept
 * it as a line's end) and for a folded field (5.2 would have it unfolded; servers have long stopped sending those). An
 * answer of HTTP/1.0 may refuse but not accept. */
aui_handshake_result aui_handshake_read(aui_handshake *handshake, const uint8_t **input, const uint8_t *end);

/* To be called when the connection ended before a result: REFUSED when a status other than 1xx was
 * read already (its body was just not delimited, or was cut), else NOT_HTTP when something that is
 * no complete answer had arrived, else NEED_MORE: nothing had arrived at all. */
aui_handshake_result aui_handshake_eof(const aui_handshake *handshake);

/* One English clause for a negative result, such as "the server's answer is not HTTP/1.1". For any
 * other value it says that there is no violation. Never NULL. */
const char *aui_handshake_describe(aui_handshake_result result);

/* Releases the memory, `body` included. Not needed twice, but harmless. */
void aui_handshake_free(aui_handshake *handshake);

#endif
