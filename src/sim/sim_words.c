// Text as plain words; see sim_words.h.
#include "sim_words.h"

#include "sim_buffer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool belongs_to_word(const char *text, size_t i) {
  unsigned char c = (unsigned char)text[i];
  if (isalnum(c) || c >= 0x80 || c == '$') return true;
  return c == '.' && i > 0 && isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1]);
}

// A comma between digits: 1,299.
static bool groups_digits(const char *text, size_t i) {
  return text[i] == ',' && i > 0 && isdigit((unsigned char)text[i - 1]) && isdigit((unsigned char)text[i + 1]);
}

char *sim_words(const char *text) {
  char *words = sim_alloc(strlen(text) + 3);
  size_t n = 0;
  words[n++] = ' ';
  for (size_t i = 0; text[i]; i++) {
    if (belongs_to_word(text, i))
      words[n++] = (char)tolower((unsigned char)text[i]);
    else if (words[n - 1] != ' ' && text[i] != '\'' && !groups_digits(text, i))
      words[n++] = ' ';
  }
  if (words[n - 1] != ' ') words[n++] = ' ';
  return words;
}

bool sim_words_have(const char *words, const char *phrase) {
  char *wanted = sim_words(phrase);
  bool found = wanted[1] && strstr(words, wanted) != NULL;
  free(wanted);
  return found;
}

bool sim_words_have_any(const char *words, const json_t *phrases) {
  for (size_t i = 0; i < json_array_size(phrases); i++)
    if (sim_words_have(words, json_string_value(json_array_get(phrases, i)))) return true;
  return false;
}
