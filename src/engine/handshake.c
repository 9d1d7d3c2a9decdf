/* Writes the request of the opening handshake and judges the answer, line by line as it arrives: a
 * mistake is found with the line that makes it, and a result does not depend on how the network
 * sliced the input. */
#include "engine/handshake.h"

#include <string.h>

#include "engine/base64.h"
#include "engine/sha1.h"

/* RFC 6455, 1.3. */
static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum { SWITCHING_PROTOCOLS = 101, FIRST_FINAL_STATUS = 200, NO_CONTENT = 204, NOT_MODIFIED = 304 };

enum { KEY_SIZE = AUI_BASE64_LENGTH(AUI_HANDSHAKE_NONCE_SIZE) };

static const char http_1[] = "HTTP/1.";

/* How a TLS server answers what is no TLS: a record of content type 21, version 3.x (RFC 8446, 5.1). */
static const char tls_alert[] = {21, 3};

/* A run of bytes inside a line. */
typedef struct {
  const char *at;
  size_t len;
} span;

/* ---- the request ---- */

/* What the server must answer with (4.2.2, 5.4). */
static void compute_accept(char accept[AUI_HANDSHAKE_ACCEPT_SIZE + 1], const char *key) {
  char text[KEY_SIZE + sizeof accept_guid];
  memcpy(text, key, KEY_SIZE);
  memcpy(text + KEY_SIZE, accept_guid, sizeof accept_guid);
  uint8_t digest[AUI_SHA1_SIZE];
  aui_sha1(digest, text, sizeof text - 1);
  aui_base64_encode(accept, digest, sizeof digest);
}

bool aui_handshake_begin(aui_handshake *handshake, aui_buffer *out, const aui_request *request,
                         const uint8_t nonce[AUI_HANDSHAKE_NONCE_SIZE], size_t max_head) {
  char key[KEY_SIZE + 1];
  aui_base64_encode(key, nonce, AUI_HANDSHAKE_NONCE_SIZE);
  *handshake = (aui_handshake){.max_head = max_head, .head_left = max_head, .retry_after = -1};
  compute_accept(handshake->accept, key);

  const char *const parts[] = {"GET ",
                               request->target,
                               " HTTP/1.1\r\nHost: ",
                               request->host,
                               "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ",
                               key,
                               "\r\nSec-WebSocket-Version: 13\r\n",
                               request->headers,
                               "\r\n"};
  size_t before = out->len;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (!aui_buffer_append(out, parts[i], strlen(parts[i]))) {
      out->len = before;
      return false;
    }
  }
  return true;
}

