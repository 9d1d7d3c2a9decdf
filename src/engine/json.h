/* Scans a JSON text (RFC 8259) once: checks whether it is valid, and records the few members that
 * tell the agent's messages apart and say whose they are. It builds no values; strings are decoded piece by piece, and
 * only where somebody wants them. */
#ifndef AUI_ENGINE_JSON_H
#define AUI_ENGINE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUI_JSON_MAX_DEPTH 1024

/* The content of a string in a JSON text, without its quotes, still escaped. `start` 0: no such
 * string. */
typedef struct {
  size_t start;
  size_t end;
} aui_json_span;

/* What a member says about the kind of event. */
typedef enum {
  AUI_JSON_NO_NAME = 0,    /* absent, null, empty or not a string */
  AUI_JSON_OTHER_NAME = 1, /* another event */
  AUI_JSON_UPDATE_NAME = 2 /* "thread-message-text-content-updated" */
} aui_json_name;

/* What a member that error bodies have says. */
typedef enum {
  AUI_JSON_NO_FAULT = 0,
  AUI_JSON_FAULT_WORDS = 1, /* that something failed, in words */
  AUI_JSON_FAULT_LIST = 2   /* what is invalid: a list of objects, the body that goes with status 422 */
} aui_json_fault;

/* Who speaks, or is spoken to. */
typedef enum {
  AUI_JSON_UNNAMED = 0, /* no `type`, or one that is neither of these */
  AUI_JSON_USER = 1,
  AUI_JSON_AGENT = 2
} aui_json_party;

/* What a message says of whose it is: strings that are not empty, or numbers as they are written. */
typedef struct {
  aui_json_span task_id;        /* root.task_id */
  aui_json_span scope_task_id;  /* root.scope.context.task_id */
  aui_json_span message_id;     /* root.scope.context.message_id */
  aui_json_span interaction_id; /* root.scope.context.interaction_id */
  unsigned changes;             /* how often any of this was said, so far */
} aui_json_origin;

/* What kind of envelope of the threads API it is. */
typedef enum {
  AUI_JSON_NO_TYPE = 0, /* absent, or not a string */
  AUI_JSON_OTHER_TYPE,
  AUI_JSON_THREAD,
  AUI_JSON_EVENT,
  AUI_JSON_MESSAGE,
  AUI_JSON_SUGGESTIONS,
  AUI_JSON_ERROR
} aui_json_type;

/* What an envelope of the threads API says besides. */
typedef struct {
  aui_json_type type;           /* root.type */
  int64_t seq;                  /* root.seq, cut to an integer, at most 2^53; -1: no number, or a negative one */
  aui_json_span number;         /* root.seq, as it is written */
  aui_json_span data;           /* root.data, an object with its braces */
  aui_json_name event_name;     /* root.data.channel.event_name */
  aui_json_span data_text;      /* root.data.data.text, when a string */
  aui_json_span id;             /* root.data.id, as in aui_json_origin */
  aui_json_span thread_id;      /* root.data.thread_id, likewise */
  aui_json_span interaction_id; /* root.data.interaction_id, likewise */
  aui_json_span suggestions;    /* root.data.followup_suggestions, a list with its brackets, or null */
  aui_json_party sender;        /* root.data.sender.type */
  aui_json_party receiver;      /* root.data.receiver.type */
  int status_code;              /* root.data.status_code, as in aui_json_members */
  int code;                     /* root.data.code, likewise */
} aui_json_envelope;

/* The members of interest. Of a repeated key the last one counts. A number out of range is taken as
 * the nearest end of the range. */
typedef struct {
  aui_json_name event;              /* root.event */
  aui_json_name channel_event_name; /* root.channel.event_name */
  aui_json_span text;               /* root.text, when a string */
  aui_json_span data_text;          /* root.data.text, when a string */
  int status_code;                  /* root.status_code, cut to an integer, 0..999; -1: no number */
  int retry_after;                  /* root.extra_data.retry_after, rounded up, 0..INT_MAX; -1: no number */
  aui_json_fault detail;            /* root.detail: a string, or a list that is not empty */
  aui_json_fault errors;            /* root.errors: likewise */
  aui_json_fault error;             /* root.error: likewise, or an object */
  bool has_id;                      /* root.id is present and not null */
  bool has_sender;                  /* root.sender is an object or null */
  bool has_data;                    /* root.data is present and not null */
  aui_json_party sender;            /* root.sender.type */
  aui_json_party receiver;          /* root.receiver.type */
  aui_json_span id;                 /* root.id, as in aui_json_origin */
  aui_json_origin origin;
  aui_json_envelope envelope;
} aui_json_members;

/* What a scan found. `at_text` are the members as they stood at the last root.data.text that was a
 * string: what a scan that begins there has to know. Its data_text.start is 0 when there was none.
 */
typedef struct {
  aui_json_members members;
  aui_json_members at_text;
  bool has_more; /* members were recorded behind that text */
} aui_json_scan;

typedef enum {
  AUI_JSON_VALID,
  AUI_JSON_INVALID,
  AUI_JSON_TOO_DEEP /* nested deeper than `max_depth`; what follows was not looked at */
} aui_json_result;

/* White space of JSON (RFC 8259, section 2). */
static inline bool aui_json_is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* How many of the first bytes are a byte order mark: 3 or 0. */
size_t aui_json_bom_size(const char *json, size_t n);

/* Scans the `n` bytes of `json`, which must be valid UTF-8; a byte order mark is passed over (RFC 8259, section 8.1,
 * allows that). `max_depth`: AUI_JSON_MAX_DEPTH at most; more is as that.
 * Unless the result is AUI_JSON_VALID, `*scan` is of no use. */
aui_json_result aui_json_scan_whole(const char *json, size_t n, unsigned max_depth, aui_json_scan *scan);

/* Does the same for a JSON text whose first `from` bytes are those of the text that `*scan` is the
 * result of. `from` lies in the string that scan->at_text tells of: between two characters or
 * escapes, or at the closing quote. */
aui_json_result aui_json_scan_from(const char *json, size_t n, unsigned max_depth, size_t from, aui_json_scan *scan);

/* The first byte from `p` on that is a quote, a backslash or a control character, or `end`. */
const char *aui_json_find_special(const char *p, const char *end);

/* A part of a string, decoded: a run of plain bytes, or the character of an escape. */
typedef struct {
  const char *bytes; /* into the JSON text or `character`: the piece must not be copied */
  size_t n;
  char character[4];
} aui_json_piece;

/* Decodes the piece of a valid string that begins at `at` < `end`, where `end` is the end of its
 * span, and returns where the next one begins. A surrogate pair written as two escapes is one
 * piece; an unpaired surrogate gives U+FFFD. */
size_t aui_json_decode(const char *json, size_t at, size_t end, aui_json_piece *piece);

/* Where the escape of a high surrogate begins that ends a valid string's span, and so may become
 * half of a pair when more is appended; without one, the span's end. */
size_t aui_json_settled_end(const char *json, aui_json_span string);

/* Replaces every escape of an unpaired surrogate in a valid JSON text by \ufffd, as long as it is.
 */
void aui_json_replace_unpaired(char *json, size_t n);

#endif
