/* Bytes as numbers. */
#ifndef AUI_ENGINE_BYTES_H
#define AUI_ENGINE_BYTES_H

#include <stdint.h>

/* The eight bytes at `bytes`, the first one lowest; compilers make one load of it. */
static inline uint64_t aui_load_word(const void *bytes) {
  const uint8_t *b = bytes;
  uint64_t low = b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24;
  return low | (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
}

/* The value of a hexadecimal digit in either case; -1 for anything else. */
static inline int aui_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
