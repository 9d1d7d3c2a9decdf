/* Tickets: kept for their place, used once or, those of TLS 1.2, more often, and neither too many nor too long. The
 * sessions are those of real handshakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <string.h>

#include "net/tls_tickets.h"

enum { CERTIFICATE_LIFETIME = 3600 };

static const aui_tls_place place = {"agent.example", 443};
static const aui_tls_place other_name = {"agent2.example", 443};
static const aui_tls_place other_port = {"agent.example", 8443};

static aui_tls_tickets tickets;
static time_t now;

static SSL_CTX *make_server_context(int version) {
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  SSL_CTX *context = SSL_CTX_new(TLS_server_method());
  assert_non_null(key);
  assert_non_null(certificate);
  assert_non_null(context);
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_LIFETIME);
  X509_set_pubkey(certificate, key);
  assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
  assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
  assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
  assert_int_equal(SSL_CTX_set_max_proto_version(context, version), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

/* A session that a server gives; `lifetime` is the ticket's, in seconds, 0 for what the server has by default. */
static SSL_SESSION *get_session(int version, long lifetime) {
  SSL_CTX *client_context = SSL_CTX_new(TLS_client_method()), *server_context = make_server_context(version);
  SSL *client = SSL_new(client_context), *server = SSL_new(server_context);
  BIO *near, *far;
  if (lifetime) SSL_CTX_set_timeout(server_context, lifetime);
  assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
  SSL_set_bio(client, near, near);
  SSL_set_bio(server, far, far);
  SSL_set_connect_state(client);
  SSL_set_accept_state(server);
  for (int flight = 0; flight < 6; flight++) {
    char byte;
    SSL_read(client, &byte, 1); /* shakes hands, and takes the tickets behind that */
    SSL_read(server, &byte, 1);
  }
  SSL_SESSION *session = SSL_SESSION_dup(SSL_get_session(client));
  assert_true(SSL_SESSION_is_resumable(session));
  SSL_free(client);
  SSL_free(server);
  SSL_CTX_free(client_context);
  SSL_CTX_free(server_context);
  return session;
}

static void put(const aui_tls_place *where, int version) {
  SSL_SESSION *session = get_session(version, 0);
  aui_tls_tickets_put(&tickets, where, session, now);
  SSL_SESSION_free(session);
}

static bool take(const aui_tls_place *where) {
  SSL_SESSION *session = aui_tls_tickets_take(&tickets, where, now);
  SSL_SESSION_free(session);
  return session;
}

static int setup(void **state) {
  (void)state;
  aui_tls_tickets_init(&tickets);
  now = time(NULL);
  return 0;
}

static int teardown(void **state) {
  (void)state;
  aui_tls_tickets_free(&tickets);
  return 0;
}

static void one_of_tls_1_3_serves_once(void **state) {
  (void)state;
  put(&place, TLS1_3_VERSION);
  put(&place, TLS1_3_VERSION);
  assert_true(take(&place));
  assert_true(take(&place));
  assert_false(take(&place));
}

static void one_of_tls_1_2_serves_several(void **state) {
  (void)state;
  put(&place, TLS1_2_VERSION);
  for (int i = 0; i < 3; i++) assert_true(take(&place));
}

static void the_newest_comes_first(void **state) {
  (void)state;
  put(&place, TLS1_3_VERSION);
  put(&place, TLS1_2_VERSION);
  SSL_SESSION *session = aui_tls_tickets_take(&tickets, &place, now);
  assert_int_equal(SSL_SESSION_get_protocol_version(session), TLS1_2_VERSION);
  SSL_SESSION_free(session);
}

static void each_serves_its_place_alone(void **state) {
  (void)state;
  put(&place, TLS1_3_VERSION);
  assert_false(take(&other_name));
  assert_false(take(&other_port));
  assert_true(take(&place));
}

static void a_place_is_forgotten_by_itself(void **state) {
  (void)state;
  put(&place, TLS1_3_VERSION);
  put(&other_port, TLS1_3_VERSION);
  put(&place, TLS1_2_VERSION);
  aui_tls_tickets_forget(&tickets, &place);
  assert_false(take(&place));
  assert_true(take(&other_port));
}

static void it_lives_as_long_as_the_server_says(void **state) {
  (void)state;
  SSL_SESSION *session = get_session(TLS1_3_VERSION, 60);
  aui_tls_tickets_put(&tickets, &place, session, now);
  aui_tls_tickets_put(&tickets, &place, session, now);
  SSL_SESSION_free(session);
  now += 59;
  assert_true(take(&place));
  now += 1;
  assert_false(take(&place));
  assert_int_equal(tickets.count, 0);
}

static void it_does_not_outlive_the_certificate(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) put(&place, TLS1_3_VERSION);
  now += CERTIFICATE_LIFETIME - 60;
  assert_true(take(&place));
  now += 120;
  assert_false(take(&place));
}

static void it_does_not_come_from_the_future(void **state) {
  (void)state;
  put(&place, TLS1_3_VERSION);
  now -= 1;
  assert_false(take(&place));
}

static void they_are_bounded_and_the_oldest_goes(void **state) {
  (void)state;
  SSL_SESSION *session = get_session(TLS1_3_VERSION, 0);
  aui_tls_tickets_put(&tickets, &other_name, session, now);
  for (int i = 0; i < AUI_TLS_TICKETS_KEPT - 1; i++) aui_tls_tickets_put(&tickets, &place, session, now);
  assert_true(take(&other_name));
  for (int i = 0; i < 2; i++) aui_tls_tickets_put(&tickets, &other_name, session, now);
  for (int i = 0; i < AUI_TLS_TICKETS_KEPT; i++) aui_tls_tickets_put(&tickets, &place, session, now);
  assert_false(take(&other_name));
  assert_int_equal(tickets.count, AUI_TLS_TICKETS_KEPT);
  SSL_SESSION_free(session);
}

static void those_that_are_over_make_room(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) put(&other_name, TLS1_2_VERSION);
  now += AUI_TLS_TICKET_LIFETIME;
  put(&place, TLS1_2_VERSION);
  assert_int_equal(tickets.count, 1);
}

int main(void) {
#define CASE(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
  const struct CMUnitTest tests[] = {
      CASE(one_of_tls_1_3_serves_once),
      CASE(one_of_tls_1_2_serves_several),
      CASE(the_newest_comes_first),
      CASE(each_serves_its_place_alone),
      CASE(a_place_is_forgotten_by_itself),
      CASE(it_lives_as_long_as_the_server_says),
      CASE(it_does_not_outlive_the_certificate),
      CASE(it_does_not_come_from_the_future),
      CASE(they_are_bounded_and_the_oldest_goes),
      CASE(those_that_are_over_make_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