/* ---- the grammar of a head ---- */

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Compares with a lower-case literal; the C library's comparison depends on the locale. */
static bool equals(span text, const char *lower_case) {
  if (text.len != strlen(lower_case)) return false;
  for (size_t i = 0; i < text.len; i++) {
    if (lower(text.at[i]) != lower_case[i]) return false;
  }
  return true;
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token_char(char c) {
  static const char symbols[] = "!#$%&'*+-.^_`|~";
  return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || memchr(symbols, c, sizeof symbols - 1);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static span trim(span text) {
  while (text.len > 0 && is_blank(text.at[0])) text.at++, text.len--;
  while (text.len > 0 && is_blank(text.at[text.len - 1])) text.len--;
  return text;
}

/* Takes the next element off a comma-separated list (RFC 9110, 5.6.1). Quoted strings do not occur
 * in those read here. */
static span next_element(span *list) {
  const char *comma = memchr(list->at, ',', list->len);
  span element = {list->at, comma ? (size_t)(comma - list->at) : list->len};
  size_t taken = element.len + (comma ? 1 : 0);
  list->at += taken;
  list->len -= taken;
  return trim(element);
}

static bool list_holds(span list, const char *lower_case) {
  while (list.len > 0) {
    if (equals(next_element(&list), lower_case)) return true;
  }
  return false;
}

/* A decimal number; one above `max` counts as `max`. */
static bool parse_number(span text, uint64_t max, uint64_t *number) {
  *number = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (!is_digit(text.at[i])) return false;
    uint64_t digit = (uint64_t)(text.at[i] - '0');
    *number = *number > (max - digit) / 10 ? max : *number * 10 + digit;
  }
  return text.len > 0;
}

/* ---- the answer's head ---- */

/* "HTTP/1.1 101 Switching Protocols" (RFC 9112, section 4), whose first seven characters were checked. The space before
 * an empty reason may be missing, since many servers leave it out. */
static aui_handshake_result take_status(aui_handshake *handshake, span line) {
  enum { MINOR = sizeof http_1 - 1, STATUS = MINOR + 2, REASON = STATUS + 3 };
  if (line.len < REASON || !is_digit(line.at[MINOR]) || line.at[MINOR + 1] != ' ') return AUI_HANDSHAKE_NOT_HTTP;
  if (line.len > REASON && line.at[REASON] != ' ') return AUI_HANDSHAKE_NOT_HTTP;
  uint64_t status;
  if (!parse_number((span){line.at + STATUS, REASON - STATUS}, 999, &status) || status < 100 || status > 599)
    return AUI_HANDSHAKE_NOT_HTTP;
  if (status == SWITCHING_PROTOCOLS && line.at[MINOR] == '0') return AUI_HANDSHAKE_NOT_HTTP;
  handshake->status = (int)status;
  handshake->place = AUI_HANDSHAKE_AT_FIELDS;
  return AUI_HANDSHAKE_NEED_MORE;
}

static void take_accept(aui_handshake *handshake, span value) {
  aui_handshake_fields *fields = &handshake->fields;
  bool right =
      value.len == AUI_HANDSHAKE_ACCEPT_SIZE && memcmp(value.at, handshake->accept, AUI_HANDSHAKE_ACCEPT_SIZE) == 0;
  if (!right || fields->accept) fields->bad_accept = true;
  fields->accept = true;
}

static void take_transfer_coding(aui_handshake_fields *fields, span value) {
  fields->transfer_coding = true;
  while (value.len > 0) fields->chunked = equals(next_element(&value), "chunked");
}

/* One length, which may be repeated (RFC 9112, 6.3). */
static bool take_length(aui_handshake_fields *fields, span value) {
  do {
    uint64_t length;
    if (!parse_number(next_element(&value), UINT64_MAX, &length)) return false;
    if (fields->has_length && length != fields->length) return false;
    fields->has_length = true;
    fields->length = length;
  } while (value.len > 0);
  return true;
}

static aui_handshake_result take_field(aui_handshake *handshake, span line) {
  span name = {line.at, 0};
  while (name.len < line.len && is_token_char(line.at[name.len])) name.len++;
  if (name.len == 0 || name.len == line.len || line.at[name.len] != ':') {
    return AUI_HANDSHAKE_NOT_HTTP;
  }
  span value = trim((span){line.at + name.len + 1, line.len - name.len - 1});

  aui_handshake_fields *fields = &handshake->fields;
  uint64_t seconds;
  if (equals(name, "upgrade")) {
    if (list_holds(value, "websocket")) fields->upgrade = true;
  } else if (equals(name, "connection")) {
    if (list_holds(value, "upgrade")) fields->connection = true;
  } else if (equals(name, "sec-websocket-accept")) {
    take_accept(handshake, value);
  } else if (equals(name, "sec-websocket-extensions")) {
    if (value.len > 0) fields->extension = true;
  } else if (equals(name, "sec-websocket-protocol")) {
    if (value.len > 0) fields->protocol = true;
  } else if (equals(name, "transfer-encoding")) {
    take_transfer_coding(fields, value);
  } else if (equals(name, "content-length")) {
    if (!take_length(fields, value)) return AUI_HANDSHAKE_NOT_HTTP;
  } else if (equals(name, "retry-after")) {
    if (parse_number(value, INT32_MAX, &seconds)) handshake->retry_after = (long)seconds;
  }
  return AUI_HANDSHAKE_NEED_MORE;
}

/* The checks of RFC 6455, 4.1, in its order. */
static aui_handshake_result judge_upgrade(const aui_handshake_fields *fields) {
  if (!fields->upgrade) return AUI_HANDSHAKE_NO_UPGRADE;
  if (!fields->connection) return AUI_HANDSHAKE_NO_CONNECTION;
  if (!fields->accept || fields->bad_accept) return AUI_HANDSHAKE_BAD_ACCEPT;
  if (fields->extension) return AUI_HANDSHAKE_BAD_EXTENSION;
  if (fields->protocol) return AUI_HANDSHAKE_BAD_PROTOCOL;
  return AUI_HANDSHAKE_ACCEPTED;
}

static aui_handshake_result end_interim(aui_handshake *handshake) {
  handshake->fields = (aui_handshake_fields){0};
  handshake->status = 0;
  handshake->retry_after = -1;
  handshake->place = AUI_HANDSHAKE_AT_STATUS;
  return AUI_HANDSHAKE_NEED_MORE;
}

/* Decides how the body is delimited (RFC 9112, 6.3). */
static aui_handshake_result end_head(aui_handshake *handshake) {
  const aui_handshake_fields *fields = &handshake->fields;
  int status = handshake->status;
  if (status == SWITCHING_PROTOCOLS) return judge_upgrade(fields);
  if (status < FIRST_FINAL_STATUS) return end_interim(handshake);
  if (status == NO_CONTENT || status == NOT_MODIFIED) return AUI_HANDSHAKE_REFUSED;
  if (fields->chunked) {
    handshake->place = AUI_HANDSHAKE_AT_CHUNK_SIZE;
    return AUI_HANDSHAKE_NEED_MORE;
  }
  handshake->place = AUI_HANDSHAKE_AT_BODY;
  bool until_eof = fields->transfer_coding || !fields->has_length;
  handshake->body_left = until_eof ? UINT64_MAX : fields->length;
  return handshake->body_left > 0 ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_REFUSED;
}

/* ---- the body of a refusal ---- */

static int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The size and perhaps extensions of the next chunk (RFC 9112, 7.1). The last one has size 0;
 * trailers are not waited for. */
static aui_handshake_result take_chunk_size(aui_handshake *handshake, span line) {
  enum { MAX_DIGITS = 16 };
  uint64_t size = 0;
  size_t i = 0;
  while (i < line.len && i < MAX_DIGITS && hex_digit(line.at[i]) >= 0) {
    size = size << 4 | (uint64_t)hex_digit(line.at[i++]);
  }
  bool ends = i == line.len || is_blank(line.at[i]) || line.at[i] == ';';
  if (size == 0 || !ends) return AUI_HANDSHAKE_REFUSED;
  handshake->body_left = size;
  handshake->place = AUI_HANDSHAKE_AT_CHUNK;
  return AUI_HANDSHAKE_NEED_MORE;
}

static aui_handshake_result take_chunk_end(aui_handshake *handshake, span line) {
  handshake->place = AUI_HANDSHAKE_AT_CHUNK_SIZE;
  return line.len == 0 ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_REFUSED;
}

static aui_handshake_result read_body(aui_handshake *handshake, const uint8_t **input, const uint8_t *end) {
  size_t n = (size_t)(end - *input);
  size_t room = AUI_HANDSHAKE_MAX_BODY - handshake->body.len;
  if (n > room) n = room;
  if (n > handshake->body_left) n = (size_t)handshake->body_left;
  if (!aui_buffer_append(&handshake->body, *input, n)) return AUI_HANDSHAKE_NO_MEMORY;
  *input += n;
  handshake->body_left -= n;
  if (n == room) return AUI_HANDSHAKE_REFUSED;
  if (handshake->body_left > 0) return AUI_HANDSHAKE_NEED_MORE;
  if (handshake->place == AUI_HANDSHAKE_AT_BODY) return AUI_HANDSHAKE_REFUSED;
  handshake->place = AUI_HANDSHAKE_AT_CHUNK_END;
  return AUI_HANDSHAKE_NEED_MORE;
}

/* ---- lines ---- */

/* What a line that cannot be read means: a broken head is no answer, a broken body was one. */
static aui_handshake_result broken(const aui_handshake *handshake, aui_handshake_result of_head) {
  bool in_head = handshake->place <= AUI_HANDSHAKE_AT_FIELDS;
  return in_head ? of_head : AUI_HANDSHAKE_REFUSED;
}

/* Judges the complete line in `line`, its LF included. */
static aui_handshake_result take_line(aui_handshake *handshake) {
  span line = {handshake->line.data, handshake->line.len - 1};
  handshake->line.len = 0;
  const char *cr = memchr(line.at, '\r', line.len);
  if (!cr || cr != line.at + line.len - 1 || memchr(line.at, '\0', line.len)) {
    return broken(handshake, AUI_HANDSHAKE_NOT_HTTP);
  }
  line.len--;
  switch (handshake->place) {
    case AUI_HANDSHAKE_AT_STATUS: return take_status(handshake, line);
    case AUI_HANDSHAKE_AT_FIELDS: return line.len > 0 ? take_field(handshake, line) : end_head(handshake);
    case AUI_HANDSHAKE_AT_CHUNK_SIZE: return take_chunk_size(handshake, line);
    default: return take_chunk_end(handshake, line);
  }
}

/* Whether the line agrees with the prefix as far as it goes. */
static bool begins_like(const aui_buffer *line, const char *prefix, size_t size) {
  size_t n = line->len < size ? line->len : size;
  return n == 0 || memcmp(line->data, prefix, n) == 0;
}

/* Finds out with the first bytes that the peer speaks something else. */
static aui_handshake_result judge_beginning(const aui_buffer *line) {
  if (begins_like(line, http_1, sizeof http_1 - 1)) return AUI_HANDSHAKE_NEED_MORE;
  if (!begins_like(line, tls_alert, sizeof tls_alert)) return AUI_HANDSHAKE_NOT_HTTP;
  return line->len < sizeof tls_alert ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_TLS_ALERT;
}

static aui_handshake_result read_line(aui_handshake *handshake, const uint8_t **input, const uint8_t *end) {
  size_t n = (size_t)(end - *input);
  if (n > handshake->head_left) n = handshake->head_left;
  const uint8_t *line_feed = memchr(*input, '\n', n);
  if (line_feed) n = (size_t)(line_feed - *input) + 1;
  if (!aui_buffer_append(&handshake->line, *input, n)) return AUI_HANDSHAKE_NO_MEMORY;
  *input += n;
  handshake->head_left -= n;

  if (handshake->place == AUI_HANDSHAKE_AT_STATUS) {
    aui_handshake_result result = judge_beginning(&handshake->line);
    if (result < 0) return result;
  }
  if (line_feed) return take_line(handshake);
  return handshake->head_left > 0 ? AUI_HANDSHAKE_NEED_MORE : broken(handshake, AUI_HANDSHAKE_TOO_LARGE);
}

aui_handshake_result aui_handshake_read(aui_handshake *handshake, const uint8_t **input, const uint8_t *end) {
  aui_handshake_result result = AUI_HANDSHAKE_NEED_MORE;
  while (result == AUI_HANDSHAKE_NEED_MORE && *input < end) {
    bool in_data = handshake->place == AUI_HANDSHAKE_AT_BODY || handshake->place == AUI_HANDSHAKE_AT_CHUNK;
    result = in_data ? read_body(handshake, input, end) : read_line(handshake, input, end);
  }
  return result;
}

aui_handshake_result aui_handshake_eof(const aui_handshake *handshake) {
  if (handshake->status >= FIRST_FINAL_STATUS) return AUI_HANDSHAKE_REFUSED;
  bool nothing_arrived = handshake->head_left == handshake->max_head;
  return nothing_arrived ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_NOT_HTTP;
}

const char *aui_handshake_describe(aui_handshake_result result) {
  switch (result) {
    case AUI_HANDSHAKE_TOO_LARGE: return "the head of the server's answer exceeds the limit (max_response_head)";
    case AUI_HANDSHAKE_NOT_HTTP: return "the server's answer is not HTTP/1.1";
    case AUI_HANDSHAKE_NO_UPGRADE: return "the server's answer lacks \"Upgrade: websocket\"";
    case AUI_HANDSHAKE_NO_CONNECTION: return "the server's answer lacks \"Connection: Upgrade\"";
    case AUI_HANDSHAKE_BAD_ACCEPT: return "the server's Sec-WebSocket-Accept is missing, repeated or wrong";
    case AUI_HANDSHAKE_BAD_EXTENSION: return "the server chose an extension that was not offered";
    case AUI_HANDSHAKE_BAD_PROTOCOL: return "the server chose a subprotocol that was not offered";
    case AUI_HANDSHAKE_TLS_ALERT: return "the server speaks TLS here: use wss://";
    case AUI_HANDSHAKE_NO_MEMORY: return "out of memory";
    default: return "the server's answer is in order";
  }
}

void aui_handshake_free(aui_handshake *handshake) {
  aui_buffer_free(&handshake->line);
  aui_buffer_free(&handshake->body);
}
