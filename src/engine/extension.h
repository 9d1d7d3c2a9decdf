/* The one extension of the WebSocket, permessage-deflate (RFC 7692): what a client offers, and what a server's answer
 * agrees to. The messages are deflate's affair. */
#ifndef AUI_ENGINE_EXTENSION_H
#define AUI_ENGINE_EXTENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/http.h"

/* Field lines of the request. The server may keep its window from message to message: updates repeat each other, and
 * it is that which makes them small. We compress nothing ourselves: an attacker who has his words beside a user's
 * secrets in one compressed message could tell by its length what these are (as CRIME does), and what users say is
 * short. So the server need keep no window for us; that it may name its size is for servers that insist on doing so. */
#define AUI_EXTENSION_OFFER                                                                                            \
  "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; client_max_window_bits\r\n"

enum { AUI_EXTENSION_MOST_BITS = 15 }; /* of the size of the largest window */

/* What was agreed. All zero: nothing. */
typedef struct {
  bool deflate;        /* the server may compress messages, */
  bool takeover;       /* and goes on with its window from message to message, */
  uint8_t window_bits; /* which has 2 to the power of this many bytes: 8 and more */
} aui_extension;

typedef enum {
  AUI_EXTENSION_FINE = 0,

  /* The connection is to be failed (RFC 6455, 9.1; RFC 7692, 7.1): */
  AUI_EXTENSION_NOT_OFFERED = -40,  /* another one */
  AUI_EXTENSION_MALFORMED = -41,    /* not as RFC 6455, 9.1 has it */
  AUI_EXTENSION_REPEATED = -42,     /* permessage-deflate twice */
  AUI_EXTENSION_BAD_PARAMETER = -43 /* one that is unknown, repeated, or has no valid value */
} aui_extension_result;

/* Reads the value of a Sec-WebSocket-Extensions field in the answer to AUI_EXTENSION_OFFER into `agreed`, which earlier
 * fields of that name have had. */
aui_extension_result aui_extension_read(aui_extension *agreed, aui_span value);

#endif
