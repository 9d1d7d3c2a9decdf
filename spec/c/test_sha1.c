/* SHA-1: the examples of RFC 3174 and FIPS 180, every way of padding, and the handshake of RFC 6455. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sha1.h"
#include "support.h"

static void assert_sha1(const void *bytes, size_t n, const char *expected) {
  uint8_t digest[AUI_SHA1_SIZE];
  aui_sha1(digest, guarded(bytes, n), n);
  char hex[2 * AUI_SHA1_SIZE + 1];
  for (int i = 0; i < AUI_SHA1_SIZE; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
  assert_string_equal(hex, expected);
}

static void assert_sha1_of_text(const char *text, const char *expected) {
  assert_sha1(text, strlen(text), expected);
}

static void test_published_examples(void **state) {
  (void)state;
  assert_sha1_of_text("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  assert_sha1_of_text("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
  assert_sha1_of_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                      "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  assert_sha1_of_text("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                      "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
                      "a49b2446a02c645bf419f995b67091253a04a259");
}

static void test_a_million_letters(void **state) {
  (void)state;
  enum { MILLION = 1000000 };
  char *text = malloc(MILLION);
  assert_non_null(text);
  memset(text, 'a', MILLION);
  assert_sha1(text, MILLION, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  free(text);
}

/* The padding needs a block of its own from 56 bytes of rest on. */
static void test_padding_around_the_block_size(void **state) {
  (void)state;
  static const struct {
    size_t n;
    const char *digest;
  } cases[] = {
      {54, "b05d71c64979cb95fa74a33cdb31a40d258ae02e"},  {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
      {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},  {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
      {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},  {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
      {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"}, {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
      {127, "89d95fa32ed44a7c610b7ee38517ddf57e0bb975"}, {128, "ad5b3fdbcb526778c2839d2f151ea753995e26a0"},
  };
  char text[128];
  memset(text, 'a', sizeof text);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_sha1(text, cases[i].n, cases[i].digest);
}

static void test_handshake_of_rfc_6455(void **state) {
  (void)state;
  assert_sha1_of_text("dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                      "b37a4f2cc0624f1690f64606cf385945b2bec4ea");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_teardown(test_published_examples, guarded_teardown),
      cmocka_unit_test_teardown(test_a_million_letters, guarded_teardown),
      cmocka_unit_test_teardown(test_padding_around_the_block_size, guarded_teardown),
      cmocka_unit_test_teardown(test_handshake_of_rfc_6455, guarded_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
