/* Fuzzes how words of others are shown. The input's first byte says how long the line may be; the rest is the text. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/utf8.h"
#include "engine/words.h"

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                   \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

enum { LEAST_ROOM = 8 };

/* Whether something in it may begin another line, or steer a terminal. */
static bool is_unruly(const char *line) {
  static const char *const separators[] = {"\xE2\x80\xA8", "\xE2\x80\xA9", "  "};
  for (const uint8_t *c = (const uint8_t *)line; *c; c++) {
    if (*c < ' ' || *c == 0x7F || (*c == 0xC2 && c[1] < 0xA0)) return true;
  }
  for (size_t i = 0; i < sizeof separators / sizeof *separators; i++) {
    if (strstr(line, separators[i])) return true;
  }
  return *line == ' ';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  size_t room = LEAST_ROOM + data[0];
  char *line = malloc(room), *again = malloc(room); /* of this size, so that the sanitizer sees one byte more */
  CHECK(line && again);
  size_t n = aui_words_copy(line, room, (const char *)data + 1, size - 1);
  CHECK(n < room && strlen(line) == n);
  CHECK(aui_utf8_valid(line, n));
  CHECK(!is_unruly(line));
  CHECK(aui_words_copy(again, room, line, n) == n && strcmp(again, line) == 0);
  free(line);
  free(again);
  return 0;
}
