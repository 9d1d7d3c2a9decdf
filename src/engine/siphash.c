/* SipHash-2-4: two rounds for each word of eight bytes, four at the end. */
#include "engine/siphash.h"

#include "engine/bytes.h"

static uint64_t rotate(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds) {
  for (int i = 0; i < rounds; i++) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
  }
}

static void mix_word(aui_siphash *hash, uint64_t word) {
  hash->v[3] ^= word;
  mix(hash->v, 2);
  hash->v[0] ^= word;
}

void aui_siphash_begin(aui_siphash *hash, const uint8_t key[AUI_SIPHASH_KEY_SIZE]) {
  uint64_t low = aui_load_word(key), high = aui_load_word(key + 8);
  *hash = (aui_siphash){.v = {low ^ 0x736f6d6570736575u, high ^ 0x646f72616e646f6du, low ^ 0x6c7967656e657261u,
                              high ^ 0x7465646279746573u}};
}

void aui_siphash_add(aui_siphash *hash, const void *bytes, size_t n) {
  const uint8_t *p = bytes;
  for (size_t i = 0; i < n; i++) {
    hash->word |= (uint64_t)p[i] << hash->length % 8 * 8;
    if (++hash->length % 8 > 0) continue;
    mix_word(hash, hash->word);
    hash->word = 0;
  }
}

uint64_t aui_siphash_end(aui_siphash *hash) {
  mix_word(hash, hash->word | (uint64_t)hash->length << 56);
  hash->v[2] ^= 0xff;
  mix(hash->v, 4);
  return hash->v[0] ^ hash->v[1] ^ hash->v[2] ^ hash->v[3];
}
