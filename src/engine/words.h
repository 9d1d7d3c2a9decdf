/* Words for people: what others wrote, and times. */
#ifndef AUI_ENGINE_WORDS_H
#define AUI_ENGINE_WORDS_H

#include "engine/aui.h"

enum { AUI_WORDS_MAX = AUI_ERROR_MESSAGE_SIZE - 1 }; /* bytes of a line for people, such as an error's message */

/* Copies `n` bytes of a text to `line`, whose size is `room` (8 at least), and returns how many that are without the
 * NUL at the end. The result is one line, whatever shows it, and valid UTF-8: a run of spaces, controls (C0, DEL, C1)
 * and separators of lines or paragraphs (U+2028, U+2029) becomes one space, and none at either end; a byte that is not
 * UTF-8 becomes U+FFFD. What is too long is cut, not within a character, and ends in "...". */
size_t aui_words_copy(char *line, size_t room, const char *text, size_t n);

enum { AUI_WORDS_SECONDS = 24 };

/* Writes milliseconds as seconds, such as "10" or "0.25", whatever the locale. Returns `words`. */
const char *aui_words_seconds(char words[AUI_WORDS_SECONDS], uint64_t milliseconds);

#endif
