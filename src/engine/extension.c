/* Reads what a server agrees to of permessage-deflate. */
#include "engine/extension.h"

#include <string.h>

enum { LEAST_BITS = 8 };

typedef struct {
  const char *at, *end;
} cursor;

/* ---- The form: RFC 6455, 9.1, and RFC 9110, 5.6 ---- */

static void skip_blanks(cursor *c) {
  while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) c->at++;
}

/* Whether this comes next, blanks around it or not; takes it then. */
static bool take_char(cursor *c, char wanted) {
  skip_blanks(c);
  if (c->at == c->end || *c->at != wanted) return false;
  c->at++;
  skip_blanks(c);
  return true;
}

/* The characters up to what may stand behind a token: a name or number of ours has none but those of tokens. */
static aui_span take_token(cursor *c) {
  aui_span token = {c->at, 0};
  while (c->at < c->end && !strchr(" \t,;=\"", *c->at)) c->at++;
  token.len = (size_t)(c->at - token.at);
  return token;
}

/* What a quoted string says, whose first quote has been taken, as far as `room` has room for it; `*n`: how long that is
 * in full. False when it does not end. */
static bool take_quoted(cursor *c, char *room, size_t size, size_t *n) {
  for (*n = 0; c->at < c->end; c->at++) {
    if (*c->at == '"') {
      c->at++;
      return true;
    }
    if (*c->at == '\\' && ++c->at == c->end) return false;
    if (*n < size) room[*n] = *c->at;
    ++*n;
  }
  return false;
}

/* ---- The parameters: RFC 7692, 7.1 ---- */

/* Those of an answer have a value exactly where it is a size. */
typedef enum {
  SERVER_NO_CONTEXT_TAKEOVER,
  CLIENT_NO_CONTEXT_TAKEOVER,
  SERVER_MAX_WINDOW_BITS,
  CLIENT_MAX_WINDOW_BITS,
  PARAMETERS
} parameter;

static parameter parameter_of(aui_span name) {
  static const char *const names[PARAMETERS] = {"server_no_context_takeover", "client_no_context_takeover",
                                                "server_max_window_bits", "client_max_window_bits"};
  int i = 0;
  while (i < PARAMETERS && !aui_span_equals(name, names[i])) i++;
  return (parameter)i;
}

/* A window's size in bits, without leading zeros; 0 for all that is none. */
static uint8_t read_bits(const char *text, size_t n) {
  int bits = 0;
  if (n > 2 || n == 0 || text[0] == '0') return 0;
  for (size_t i = 0; i < n; i++) {
    if (text[i] < '0' || text[i] > '9') return 0;
    bits = 10 * bits + text[i] - '0';
  }
  return bits >= LEAST_BITS && bits <= AUI_EXTENSION_MOST_BITS ? (uint8_t)bits : 0;
}

/* Takes what stands behind a parameter's name. */
static aui_extension_result take_value(cursor *c, bool *there, uint8_t *bits) {
  char room[3];
  size_t n = 0;
  *there = take_char(c, '=');
  if (!*there) return AUI_EXTENSION_FINE;
  if (take_char(c, '"')) {
    if (!take_quoted(c, room, sizeof room, &n)) return AUI_EXTENSION_MALFORMED;
    *bits = read_bits(room, n);
  } else {
    aui_span token = take_token(c);
    if (token.len == 0) return AUI_EXTENSION_MALFORMED;
    *bits = read_bits(token.at, token.len);
  }
  return AUI_EXTENSION_FINE;
}

/* `seen`: a bit for each parameter that has come. */
static aui_extension_result take_parameter(aui_extension *agreed, cursor *c, unsigned *seen) {
  bool has_value;
  uint8_t bits = 0;
  aui_span name = take_token(c);
  if (name.len == 0) return AUI_EXTENSION_MALFORMED;
  aui_extension_result result = take_value(c, &has_value, &bits);
  if (result != AUI_EXTENSION_FINE) return result;
  parameter which = parameter_of(name);
  if (which == PARAMETERS || *seen & 1U << which) return AUI_EXTENSION_BAD_PARAMETER;
  *seen |= 1U << which;
  bool is_size = which >= SERVER_MAX_WINDOW_BITS;
  if (has_value != is_size || (is_size && bits == 0)) return AUI_EXTENSION_BAD_PARAMETER;
  if (which == SERVER_NO_CONTEXT_TAKEOVER) agreed->takeover = false;
  if (which == SERVER_MAX_WINDOW_BITS) agreed->window_bits = bits;
  return AUI_EXTENSION_FINE;
}

static aui_extension_result take_extension(aui_extension *agreed, cursor *c) {
  aui_span name = take_token(c);
  unsigned seen = 0;
  if (name.len == 0) return AUI_EXTENSION_MALFORMED;
  if (!aui_span_equals(name, "permessage-deflate")) return AUI_EXTENSION_NOT_OFFERED;
  if (agreed->deflate) return AUI_EXTENSION_REPEATED;
  *agreed = (aui_extension){.deflate = true, .takeover = true, .window_bits = AUI_EXTENSION_MOST_BITS};
  while (take_char(c, ';')) {
    aui_extension_result result = take_parameter(agreed, c, &seen);
    if (result != AUI_EXTENSION_FINE) return result;
  }
  return AUI_EXTENSION_FINE;
}

aui_extension_result aui_extension_read(aui_extension *agreed, aui_span value) {
  cursor c = {value.at, value.at + value.len};
  while (true) {
    while (take_char(&c, ',')) continue; /* elements may be empty (RFC 9110, 5.6.1.2) */
    if (c.at == c.end) return AUI_EXTENSION_FINE;
    aui_extension_result result = take_extension(agreed, &c);
    if (result != AUI_EXTENSION_FINE) return result;
    skip_blanks(&c);
    if (c.at < c.end && *c.at != ',') return AUI_EXTENSION_MALFORMED;
  }
}
