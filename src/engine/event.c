/* The reader keeps the last message's payload, which a new one overwrites from the byte where they
 * part, and a checkpoint in it: how far an update's text was decoded. What lies before both is
 * neither copied nor looked at again. */
#include "engine/event.h"

#include <stdlib.h>
#include <string.h>

#include "engine/event_api.h"
#include "engine/growth.h"
#include "engine/json.h"
#include "engine/prefix.h"
#include "engine/utf8.h"

struct aui_event_reader {
  const aui_event_api *api;
  unsigned max_depth;
  size_t max_text;

  /* The last message. While one arrives: what is known of it, then, unless they parted, what is
   * left of the last one. */
  aui_buffer json;
  size_t common; /* how many of this message's first bytes equal the last one's */
  bool parted;   /* it went on differently, and `json` ends with what has arrived */
  aui_utf8 utf8; /* of what has arrived, when parted */

  size_t scanned_from; /* the last message was scanned from here on: 0, or where the one before was equal so far */
  aui_event_type type;
  bool taken; /* its text was taken */

  aui_growth growth;

  /* Up to here `json` is an update's, and its text that far is the answer's text; 0: there is none.
   * It is at the text's closing quote, or before that at the escape of the high surrogate that is
   * held back. */
  size_t checkpoint;
  bool checkpoint_origin_before; /* all that it says of whose it is stands before that, and was found to be ours */
  bool origin_as_before;         /* the last message said the same of that, and no more */

  aui_json_span suggestions; /* of the FINAL that ended the answer, seen from its payload; start 0: there are none */
  unsigned suggested;        /* how often some have joined that FINAL */

  aui_json_scan scan; /* of the last message; it is large, and what each slice looks at stands before it */
};

/* How often suggestions may join a message: each time copies it whole, so a server that goes on costs the square. */
enum { MOST_SUGGESTIONS = 16 };

aui_event_reader *aui_event_new(aui_api api, unsigned max_depth, size_t max_text) {
  aui_event_reader *reader = calloc(1, sizeof *reader);
  if (!reader) return NULL;
  reader->api = api == AUI_API_THREADS ? &aui_event_threads : &aui_event_tasks;
  reader->growth = aui_growth_begin(reader->api->expects_deltas);
  reader->max_depth = max_depth;
  reader->max_text = max_text;
  return reader;
}

void aui_event_free(aui_event_reader *reader) {
  if (!reader) return;
  aui_buffer_free(&reader->json);
  free(reader);
}

/* ---- comparing ---- */

/* How many bytes of the slice go on as the last message does. An update mostly equals the last one
 * up to the checkpoint and not much further, so that far memcmp, the fastest way to compare, gets a
 * try. */
static size_t count_common(const aui_event_reader *reader, const char *slice, size_t n) {
  n = aui_min(n, reader->json.len - reader->common);
  if (n == 0) return 0;
  const char *last = reader->json.data + reader->common;
  size_t expected = reader->checkpoint > reader->common ? aui_min(n, reader->checkpoint - reader->common) : 0;
  if (expected > 0 && memcmp(last, slice, expected) != 0) expected = 0;
  return n > expected ? expected + aui_common_prefix(last + expected, slice + expected, n - expected) : expected;
}

/* ---- taking in a message ---- */

/* From here on the message differs from the last one, or is longer. */
static void part_from_last(aui_event_reader *reader) {
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
    size_t common = count_common(reader, bytes, n);
    reader->common += common;
    if (common == n) return 0;
    part_from_last(reader);
    bytes += common;
    n -= common;
  }
  if (!aui_utf8_feed(&reader->utf8, bytes, n)) return AUI_EVENT_BAD_UTF8;
  return aui_buffer_append(&reader->json, bytes, n) ? 0 : AUI_EVENT_NO_MEMORY;
}

/* ---- checking it ---- */

/* Scans the complete message: from the checkpoint if it equals the last one that far, else whole. Uses up the
 * checkpoint. */
static aui_json_result scan_message(aui_event_reader *reader) {
  const aui_buffer *json = &reader->json;
  size_t from = reader->common >= reader->checkpoint ? reader->checkpoint : 0;
  unsigned said = reader->scan.at_text.origin.changes; /* before the checkpoint */
  reader->scanned_from = from;
  reader->checkpoint = 0;
  reader->origin_as_before = false;
  if (from == 0) return aui_json_scan_whole(json->data, json->len, reader->max_depth, &reader->scan);
  aui_json_result result = aui_json_scan_from(json->data, json->len, reader->max_depth, from, &reader->scan);
  reader->origin_as_before = reader->checkpoint_origin_before && reader->scan.members.origin.changes == said;
  return result;
}

