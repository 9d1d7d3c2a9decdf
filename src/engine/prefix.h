/* How far two runs of bytes are equal, of which the shorter one counts. */
#ifndef AUI_ENGINE_PREFIX_H
#define AUI_ENGINE_PREFIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t aui_min(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many of the first `n` bytes of both are equal. */
static inline size_t aui_common_prefix(const char *a, const char *b, size_t n) {
  size_t i = 0;
  uint64_t x, y;
  for (; n - i >= sizeof x; i += sizeof x) {
    memcpy(&x, a + i, sizeof x);
    memcpy(&y, b + i, sizeof y);
    if (x != y) break;
  }
  while (i < n && a[i] == b[i]) i++;
  return i;
}

#endif
