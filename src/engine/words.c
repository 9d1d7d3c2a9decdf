/* Words for people: what others wrote is one line that no terminal, log or JSON can stumble over. */
#include "engine/words.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/utf8.h"

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
static const char ellipsis[] = "...";

enum { REPLACEMENT = sizeof replacement - 1, ELLIPSIS = sizeof ellipsis - 1, LONGEST_CHARACTER = 4 };

/* How long the character at the beginning of `n` bytes is; 0: they begin with none. */
static size_t character_length(const char *text, size_t n) {
  for (size_t length = 1; length <= n && length <= LONGEST_CHARACTER; length++) {
    if (aui_utf8_valid(text, length)) return length;
  }
  return 0;
}

static bool is_gap(const char *text, size_t length) {
  const uint8_t *c = (const uint8_t *)text;
  if (length == 1) return c[0] <= ' ' || c[0] == 0x7F;
  if (length == 2) return c[0] == 0xC2 && c[1] < 0xA0;                                  /* C1 */
  return length == 3 && c[0] == 0xE2 && c[1] == 0x80 && (c[2] == 0xA8 || c[2] == 0xA9); /* U+2028, U+2029 */
}

static size_t end_cut(char *line, size_t len, size_t room) {
  size_t most = room - 1 - ELLIPSIS;
  len = aui_utf8_boundary(line, len, len < most ? len : most);
  memcpy(line + len, ellipsis, sizeof ellipsis);
  return len + ELLIPSIS;
}

size_t aui_words_copy(char *line, size_t room, const char *text, size_t n) {
  size_t len = 0, length;
  bool gap = false;
  for (size_t i = 0; i < n; i += length ? length : 1) {
    length = character_length(text + i, n - i);
    if (is_gap(text + i, length)) {
      gap = true;
      continue;
    }
    bool space = gap && len > 0;
    const char *character = length ? text + i : replacement;
    size_t size = length ? length : REPLACEMENT;
    if (len + space + size >= room) return end_cut(line, len, room);
    if (space) line[len++] = ' ';
    memcpy(line + len, character, size);
    len += size;
    gap = false;
  }
  line[len] = '\0';
  return len;
}

const char *aui_words_seconds(char words[AUI_WORDS_SECONDS], uint64_t milliseconds) {
  uint64_t whole = milliseconds / 1000, rest = milliseconds % 1000;
  int n = snprintf(words, AUI_WORDS_SECONDS, "%" PRIu64 ".%03" PRIu64, whole, rest);
  while (words[n - 1] == '0') n--;
  if (words[n - 1] == '.') n--;
  words[n] = '\0';
  return words;
}
