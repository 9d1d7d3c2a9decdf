/* HTTP/1.1 for a client. An answer is read line by line as it arrives: a mistake is found with the line that makes it,
 * and what is reported does not depend on how the network sliced the input. */
#include "engine/http.h"

#include <string.h>

#include "engine/bytes.h"
#include "engine/words.h"

enum { NO_CONTENT = 204, FIRST_REDIRECT = 300, NOT_MODIFIED = 304 };

static const char http_1[] = "HTTP/1.";

/* How a TLS server answers what is no TLS: a record of content type 21, version 3.x (RFC 8446, 5.1). */
static const char tls_alert[] = {21, 3};

bool aui_http_write_request(aui_buffer *out, const char *method, const aui_request *request, const char *fields) {
  const char *const parts[] = {
      method, " ", request->target, " HTTP/1.1\r\nHost: ", request->host, "\r\n", fields, request->headers, "\r\n"};
  size_t before = out->len;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!aui_buffer_append(out, parts[i], strlen(parts[i]))) {
      out->len = before;
      return false;
    }
  }
  return true;
}

/* ---- Grammar ---- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token_char(char c) {
  static const char symbols[] = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || memchr(symbols, c, sizeof symbols - 1);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

bool aui_span_equals(aui_span text, const char *lower_case) {
  if (text.len != strlen(lower_case)) return false;
  for (size_t i = 0; i < text.len; i++) {
    if (lower(text.at[i]) != lower_case[i]) return false;
  }
  return true;
}

static aui_span trim(aui_span text) {
  while (text.len > 0 && is_blank(text.at[0])) text.at++, text.len--;
  while (text.len > 0 && is_blank(text.at[text.len - 1])) text.len--;
  return text;
}

/* Takes the next element off a list. */
static aui_span next_element(aui_span *list) {
  const char *comma = memchr(list->at, ',', list->len);
  aui_span element = {list->at, comma ? (size_t)(comma - list->at) : list->len};
  size_t taken = element.len + (comma ? 1 : 0);
  list->at += taken;
  list->len -= taken;
  return trim(element);
}

bool aui_span_list_has(aui_span list, const char *lower_case) {
  while (list.len > 0) {
    if (aui_span_equals(next_element(&list), lower_case)) return true;
  }
  return false;
}

/* A decimal number; one too large is the largest. */
static bool parse_number(aui_span text, uint64_t *number) {
  *number = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.at[i])) return false;
    uint64_t digit = (uint64_t)(text.at[i] - '0');
    *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
  }
  return text.len > 0;
}

/* ---- The head ---- */

/* "HTTP/1.1 101 Switching Protocols" (RFC 9112, section 4), whose first seven characters were checked. The space before
 * an empty reason may be missing, since many servers leave it out. */
static aui_http_event take_status(aui_http *http, aui_span line) {
  enum { MINOR = sizeof http_1 - 1, STATUS = MINOR + 2, REASON = STATUS + 3 };
  if (line.len < REASON || !is_digit(line.at[MINOR]) || line.at[MINOR + 1] != ' ') return AUI_HTTP_NOT_HTTP;
  if (line.len > REASON && line.at[REASON] != ' ') return AUI_HTTP_NOT_HTTP;
  uint64_t status;
  if (!parse_number((aui_span){line.at + STATUS, REASON - STATUS}, &status) || status < 100) return AUI_HTTP_NOT_HTTP;
  http->status = (int)status;
  http->is_http_1_0 = line.at[MINOR] == '0';
  aui_words_copy(http->reason, sizeof http->reason, line.at + REASON, line.len - REASON);
  http->place = AUI_HTTP_AT_FIELD;
  return AUI_HTTP_NEED_MORE;
}

/* Where the name of a field's line ends; 0 for a line that is none. */
static size_t end_of_name(aui_span line) {
  size_t n = 0;
  while (n < line.len && is_token_char(line.at[n])) n++;
  return n < line.len && line.at[n] == ':' ? n : 0;
}

/* One length, which may be repeated (RFC 9112, 6.3). */
static void take_length(aui_http *http) {
  aui_span list = http->value;
  do {
    uint64_t length;
    bool bad = !parse_number(next_element(&list), &length) || (http->has_length && length != http->length);
    if (bad) http->bad_length = true;
    http->has_length = true;
    http->length = length;
  } while (list.len > 0);
}

