/* TLS by OpenSSL, reading straight from the bytes that were fed and writing to a buffer, through a BIO of our own: one
 * copy less each way than with memory BIOs. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/buffer.h"
#include "net/tls_context.h"

/* A common name does not count as a host's, as in browsers, nor does "b*.example" (RFC 9525 6.3, 6.4). */
enum { HOST_FLAGS = X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT };

/* Bytes that may wait to be sent: a record, or a certificate with its chain. A peer that goes on asking for new keys
 * (RFC 8446 4.6.3), and reads none of the answers, must not fill the memory. */
enum { MAX_OUTPUT = 256 * 1024 };

struct aui_tls {
  SSL *ssl;
  BIO_METHOD *method;
  const char *in;
  size_t in_len;
  aui_buffer out;
  bool overfull; /* it has too much to say */
  bool open;
  bool resumes; /* a session, if the server agrees; until the handshake is complete */
  bool retryable;
  aui_tls_place place; /* its host is ours */
  char error[512];
};

/* ---- The BIO ---- */

static int bio_read(BIO *bio, char *to, int size) {
  aui_tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (tls->in_len == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t n = (size_t)size < tls->in_len ? (size_t)size : tls->in_len;
  memcpy(to, tls->in, n);
  tls->in += n;
  tls->in_len -= n;
  return (int)n;
}

static int bio_write(BIO *bio, const char *from, int n) {
  aui_tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  tls->overfull = tls->out.len + (size_t)n > MAX_OUTPUT;
  return !tls->overfull && aui_buffer_append(&tls->out, from, (size_t)n) ? n : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *new_bio_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "aui");
  bool ok = method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
            BIO_meth_set_ctrl(method, bio_ctrl);
  if (ok) return method;
  BIO_meth_free(method);
  return NULL;
}

/* ---- Tickets ---- */

static void resume_session(aui_tls *tls) {
  aui_tls_tickets *tickets = aui_tls_context_tickets(SSL_get_SSL_CTX(tls->ssl));
  SSL_SESSION *session = tickets ? aui_tls_tickets_take(tickets, &tls->place, time(NULL)) : NULL;
  tls->resumes = session && SSL_set_session(tls->ssl, session) == 1;
  SSL_SESSION_free(session);
}

/* A server that cannot bear a ticket, rather than refuse it, is not shown the others that it gave. */
static void forget_tickets(const aui_tls *tls) {
  aui_tls_tickets *tickets = aui_tls_context_tickets(SSL_get_SSL_CTX(tls->ssl));
  if (tickets) aui_tls_tickets_forget(tickets, &tls->place);
}

/* ---- Connections ---- */

/* Names go into SNI; addresses must not (RFC 6066 3). An empty name would be checked by nobody. */
static bool expect_peer(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) return true;
  SSL_set_hostflags(ssl, HOST_FLAGS);
  return *host && SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

/* The final dot of "agent.example." is the resolver's: it has no place in SNI (RFC 6066 3), nor in certificates. */
static char *without_final_dot(const char *host) {
  size_t n = strlen(host);
  return strndup(host, n > 1 && host[n - 1] == '.' ? n - 1 : n);
}

aui_tls *aui_tls_new(SSL_CTX *context, const char *host, uint16_t port) {
  aui_tls *tls = calloc(1, sizeof *tls);
  if (!tls) return NULL;
  tls->ssl = SSL_new(context);
  tls->place = (aui_tls_place){without_final_dot(host), port};
  tls->method = new_bio_method();
  BIO *bio = tls->method ? BIO_new(tls->method) : NULL;
  bool ok = tls->ssl && tls->place.host && bio && expect_peer(tls->ssl, tls->place.host);
  ERR_clear_error();
  if (!ok) {
    BIO_free(bio);
    aui_tls_free(tls);
    return NULL;
  }
  BIO_set_data(bio, tls);
  BIO_set_init(bio, 1);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_connect_state(tls->ssl);
  SSL_set_app_data(tls->ssl, &tls->place);
  resume_session(tls);
  ERR_clear_error();
  return tls;
}

void aui_tls_free(aui_tls *tls) {
  if (!tls) return;
  if (tls->resumes) forget_tickets(tls);
  SSL_free(tls->ssl);
  BIO_meth_free(tls->method);
  aui_buffer_free(&tls->out);
  free((char *)tls->place.host);
  free(tls);
}

/* ---- Failures ---- */

/* Alerts are reasons counted from SSL_AD_REASON_OFFSET. The peer's alert, or -1 if it sent none. */
static int alert_of(unsigned long code) {
  bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
  return alert ? ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET : -1;
}

/* Alerts about this connection alone. OpenSSL 3 sends decode_error also when the stream has ended too early. */
static bool is_passing_alert(int alert) {
  switch (alert) {
    case SSL_AD_BAD_RECORD_MAC:
    case SSL_AD_DECODE_ERROR:
    case SSL_AD_INTERNAL_ERROR:
    case SSL_AD_USER_CANCELLED: return true;
    default: return false;
  }
}

/* Alerts about the client's certificate, which the peer checks when the connection is open here (RFC 8446 4.4.2.4). */
static bool is_alert_about_us(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
    case SSL_AD_ACCESS_DENIED:
    case SSL_AD_DECRYPT_ERROR:
    case TLS13_AD_CERTIFICATE_REQUIRED: return true;
    default: return false;
  }
}

/* Bytes were changed on their way, or memory is short: a BIO that has none leaves no error. */
static bool is_accident(unsigned long code) {
  int reason = ERR_GET_REASON(code);
  if (code == 0 || reason == ERR_R_MALLOC_FAILURE) return true;
  return ERR_GET_LIB(code) == ERR_LIB_SSL &&
         (reason == SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC || reason == SSL_R_DIGEST_CHECK_FAILED);
}

