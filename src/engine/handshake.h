/* The client's side of WebSocket's opening handshake (RFC 6455, section 4). How its messages are written down is http's
 * affair. */
#ifndef AUI_ENGINE_HANDSHAKE_H
#define AUI_ENGINE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/extension.h"
#include "engine/http.h"

enum {
  AUI_HANDSHAKE_NONCE_SIZE = 16,  /* bytes */
  AUI_HANDSHAKE_ACCEPT_SIZE = 28, /* characters */
  AUI_HANDSHAKE_MAX_BODY = 4096   /* bytes */
};

typedef enum {
  AUI_HANDSHAKE_NEED_MORE = 0,
  AUI_HANDSHAKE_ACCEPTED = 1, /* the connection is open; input behind the head belongs to the frames */
  AUI_HANDSHAKE_REFUSED = 2,  /* an answer with another status: see `http.status`, `body`, `retry_after` */

  /* The answer breaks the protocol; the connection is to be dropped. */
  AUI_HANDSHAKE_HEAD_TOO_LONG = AUI_HTTP_HEAD_TOO_LONG,
  AUI_HANDSHAKE_NOT_HTTP = AUI_HTTP_NOT_HTTP,
  AUI_HANDSHAKE_TLS_ALERT = AUI_HTTP_TLS_ALERT,
  AUI_HANDSHAKE_NO_MEMORY = AUI_HTTP_NO_MEMORY,
  AUI_HANDSHAKE_NO_UPGRADE = -20,    /* 101 without "Upgrade: websocket" */
  AUI_HANDSHAKE_NO_CONNECTION = -21, /* 101 without "Connection: Upgrade" */
  AUI_HANDSHAKE_BAD_ACCEPT = -22,    /* Sec-WebSocket-Accept missing, repeated or wrong */
  AUI_HANDSHAKE_BAD_PROTOCOL = -24,  /* another subprotocol than that which was asked for, or two */
  AUI_HANDSHAKE_NO_PROTOCOL = -25,   /* no subprotocol, though one was asked for */
  AUI_HANDSHAKE_EXTENSION_NOT_OFFERED = AUI_EXTENSION_NOT_OFFERED,
  AUI_HANDSHAKE_EXTENSION_MALFORMED = AUI_EXTENSION_MALFORMED,
  AUI_HANDSHAKE_EXTENSION_REPEATED = AUI_EXTENSION_REPEATED,
  AUI_HANDSHAKE_BAD_PARAMETER = AUI_EXTENSION_BAD_PARAMETER
} aui_handshake_result;

/* What a server may choose. All zero: nothing. */
typedef struct {
  const char *protocol; /* the subprotocol that it has to choose of those that the request's headers offer; borrowed
                           until a result; NULL: none is offered */
  bool compression;     /* AUI_EXTENSION_OFFER is part of the request */
} aui_handshake_offer;

/* What the fields of the answer's head said. Private. */
typedef struct {
  bool upgrade;
  bool connection;
  bool accept;     /* the right one was there */
  bool bad_accept; /* another one was there, or a second */
  aui_extension_result extension;
  bool protocol;     /* one was there */
  bool bad_protocol; /* it was not the right one, or there was a second */
} aui_handshake_fields;

/* A handshake under way. Fields are private but for those marked. */
typedef struct {
  char accept[AUI_HANDSHAKE_ACCEPT_SIZE + 1];
  aui_handshake_offer offer;
  aui_handshake_fields fields;

  /* May be read. */
  aui_http http;           /* http.status: that of the answer, 0 while unknown */
  aui_extension extension; /* when ACCEPTED: what was agreed */

  int64_t unix_time; /* the date, as of aui_retry_after_read: to be set after aui_handshake_begin, which sets -1 */

  /* Of a refused handshake; valid until aui_handshake_free. */
  long retry_after; /* seconds, at most 2^31 - 1 (RFC 9110, 10.2.3); -1 when absent */
  aui_buffer body;  /* the first AUI_HANDSHAKE_MAX_BODY bytes, chunked coding removed */
} aui_handshake;

/* Appends the request to `out` and prepares `handshake`, whatever it held, for the answer. `nonce`
 * must be unpredictable (4.1). `max_head` limits the answer's head in bytes, those of interim
 * answers included. Returns false, with `out` unchanged, when memory is short. The handshake must
 * be released with aui_handshake_free in any case. */
bool aui_handshake_begin(aui_handshake *handshake, aui_buffer *out, const aui_request *request,
                         const aui_handshake_offer *offer, const uint8_t nonce[AUI_HANDSHAKE_NONCE_SIZE],
                         size_t max_head);

/* Reads from `*input` up to `end` and moves `*input` behind what was consumed. After any result but
 * NEED_MORE it must not be called again. Interim 1xx answers other than 101 are skipped.
 *
 * REFUSED comes with the body's end, or as soon as `body` is full. A body that breaks off or breaks the chunked coding
 * ends there, and one whose framing cannot be understood is empty: what counts is the status. An answer of HTTP/1.0 may
 * refuse but not accept: that is NOT_HTTP. */
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