/* What a message that is no JSON says, without the white space around. */
static aui_json_span trim_payload(const aui_buffer *json) {
  size_t start = aui_json_bom_size(json->data, json->len), end = json->len;
  while (start < end && aui_json_is_space(json->data[start])) start++;
  while (start < end && aui_json_is_space(json->data[end - 1])) end--;
  return (aui_json_span){start, end};
}

/* Whether the letters are those of a lower-case word, whatever their case and the locale. */
static bool is_word(const char *text, const char *lower_case, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if ((text[i] | 0x20) != lower_case[i]) return false;
  }
  return true;
}

/* Some servers keep their connections alive by messages that are no JSON: nothing, or one of these words. */
static bool is_heartbeat(const char *text, size_t length) {
  static const char *const words[] = {"", "ping", "pong", "heartbeat", "keepalive"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t n = strlen(words[i]);
    if (length == n && is_word(text, words[i], n)) return true;
  }
  return false;
}

static aui_event_type classify_no_json(const aui_event_reader *reader) {
  aui_json_span span = trim_payload(&reader->json);
  const char *text = reader->json.data + span.start, *word = reader->api->end_word;
  size_t n = span.end - span.start;
  if (word && n == strlen(word) && memcmp(text, word, n) == 0) return AUI_EVENT_DONE;
  return is_heartbeat(text, n) ? AUI_EVENT_NONE : AUI_EVENT_BAD_JSON;
}

/* Completes the payload. Returns false when it ends within a character. */
static bool end_payload(aui_event_reader *reader) {
  if (!reader->parted) part_from_last(reader);
  return aui_utf8_complete(&reader->utf8);
}

static aui_event_type check_message(aui_event_reader *reader) {
  if (!end_payload(reader)) return AUI_EVENT_BAD_UTF8;
  if (reader->json.len == 0) return AUI_EVENT_NONE;
  switch (scan_message(reader)) {
    case AUI_JSON_VALID: return reader->api->classify(&reader->scan.members);
    case AUI_JSON_TOO_DEEP: return AUI_EVENT_TOO_DEEP;
    default: return classify_no_json(reader);
  }
}

aui_event_type aui_event_end(aui_event_reader *reader) {
  aui_buffer *json = &reader->json;
  reader->type = check_message(reader);
  reader->taken = false;
  reader->common = 0;
  reader->parted = false;
  bool for_others =
      reader->type == AUI_EVENT_FINAL || reader->type == AUI_EVENT_ERROR || reader->type == AUI_EVENT_SUGGESTIONS;
  if (for_others) aui_json_replace_unpaired(json->data, json->len);
  return reader->type;
}

/* ---- whose it is ---- */

bool aui_event_claim(const aui_event_reader *reader, aui_answers *answers) {
  if (reader->type < 0 || reader->type == AUI_EVENT_NONE) return false;
  if (reader->type == AUI_EVENT_UPDATE && reader->origin_as_before) return true;
  const aui_json_members *members = &reader->scan.members;
  aui_json_span joins = members->envelope.interaction_id;
  if (reader->type == AUI_EVENT_SUGGESTIONS && joins.start) return aui_answers_knows(answers, reader->json.data, joins);
  aui_json_span id = reader->type == AUI_EVENT_FINAL ? reader->api->final_id(members) : (aui_json_span){0, 0};
  return aui_answers_claim(answers, reader->json.data, id, &members->origin);
}

bool aui_event_names_answer(const aui_event_reader *reader) {
  return reader->api->names_answer(&reader->scan.members);
}

static void note_suggestions(aui_event_reader *reader) {
  aui_json_span content = reader->api->content(&reader->scan.members);
  aui_json_span suggestions = reader->scan.members.envelope.suggestions;
  bool inside = suggestions.start > content.start && content.start > 0;
  reader->suggestions = inside ? (aui_json_span){suggestions.start - content.start, suggestions.end - content.start}
                               : (aui_json_span){0, 0};
  reader->suggested = 0;
}

void aui_event_ends_answer(aui_event_reader *reader, aui_answers *answers) {
  note_suggestions(reader);
  aui_answers_end(answers, reader->json.data, reader->api->final_id(&reader->scan.members));
}

/* ---- the text ---- */

