/* Base64 encoding (RFC 4648, section 4), for the keys of the opening handshake. */
#ifndef AUI_ENGINE_BASE64_H
#define AUI_ENGINE_BASE64_H

#include <stddef.h>

/* The length of the encoding of `n` bytes, padding included, without a final NUL. */
#define AUI_BASE64_LENGTH(n) (((size_t)(n) + 2) / 3 * 4)

/* Writes the padded encoding of `n` bytes and a NUL: AUI_BASE64_LENGTH(n) + 1 characters. `out`
 * must not overlap `bytes`. */
void aui_base64_encode(char *out, const void *bytes, size_t n);

#endif
