/* Between, before and behind number and text all bytes are equal; so a string that needs no decoding takes the place of
 * another one, and digits that of digits, and JSON that was valid stays so and says the same of all else. */
#include "engine/alike.h"

#include <string.h>

#include "engine/utf8.h"

enum { MOST_DIGITS = 15, MOST_BYTES = 1024 }; /* of a number that all readers agree on; of an event that is kept */

/* Takes what must be equal at `*at`. */
static bool pass_equal(const aui_alike *alike, size_t from, size_t to, const char **at, const char *end) {
  size_t n = to - from;
  if ((size_t)(end - *at) < n || memcmp(*at, alike->bytes.data + from, n) != 0) return false;
  *at += n;
  return true;
}

/* Takes a number as JSON has it, without sign, fraction and exponent. */
static bool pass_number(const char **at, const char *end, int64_t *number) {
  const char *start = *at, *most = end - start > MOST_DIGITS ? start + MOST_DIGITS : end, *p = start;
  int64_t value = 0;
  for (; p < most && *p >= '0' && *p <= '9'; p++) value = value * 10 + (*p - '0');
  bool valid = p > start && (*start != '0' || p - start == 1);
  *at = p;
  *number = value;
  return valid;
}

/* Takes a string up to its closing quote. */
static bool pass_text(const char **at, const char *end, aui_delta *delta) {
  const char *quote = aui_json_find_special(*at, end);
  if (quote == end || *quote != '"' || quote == *at) return false;
  delta->text = *at;
  delta->length = (size_t)(quote - *at);
  *at = quote;
  return aui_utf8_valid(delta->text, delta->length);
}

size_t aui_alike_match(const aui_alike *alike, aui_span input, aui_delta *delta) {
  if (alike->bytes.len == 0) return 0;
  const char *start = input.at, *end = start + input.len, *at = start;
  bool matches = pass_equal(alike, 0, alike->number.start, &at, end) && pass_number(&at, end, &delta->number) &&
                 pass_equal(alike, alike->number.end, alike->text.start, &at, end) && pass_text(&at, end, delta) &&
                 pass_equal(alike, alike->text.end, alike->bytes.len, &at, end);
  return matches ? (size_t)(at - start) : 0;
}

bool aui_alike_learn(aui_alike *alike, aui_span event, aui_json_span number, aui_json_span text) {
  alike->bytes.len = 0;
  bool in_order = number.start > 0 && number.end <= text.start;
  if (!in_order || event.len > MOST_BYTES) return true;
  alike->number = number;
  alike->text = text;
  return aui_buffer_append(&alike->bytes, event.at, event.len);
}

void aui_alike_forget(aui_alike *alike) {
  aui_buffer_free(&alike->bytes);
}
