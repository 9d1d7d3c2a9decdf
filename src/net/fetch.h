/* One HTTP request and its answer, on the loop (net.h), by libwebsockets' HTTP client: for what the agent's REST calls
 * tell. HTTP/1.1 (RFC 9112), a connection for each; redirects are not followed. */
#ifndef AUI_NET_FETCH_H
#define AUI_NET_FETCH_H

#include "engine/error.h"
#include "net/net.h"

typedef struct aui_fetch aui_fetch;

/* Limits of libwebsockets, which would cut what is longer short without a word; in bytes. */
enum {
  AUI_FETCH_MAX_TARGET = 2000,
  AUI_FETCH_MAX_HOST_FIELD = 110,
  AUI_FETCH_MAX_HEADERS = 32 * 1024, /* of the request */
  AUI_FETCH_MAX_HEAD = 16 * 1024     /* of the answer */
};

/* Borrowed for the call only. Strings must not hold CR, LF or NUL but for the line ends of `headers`; the caller has
 * checked that. */
typedef struct {
  const char *method;  /* "GET" or "POST" */
  const char *target;  /* path and query, beginning with "/" */
  const char *host;    /* the Host field: name or address, with ":port" unless it is the scheme's own */
  const char *headers; /* further fields, each line ended by CRLF; "" for none. Not Content-Length, Transfer-Encoding,
                          Connection, Pragma or Cache-Control, which are set here */
  const void *body;    /* of a POST; may be NULL when `body_len` is 0 */
  size_t body_len;
  uint64_t timeout; /* milliseconds from now to the end of the answer; AUI_NEVER for none */
  size_t max_body;  /* bytes that the answer's body may have */
} aui_fetch_request;

/* Begins a request; nothing comes of it before the loop is stepped. The name is resolved in a thread, and the
 * fastest of its addresses found out by a connection (RFC 8305) before libwebsockets makes its own. `id` comes back
 * from aui_net_ready once, when the fetch has ended. Returns NULL when memory is short, something exceeds the limits
 * above or a file of `endpoint` cannot be used; `*why` says so then, naming the argument, valid until the next call.
 * The caller owns the fetch and must release it. */
aui_fetch *aui_fetch_start(aui_net *net, const aui_endpoint *endpoint, const aui_fetch_request *request, uint64_t id,
                           const char **why);

typedef struct {
  int status;       /* 200 to 599; a redirect is but a status */
  long retry_after; /* seconds (RFC 9110, 10.2.3; the date form is not read); -1 when absent */
  const char *body; /* transfer coding removed; NULL when it is empty */
  size_t body_len;
} aui_fetch_answer;

/* The whole answer, else NULL: the fetch is under way, or has failed. Valid until the fetch is released. */
const aui_fetch_answer *aui_fetch_get_answer(const aui_fetch *fetch);

/* Why there will be no answer; NULL as long as there may be one. Nothing of the request but its host and port is in it.
 * Its kind is transport, timeout, protocol, overflow (memory or `max_body`) or canceled (the loop was freed);
 * `delivered` is "no" if no byte of the request has left, else "maybe". Valid until the fetch is released. */
const aui_error *aui_fetch_get_error(const aui_fetch *fetch);

/* Gives the fetch back, and up if it is under way: its id is not returned any more. Also after aui_net_free. */
void aui_fetch_release(aui_fetch *fetch);

#endif
