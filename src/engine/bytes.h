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

/* Which byte of `marks` is the lowest one, 0 to 7, whose high bit is set, as it is in one at least; no other bits are.
 * Multiplied by that bit, shifted to the byte's lowest, the constant has the number of the byte at its top. */
static inline unsigned aui_first_marked(uint64_t marks) {
  uint64_t lowest = marks & (0 - marks);
  return (unsigned)((lowest >> 7) * 0x0001020304050607u >> 56);
}

/* The value of a hexadecimal digit in either case; -1 for anything else. */
static inline int aui_hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

#endif
