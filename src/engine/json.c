/* The scanner: a pushdown automaton with one bit for each level (object or array), so that nesting
 * costs no C stack. It knows the members of interest by the level and name of their keys; what is
 * nested elsewhere is only validated. */
#include "engine/json.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "engine/bytes.h"

enum { BITS = 64, REPLACEMENT = 0xFFFD };

/* How deep the members of interest lie, as root.scope.context.task_id. */
enum { LEVELS = 3 };

typedef enum {
  NOTHING, /* a value that nobody asks for */
  ROOT,
  EVENT,
  CHANNEL,
  CHANNEL_EVENT_NAME,
  TYPE,
  SEQ,
  DATA,
  DATA_TEXT,
  DATA_DATA,
  DATA_DATA_TEXT,
  DATA_CHANNEL,
  DATA_CHANNEL_EVENT_NAME,
  DATA_ID,
  DATA_THREAD_ID,
  DATA_INTERACTION_ID,
  DATA_SENDER,
  DATA_SENDER_TYPE,
  DATA_RECEIVER,
  DATA_RECEIVER_TYPE,
  DATA_STATUS_CODE,
  DATA_CODE,
  DATA_SUGGESTIONS,
  TEXT,
  ID,
  TASK_ID,
  SENDER,
  SENDER_TYPE,
  RECEIVER,
  RECEIVER_TYPE,
  SCOPE,
  CONTEXT,
  CONTEXT_TASK_ID,
  CONTEXT_MESSAGE_ID,
  CONTEXT_INTERACTION_ID,
  STATUS_CODE,
  EXTRA_DATA,
  RETRY_AFTER,
  DETAIL,
  ERRORS,
  ERROR
} member;

/* By the length of their keys, which tells nearly all others from them. Those of deltas come first. */
enum { LONGEST_KEY = 20, SAME_LENGTH = 11 };
static const struct {
  member parent;
  member self;
  const char *key;
} interesting[LONGEST_KEY + 1][SAME_LENGTH] = {
    [2] = {{ROOT, ID, "id"}, {DATA, DATA_ID, "id"}},
    [3] = {{ROOT, SEQ, "seq"}},
    [4] = {{ROOT, TYPE, "type"},
           {ROOT, DATA, "data"},
           {DATA, DATA_TEXT, "text"},
           {ROOT, TEXT, "text"},
           {SENDER, SENDER_TYPE, "type"},
           {RECEIVER, RECEIVER_TYPE, "type"},
           {DATA, DATA_DATA, "data"},
           {DATA_DATA, DATA_DATA_TEXT, "text"},
           {DATA, DATA_CODE, "code"},
           {DATA_SENDER, DATA_SENDER_TYPE, "type"},
           {DATA_RECEIVER, DATA_RECEIVER_TYPE, "type"}},
    [5] = {{ROOT, EVENT, "event"}, {ROOT, SCOPE, "scope"}, {ROOT, ERROR, "error"}},
    [6] = {{ROOT, SENDER, "sender"}, {DATA, DATA_SENDER, "sender"}, {ROOT, DETAIL, "detail"}, {ROOT, ERRORS, "errors"}},
    [7] = {{ROOT, CHANNEL, "channel"},
           {DATA, DATA_CHANNEL, "channel"},
           {ROOT, TASK_ID, "task_id"},
           {SCOPE, CONTEXT, "context"},
           {CONTEXT, CONTEXT_TASK_ID, "task_id"}},
    [8] = {{ROOT, RECEIVER, "receiver"}, {DATA, DATA_RECEIVER, "receiver"}},
    [9] = {{DATA, DATA_THREAD_ID, "thread_id"}},
    [10] = {{ROOT, EXTRA_DATA, "extra_data"},
            {CHANNEL, CHANNEL_EVENT_NAME, "event_name"},
            {DATA_CHANNEL, DATA_CHANNEL_EVENT_NAME, "event_name"},
            {CONTEXT, CONTEXT_MESSAGE_ID, "message_id"}},
    [11] = {{ROOT, STATUS_CODE, "status_code"},
            {EXTRA_DATA, RETRY_AFTER, "retry_after"},
            {DATA, DATA_STATUS_CODE, "status_code"}},
    [14] = {{CONTEXT, CONTEXT_INTERACTION_ID, "interaction_id"}, {DATA, DATA_INTERACTION_ID, "interaction_id"}},
    [20] = {{DATA, DATA_SUGGESTIONS, "followup_suggestions"}},
};

