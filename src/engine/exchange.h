/* One HTTP request and its whole answer, for REST: a pure state machine as a session is, with the same rules for
 * whoever moves its bytes (docs/engine.md). Redirects are not followed. */
#ifndef AUI_ENGINE_EXCHANGE_H
#define AUI_ENGINE_EXCHANGE_H

#include "engine/deadline.h"
#include "engine/driver.h"
#include "engine/error.h"
#include "engine/http.h"

typedef struct aui_exchange aui_exchange;

/* Borrowed for the call only. */
typedef struct {
  const char *method; /* "GET", "POST", "PUT", "PATCH" or "DELETE" */
  aui_request head;   /* its headers without Content-Length, Transfer-Encoding and Connection, which are set here */
  const void *body;   /* of all but a GET; may be NULL when `body_len` is 0 */
  size_t body_len;
  const char *proxy;        /* as in aui_session_config */
  bool is_plain;            /* likewise */
  uint64_t timeout;         /* milliseconds from now to the end of the answer; AUI_NEVER for none */
  size_t max_response_head; /* bytes that the answer's head may have, */
  size_t max_body;          /* and its body */
  int64_t unix_time;        /* the date now, seconds since 1970 UTC, for a Retry-After that is one; negative: unknown */
} aui_exchange_request;

/* An exchange that wants a connection at once, or NULL when memory is short. The caller owns it. */
aui_exchange *aui_exchange_new(const aui_exchange_request *request, uint64_t now);
void aui_exchange_free(aui_exchange *exchange);

/* ---- For drivers ---- */

/* What the driver has to do about the transport; to be asked after every other call, until AUI_WANT_NOTHING. A second
 * AUI_WANT_CONNECT asks for another connection: the one that was adopted had ended before. */
aui_want aui_exchange_want(const aui_exchange *exchange);

/* The driver has begun to open the transport and is now in this phase. */
void aui_exchange_phase(aui_exchange *exchange, aui_phase phase);

/* The transport is open, and new. */
void aui_exchange_connected(aui_exchange *exchange);

/* The transport is open: another exchange has left it. Should it turn out to have ended before the request was read,
 * another is wanted; what may have been read is sent again only if it is a GET (RFC 9110, 9.2.2; RFC 9112, 9.3.1). */
void aui_exchange_adopted(aui_exchange *exchange);

/* Bytes to write, NULL with `*n` 0 when there are none; the first `n` of them were taken by the transport. */
const void *aui_exchange_output(const aui_exchange *exchange, size_t *n);
void aui_exchange_written(aui_exchange *exchange, size_t n);

/* Bytes arrived. They are not kept: what is needed is copied. */
void aui_exchange_receive(aui_exchange *exchange, const void *bytes, size_t n, uint64_t now);

/* The transport could not be opened or has ended. `cause` says why in words (copied), or is NULL for an end in
 * order, which may be that of the answer. `retryable` is false for what trying again cannot mend. */
void aui_exchange_disconnected(aui_exchange *exchange, const char *cause, bool retryable);

/* When it is over with AUI_WANT_DISCONNECT: whether the transport may serve another exchange to the same place
 * (aui_exchange_detach leaves it to the driver then). */
bool aui_exchange_may_detach(const aui_exchange *exchange);
void aui_exchange_detach(aui_exchange *exchange);

/* When to call aui_exchange_tick: AUI_NEVER for not at all. */
uint64_t aui_exchange_deadline(const aui_exchange *exchange);
void aui_exchange_tick(aui_exchange *exchange, uint64_t now);

/* ---- For users ---- */

/* Gives it up, if it is not over: kind canceled, with these words. */
void aui_exchange_cancel(aui_exchange *exchange, const char *why);

bool aui_exchange_is_over(const aui_exchange *exchange);

typedef struct {
  int status;       /* 200 to 999; a redirect is but a status */
  long retry_after; /* seconds, see retry_after.h; -1 when absent */
  aui_buffer body;  /* transfer coding removed */
} aui_answer;

/* Once it is over, one of these two; else NULL. Both valid as long as the exchange is. Nothing of the request is in the
 * error, whose kind is transport, timeout, protocol, overflow (memory, or a limit) or canceled; `delivered` is "no" if
 * no byte of the request has left, else "maybe". */
const aui_answer *aui_exchange_get_answer(const aui_exchange *exchange);
const aui_error *aui_exchange_get_error(const aui_exchange *exchange);

#endif
