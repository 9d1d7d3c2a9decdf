/* SHA-1 as RFC 3174 gives it (section 6.1), over a text that is there as a whole. */
#include "engine/sha1.h"

#include <string.h>

enum { BLOCK = 64, LENGTH_AT = 56 };

static uint32_t rotate_left(uint32_t word, unsigned bits) {
  return word << bits | word >> (32 - bits);
}

static uint32_t load_be32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store_be32(uint8_t *bytes, uint32_t word) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(word >> (24 - 8 * i));
}

/* f(t) + K(t) (section 5). */
static uint32_t round_term(int t, uint32_t b, uint32_t c, uint32_t d) {
  if (t < 20) return ((b & c) | (~b & d)) + 0x5A827999;
  if (t < 40) return (b ^ c ^ d) + 0x6ED9EBA1;
  if (t < 60) return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
  return (b ^ c ^ d) + 0xCA62C1D6;
}

static void add_block(uint32_t hash[5], const uint8_t block[BLOCK]) {
  uint32_t w[80];
  for (int t = 0; t < 16; t++) w[t] = load_be32(block + 4 * t);
  for (int t = 16; t < 80; t++) {
    w[t] = rotate_left(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  }

  uint32_t a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];
  for (int t = 0; t < 80; t++) {
    uint32_t next = rotate_left(a, 5) + round_term(t, b, c, d) + e + w[t];
    e = d;
    d = c;
    c = rotate_left(b, 30);
    b = a;
    a = next;
  }
  hash[0] += a;
  hash[1] += b;
  hash[2] += c;
  hash[3] += d;
  hash[4] += e;
}

void aui_sha1(uint8_t digest[AUI_SHA1_SIZE], const void *bytes, size_t n) {
  uint32_t hash[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const uint8_t *p = bytes;
  size_t left = n;
  for (; left >= BLOCK; p += BLOCK, left -= BLOCK) add_block(hash, p);

  /* The padding (section 4): a one bit, zeros, and the length in bits, in one block or two. */
  uint8_t tail[2 * BLOCK] = {0};
  if (left > 0) memcpy(tail, p, left);
  tail[left] = 0x80;
  uint8_t *last = left < LENGTH_AT ? tail : tail + BLOCK;
  uint64_t bits = (uint64_t)n * 8;
  store_be32(last + LENGTH_AT, (uint32_t)(bits >> 32));
  store_be32(last + LENGTH_AT + 4, (uint32_t)bits);
  add_block(hash, tail);
  if (last != tail) add_block(hash, last);

  for (int i = 0; i < 5; i++) store_be32(digest + 4 * i, hash[i]);
}
