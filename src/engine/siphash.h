/* SipHash-2-4 (Aumasson, Bernstein: "SipHash: a fast short-input PRF", 2012), of bytes that come in pieces: a hash
 * whose collisions nobody can make who does not know the key. */
#ifndef AUI_ENGINE_SIPHASH_H
#define AUI_ENGINE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum { AUI_SIPHASH_KEY_SIZE = 16 };

typedef struct {
  uint64_t v[4];
  uint64_t word; /* the bytes that do not fill one yet, the first lowest */
  size_t length; /* in bytes, so far */
} aui_siphash;

void aui_siphash_begin(aui_siphash *hash, const uint8_t key[AUI_SIPHASH_KEY_SIZE]);
void aui_siphash_add(aui_siphash *hash, const void *bytes, size_t n);

/* The hash of all that was added; nothing can be added afterwards. */
uint64_t aui_siphash_end(aui_siphash *hash);

#endif
