/* The error of a failed reply or connection, as its user gets it. */
#ifndef AUI_ENGINE_ERROR_H
#define AUI_ENGINE_ERROR_H

#include <stdbool.h>

#include "engine/buffer.h"
#include "engine/words.h"

typedef enum {
  AUI_ERROR_NONE = 0,
  AUI_ERROR_AUTH,        /* missing or invalid key */
  AUI_ERROR_APPLICATION, /* the agent's application refused this message */
  AUI_ERROR_RATE_LIMIT,
  AUI_ERROR_SERVER,    /* internal server error */
  AUI_ERROR_TRANSPORT, /* name not found, refused, unreachable, TLS, cut */
  AUI_ERROR_TIMEOUT,
  AUI_ERROR_PROTOCOL, /* the peer broke WebSocket, HTTP or JSON */
  AUI_ERROR_CANCELED,
  AUI_ERROR_OVERFLOW /* a limit of ours */
} aui_error_kind;

/* Whether the user's message reached the agent. */
typedef enum { AUI_DELIVERED_NO = 0, AUI_DELIVERED_MAYBE, AUI_DELIVERED_YES } aui_delivered;

/* Bytes of a payload that is for all who wait: a longer one is only for the reply that it answers, and for the session.
 * A copy for each of them would take many times the memory of any message. */
enum { AUI_ERROR_SHARED_PAYLOAD = 16 * 1024 };

enum { AUI_ERROR_MESSAGE_SIZE = AUI_WORDS_MAX + 1 };

typedef struct {
  aui_error_kind kind;
  aui_delivered delivered;
  bool retryable;     /* whether the same message, sent again later, has a chance */
  bool about_message; /* the server has said this itself, about the message that was under way, not the connection */
  int status_code;    /* HTTP or error payload, 0 when unknown */
  int close_code;     /* RFC 6455 7.4, 0 when unknown */
  long retry_after;   /* seconds the server asked for, -1 when it did not */
  char message[AUI_ERROR_MESSAGE_SIZE]; /* one line, see aui_words_copy */
  aui_buffer payload; /* the server's own words, when it sent some: an error payload or a response body */
} aui_error;

/* The names that users see: "auth", "application", "rate_limit", "server", "transport", "timeout", "protocol",
 * "canceled", "overflow"; "no", "maybe", "yes". */
const char *aui_error_kind_name(aui_error_kind kind);
const char *aui_delivered_name(aui_delivered delivered);

/* Clears `error` (releasing its payload), then sets its kind and the message by printf's rules, as aui_words_copy
 * leaves it. `retryable` follows the kind: rate_limit, server, transport, timeout and overflow are. */
__attribute__((format(printf, 3, 4))) void aui_error_set(aui_error *error, aui_error_kind kind, const char *format,
                                                         ...);

/* The kind that a status of HTTP or of an error payload stands for: 401 and 403 auth, 429 rate limit, other 4xx
 * application, 5xx server, anything else protocol. Of the 4xx, those that may be tried again are a timeout (408; RFC
 * 9110, 15.5.9) or the server's (421, 425; RFC 9110, 15.5.20, RFC 8470, 5.2). 600 to 999 count as 5xx (RFC 9110, 15).
 */
aui_error_kind aui_error_kind_of_status(int status_code);

/* Whether a failure of this kind may pass: rate_limit, server, transport, timeout and overflow. */
bool aui_error_is_retryable(aui_error_kind kind);

/* Makes `to`, which must be cleared or all zero, a copy of `from`; the payload is left out when memory is short. */
void aui_error_copy(aui_error *to, const aui_error *from);

/* Releases the payload and sets all to zero: AUI_ERROR_NONE. */
void aui_error_clear(aui_error *error);

/* For whoever mostly has no error, and keeps one for long when there is one: puts `error`, which is taken over, into
 * memory of its own at `*kept`, in place of the one that was there (NULL: none). When memory is short the new one says
 * that, and of `error` only how far the message was delivered. To be released with aui_error_release (NULL is fine). */
void aui_error_keep(const aui_error **kept, aui_error *error);
void aui_error_release(const aui_error *kept);

#endif
