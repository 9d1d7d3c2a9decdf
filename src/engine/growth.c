/* Strings are decoded where they are written to the text, or compared with it, and nowhere else. */
#include "engine/growth.h"

#include <string.h>

#include "engine/prefix.h"
#include "engine/utf8.h"

aui_growth aui_growth_begin(bool expects_deltas) {
  return (aui_growth){.way = expects_deltas ? AUI_GROWTH_DELTAS : AUI_GROWTH_UNKNOWN, .expects_deltas = expects_deltas};
}

/* ---- writing ---- */

/* Overwrites a text with another, as long as they are equal by reading alone. */
typedef struct {
  aui_buffer *text;
  size_t at;
  size_t keep; /* when parted */
  bool parted;
} overwriting;

/* The memory must be there. */
static void growth_overwrite(overwriting *o, const char *bytes, size_t n) {
  aui_buffer *text = o->text;
  if (!o->parted) {
    size_t equal = aui_common_prefix(text->data + o->at, bytes, aui_min(n, text->len - o->at));
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

/* Makes `text` what it is up to `at`, then the decoded string. */
static bool decode_behind(const char *json, aui_json_span string, aui_buffer *text, size_t at, size_t *keep) {
  size_t most = at + (string.end - string.start); /* an escape is longer than what it stands for */
  if (most > text->len && !aui_buffer_reserve(text, most - text->len)) return false;
  overwriting o = {.text = text, .at = at, .keep = at, .parted = at == text->len};
  aui_json_piece piece;
  for (size_t i = string.start; i < string.end;) {
    i = aui_json_decode(json, i, string.end, &piece);
    growth_overwrite(&o, piece.bytes, piece.n);
  }
  if (!o.parted) text->len = o.keep = o.at;
  *keep = o.keep;
  return true;
}

/* ---- comparing ---- */

typedef enum { DIFFERS, SHARES_LITTLE, SHARES_MOST, EQUALS, GOES_ON } relation;

static relation growth_share(const char *text, size_t n, size_t equal) {
  size_t shared = aui_utf8_boundary(text, n, equal);
  if (shared == 0) return DIFFERS;
  return shared > n / 2 ? SHARES_MOST : SHARES_LITTLE;
}

/* How the string begins, seen from the text. Most deltas differ in the first byte: then nothing need be decoded. */
static relation growth_compare(const char *json, aui_json_span string, const char *text, size_t n) {
  if (n > 0 && string.start < string.end && json[string.start] != '\\' && json[string.start] != *text) return DIFFERS;
  size_t equal = 0;
  aui_json_piece piece;
  for (size_t i = string.start; i < string.end;) {
    i = aui_json_decode(json, i, string.end, &piece);
    size_t same = aui_common_prefix(text + equal, piece.bytes, aui_min(piece.n, n - equal));
    equal += same;
    if (same == piece.n) continue;
    return equal == n ? GOES_ON : growth_share(text, n, equal);
  }
  return equal == n ? EQUALS : growth_share(text, n, equal);
}

/* ---- which way ---- */

static void give_up_deltas(aui_growth *growth, int way) {
  growth->way = way;
  growth->last_at = 0;
  growth->gave_up = true;
}

static bool is_first_delta(aui_growth *growth, const char *json, aui_json_span string, const aui_buffer *text) {
  switch (growth_compare(json, string, text->data, text->len)) {
    case DIFFERS: growth->way = AUI_GROWTH_DELTAS; break;
    case GOES_ON:
    case SHARES_MOST: growth->way = AUI_GROWTH_WHOLE; break;
    default: break;
  }
  growth->doubtful = true;
  return growth->way == AUI_GROWTH_DELTAS;
}

static bool is_further_delta(aui_growth *growth, const char *json, aui_json_span string, const aui_buffer *text) {
  bool tells = !growth->expects_deltas || text->len >= AUI_GROWTH_TELLING;
  if (tells && growth_compare(json, string, text->data, text->len) >= EQUALS) {
    give_up_deltas(growth, AUI_GROWTH_WHOLE);
    return false;
  }
  const char *last = text->data + growth->last_at;
  bool goes_on = growth_compare(json, string, last, text->len - growth->last_at) == GOES_ON;
  bool reworded = goes_on && growth->doubtful;
  growth->doubtful = goes_on;
  if (reworded) give_up_deltas(growth, AUI_GROWTH_UNKNOWN);
  return !reworded;
}

/* Whether the string, of which what is behind `settled` is held back, is a delta. */
static bool is_delta(aui_growth *growth, const char *json, aui_json_span string, size_t settled, size_t max_text,
                     const aui_buffer *text) {
  aui_json_span shown = {string.start, settled};
  bool first = growth->way == AUI_GROWTH_UNKNOWN;
  if (growth->way == AUI_GROWTH_WHOLE || text->len == 0) return false;
  if (string.start == string.end) return !first;
  if (string.start == settled) return true;
  if (first ? !is_first_delta(growth, json, shown, text) : !is_further_delta(growth, json, shown, text)) return false;
  if (text->len < max_text && string.end - string.start < max_text - text->len) return true;
  give_up_deltas(growth, AUI_GROWTH_UNKNOWN);
  return false;
}

/* ---- surrogates between two updates ---- */

/* Keeps the escape that is held back, from `settled` on to the string's end. */
static void hold_back(aui_growth *growth, const char *json, size_t settled, size_t end) {
  growth->has_held = settled < end;
  if (growth->has_held) memcpy(growth->held, json + settled, AUI_GROWTH_HELD);
}

/* Appends what is held back, with its other half if the string begins with that; returns where the string goes on. The
 * memory must be there. */
static size_t growth_join(aui_growth *growth, const char *json, aui_json_span string, aui_buffer *text) {
  char joint[2 * AUI_GROWTH_HELD];
  aui_json_piece piece;
  bool escape =
      string.end - string.start >= AUI_GROWTH_HELD && json[string.start] == '\\' && json[string.start + 1] == 'u';
  size_t n = escape ? sizeof joint : AUI_GROWTH_HELD;
  memcpy(joint, growth->held, AUI_GROWTH_HELD);
  if (escape) memcpy(joint + AUI_GROWTH_HELD, json + string.start, AUI_GROWTH_HELD);
  size_t used = aui_json_decode(joint, 0, n, &piece);
  aui_buffer_append(text, piece.bytes, piece.n);
  growth->has_held = false;
  return string.start + used - AUI_GROWTH_HELD;
}

/* ---- taking ---- */

/* Appends a delta; an empty one changes nothing. */
static bool growth_append(aui_growth *growth, const char *json, aui_json_span string, aui_buffer *text, size_t *keep) {
  size_t before = *keep = text->len, kept, n = string.end - string.start;
  if (n == 0) return true;
  if (!growth->has_held && !memchr(json + string.start, '\\', n)) { /* as nearly all are */
    growth->last_at = before;
    return aui_buffer_append(text, json + string.start, n);
  }
  if (!aui_buffer_reserve(text, string.end - string.start + AUI_GROWTH_HELD)) return false;
  if (growth->has_held) string.start = growth_join(growth, json, string, text);
  size_t settled = aui_json_settled_end(json, string);
  decode_behind(json, (aui_json_span){string.start, settled}, text, text->len, &kept);
  hold_back(growth, json, settled, string.end);
  if (text->len > before) growth->last_at = before;
  return true;
}

bool aui_growth_take(aui_growth *growth, const char *json, aui_json_span string, size_t settled, size_t max_text,
                     aui_buffer *text, size_t *keep, bool *whole) {
  bool delta = is_delta(growth, json, string, settled, max_text, text);
  *whole = !delta && growth->way != AUI_GROWTH_DELTAS; /* the first one takes the place of no text */
  if (delta) return growth_append(growth, json, string, text, keep);
  hold_back(growth, json, settled, string.end);
  return decode_behind(json, (aui_json_span){string.start, settled}, text, 0, keep);
}

bool aui_growth_go_on(aui_growth *growth, const char *json, aui_json_span rest, size_t settled, aui_buffer *text,
                      size_t *keep) {
  if (text->len > 0 && settled > rest.start) growth->way = AUI_GROWTH_WHOLE;
  hold_back(growth, json, settled, rest.end);
  return decode_behind(json, (aui_json_span){rest.start, settled}, text, text->len, keep);
}

bool aui_growth_is_sure(const aui_growth *growth) {
  return growth->expects_deltas && !growth->gave_up && !growth->doubtful;
}

bool aui_growth_end(aui_growth *growth, const char *json, aui_json_span string, aui_buffer *text, size_t *keep) {
  *growth = aui_growth_begin(growth->expects_deltas);
  return decode_behind(json, string, text, 0, keep);
}