/* Before the connection is open, most failures lie in what the two sides are. */
static bool is_worth_retrying(unsigned long code, bool open) {
  int alert = alert_of(code);
  if (open) return !is_alert_about_us(alert);
  return is_passing_alert(alert) || is_accident(code);
}

/* An alert's description without the version that goes before it ("tlsv13 alert certificate required"). */
static const char *alert_in_words(unsigned long code) {
  const char *words = ERR_reason_error_string(code);
  const char *alert = words ? strstr(words, "alert ") : NULL;
  if (alert) return alert + strlen("alert ");
  return words ? words : "unknown alert";
}

static void describe_error(unsigned long code, const char *host, char *words, size_t size) {
  if (alert_of(code) >= 0) {
    const char *did = is_passing_alert(alert_of(code)) ? "ended" : "refused";
    snprintf(words, size, "TLS: %s %s the connection: %s", host, did, alert_in_words(code));
  } else {
    const char *reason = ERR_reason_error_string(code);
    snprintf(words, size, "TLS: %s", reason ? reason : "out of memory");
  }
}

static bool is_about_versions(unsigned long code) {
  if (alert_of(code) == SSL_AD_PROTOCOL_VERSION) return true;
  int reason = ERR_GET_REASON(code);
  return ERR_GET_LIB(code) == ERR_LIB_SSL &&
         (reason == SSL_R_UNSUPPORTED_PROTOCOL || reason == SSL_R_WRONG_SSL_VERSION);
}

static bool is_about_certificate(const SSL *ssl) {
  return SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && SSL_get_verify_result(ssl) != X509_V_OK;
}

static void describe_handshake(const SSL *ssl, unsigned long code, const char *host, char *words, size_t size) {
  if (is_about_certificate(ssl)) {
    long verified = SSL_get_verify_result(ssl);
    const char *why = verified == AUI_TLS_NAMELESS ? "it has no subjectAltName, and a common name does not count"
                                                   : X509_verify_cert_error_string(verified);
    snprintf(words, size, "TLS: certificate of %s not accepted: %s", host, why);
  } else if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
    snprintf(words, size, "TLS: the server does not speak TLS here (without it: ws://, and http:// for a proxy)");
  } else if (is_about_versions(code)) {
    snprintf(words, size, "TLS: no version in common with %s (here: 1.2 and newer)", host);
  } else {
    describe_error(code, host, words, size);
  }
}

/* What fails for want of the session that was to be resumed may do without. */
static bool is_about_resuming(const aui_tls *tls) {
  return tls->resumes && !is_about_certificate(tls->ssl);
}

static void describe_failure(aui_tls *tls) {
  unsigned long code = ERR_peek_error();
  tls->retryable = is_worth_retrying(code, tls->open) || is_about_resuming(tls);
  if (tls->overfull) {
    snprintf(tls->error, sizeof tls->error, "TLS: %s asks for answers that it does not read", tls->place.host);
  } else if (tls->open) {
    describe_error(code, tls->place.host, tls->error, sizeof tls->error);
  } else {
    describe_handshake(tls->ssl, code, tls->place.host, tls->error, sizeof tls->error);
  }
  tls->open = false;
  ERR_clear_error();
}

static void describe_early_end(char *words, size_t size) {
  snprintf(words, size, "TLS handshake: the server ended the connection");
}

/* The peer has sent close_notify. */
static aui_tls_event end_by_close_notify(aui_tls *tls) {
  if (tls->open) return AUI_TLS_END;
  describe_early_end(tls->error, sizeof tls->error);
  tls->retryable = true;
  return AUI_TLS_FAILED;
}

/* ---- Bytes ---- */

void aui_tls_feed(aui_tls *tls, const void *bytes, size_t n) {
  tls->in = bytes;
  tls->in_len = n;
}

aui_tls_event aui_tls_read(aui_tls *tls, void *buffer, size_t size, size_t *n) {
  *n = 0;
  ERR_clear_error();
  int result = tls->open ? SSL_read_ex(tls->ssl, buffer, size, n) : SSL_do_handshake(tls->ssl);
  if (result == 1 && tls->open) return AUI_TLS_PLAIN;
  if (result == 1) {
    tls->open = true;
    tls->resumes = false;
    return AUI_TLS_OPEN;
  }
  switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return AUI_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return end_by_close_notify(tls);
    default: describe_failure(tls); return AUI_TLS_FAILED;
  }
}

bool aui_tls_write(aui_tls *tls, const void *bytes, size_t n) {
  size_t taken;
  ERR_clear_error();
  if (SSL_write_ex(tls->ssl, bytes, n, &taken) == 1) return true;
  describe_failure(tls);
  return false;
}

void aui_tls_close(aui_tls *tls) {
  if (!tls->open) return;
  ERR_clear_error();
  SSL_shutdown(tls->ssl);
  ERR_clear_error();
  tls->open = false;
}

bool aui_tls_is_open(const aui_tls *tls) {
  return tls->open;
}

const void *aui_tls_output(const aui_tls *tls, size_t *n) {
  *n = tls->out.len;
  return tls->out.data;
}

void aui_tls_written(aui_tls *tls, size_t n) {
  aui_buffer_consume(&tls->out, n);
}

const char *aui_tls_error(const aui_tls *tls) {
  return tls->error;
}

bool aui_tls_retryable(const aui_tls *tls) {
  return tls->retryable;
}