/* What of the field matters to the body of the message. */
static void take_framing(aui_http *http) {
  if (aui_span_equals(http->name, "content-length")) {
    take_length(http);
  } else if (aui_span_equals(http->name, "transfer-encoding")) {
    http->chunked = !http->coded && aui_span_equals(http->value, "chunked");
    http->coded = true;
  } else if (aui_span_equals(http->name, "content-encoding")) {
    if (!aui_span_equals(http->value, "identity"))
      aui_words_copy(http->encoding, sizeof http->encoding, http->value.at, http->value.len);
  } else if (aui_span_equals(http->name, "connection")) {
    if (aui_span_list_has(http->value, "close")) http->said_close = true;
    if (aui_span_list_has(http->value, "keep-alive")) http->said_keep_alive = true;
  }
}

/* The field in `line` is complete: nothing of it follows. */
static aui_http_event end_field(aui_http *http) {
  aui_span line = {http->line.data, http->line.len};
  http->line.len = http->folded = 0; /* its bytes stay where they are until the next call */
  http->place = AUI_HTTP_AT_FIELD;
  if (http->status < AUI_HTTP_FIRST_FINAL_STATUS && http->status != AUI_HTTP_SWITCHING_PROTOCOLS)
    return AUI_HTTP_NEED_MORE;
  size_t name = end_of_name(line);
  http->name = (aui_span){line.at, name};
  http->value = trim((aui_span){line.at + name + 1, line.len - name - 1});
  take_framing(http);
  return AUI_HTTP_FIELD;
}

/* Behind the line of a field. An obs-fold counts as one blank (5.2). */
static aui_http_event look_for_fold(aui_http *http, const uint8_t **input) {
  aui_buffer *line = &http->line;
  if (is_blank((char)**input)) {
    if (http->room == 0) return AUI_HTTP_HEAD_TOO_LONG;
    http->in_fold = true;
    http->room--;
    ++*input;
    return AUI_HTTP_NEED_MORE;
  }
  if (!http->in_fold) return end_field(http);
  http->in_fold = false;
  while (is_blank(line->data[line->len - 1])) line->len--; /* there is a colon */
  http->folded = line->len;
  http->place = AUI_HTTP_AT_FIELD;
  line->data[line->len++] = ' '; /* where its line feed was */
  return AUI_HTTP_NEED_MORE;
}

/* Decides how the body is delimited (RFC 9112, 6.3), and whether the connection outlives it (9.3). A coding and a
 * length at once are an attack, or a mistake (6.1). */
static void decide_framing(aui_http *http) {
  bool none = http->status < AUI_HTTP_FIRST_FINAL_STATUS || http->status == NO_CONTENT || http->status == NOT_MODIFIED;
  http->keep_alive = !http->said_close && (!http->is_http_1_0 || (http->said_keep_alive && !http->coded));
  if (none) {
    http->place = AUI_HTTP_AT_END;
  } else if (http->bad_length || (http->coded && (http->has_length || !http->chunked))) {
    http->place = AUI_HTTP_AT_NOTHING;
  } else if (http->chunked) {
    http->place = AUI_HTTP_AT_CHUNK_SIZE;
    http->room = http->limits.max_chunk_framing;
  } else if (http->has_length) {
    http->place = http->length > 0 ? AUI_HTTP_AT_BODY : AUI_HTTP_AT_END;
    http->left = http->length;
  } else {
    http->place = AUI_HTTP_AT_REST;
    http->keep_alive = false;
  }
  http->has_length = http->place == AUI_HTTP_AT_BODY;
}

static bool is_unreadable(const aui_http *http) {
  bool success = http->status >= AUI_HTTP_FIRST_FINAL_STATUS && http->status < FIRST_REDIRECT;
  return success && http->encoding[0] && http->place != AUI_HTTP_AT_END;
}

static aui_http_event end_head(aui_http *http) {
  bool interim = http->status < AUI_HTTP_FIRST_FINAL_STATUS && http->status != AUI_HTTP_SWITCHING_PROTOCOLS;
  if (interim) {
    http->status = 0;
    http->place = AUI_HTTP_AT_STATUS;
    return AUI_HTTP_NEED_MORE;
  }
  decide_framing(http);
  if (is_unreadable(http)) http->place = AUI_HTTP_AT_NOTHING;
  return AUI_HTTP_HEAD;
}

static aui_http_event take_field_line(aui_http *http) {
  aui_buffer *line = &http->line;
  if (line->len == 0) return end_head(http);
  if (http->folded == 0 && end_of_name((aui_span){line->data, line->len}) == 0) return AUI_HTTP_NOT_HTTP;
  http->place = AUI_HTTP_AT_FOLD;
  return AUI_HTTP_NEED_MORE;
}