static const char update_name[] = "thread-message-text-content-updated";

typedef enum { STRING, NUMBER, OBJECT, ARRAY, NULL_VALUE, BOOLEAN } kind;

typedef struct {
  const char *json;
  const char *end;
  unsigned max_depth;
  unsigned depth;
  uint64_t objects[AUI_JSON_MAX_DEPTH / BITS]; /* a bit a level: set for an object, else an array */
  member within[LEVELS];                       /* which member each of the outermost containers is */
  member next;                                 /* the member whose value comes next */
  aui_json_scan *out;
} scanner;

/* What the automaton does next, or its result. */
typedef enum { BEFORE_VALUE, BEFORE_KEY, AFTER_VALUE, DONE, FAIL_INVALID, FAIL_DEPTH } step;

/* ---- characters and escapes ---- */

/* The code unit of the four digits at `p`, or -1. */
static int hex4(const char *p) {
  int unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = aui_hex_digit(p[i]);
    if (digit < 0) return -1;
    unit = unit << 4 | digit;
  }
  return unit;
}

static bool is_high(int unit) {
  return (unit & 0xFC00) == 0xD800;
}
static bool is_low(int unit) {
  return (unit & 0xFC00) == 0xDC00;
}

/* Where the valid escape at `p` ends; `*code` is its character. Two escapes that form a pair are
 * taken together; an unpaired surrogate is returned as it is. */
static const char *read_escape(const char *p, const char *end, uint32_t *code) {
  static const char letters[] = "bfnrt", controls[] = "\b\f\n\r\t";
  if (p[1] != 'u') {
    const char *letter = strchr(letters, p[1]);
    *code = (uint8_t)(letter ? controls[letter - letters] : p[1]);
    return p + 2;
  }
  int unit = hex4(p + 2);
  *code = (uint32_t)unit;
  p += 6;
  if (!is_high(unit) || end - p < 6 || p[0] != '\\' || p[1] != 'u') return p;
  int low = hex4(p + 2);
  if (!is_low(low)) return p;
  *code = 0x10000 + ((uint32_t)(unit & 0x3FF) << 10) + (uint32_t)(low & 0x3FF);
  return p + 6;
}

static bool is_surrogate(uint32_t code) {
  return code >= 0xD800 && code <= 0xDFFF;
}

static size_t encode_character(uint32_t code, char *out) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (size_t i = n - 1; i > 0; i--, code >>= 6) out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)(lead[n] | code);
  return n;
}

/* ---- strings ---- */

/* Has its high bit set in each byte of `word` that is a quote, a backslash or a control character;
 * what lies above the first such byte may be wrong. */
static uint64_t special_bytes(uint64_t word) {
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
  return ((quote - ones) | (backslash - ones) | (word - ones * 0x20)) & ~word & high;
}

static bool is_special(char c) {
  return c == '"' || c == '\\' || (uint8_t)c < 0x20;
}

const char *aui_json_find_special(const char *p, const char *end) {
  for (; end - p >= (ptrdiff_t)sizeof(uint64_t); p += sizeof(uint64_t)) {
    uint64_t special = special_bytes(aui_load_word(p));
    if (special) return p + aui_first_marked(special);
  }
  while (p < end && !is_special(*p)) p++;
  return p;
}

static bool is_escape_letter(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return true;
    default: return false;
  }
}

/* The end of the escape at `p`, or NULL when it is invalid. */
static const char *skip_escape(const char *p, const char *end) {
  if (end - p < 2) return NULL;
  if (p[1] == 'u') return end - p >= 6 && hex4(p + 2) >= 0 ? p + 6 : NULL;
  return is_escape_letter(p[1]) ? p + 2 : NULL;
}

/* Finds the closing quote of the string whose content goes on at `p`; NULL when the string is
 * invalid. */
static const char *find_closing_quote(const char *p, const char *end) {
  for (;;) {
    p = aui_json_find_special(p, end);
    if (p == end) return NULL;
    if (*p == '"') return p;
    if (*p != '\\') return NULL;
    p = skip_escape(p, end);
    if (!p) return NULL;
  }
}

