// Text as plain words: lower case, no punctuation.
#ifndef AUI_SIM_SIM_WORDS_H
#define AUI_SIM_SIM_WORDS_H

#include <jansson.h>
#include <stdbool.h>

// The words of a text in lower case (ASCII), each followed by one space, with one space in front; to be freed with
// free(). Hyphens part words; a '$' stays in front of its number, and a number keeps its decimal point.
char *sim_words(const char *text);

// Whether such words hold this phrase (any text) as whole words.
bool sim_words_have(const char *words, const char *phrase);

// Whether they hold any of the phrases of a JSON array of strings.
bool sim_words_have_any(const char *words, const json_t *phrases);

#endif