static bool take_update(aui_event_reader *reader, aui_buffer *text, size_t *keep) {
  const char *json = reader->json.data;
  aui_json_span string = reader->api->update_text(&reader->scan.members);
  size_t settled = aui_json_settled_end(json, string);
  bool whole = true, done;
  if (string.start <= reader->scanned_from) { /* else the scan went on to another data.text, or was of the whole */
    aui_json_span rest = {reader->scanned_from, string.end};
    done = aui_growth_go_on(&reader->growth, json, rest, settled, text, keep);
  } else {
    done = aui_growth_take(&reader->growth, json, string, settled, reader->max_text, text, keep, &whole);
  }
  /* Before a high surrogate that is held back, another one is unpaired as long as nothing else takes its place. */
  bool stays = aui_json_settled_end(json, (aui_json_span){string.start, settled}) == settled;
  bool resumable = string.start == reader->scan.members.data_text.start; /* by aui_json_scan_from */
  if (done && whole && stays && resumable) reader->checkpoint = settled;
  reader->checkpoint_origin_before = reader->scan.members.origin.changes == reader->scan.at_text.origin.changes;
  return done;
}

bool aui_event_take(aui_event_reader *reader, aui_buffer *text, size_t *keep) {
  reader->taken = true;
  if (reader->type == AUI_EVENT_UPDATE) return take_update(reader, text, keep);
  aui_json_span string = reader->api->final_text(&reader->scan.members);
  *keep = text->len;
  return !string.start || aui_growth_end(&reader->growth, reader->json.data, string, text, keep);
}

bool aui_event_expects_deltas(const aui_event_reader *reader) {
  return reader->growth.way == AUI_GROWTH_DELTAS;
}

bool aui_event_is_sure(const aui_event_reader *reader) {
  return aui_growth_is_sure(&reader->growth);
}

bool aui_event_is_delta(const aui_event_reader *reader, size_t *n, aui_json_span *number, aui_json_span *text) {
  *n = reader->json.len;
  *number = reader->scan.members.envelope.number;
  *text = reader->api->update_text(&reader->scan.members);
  bool numbered_update = reader->type == AUI_EVENT_UPDATE && aui_event_seq(reader) >= 0;
  return numbered_update && reader->taken && aui_event_expects_deltas(reader);
}

bool aui_event_take_delta(aui_event_reader *reader, const char *delta, size_t n, aui_buffer *text, size_t *keep) {
  bool whole;
  return aui_growth_take(&reader->growth, delta, (aui_json_span){0, n}, n, reader->max_text, text, keep, &whole);
}

/* ---- what else it says ---- */

int64_t aui_event_seq(const aui_event_reader *reader) {
  return reader->api->is_numbered ? reader->scan.members.envelope.seq : -1;
}

const char *aui_event_payload(const aui_event_reader *reader, size_t *n) {
  const aui_buffer *json = &reader->json;
  bool for_users = reader->type == AUI_EVENT_FINAL || reader->type == AUI_EVENT_ERROR;
  aui_json_span content = for_users ? reader->api->content(&reader->scan.members) : (aui_json_span){0, 0};
  if (!content.start) content = (aui_json_span){aui_json_bom_size(json->data, json->len), json->len};
  *n = content.end - content.start;
  return content.start > 0 ? json->data + content.start : json->data; /* which is NULL of nothing */
}

bool aui_event_add_suggestions(aui_event_reader *reader, aui_buffer *message) {
  static const char key[] = ",\"followup_suggestions\":";
  if (reader->suggested == MOST_SUGGESTIONS) return true;
  aui_json_span list = reader->scan.members.envelope.suggestions, old = reader->suggestions;
  size_t behind = message->len - 1; /* the closing brace */
  bool added = !old.start;
  if (added) old = (aui_json_span){behind, behind};
  aui_buffer merged = {0};
  bool ok = aui_buffer_append(&merged, message->data, old.start) &&
            aui_buffer_append(&merged, key, added ? sizeof key - 1 : 0);
  size_t start = merged.len, n = list.end - list.start;
  ok = ok && aui_buffer_append(&merged, reader->json.data + list.start, n) &&
       aui_buffer_append(&merged, message->data + old.end, message->len - old.end);
  aui_buffer_free(ok ? message : &merged);
  if (!ok) return false;
  *message = merged;
  reader->suggestions = (aui_json_span){start, start + n};
  reader->suggested++;
  return true;
}

bool aui_event_thread_id(const aui_event_reader *reader, aui_buffer *id) {
  aui_json_span string = reader->scan.members.envelope.thread_id;
  if (!aui_buffer_reserve(id, string.end - string.start)) return false;
  aui_json_piece piece;
  for (size_t i = string.start; i < string.end;) {
    i = aui_json_decode(reader->json.data, i, string.end, &piece);
    aui_buffer_append(id, piece.bytes, piece.n);
  }
  return true;
}

int aui_event_status_code(const aui_event_reader *reader) {
  return reader->api->status_code(&reader->scan.members);
}

int aui_event_retry_after(const aui_event_reader *reader) {
  return reader->scan.members.retry_after;
}