/* Whether the valid string says `ascii`, however it is escaped. */
static bool string_is(const char *p, const char *end, const char *ascii, size_t length) {
  if ((size_t)(end - p) == length) return memcmp(p, ascii, length) == 0;
  for (size_t i = 0; i < length; i++) {
    if (p == end) return false;
    uint32_t code = (uint8_t)*p;
    p = *p == '\\' ? read_escape(p, end, &code) : p + 1;
    if (code != (uint8_t)ascii[i]) return false;
  }
  return p == end;
}

/* ---- what is recorded ---- */

/* Keys are so short that a call of memcmp would take longer. */
static bool is_same(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

static member find_as_written(member parent, const char *key, size_t length) {
  for (size_t i = 0; i < SAME_LENGTH && interesting[length][i].key; i++) {
    bool candidate = interesting[length][i].parent == parent;
    if (candidate && is_same(key, interesting[length][i].key, length)) return interesting[length][i].self;
  }
  return NOTHING;
}

static member find_escaped(member parent, const char *key, const char *key_end) {
  for (size_t length = 0; length <= LONGEST_KEY; length++) {
    for (size_t i = 0; i < SAME_LENGTH && interesting[length][i].key; i++) {
      if (interesting[length][i].parent != parent) continue;
      if (string_is(key, key_end, interesting[length][i].key, length)) return interesting[length][i].self;
    }
  }
  return NOTHING;
}

static member find_member(member parent, const char *key, const char *key_end) {
  size_t length = (size_t)(key_end - key);
  member found = length <= LONGEST_KEY ? find_as_written(parent, key, length) : NOTHING;
  return found == NOTHING && memchr(key, '\\', length) ? find_escaped(parent, key, key_end) : found;
}

static aui_json_name name_of(kind k, const char *value, const char *end) {
  if (k != STRING || value == end) return AUI_JSON_NO_NAME;
  return string_is(value, end, update_name, sizeof update_name - 1) ? AUI_JSON_UPDATE_NAME : AUI_JSON_OTHER_NAME;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Takes the digits at `p` into the number that they belong to, as far as there is room for them, and returns where they
 * end: `shift` is what each of them adds to the exponent, and one that is left out adds one more. */
static const char *take_digits(const char *p, const char *end, int shift, uint64_t *digits, int64_t *exponent) {
  for (; p < end && is_digit(*p); p++) {
    bool fits = *digits < 100000000000000000;
    if (fits) *digits = *digits * 10 + (uint64_t)(*p - '0');
    *exponent += fits ? shift : shift + 1;
  }
  return p;
}

/* The valid number at `p`, clamped to 0..`most`, which is less than 1e17. No strtod: it obeys the locale. The exponent
 * is cut to what makes a difference: it must not cost more steps than it has bytes. */
static double bounded_number(const char *p, const char *end, double most) {
  if (*p == '-') return 0;
  uint64_t digits = 0;
  int64_t exponent = 0, written = 0;
  p = take_digits(p, end, 0, &digits, &exponent);
  if (p < end && *p == '.') p = take_digits(p + 1, end, -1, &digits, &exponent);
  bool negative = p < end && p[1] == '-';
  for (; p < end; p++) {
    if (is_digit(*p) && written < INT64_MAX / 100) written = written * 10 + (*p - '0');
  }
  exponent += negative ? -written : written;
  double value = (double)digits;
  if (exponent < -40) exponent = -40;
  for (; exponent > 0 && value > 0 && value <= most; exponent--) value *= 10;
  for (; exponent < 0; exponent++) value /= 10;
  return value > most ? most : value;
}

static aui_json_party party_of(kind k, const char *value, const char *end) {
  if (k != STRING) return AUI_JSON_UNNAMED;
  if (string_is(value, end, "user", 4)) return AUI_JSON_USER;
  return string_is(value, end, "agent", 5) ? AUI_JSON_AGENT : AUI_JSON_UNNAMED;
}

static aui_json_type type_of(kind k, const char *value, const char *end) {
  static const struct {
    const char *name;
    aui_json_type type;
  } types[] = {{"event", AUI_JSON_EVENT},
               {"message", AUI_JSON_MESSAGE},
               {"thread", AUI_JSON_THREAD},
               {"suggestions", AUI_JSON_SUGGESTIONS},
               {"error", AUI_JSON_ERROR}};
  if (k != STRING) return AUI_JSON_NO_TYPE;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    if (string_is(value, end, types[i].name, strlen(types[i].name))) return types[i].type;
  }
  return AUI_JSON_OTHER_TYPE;
}

static int64_t seq_of(kind k, const char *value, const char *end) {
  return k == NUMBER && *value != '-' ? (int64_t)bounded_number(value, end, 9007199254740992.0) : -1;
}

static int status_code_of(kind k, const char *value, const char *end) {
  return k == NUMBER ? (int)bounded_number(value, end, 999) : -1;
}

static int seconds_of(kind k, const char *value, const char *end) {
  if (k != NUMBER) return -1;
  double seconds = bounded_number(value, end, INT_MAX);
  int whole = (int)seconds;
  return whole < seconds ? whole + 1 : whole;
}

/* The first byte behind the list's opening bracket that is no space. */
static char first_in_list(const scanner *s, const char *bracket) {
  const char *p = bracket + 1;
  while (p < s->end && aui_json_is_space(*p)) p++;
  return p < s->end ? *p : '\0';
}

static aui_json_fault fault_of(const scanner *s, kind k, const char *value, const char *end) {
  if (k == STRING) return value < end ? AUI_JSON_FAULT_WORDS : AUI_JSON_NO_FAULT;
  if (k != ARRAY) return AUI_JSON_NO_FAULT;
  switch (first_in_list(s, value)) {
    case '{': return AUI_JSON_FAULT_LIST;
    case '"': return AUI_JSON_FAULT_WORDS;
    default: return AUI_JSON_NO_FAULT;
  }
}

static void record_origin(aui_json_origin *origin, member which, aui_json_span id) {
  origin->changes++;
  switch (which) {
    case TASK_ID: origin->task_id = id; break;
    case CONTEXT_TASK_ID: origin->scope_task_id = id; break;
    case CONTEXT_MESSAGE_ID: origin->message_id = id; break;
    case CONTEXT_INTERACTION_ID: origin->interaction_id = id; break;
    default: origin->scope_task_id = origin->message_id = origin->interaction_id = (aui_json_span){0, 0};
  }
}

/* What an envelope's `data` says begins anew with another one. */
static void begin_data(aui_json_envelope *envelope, aui_json_span span) {
  aui_json_envelope before = *envelope;
  *envelope = (aui_json_envelope){.type = before.type, .seq = before.seq, .number = before.number, .data = span};
  envelope->status_code = envelope->code = -1;
}

static const aui_json_span none = {0, 0};

static aui_json_span span_of(const scanner *s, const char *value, const char *end) {
  return (aui_json_span){(size_t)(value - s->json), (size_t)(end - s->json)};
}

static aui_json_span string_of(const scanner *s, kind k, const char *value, const char *end) {
  return k == STRING ? span_of(s, value, end) : none;
}

static aui_json_span id_of(const scanner *s, kind k, const char *value, const char *end) {
  return (k == STRING && end > value) || k == NUMBER ? span_of(s, value, end) : none;
}

/* Records a member of an envelope; returns false for any other. */
static bool record_envelope(scanner *s, kind k, const char *value, const char *end) {
  aui_json_envelope *envelope = &s->out->members.envelope;
  switch (s->next) {
    case TYPE: envelope->type = type_of(k, value, end); return true;
    case SEQ:
      envelope->seq = seq_of(k, value, end);
      envelope->number = span_of(s, value, end);
      return true;
    case DATA_DATA: envelope->data_text = none; return true;
    case DATA_DATA_TEXT: envelope->data_text = string_of(s, k, value, end); return true;
    case DATA_CHANNEL: envelope->event_name = AUI_JSON_NO_NAME; return true;
    case DATA_CHANNEL_EVENT_NAME: envelope->event_name = name_of(k, value, end); return true;
    case DATA_ID: envelope->id = id_of(s, k, value, end); return true;
    case DATA_THREAD_ID: envelope->thread_id = id_of(s, k, value, end); return true;
    case DATA_INTERACTION_ID: envelope->interaction_id = id_of(s, k, value, end); return true;
    case DATA_SENDER: envelope->sender = AUI_JSON_UNNAMED; return true;
    case DATA_SENDER_TYPE: envelope->sender = party_of(k, value, end); return true;
    case DATA_RECEIVER: envelope->receiver = AUI_JSON_UNNAMED; return true;
    case DATA_RECEIVER_TYPE: envelope->receiver = party_of(k, value, end); return true;
    case DATA_STATUS_CODE: envelope->status_code = status_code_of(k, value, end); return true;
    case DATA_CODE: envelope->code = status_code_of(k, value, end); return true;
    case DATA_SUGGESTIONS:
      envelope->suggestions = k == ARRAY || k == NULL_VALUE ? span_of(s, value, end) : none;
      return true;
    default: return false;
  }
}

/* The container that is this member ends before `at`. */
static void record_end(scanner *s, member which, const char *at) {
  aui_json_envelope *envelope = &s->out->members.envelope;
  size_t end = (size_t)(at - s->json);
  if (which == DATA && envelope->data.start) envelope->data.end = end;
  if (which == DATA_SUGGESTIONS && envelope->suggestions.start) envelope->suggestions.end = end;
}

static void note_text(aui_json_scan *scan) {
  scan->at_text = scan->members;
  scan->has_more = false;
}

/* Records the value of the member s->next. Of a container only the start is known; its members
 * come later. A string's `value` and `end` are its content. */
static void record_member(scanner *s, kind k, const char *value, const char *end) {
  if (s->next == NOTHING) return;
  aui_json_members *members = &s->out->members;
  s->out->has_more = true;
  if (record_envelope(s, k, value, end)) return;
  switch (s->next) {
    case EVENT: members->event = name_of(k, value, end); break;
    case CHANNEL: members->channel_event_name = AUI_JSON_NO_NAME; break;
    case CHANNEL_EVENT_NAME: members->channel_event_name = name_of(k, value, end); break;
    case DATA:
      members->data_text = none;
      members->has_data = k != NULL_VALUE;
      begin_data(&members->envelope, k == OBJECT ? span_of(s, value, end) : none);
      break;
    case DATA_TEXT:
      members->data_text = string_of(s, k, value, end);
      if (k == STRING) note_text(s->out);
      break;
    case TEXT: members->text = string_of(s, k, value, end); break;
    case ID:
      members->has_id = k != NULL_VALUE;
      members->id = id_of(s, k, value, end);
      break;
    case SENDER:
      members->has_sender = k == OBJECT || k == NULL_VALUE;
      members->sender = AUI_JSON_UNNAMED;
      break;
    case SENDER_TYPE: members->sender = party_of(k, value, end); break;
    case RECEIVER: members->receiver = AUI_JSON_UNNAMED; break;
    case RECEIVER_TYPE: members->receiver = party_of(k, value, end); break;
    case SCOPE:
    case CONTEXT:
    case TASK_ID:
    case CONTEXT_TASK_ID:
    case CONTEXT_MESSAGE_ID:
    case CONTEXT_INTERACTION_ID: record_origin(&members->origin, s->next, id_of(s, k, value, end)); break;
    case STATUS_CODE: members->status_code = status_code_of(k, value, end); break;
    case EXTRA_DATA: members->retry_after = -1; break;
    case RETRY_AFTER: members->retry_after = seconds_of(k, value, end); break;
    case DETAIL: members->detail = fault_of(s, k, value, end); break;
    case ERRORS: members->errors = fault_of(s, k, value, end); break;
    case ERROR: members->error = k == OBJECT ? AUI_JSON_FAULT_WORDS : fault_of(s, k, value, end); break;
    default: break;
  }
}

/* ---- the automaton ---- */

/* The byte at hand; NUL, which is valid nowhere outside of strings, at the end. */
static inline char peek(const scanner *s, const char *at) {
  return at < s->end ? *at : '\0';
}

static inline const char *skip_space(const scanner *s, const char *at) {
  while (at < s->end && aui_json_is_space(*at)) at++;
  return at;
}

static bool in_object(const scanner *s) {
  unsigned level = s->depth - 1;
  return s->objects[level / BITS] >> level % BITS & 1;
}

static void push_level(scanner *s, bool object) {
  unsigned place = s->depth % BITS;
  uint64_t *word = &s->objects[s->depth / BITS], bit = (uint64_t)1 << place;
  uint64_t others = place == 0 ? 0 : *word & ~bit;
  *word = object ? others | bit : others;
  s->depth++;
}

/* Scans a key and its colon. Nobody asks for members below LEVELS; s->next is NOTHING there. */
static step scan_key(scanner *s, const char **at) {
  const char *key = skip_space(s, *at);
  if (peek(s, key) != '"') return FAIL_INVALID;
  const char *end = find_closing_quote(++key, s->end);
  if (!end) return FAIL_INVALID;
  if (s->depth <= LEVELS) s->next = find_member(s->within[s->depth - 1], key, end);
  *at = skip_space(s, end + 1);
  if (peek(s, *at) != ':') return FAIL_INVALID;
  ++*at;
  return BEFORE_VALUE;
}

static step scan_opening(scanner *s, const char **at, bool object) {
  record_member(s, object ? OBJECT : ARRAY, *at, *at);
  if (s->depth == s->max_depth) return FAIL_DEPTH;
  if (s->depth < LEVELS) s->within[s->depth] = s->next; /* nobody looks up keys in an array */
  push_level(s, object);
  s->next = NOTHING;
  *at = skip_space(s, *at + 1);
  if (peek(s, *at) == (object ? '}' : ']')) return AFTER_VALUE; /* which closes it */
  return object ? BEFORE_KEY : BEFORE_VALUE;
}

/* What is no container is recorded by these; they return where it ends, or NULL. */

static const char *scan_string(scanner *s, const char *at) {
  const char *end = find_closing_quote(at + 1, s->end);
  if (!end) return NULL;
  record_member(s, STRING, at + 1, end);
  return end + 1;
}

static const char *scan_literal(scanner *s, const char *at, const char *word, size_t n, kind k) {
  if ((size_t)(s->end - at) < n || memcmp(at, word, n) != 0) return NULL;
  record_member(s, k, at, at + n);
  return at + n;
}

/* Passes over digits; NULL when there are none. */
static const char *skip_digits(const char *at, const char *end) {
  const char *start = at;
  while (at < end && is_digit(*at)) at++;
  return at > start ? at : NULL;
}

static const char *scan_number(scanner *s, const char *at) {
  const char *start = at;
  if (peek(s, at) == '-') at++;
  at = peek(s, at) == '0' ? at + 1 : skip_digits(at, s->end);
  if (at && peek(s, at) == '.') at = skip_digits(at + 1, s->end);
  if (at && (peek(s, at) == 'e' || peek(s, at) == 'E')) {
    at++;
    if (peek(s, at) == '+' || peek(s, at) == '-') at++;
    at = skip_digits(at, s->end);
  }
  if (at) record_member(s, NUMBER, start, at);
  return at;
}

static const char *scan_scalar(scanner *s, const char *at, char first) {
  switch (first) {
    case '"': return scan_string(s, at);
    case 't': return scan_literal(s, at, "true", 4, BOOLEAN);
    case 'f': return scan_literal(s, at, "false", 5, BOOLEAN);
    case 'n': return scan_literal(s, at, "null", 4, NULL_VALUE);
    default: return scan_number(s, at);
  }
}

/* Scans a value, of a container the opening bracket. */
static step scan_value(scanner *s, const char **at) {
  *at = skip_space(s, *at);
  char first = peek(s, *at);
  if (first == '{' || first == '[') return scan_opening(s, at, first == '{');
  *at = scan_scalar(s, *at, first);
  return *at ? AFTER_VALUE : FAIL_INVALID;
}

/* Scans what may follow a value: closing brackets, then a comma. */
static step scan_after_value(scanner *s, const char **at) {
  for (;;) {
    *at = skip_space(s, *at);
    if (s->depth == 0) return *at == s->end ? DONE : FAIL_INVALID;
    bool object = in_object(s);
    char c = peek(s, *at);
    if (c != ',' && c != (object ? '}' : ']')) return FAIL_INVALID;
    ++*at;
    if (c == ',') return object ? BEFORE_KEY : BEFORE_VALUE;
    s->depth--;
    if (s->depth < LEVELS) record_end(s, s->within[s->depth], *at);
  }
}

static aui_json_result run_automaton(scanner *s, const char *at, step next) {
  for (;;) {
    switch (next) {
      case BEFORE_VALUE: next = scan_value(s, &at); break;
      case BEFORE_KEY: next = scan_key(s, &at); break;
      case AFTER_VALUE: next = scan_after_value(s, &at); break;
      case DONE: return AUI_JSON_VALID;
      case FAIL_INVALID: return AUI_JSON_INVALID;
      case FAIL_DEPTH: return AUI_JSON_TOO_DEEP;
    }
  }
}

/* Member by member: to clear a struct as large as this takes longer than most updates. No caller's limit may be more
 * than the scanner remembers. */
static void begin_scan(scanner *s, const char *json, size_t n, unsigned max_depth, aui_json_scan *out) {
  s->json = json;
  s->end = json + n;
  s->max_depth = max_depth < AUI_JSON_MAX_DEPTH ? max_depth : AUI_JSON_MAX_DEPTH;
  s->depth = 0;
  s->next = NOTHING;
  s->out = out;
}

size_t aui_json_bom_size(const char *json, size_t n) {
  static const char bom[] = "\xef\xbb\xbf";
  return n >= 3 && memcmp(json, bom, 3) == 0 ? 3 : 0;
}

aui_json_result aui_json_scan_whole(const char *json, size_t n, unsigned max_depth, aui_json_scan *scan) {
  const char *start = json + aui_json_bom_size(json, n);
  scanner s;
  begin_scan(&s, json, n, max_depth, scan);
  s.next = ROOT;
  scan->members =
      (aui_json_members){.status_code = -1, .retry_after = -1, .envelope = {.seq = -1, .status_code = -1, .code = -1}};
  scan->at_text.data_text = none; /* the rest of it counts for nothing then */
  return run_automaton(&s, start, BEFORE_VALUE);
}

/* The end of the data is recorded again. */
static void go_back_to_text(aui_json_scan *scan, size_t text_end) {
  scan->at_text.data_text.end = text_end;
  if (scan->has_more) scan->members = scan->at_text;
  scan->members.data_text.end = text_end;
  scan->has_more = false;
}

aui_json_result aui_json_scan_from(const char *json, size_t n, unsigned max_depth, size_t from, aui_json_scan *scan) {
  const char *end = find_closing_quote(json + from, json + n);
  if (!end) return AUI_JSON_INVALID;
  scanner s;
  begin_scan(&s, json, n, max_depth, scan);
  push_level(&s, true); /* the root */
  push_level(&s, true); /* its data */
  s.within[0] = ROOT;
  s.within[1] = DATA;
  go_back_to_text(scan, (size_t)(end - json));
  return run_automaton(&s, end + 1, AFTER_VALUE);
}

/* ---- decoding and repairing ---- */

size_t aui_json_decode(const char *json, size_t at, size_t end, aui_json_piece *piece) {
  const char *p = json + at, *limit = json + end;
  if (*p != '\\') {
    const char *stop = memchr(p, '\\', end - at);
    piece->bytes = p;
    piece->n = (size_t)((stop ? stop : limit) - p);
    return at + piece->n;
  }
  uint32_t code;
  const char *next = read_escape(p, limit, &code);
  piece->bytes = piece->character;
  piece->n = encode_character(is_surrogate(code) ? REPLACEMENT : code, piece->character);
  return (size_t)(next - json);
}

size_t aui_json_settled_end(const char *json, aui_json_span string) {
  if (string.end - string.start < 6) return string.end;
  size_t last = string.end - 6;
  if (json[last] != '\\' || json[last + 1] != 'u' || !is_high(hex4(json + last + 2))) return string.end;
  /* An odd number of backslashes before it makes this one an escaped backslash. */
  size_t before = last;
  while (before > string.start && json[before - 1] == '\\') before--;
  return (last - before) % 2 == 0 ? last : string.end;
}

void aui_json_replace_unpaired(char *json, size_t n) {
  const char *end = json + n;
  for (char *p = json; (p = memchr(p, '\\', (size_t)(end - p)));) {
    uint32_t code;
    const char *next = read_escape(p, end, &code);
    if (is_surrogate(code)) memcpy(p, "\\ufffd", 6);
    p += next - p;
  }
}
