/* HTTP/1.1 messages as a client meets them (RFC 9112, RFC 9110): writes the head of a request, and reads the answer as
 * it arrives, whatever pieces it comes in. Nothing is kept but the line that is being read. */
#ifndef AUI_ENGINE_HTTP_H
#define AUI_ENGINE_HTTP_H

#include "engine/aui.h"
#include "engine/buffer.h"

/* ---- The request ---- */

/* Appends the head of a request to `out`: `fields` (lines as in `headers`) before the request's own. Returns false,
 * with `out` unchanged, when memory is short. */
bool aui_http_write_request(aui_buffer *out, const char *method, const aui_request *request, const char *fields);

/* ---- The answer ---- */

enum { AUI_HTTP_SWITCHING_PROTOCOLS = 101, AUI_HTTP_FIRST_FINAL_STATUS = 200 };

enum { AUI_HTTP_REASON_SIZE = 64, AUI_HTTP_ENCODING_SIZE = 16 }; /* bytes, NUL included */

/* Bytes. */
typedef struct {
  size_t max_response_head; /* all heads together, those of interim answers too */
  size_t max_chunk_framing; /* what stands between two chunks, extensions included, and around the trailers */
} aui_http_limits;

typedef enum {
  AUI_HTTP_NEED_MORE = 0,
  AUI_HTTP_FIELD, /* a field of the final answer: `name`, `value` */
  AUI_HTTP_HEAD,  /* the head of the final answer is complete */
  AUI_HTTP_BODY,  /* a piece of the body: `piece`; transfer coding removed */
  AUI_HTTP_END,   /* the message is complete; input behind it is left unread */

  /* Instead of a head: */
  AUI_HTTP_HEAD_TOO_LONG = -1, /* max_response_head */
  AUI_HTTP_NOT_HTTP = -2,      /* no answer of HTTP/1 */
  AUI_HTTP_TLS_ALERT = -3,     /* the server expects TLS on this connection */

  /* After a head, which was in order: */
  AUI_HTTP_BAD_FRAMING = -4,      /* where its body ends cannot be known */
  AUI_HTTP_BAD_CHUNK = -5,        /* the body breaks the chunked coding */
  AUI_HTTP_FRAMING_TOO_LONG = -6, /* max_chunk_framing */

  AUI_HTTP_NO_MEMORY = -7,
  AUI_HTTP_ENCODED = -8 /* after the head of a 2xx: its body is encoded, as nobody had asked for: `encoding` */
} aui_http_event;

/* A run of bytes; `at` is NULL only when `len` is 0. */
typedef struct {
  const char *at;
  size_t len;
} aui_span;

/* An answer being read. Fields are private but for those marked. */
typedef struct {
  aui_http_limits limits;

  /* May be read. */
  int status; /* 100 to 999; 0 before the status line, and between an interim answer and the next */
  char reason[AUI_HTTP_REASON_SIZE];     /* what the status line says for people, as aui_words_copy leaves it */
  char encoding[AUI_HTTP_ENCODING_SIZE]; /* the Content-Encoding, likewise; empty: none, or "identity" */
  bool is_http_1_0;
  bool has_length;      /* after AUI_HTTP_HEAD: the body's length is known, */
  uint64_t length;      /* and is this: more than 0 */
  uint64_t left;        /* bytes still to come of a body of known length, or of a chunk, as far as that is known */
  bool keep_alive;      /* after AUI_HTTP_END: the connection may carry another request (RFC 9112, 9.3) */
  aui_span name, value; /* with AUI_HTTP_FIELD: without blanks around; valid until the next call */
  aui_span piece;       /* with AUI_HTTP_BODY: never empty, a part of the input */

  enum {
    AUI_HTTP_AT_STATUS,
    AUI_HTTP_AT_FIELD,
    AUI_HTTP_AT_FOLD, /* behind a field's line: a blank says that it goes on */
    AUI_HTTP_AT_BODY, /* of known length */
    AUI_HTTP_AT_REST, /* a body that the connection's end ends */
    AUI_HTTP_AT_CHUNK_SIZE,
    AUI_HTTP_AT_CHUNK,
    AUI_HTTP_AT_CHUNK_END,
    AUI_HTTP_AT_TRAILER,
    AUI_HTTP_AT_END,
    AUI_HTTP_AT_NOTHING /* nothing can be read: the framing is bad */
  } place;
  size_t room; /* bytes that the limit leaves to the head, or to what goes before a chunk */
  aui_buffer line;
  size_t folded; /* bytes of `line` that were looked at: those of the lines before, when a field is folded */
  bool in_fold;  /* blanks of a fold are being dropped */
  bool coded;    /* there is a Transfer-Encoding, */
  bool chunked;  /* and it is "chunked" alone */
  bool bad_length;
  bool said_close, said_keep_alive;
} aui_http;

/* Prepares for an answer. To be released with aui_http_free. */
void aui_http_begin(aui_http *http, const aui_http_limits *limits);

/* Reads from `*input` up to `end`, up to the next event, and moves `*input` behind what was consumed. NEED_MORE: all of
 * it was. To be called until it returns that or END (which it goes on returning); after an error it must not be called
 * again.
 *
 * Interim answers (1xx) are passed over, but for 101, which has no body and behind which another protocol begins. A
 * field that is folded is read as one line (5.2); a line may end in LF alone (2.2), but CR elsewhere and NUL are
 * errors. Of transfer codings only "chunked" is known; trailers are passed over, and so is the body of a refusal that
 * is encoded. Whether the status makes sense is the caller's affair. */
aui_http_event aui_http_read(aui_http *http, const uint8_t **input, const uint8_t *end);

/* Whether nothing was read yet. */
bool aui_http_is_untouched(const aui_http *http);

/* Whether an orderly end of the connection is the end of the message too (RFC 9112, 6.3): nothing else ends its body.
 */
bool aui_http_ends_with_connection(const aui_http *http);

/* One English clause for an error, such as "the server's answer is not HTTP/1.1". For any other event it says that
 * there is none. Never NULL. */
const char *aui_http_describe(aui_http_event event);

/* Releases the memory. Not needed twice, but harmless. */
void aui_http_free(aui_http *http);

/* ---- Values of fields ---- */

/* Compares with a lower-case literal, whatever the case and the locale. */
bool aui_span_equals(aui_span text, const char *lower_case);

/* Whether a comma-separated list (RFC 9110, 5.6.1) has this element. Quoted strings are not understood. */
bool aui_span_list_has(aui_span list, const char *lower_case);

#endif
