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

struct aui_tls {
  SSL *ssl;
  BIO_METHOD *method;
  const char *in;
  size_t in_len;
  aui_buffer out;
  bool open;
  bool retryable;
  char *host;
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
  return aui_buffer_append(&tls->out, from, (size_t)n) ? n : -1;
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

/* ---- Connections ---- */

/* Names go into SNI; addresses must not (RFC 6066 3). */
static bool expect_peer(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) return true;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

aui_tls *aui_tls_new(SSL_CTX *context, const char *host) {
  aui_tls *tls = calloc(1, sizeof *tls);
  if (!tls) return NULL;
  tls->ssl = SSL_new(context);
  tls->host = strdup(host);
  tls->method = new_bio_method();
  BIO *bio = tls->method ? BIO_new(tls->method) : NULL;
  bool ok = tls->ssl && tls->host && bio && expect_peer(tls->ssl, host);
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
  return tls;
}

void aui_tls_free(aui_tls *tls) {
  if (!tls) return;
  SSL_free(tls->ssl);
  BIO_meth_free(tls->method);
  aui_buffer_free(&tls->out);
  free(tls->host);
  free(tls);
}

/* An alert's description without the version that goes before it ("tlsv13 alert certificate required"). */
static const char *alert_in_words(unsigned long code) {
  const char *words = ERR_reason_error_string(code);
  const char *alert = words ? strstr(words, "alert ") : NULL;
  if (alert) return alert + strlen("alert ");
  return words ? words : "unknown alert";
}

/* Alerts are reasons counted from SSL_AD_REASON_OFFSET. */
static bool is_alert(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
}

/* Alerts that tell of this connection alone. OpenSSL 3 sends decode_error also when the stream has ended too early. */
static bool is_passing_alert(unsigned long code) {
  if (!is_alert(code)) return false;
  switch (ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET) {
    case SSL_AD_DECODE_ERROR:
    case SSL_AD_INTERNAL_ERROR:
    case SSL_AD_USER_CANCELLED: return true;
    default: return false;
  }
}

static void describe_error(unsigned long code, const char *host, char *words, size_t size) {
  if (is_alert(code)) {
    const char *did = is_passing_alert(code) ? "ended" : "refused";
    snprintf(words, size, "TLS: %s %s the connection: %s", host, did, alert_in_words(code));
  } else {
    const char *reason = ERR_reason_error_string(code);
    snprintf(words, size, "TLS: %s", reason ? reason : "out of memory");
  }
}

static void describe_handshake(const SSL *ssl, unsigned long code, const char *host, char *words, size_t size) {
  long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE) {
    snprintf(words, size, "TLS: certificate of %s not accepted: %s", host, X509_verify_cert_error_string(verified));
  } else if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) {
    snprintf(words, size, "TLS: the server does not speak TLS here (an unencrypted one needs ws://)");
  } else {
    describe_error(code, host, words, size);
  }
}

/* Once the connection is open, only a lasting alert tells that another attempt would fare no better; before, all other
 * failures lie in what the two sides are. */
static void describe_failure(aui_tls *tls) {
  unsigned long code = ERR_peek_error();
  tls->retryable = is_passing_alert(code) || (tls->open && !is_alert(code));
  if (tls->open) {
    describe_error(code, tls->host, tls->error, sizeof tls->error);
  } else {
    describe_handshake(tls->ssl, code, tls->host, tls->error, sizeof tls->error);
  }
  tls->open = false;
  ERR_clear_error();
}

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
    return AUI_TLS_OPEN;
  }
  switch (SSL_get_error(tls->ssl, result)) {
    case SSL_ERROR_WANT_READ: return AUI_TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return AUI_TLS_END;
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

/* ---- For connections of libwebsockets ---- */

/* X509_check_ip_asc returns -2 for what is no address. */
static int peer_error(X509 *certificate, const char *host) {
  int result = X509_check_ip_asc(certificate, host, 0);
  if (result == 1) return X509_V_OK;
  if (result != -2) return X509_V_ERR_IP_ADDRESS_MISMATCH;
  result = X509_check_host(certificate, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL);
  return result == 1 ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH;
}

bool aui_tls_accept_peer(const SSL_CTX *context, const char *host, X509_STORE_CTX *chain, bool ok) {
  if (SSL_CTX_get_verify_mode(context) == SSL_VERIFY_NONE) {
    X509_STORE_CTX_set_error(chain, X509_V_OK);
    return true;
  }
  if (!ok || X509_STORE_CTX_get_error_depth(chain) > 0) return ok;
  int error = peer_error(X509_STORE_CTX_get_current_cert(chain), host);
  ERR_clear_error();
  if (error != X509_V_OK) X509_STORE_CTX_set_error(chain, error);
  return error == X509_V_OK;
}

void aui_tls_describe_handshake(const SSL *ssl, const char *host, char *words, size_t size) {
  unsigned long code = (unsigned long)(uintptr_t)SSL_get_app_data(ssl);
  bool cut = !code || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (cut) {
    snprintf(words, size, "TLS handshake: the server ended the connection");
  } else {
    describe_handshake(ssl, code, host, words, size);
  }
}
