/* How the engine makes, copies and keeps the errors that its users get. */
#ifndef AUI_ENGINE_ERROR_H
#define AUI_ENGINE_ERROR_H

#include "engine/aui.h"

/* Bytes of a payload that is for all who wait: a longer one is only for the reply that it answers, and for the session.
 * A copy for each of them would take many times the memory of any message. */
enum { AUI_ERROR_SHARED_PAYLOAD = 16 * 1024 };

/* The kind that a status of HTTP or of an error payload stands for: 401 and 403 auth, 429 rate limit, other 4xx
 * application, 5xx server, anything else protocol. Of the 4xx, those that may be tried again are a timeout (408; RFC
 * 9110, 15.5.9) or the server's (421, 425; RFC 9110, 15.5.20, RFC 8470, 5.2). 600 to 999 count as 5xx (RFC 9110, 15).
 */
aui_error_kind aui_error_kind_of_status(int status_code);

/* Whether a failure of this kind may pass: rate_limit, server, transport, timeout and overflow. */
bool aui_error_is_retryable(aui_error_kind kind);

/* Makes `to`, which must be cleared or all zero, a copy of `from`; the payload is left out when memory is short. */
void aui_error_copy(aui_error *to, const aui_error *from);

/* For whoever mostly has no error, and keeps one for long when there is one: puts `error`, which is taken over, into
 * memory of its own at `*kept`, in place of the one that was there (NULL: none). When memory is short the new one says
 * that, and of `error` only how far the message was delivered. To be released with aui_error_release (NULL is fine). */
void aui_error_keep(const aui_error **kept, aui_error *error);
void aui_error_release(const aui_error *kept);

#endif
