/* TLS as a filter, with OpenSSL itself as the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <string.h>

#include "net/tls.h"
#include "net/tls_context.h"

static const char host[] = "agent.example";

static SSL_CTX *make_server_context(void) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  assert_non_null(key);
  assert_non_null(certificate);
  assert_non_null(context);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
  assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

/* Both ends of a connection. */
typedef struct {
  SSL_CTX *client_context, *server_context;
  aui_tls *client;
  SSL *server; /* on memory BIOs */
} pair;

/* All that the server has to say; returns the event behind it. */
static aui_tls_event hear_server(pair *p) {
  char *bytes, plain[1024];
  size_t n;
  BIO *from = SSL_get_wbio(p->server);
  long size = BIO_get_mem_data(from, &bytes);
  aui_tls_event event;
  aui_tls_feed(p->client, bytes, (size_t)size);
  do {
    event = aui_tls_read(p->client, plain, sizeof plain, &n);
  } while (event == AUI_TLS_OPEN || event == AUI_TLS_PLAIN);
  assert_int_equal(BIO_reset(from), 1);
  return event;
}

static void tell_server(pair *p) {
  size_t n;
  const void *bytes = aui_tls_output(p->client, &n);
  if (n > 0) assert_int_equal(BIO_write(SSL_get_rbio(p->server), bytes, (int)n), (int)n);
  aui_tls_written(p->client, n);
}

/* By the client's context, if there is one already. */
static void open_pair(pair *p) {
  if (!p->client_context) p->client_context = SSL_CTX_new(TLS_client_method());
  p->server_context = make_server_context();
  p->client = aui_tls_new(p->client_context, host, 443);
  p->server = SSL_new(p->server_context);
  assert_non_null(p->client);
  assert_non_null(p->server);
  SSL_set_bio(p->server, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(p->server);
  for (int flight = 0; flight < 4 && !(aui_tls_is_open(p->client) && SSL_is_init_finished(p->server)); flight++) {
    assert_int_equal(hear_server(p), AUI_TLS_MORE);
    tell_server(p);
    SSL_do_handshake(p->server);
  }
  assert_true(aui_tls_is_open(p->client) && SSL_is_init_finished(p->server));
}

static void close_pair(pair *p) {
  aui_tls_free(p->client);
  SSL_free(p->server);
  SSL_CTX_free(p->client_context);
  SSL_CTX_free(p->server_context);
}

static aui_tls_event ask_for_new_keys(pair *p) {
  assert_int_equal(SSL_key_update(p->server, SSL_KEY_UPDATE_REQUESTED), 1);
  assert_int_equal(SSL_do_handshake(p->server), 1);
  return hear_server(p);
}

static void who_asks_for_new_keys_gets_them(void **state) {
  (void)state;
  pair p = {0};
  open_pair(&p);
  for (int i = 0; i < 20000; i++) {
    assert_int_equal(ask_for_new_keys(&p), AUI_TLS_MORE);
    tell_server(&p);
    char plain[16];
    assert_int_equal(SSL_read(p.server, plain, sizeof plain), -1); /* there are no words */
    assert_int_equal(SSL_get_error(p.server, -1), SSL_ERROR_WANT_READ);
  }
  close_pair(&p);
}

static void who_never_reads_the_answers_does_not_fill_the_memory(void **state) {
  (void)state;
  pair p = {0};
  open_pair(&p);
  int requests = 0;
  while (requests < 20000 && ask_for_new_keys(&p) == AUI_TLS_MORE) requests++;
  assert_in_range(requests, 1000, 19999);
  assert_string_equal(aui_tls_error(p.client), "TLS: agent.example asks for answers that it does not read");
  assert_true(aui_tls_retryable(p.client));
  close_pair(&p);
}

/* The server that cannot bear a ticket ends the handshake by an alert that is for good otherwise. */
static aui_tls_event break_handshake(SSL_CTX *context, bool *retryable) {
  static const char handshake_failure[] = {21, 3, 3, 0, 2, 2, 40};
  size_t n;
  aui_tls *tls = aui_tls_new(context, host, 443);
  assert_non_null(tls);
  assert_int_equal(aui_tls_read(tls, NULL, 0, &n), AUI_TLS_MORE);
  aui_tls_feed(tls, handshake_failure, sizeof handshake_failure);
  aui_tls_event event = aui_tls_read(tls, NULL, 0, &n);
  *retryable = aui_tls_retryable(tls);
  aui_tls_free(tls);
  return event;
}

static void what_a_ticket_breaks_is_tried_again_without(void **state) {
  (void)state;
  static const aui_tls_options trusting = {.verify = false};
  aui_tls_contexts contexts = {0};
  char why[256];
  bool retryable;
  pair p = {.client_context = aui_tls_contexts_get(&contexts, &trusting, 0, why, sizeof why)};
  assert_non_null(p.client_context);
  SSL_CTX_up_ref(p.client_context);
  open_pair(&p);
  hear_server(&p); /* its tickets */
  assert_int_equal(aui_tls_context_tickets(p.client_context)->count, 2);
  assert_int_equal(break_handshake(p.client_context, &retryable), AUI_TLS_FAILED);
  assert_true(retryable);
  assert_int_equal(aui_tls_context_tickets(p.client_context)->count, 0);
  assert_int_equal(break_handshake(p.client_context, &retryable), AUI_TLS_FAILED);
  assert_false(retryable);
  close_pair(&p);
  aui_tls_contexts_free(&contexts);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_asks_for_new_keys_gets_them),
      cmocka_unit_test(who_never_reads_the_answers_does_not_fill_the_memory),
      cmocka_unit_test(what_a_ticket_breaks_is_tried_again_without),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
