/* The reader keeps the last message's payload, which a new one overwrites from the byte where they
 * part, and a checkpoint in it: how far an update's text was decoded. What lies before both is
 * neither copied nor looked at again. */
#include "engine/event.h"

#include <stdlib.h>
#include <string.h>

#include "engine/json.h"
#include "engine/utf8.h"

/* A larger payload's memory is released when the next answer's first message begins. */
enum { KEPT_CAPACITY = 256 * 1024 };

struct aui_event_reader {
  unsigned max_depth;

  /* The last message. While one arrives: what is known of it, then, unless they parted, what is
   * left of the last one. */
  aui_buffer json;
  size_t common; /* how many of this message's first bytes equal the last one's */
  bool parted;   /* it went on differently, and `json` ends with what has arrived */
  aui_utf8 utf8; /* of what has arrived, when parted */

  aui_json_scan scan; /* of the last message */
  int status_code;
  int retry_after;

  /* Up to here `json` is an update's, and its text that far is the answer's text; 0: there is none.
   * It is at the text's closing quote, or before that at the escape of the high surrogate that is
   * held back. */
  size_t checkpoint;
};

aui_event_reader *aui_event_new(unsigned max_depth) {
  aui_event_reader *reader = calloc(1, sizeof *reader);
  if (reader) reader->max_depth = max_depth;
  return reader;
}

void aui_event_free(aui_event_reader *reader) {
  if (!reader) return;
  aui_buffer_free(&reader->json);
  free(reader);
}

void aui_event_restart(aui_event_reader *reader) {
  reader->checkpoint = 0;
}

/* ---- comparing ---- */

/* How many of the first `n` bytes of both are equal. */
static size_t equal_bytes(const char *a, const char *b, size_t n) {
  size_t i = 0;
  uint64_t x, y;
  for (; n - i >= sizeof x; i += sizeof x) {
    memcpy(&x, a + i, sizeof x);
    memcpy(&y, b + i, sizeof y);
    if (x != y) break;
  }
  while (i < n && a[i] == b[i]) i++;
  return i;
}