/* ---- The body ---- */

/* The size and perhaps extensions of the next chunk (RFC 9112, 7.1). The last one has size 0. */
static aui_http_event take_chunk_size(aui_http *http, aui_span line) {
  uint64_t size = 0;
  size_t i = 0;
  for (; i < line.len && aui_hex_digit(line.at[i]) >= 0; i++) {
    if (size > UINT64_MAX >> 4) return AUI_HTTP_BAD_CHUNK;
    size = size << 4 | (uint64_t)aui_hex_digit(line.at[i]);
  }
  bool ends = i == line.len || is_blank(line.at[i]) || line.at[i] == ';';
  if (i == 0 || !ends) return AUI_HTTP_BAD_CHUNK;
  http->left = size;
  http->place = size > 0 ? AUI_HTTP_AT_CHUNK : AUI_HTTP_AT_TRAILER;
  return AUI_HTTP_NEED_MORE;
}

static aui_http_event take_chunk_end(aui_http *http, aui_span line) {
  http->place = AUI_HTTP_AT_CHUNK_SIZE;
  return line.len == 0 ? AUI_HTTP_NEED_MORE : AUI_HTTP_BAD_CHUNK;
}

/* Passes over the line end behind a chunk, if all of it is at hand, as it nearly always is. */
static bool pass_chunk_end(aui_http *http, const uint8_t **input, const uint8_t *end) {
  bool at_hand = http->line.len == 0 && http->room > 2 && end - *input >= 2 && memcmp(*input, "\r\n", 2) == 0;
  if (!at_hand) return false;
  *input += 2;
  http->room -= 2;
  http->place = AUI_HTTP_AT_CHUNK_SIZE;
  return true;
}

static aui_http_event take_trailer(aui_http *http, aui_span line) {
  if (line.len == 0) http->place = AUI_HTTP_AT_END;
  return AUI_HTTP_NEED_MORE;
}

/* All of the body, or of a chunk, is there. */
static void end_piece(aui_http *http) {
  http->place = http->place == AUI_HTTP_AT_BODY ? AUI_HTTP_AT_END : AUI_HTTP_AT_CHUNK_END;
  http->room = http->limits.max_chunk_framing;
}

static aui_http_event read_body(aui_http *http, const uint8_t **input, const uint8_t *end) {
  size_t n = (size_t)(end - *input);
  if (http->place != AUI_HTTP_AT_REST) {
    if (n > http->left) n = (size_t)http->left;
    http->left -= n;
    if (http->left == 0) end_piece(http);
  }
  http->piece = (aui_span){(const char *)*input, n};
  *input += n;
  return AUI_HTTP_BODY;
}

/* ---- Lines ---- */

static bool in_head(const aui_http *http) {
  return http->place <= AUI_HTTP_AT_FOLD;
}

/* Whether it has what must not be within a line. Between chunks it is so short that memchr would take longer. */
static bool has_stray(const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (text[i] == '\r' || text[i] == '\0') return true;
  }
  return false;
}

/* Takes the complete line, its LF included, but for what was looked at before. That of a field is in `line`. */
static aui_http_event take_line(aui_http *http, aui_span whole) {
  const char *begin = whole.at + http->folded;
  size_t n = whole.len - http->folded - 1;
  if (n > 0 && begin[n - 1] == '\r') n--;
  if (has_stray(begin, n)) return in_head(http) ? AUI_HTTP_NOT_HTTP : AUI_HTTP_BAD_CHUNK;
  http->line.len = http->folded + n;
  if (http->place == AUI_HTTP_AT_FIELD) return take_field_line(http);
  http->line.len = 0;
  aui_span text = {begin, n};
  switch (http->place) {
    case AUI_HTTP_AT_STATUS: return take_status(http, text);
    case AUI_HTTP_AT_CHUNK_SIZE: return take_chunk_size(http, text);
    case AUI_HTTP_AT_CHUNK_END: return take_chunk_end(http, text);
    default: return take_trailer(http, text);
  }
}

/* Whether the line agrees with the prefix as far as it goes. */
static bool begins_like(const aui_buffer *line, const char *prefix, size_t size) {
  size_t n = line->len < size ? line->len : size;
  return n == 0 || memcmp(line->data, prefix, n) == 0;
}

