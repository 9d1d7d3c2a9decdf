/* UTF-8 validation after table 3-7 of the Unicode Standard (the ABNF of RFC 3629, section 4): the
 * lead byte says how many bytes follow, and the range of the first of them. */
#include "engine/utf8.h"

#include <string.h>

enum { CONTINUATION_MIN = 0x80, CONTINUATION_MAX = 0xBF };

static const uint64_t high_bits = 0x8080808080808080;

static uint64_t load_word(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/* The first byte that is not ASCII, or `end`. */
static const uint8_t *skip_ascii(const uint8_t *p, const uint8_t *end) {
  for (; end - p >= 32; p += 32) {
    uint64_t any = load_word(p) | load_word(p + 8) | load_word(p + 16) | load_word(p + 24);
    if (any & high_bits) break;
  }
  while (end - p >= 8 && !(load_word(p) & high_bits)) p += 8;
  while (p < end && *p < 0x80) p++;
  return p;
}

/* Begins a character of several bytes; false for a byte that begins none. */
static bool begin_character(aui_utf8 *state, uint8_t lead) {
  state->lower = CONTINUATION_MIN;
  state->upper = CONTINUATION_MAX;
  if (lead < 0xC2 || lead > 0xF4) return false; /* continuation bytes, overlong forms; > U+10FFFF */
  if (lead < 0xE0) {
    state->need = 1;
  } else if (lead < 0xF0) {
    state->need = 2;
    if (lead == 0xE0) state->lower = 0xA0; /* overlong below */
    if (lead == 0xED) state->upper = 0x9F; /* surrogates above */
  } else {
    state->need = 3;
    if (lead == 0xF0) state->lower = 0x90; /* overlong below */
    if (lead == 0xF4) state->upper = 0x8F; /* > U+10FFFF above */
  }
  return true;
}

static bool continue_character(aui_utf8 *state, uint8_t byte) {
  if (byte < state->lower || byte > state->upper) return false;
  state->lower = CONTINUATION_MIN;
  state->upper = CONTINUATION_MAX;
  state->need--;
  return true;
}

bool aui_utf8_feed(aui_utf8 *state, const void *bytes, size_t n) {
  if (n == 0) return true;
  const uint8_t *p = bytes;
  const uint8_t *end = p + n;
  aui_utf8 s = *state;
  while (p < end) {
    if (s.need > 0) {
      if (!continue_character(&s, *p++)) return false;
    } else if (*p < 0x80) {
      p = skip_ascii(p, end);
    } else if (!begin_character(&s, *p++)) {
      return false;
    }
  }
  *state = s;
  return true;
}

bool aui_utf8_complete(const aui_utf8 *state) {
  return state->need == 0;
}

bool aui_utf8_valid(const void *bytes, size_t n) {
  aui_utf8 state = {0};
  return aui_utf8_feed(&state, bytes, n) && aui_utf8_complete(&state);
}

size_t aui_utf8_boundary(const void *bytes, size_t n, size_t at) {
  const uint8_t *p = bytes;
  while (at > 0 && at < n && (p[at] & 0xC0) == 0x80) at--;
  return at;
}
