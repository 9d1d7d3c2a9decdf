/* SHA-1 (RFC 3174), for the one thing that WebSocket needs it for: the key of the opening
 * handshake. It is broken as a cryptographic hash; the handshake does not rely on that. */
#ifndef AUI_ENGINE_SHA1_H
#define AUI_ENGINE_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { AUI_SHA1_SIZE = 20 };

/* Writes the digest of `n` bytes. */
void aui_sha1(uint8_t digest[AUI_SHA1_SIZE], const void *bytes, size_t n);

#endif