/* Finds out with the first bytes that the peer speaks something else. */
static aui_http_event check_beginning(const aui_buffer *line) {
  if (begins_like(line, http_1, sizeof http_1 - 1)) return AUI_HTTP_NEED_MORE;
  if (!begins_like(line, tls_alert, sizeof tls_alert)) return AUI_HTTP_NOT_HTTP;
  return line->len < sizeof tls_alert ? AUI_HTTP_NEED_MORE : AUI_HTTP_TLS_ALERT;
}

static aui_http_event read_line(aui_http *http, const uint8_t **input, const uint8_t *end) {
  size_t n = (size_t)(end - *input);
  if (n > http->room) n = http->room;
  const uint8_t *line_feed = memchr(*input, '\n', n);
  if (line_feed) n = (size_t)(line_feed - *input) + 1;
  aui_span line = {(const char *)*input, n};
  bool kept = !line_feed || http->line.len > 0 || in_head(http); /* else it is whole where it is */
  if (kept && !aui_buffer_append(&http->line, line.at, n)) return AUI_HTTP_NO_MEMORY;
  if (kept) line = (aui_span){http->line.data, http->line.len};
  *input += n;
  http->room -= n;

  if (http->place == AUI_HTTP_AT_STATUS) {
    aui_http_event event = check_beginning(&http->line);
    if (event < 0) return event;
  }
  if (line_feed) return take_line(http, line);
  if (http->room > 0) return AUI_HTTP_NEED_MORE;
  return in_head(http) ? AUI_HTTP_HEAD_TOO_LONG : AUI_HTTP_FRAMING_TOO_LONG;
}

/* ---- The whole ---- */

void aui_http_begin(aui_http *http, const aui_http_limits *limits) {
  *http = (aui_http){.limits = *limits, .room = limits->max_response_head};
}

static aui_http_event read_some(aui_http *http, const uint8_t **input, const uint8_t *end) {
  switch (http->place) {
    case AUI_HTTP_AT_FOLD: return look_for_fold(http, input);
    case AUI_HTTP_AT_BODY:
    case AUI_HTTP_AT_REST:
    case AUI_HTTP_AT_CHUNK: return read_body(http, input, end);
    case AUI_HTTP_AT_CHUNK_END:
      return pass_chunk_end(http, input, end) ? AUI_HTTP_NEED_MORE : read_line(http, input, end);
    default: return read_line(http, input, end);
  }
}

aui_http_event aui_http_read(aui_http *http, const uint8_t **input, const uint8_t *end) {
  for (;;) {
    if (http->place == AUI_HTTP_AT_END) return AUI_HTTP_END;
    if (http->place == AUI_HTTP_AT_NOTHING) return is_unreadable(http) ? AUI_HTTP_ENCODED : AUI_HTTP_BAD_FRAMING;
    if (*input == end) return AUI_HTTP_NEED_MORE;
    aui_http_event event = read_some(http, input, end);
    bool passed_over = event == AUI_HTTP_BODY && http->encoding[0];
    if (event != AUI_HTTP_NEED_MORE && !passed_over) return event;
  }
}

bool aui_http_is_untouched(const aui_http *http) {
  return http->place == AUI_HTTP_AT_STATUS && http->room == http->limits.max_response_head;
}

bool aui_http_ends_with_connection(const aui_http *http) {
  return http->place == AUI_HTTP_AT_REST;
}

const char *aui_http_describe(aui_http_event event) {
  switch (event) {
    case AUI_HTTP_HEAD_TOO_LONG: return "the head of the server's answer exceeds the limit (max_response_head)";
    case AUI_HTTP_NOT_HTTP: return "the server's answer is not HTTP/1.1";
    case AUI_HTTP_TLS_ALERT: return "the server speaks TLS here: use wss://";
    case AUI_HTTP_BAD_FRAMING: return "the answer's Content-Length or Transfer-Encoding cannot be understood";
    case AUI_HTTP_BAD_CHUNK: return "the answer breaks the chunked coding";
    case AUI_HTTP_FRAMING_TOO_LONG:
      return "what the answer has between its chunks exceeds the limit (max_chunk_framing)";
    case AUI_HTTP_NO_MEMORY: return "out of memory";
    case AUI_HTTP_ENCODED: return "the server's answer has a Content-Encoding, for which nobody had asked";
    default: return "the server's answer is in order";
  }
}

void aui_http_free(aui_http *http) {
  aui_buffer_free(&http->line);
}
