/* Base64 encoding: three bytes become four characters, a shorter rest is padded. */
#include "engine/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(char out[4], uint8_t a, uint8_t b, uint8_t c) {
  uint32_t group = (uint32_t)a << 16 | (uint32_t)b << 8 | c;
  for (int i = 0; i < 4; i++) out[i] = alphabet[group >> (18 - 6 * i) & 0x3F];
}

void aui_base64_encode(char *out, const void *bytes, size_t n) {
  const uint8_t *p = bytes;
  for (; n >= 3; n -= 3, p += 3, out += 4) encode_group(out, p[0], p[1], p[2]);
  if (n > 0) {
    encode_group(out, p[0], n == 2 ? p[1] : 0, 0);
    if (n == 1) out[2] = '=';
    out[3] = '=';
    out += 4;
  }
  *out = '\0';
}
