/* TLS contexts: shared as long as the files stay as they are, made anew when those change, and gone with their last
 * user. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls_context.h"

enum { NOW = 1000 };

static char directory[] = "/tmp/aui-test-tls-XXXXXX";
static char ca_path[sizeof directory + 16];
static char why[512];
static int freed; /* contexts */

static const aui_tls_options options = {.ca_file = ca_path, .verify = true};

static void count_free(void *parent, void *ptr, CRYPTO_EX_DATA *data, int index, long argl, void *argp) {
  (void)parent, (void)ptr, (void)data, (void)index, (void)argl, (void)argp;
  freed++;
}

static void write_certificate(const char *path) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  assert_non_null(key);
  assert_non_null(certificate);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(PEM_write_X509(file, certificate), 1);
  fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

/* Another file takes its place. */
static void renew(void) {
  char path[sizeof ca_path + 4];
  snprintf(path, sizeof path, "%s.new", ca_path);
  write_certificate(path);
  assert_int_equal(rename(path, ca_path), 0);
}

static void empty(void) {
  assert_int_equal(truncate(ca_path, 0), 0);
}

static SSL_CTX *get(aui_tls_contexts *contexts, uint64_t now) {
  return aui_tls_contexts_get(contexts, &options, now, why, sizeof why);
}

static int setup(void **state) {
  (void)state;
  renew();
  freed = 0;
  return 0;
}

static void equal_options_share(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  SSL_CTX *context = get(&contexts, NOW);
  assert_non_null(context);
  assert_ptr_equal(get(&contexts, NOW), context);
  aui_tls_options other = options;
  other.verify = false;
  assert_ptr_not_equal(aui_tls_contexts_get(&contexts, &other, NOW, why, sizeof why), context);
  assert_ptr_equal(get(&contexts, NOW), context);
  assert_int_equal(freed, 0);
  aui_tls_contexts_free(&contexts);
  assert_int_equal(freed, 2);
}

static void renewed_files_make_another(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  SSL_CTX *before = get(&contexts, NOW);
  SSL *connection = SSL_new(before);
  assert_non_null(connection);
  renew();
  assert_ptr_not_equal(get(&contexts, NOW), before);
  assert_int_equal(freed, 0); /* a connection still uses it */
  SSL_free(connection);
  assert_int_equal(freed, 1);
  aui_tls_contexts_free(&contexts);
  assert_int_equal(freed, 2);
}

static void unusable_files_are_borne_for_a_while(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  SSL_CTX *before = get(&contexts, NOW);
  empty();
  assert_ptr_equal(get(&contexts, NOW), before);
  assert_ptr_equal(get(&contexts, NOW + AUI_TLS_RENEWAL - 1), before);
  assert_null(get(&contexts, NOW + AUI_TLS_RENEWAL));
  assert_non_null(strstr(why, "tls.ca_file: cannot use "));
  assert_null(contexts.newest);
  assert_null(get(&contexts, NOW + AUI_TLS_RENEWAL));
  renew();
  assert_non_null(get(&contexts, NOW + AUI_TLS_RENEWAL));
  aui_tls_contexts_free(&contexts);
}

static void each_renewal_has_its_while(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  assert_non_null(get(&contexts, NOW));
  empty();
  assert_non_null(get(&contexts, NOW));
  renew();
  assert_non_null(get(&contexts, NOW + 1));
  empty();
  assert_non_null(get(&contexts, NOW + AUI_TLS_RENEWAL));
  assert_non_null(get(&contexts, NOW + 2 * AUI_TLS_RENEWAL - 1));
  aui_tls_contexts_free(&contexts);
}

static void few_are_kept(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  for (int i = 0; i < AUI_TLS_CONTEXTS_KEPT + 3; i++) {
    char path[sizeof ca_path + 16];
    snprintf(path, sizeof path, "%s/%d", directory, i);
    write_certificate(path);
    aui_tls_options one = {.ca_file = path, .verify = true};
    assert_non_null(aui_tls_contexts_get(&contexts, &one, NOW, why, sizeof why));
    unlink(path);
  }
  assert_int_equal(freed, 3);
  aui_tls_contexts_free(&contexts);
}

/* Nobody writes into the pipe: to open it would take for ever. */
static void a_pipe_is_no_file(void **state) {
  (void)state;
  aui_tls_contexts contexts = {0};
  assert_int_equal(unlink(ca_path), 0);
  assert_int_equal(mkfifo(ca_path, 0600), 0);
  assert_null(get(&contexts, NOW));
  assert_non_null(strstr(why, "it is not a file"));
  assert_null(contexts.newest);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(equal_options_share, setup),
      cmocka_unit_test_setup(renewed_files_make_another, setup),
      cmocka_unit_test_setup(unusable_files_are_borne_for_a_while, setup),
      cmocka_unit_test_setup(each_renewal_has_its_while, setup),
      cmocka_unit_test_setup(few_are_kept, setup),
      cmocka_unit_test_setup(a_pipe_is_no_file, setup),
  };
  if (!mkdtemp(directory)) return 1;
  snprintf(ca_path, sizeof ca_path, "%s/ca.pem", directory);
  CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, count_free);
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(ca_path);
  rmdir(directory);
  return failed;
}
