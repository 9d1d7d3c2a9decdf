/* UTF-8 validation (RFC 3629) of text that may arrive in pieces. */
#ifndef AUI_ENGINE_UTF8_H
#define AUI_ENGINE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a piece ended. All zero is the start of a text. */
typedef struct {
  uint8_t need;  /* continuation bytes still missing from the last character */
  uint8_t lower; /* the range that the next one must lie in; excludes overlong forms, surrogates and
                    > U+10FFFF */
  uint8_t upper;
} aui_utf8;

/* Validates the next `n` bytes. Returns false as soon as they cannot be part of valid UTF-8; the
 * state is then of no further use. A text is valid if every piece is, and `aui_utf8_complete` holds
 * at its end. */
bool aui_utf8_feed(aui_utf8 *state, const void *bytes, size_t n);

/* True when no character is left unfinished. */
bool aui_utf8_complete(const aui_utf8 *state);

/* Validates a whole text. */
bool aui_utf8_valid(const void *bytes, size_t n);

/* The largest offset <= `at` that does not split a character of the valid UTF-8 text `bytes` (of at
 * least `at` bytes, or more: the byte at `at` is read only when `at` < `n`). */
size_t aui_utf8_boundary(const void *bytes, size_t n, size_t at);

#endif