static size_t min(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many bytes of the slice go on as the last message does. An update mostly equals the last one
 * up to the checkpoint and not much further, so that far memcmp, the fastest way to compare, gets a
 * try. */
static size_t count_common(const aui_event_reader *reader, const char *slice, size_t n) {
  n = min(n, reader->json.len - reader->common);
  if (n == 0) return 0;
  const char *last = reader->json.data + reader->common;
  size_t expected = reader->checkpoint > reader->common ? min(n, reader->checkpoint - reader->common) : 0;
  if (expected > 0 && memcmp(last, slice, expected) != 0) expected = 0;
  return n > expected ? expected + equal_bytes(last + expected, slice + expected, n - expected) : expected;
}

/* ---- taking in a message ---- */

/* From here on the message differs from the last one, or is longer. */
static void part(aui_event_reader *reader) {
  aui_buffer *json = &reader->json;
  size_t boundary = aui_utf8_boundary(json->data, json->len, reader->common);
  reader->utf8 = (aui_utf8){0};
  if (boundary < reader->common) aui_utf8_feed(&reader->utf8, json->data + boundary, reader->common - boundary);
  json->len = reader->common;
  reader->parted = true;
}

int aui_event_feed(aui_event_reader *reader, const void *slice, size_t n) {
  const char *bytes = slice;
  if (!reader->parted) {
    bool large = reader->json.cap > KEPT_CAPACITY;
    if (large && reader->common == 0 && reader->checkpoint == 0) aui_buffer_free(&reader->json);
    size_t common = count_common(reader, bytes, n);
    reader->common += common;
    if (common == n) return 0;
    part(reader);
    bytes += common;
    n -= common;
  }
  if (!aui_utf8_feed(&reader->utf8, bytes, n)) return AUI_EVENT_BAD_UTF8;
  return aui_buffer_append(&reader->json, bytes, n) ? 0 : AUI_EVENT_NO_MEMORY;
}

/* ---- judging it ---- */

/* Scans the complete message: from the checkpoint if it equals the last one that far, else whole.
 * `*from` says from where. Uses up the checkpoint. */
static aui_json_verdict scan(aui_event_reader *reader, size_t *from) {
  const aui_buffer *json = &reader->json;
  *from = reader->common >= reader->checkpoint ? reader->checkpoint : 0;
  reader->checkpoint = 0;
  if (*from == 0) return aui_json_scan_whole(json->data, json->len, reader->max_depth, &reader->scan);
  return aui_json_scan_from(json->data, json->len, reader->max_depth, *from, &reader->scan);
}

enum { FIRST_ERROR_STATUS = 400, VALIDATION_STATUS = 422 };

static bool is_of_an_agent(const aui_json_members *members) {
  return members->id || members->text.start || members->sender || members->data;
}

static bool is_error(const aui_json_members *members) {
  if (members->status_code >= FIRST_ERROR_STATUS) return true;
  return (members->detail || members->errors || members->error) && !is_of_an_agent(members);
}

static int error_status(const aui_json_members *members) {
  if (members->status_code >= FIRST_ERROR_STATUS) return members->status_code;
  bool list = members->detail == AUI_JSON_FAULT_LIST || members->errors == AUI_JSON_FAULT_LIST;
  return list ? VALIDATION_STATUS : 0;
}

static aui_event_type classify(const aui_json_members *members) {
  if (members->event == AUI_JSON_UPDATE_NAME || members->channel_event_name == AUI_JSON_UPDATE_NAME) {
    return members->data_text.start ? AUI_EVENT_UPDATE : AUI_EVENT_OTHER;
  }
  if (members->event != AUI_JSON_NO_NAME || members->channel_event_name != AUI_JSON_NO_NAME) return AUI_EVENT_OTHER;
  if (members->id && members->sender && members->text.start) return AUI_EVENT_FINAL;
  return is_error(members) ? AUI_EVENT_ERROR : AUI_EVENT_OTHER;
}

/* ---- the text ---- */

/* Overwrites a text with another, as long as they are equal by reading alone. */
typedef struct {
  aui_buffer *text;
  size_t at;
  size_t keep; /* when parted */
  bool parted;
} overwriting;

/* The memory must be there. */
static void overwrite(overwriting *o, const char *bytes, size_t n) {
  aui_buffer *text = o->text;
  if (!o->parted) {
    size_t equal = equal_bytes(text->data + o->at, bytes, min(n, text->len - o->at));
    o->at += equal;
    if (equal == n) return;
    o->keep = aui_utf8_boundary(text->data, text->len, o->at);
    o->parted = true;
    text->len = o->at;
    bytes += equal;
    n -= equal;
  }
  aui_buffer_append(text, bytes, n);
}

/* Makes `text` what it is up to `at`, then the decoded string; `*keep` as in aui_event_end. False,
 * with `text` unchanged, when memory is short. */
static bool decode_behind(const char *json, aui_json_span string, aui_buffer *text, size_t at, size_t *keep) {
  size_t most = at + (string.end - string.start); /* an escape is longer than what it stands for */
  if (most > text->len && !aui_buffer_reserve(text, most - text->len)) return false;
  overwriting o = {.text = text, .at = at};
  aui_json_piece piece;
  for (size_t i = string.start; i < string.end;) {
    i = aui_json_decode(json, i, string.end, &piece);
    overwrite(&o, piece.bytes, piece.n);
  }
  if (!o.parted) text->len = o.keep = o.at;
  *keep = o.keep;
  return true;
}

static aui_event_type end_update(aui_event_reader *reader, size_t from, aui_buffer *text, size_t *keep) {
  aui_json_span string = reader->scan.members.data_text;
  string.end = aui_json_settled_end(reader->json.data, string);
  /* Before a high surrogate that is held back, another one is unpaired as long as nothing else takes its place. */
  bool settled = aui_json_settled_end(reader->json.data, string) == string.end;
  reader->checkpoint = settled ? string.end : 0;
  if (!text) return AUI_EVENT_UPDATE;
  size_t at = 0;
  if (string.start <= from) { /* else the scan went on to another data.text, or was of the whole */
    string.start = from;
    at = text->len;
  }
  bool done = decode_behind(reader->json.data, string, text, at, keep);
  return done ? AUI_EVENT_UPDATE : AUI_EVENT_NO_MEMORY;
}

static aui_event_type end_final(aui_event_reader *reader, aui_buffer *text, size_t *keep) {
  aui_json_replace_unpaired(reader->json.data, reader->json.len);
  if (text && !decode_behind(reader->json.data, reader->scan.members.text, text, 0, keep)) return AUI_EVENT_NO_MEMORY;
  return AUI_EVENT_FINAL;
}

/* Completes the payload. Returns false when it ends within a character. */
static bool end_payload(aui_event_reader *reader) {
  if (!reader->parted) part(reader);
  return aui_utf8_complete(&reader->utf8);
}

aui_event_type aui_event_end(aui_event_reader *reader, aui_buffer *text, size_t *keep) {
  size_t from;
  if (!end_payload(reader)) return AUI_EVENT_BAD_UTF8;
  if (reader->json.len == 0) return AUI_EVENT_BAD_JSON;
  aui_json_verdict verdict = scan(reader, &from);
  if (verdict != AUI_JSON_VALID) return verdict == AUI_JSON_TOO_DEEP ? AUI_EVENT_TOO_DEEP : AUI_EVENT_BAD_JSON;
  reader->common = 0;
  reader->parted = false;
  aui_event_type type = classify(&reader->scan.members);
  switch (type) {
    case AUI_EVENT_UPDATE: return end_update(reader, from, text, keep);
    case AUI_EVENT_FINAL: return end_final(reader, text, keep);
    case AUI_EVENT_ERROR:
      reader->status_code = error_status(&reader->scan.members);
      reader->retry_after = reader->scan.members.retry_after;
      aui_json_replace_unpaired(reader->json.data, reader->json.len);
      return type;
    default: return type;
  }
}

const char *aui_event_payload(const aui_event_reader *reader, size_t *n) {
  *n = reader->json.len;
  return reader->json.data;
}

int aui_event_status_code(const aui_event_reader *reader) {
  return reader->status_code;
}

int aui_event_retry_after(const aui_event_reader *reader) {
  return reader->retry_after;
}
