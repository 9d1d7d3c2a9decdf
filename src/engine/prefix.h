/* How far two runs of bytes are equal, of which the shorter one counts. */
#ifndef AUI_ENGINE_PREFIX_H
#define AUI_ENGINE_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#include "engine/bytes.h"

static inline size_t aui_min(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many of the first `n` bytes of both are equal. */
static inline size_t aui_common_prefix(const char *a, const char *b, size_t n) {
  const uint64_t low = 0x7F7F7F7F7F7F7F7Fu;
  size_t i = 0;
  for (; n - i >= sizeof(uint64_t); i += sizeof(uint64_t)) {
    uint64_t differing = aui_load_word(a + i) ^ aui_load_word(b + i);
    if (differing) return i + aui_first_marked((((differing & low) + low) | differing) & ~low);
  }
  while (i < n && a[i] == b[i]) i++;
  return i;
}

#endif
