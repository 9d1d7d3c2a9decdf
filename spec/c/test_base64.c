/* Base64: the vectors of RFC 4648, the whole alphabet, and the keys of RFC 6455. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base64.h"
#include "support.h"

/* Encodes into exactly as much memory as is documented, with a byte behind it that must not change. */
static void assert_base64(const void *bytes, size_t n, const char *expected) {
  char out[128];
  size_t length = AUI_BASE64_LENGTH(n);
  assert_true(length + 2 <= sizeof out);
  memset(out, '#', sizeof out);
  aui_base64_encode(out, guarded(bytes, n), n);
  assert_string_equal(out, expected);
  assert_int_equal(strlen(expected), length);
  assert_int_equal(out[length + 1], '#');
}

static void test_vectors_of_rfc_4648(void **state) {
  (void)state;
  assert_base64("", 0, "");
  assert_base64("f", 1, "Zg==");
  assert_base64("fo", 2, "Zm8=");
  assert_base64("foo", 3, "Zm9v");
  assert_base64("foob", 4, "Zm9vYg==");
  assert_base64("fooba", 5, "Zm9vYmE=");
  assert_base64("foobar", 6, "Zm9vYmFy");
}

static void test_whole_alphabet(void **state) {
  (void)state;
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint8_t bytes[48];
  for (unsigned i = 0; i < 16; i++) { /* four characters: 4i .. 4i + 3 */
    uint32_t group = (4 * i) << 18 | (4 * i + 1) << 12 | (4 * i + 2) << 6 | (4 * i + 3);
    bytes[3 * i] = (uint8_t)(group >> 16);
    bytes[3 * i + 1] = (uint8_t)(group >> 8);
    bytes[3 * i + 2] = (uint8_t)group;
  }
  assert_base64(bytes, sizeof bytes, alphabet);
}

static void test_bytes_are_unsigned(void **state) {
  (void)state;
  assert_base64("\xFF\xFF\xFF", 3, "////");
  assert_base64("\xFB\xEF\xBE", 3, "++++");
  assert_base64("\xFF", 1, "/w==");
  assert_base64("\0\0", 2, "AAA=");
}

static void test_keys_of_rfc_6455(void **state) {
  (void)state;
  assert_base64("the sample nonce", 16, "dGhlIHNhbXBsZSBub25jZQ==");
  assert_base64("\xb3\x7a\x4f\x2c\xc0\x62\x4f\x16\x90\xf6\x46\x06\xcf\x38\x59\x45\xb2\xbe\xc4\xea", 20,
                "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_vectors_of_rfc_4648, guarded_teardown),
      cmocka_unit_test_teardown(test_whole_alphabet, guarded_teardown),
      cmocka_unit_test_teardown(test_bytes_are_unsigned, guarded_teardown),
      cmocka_unit_test_teardown(test_keys_of_rfc_6455, guarded_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
