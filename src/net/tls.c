/* TLS by OpenSSL, reading straight from the bytes that were fed and writing to a buffer, through a BIO of our own: one
 * copy less each way than with memory BIOs. */
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/buffer.h"

struct aui_tls_context {
  aui_tls_options options; /* its strings are ours */
  SSL_CTX *ssl;
  BIO_METHOD *bio;
};

struct aui_tls {
  SSL *ssl;
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

/* ---- Contexts ---- */

/* Why OpenSSL could not do something: the first error is nearest to the cause. Empties the queue. */
static const char *reason_in_words(void) {
  unsigned long code = ERR_peek_error();
  const char *words = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  ERR_clear_error();
  return words ? words : "unknown error";
}

/* A key that is encrypted must not make OpenSSL ask for a passphrase on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *user) {
  (void)buffer, (void)size, (void)writing, (void)user;
  return -1;
}

static bool load_client_certificate(aui_tls_context *context, char *why, size_t why_size) {
  const char *cert = context->options.cert;
  const char *key = context->options.key ? context->options.key : cert;
  if (!cert && !key) return true;
  if (!cert) {
    snprintf(why, why_size, "tls.key: useless without tls.cert");
  } else if (SSL_CTX_use_certificate_chain_file(context->ssl, cert) != 1) {
    snprintf(why, why_size, "tls.cert: cannot use %s: %s", cert, reason_in_words());
  } else if (SSL_CTX_use_PrivateKey_file(context->ssl, key, SSL_FILETYPE_PEM) != 1) {
    snprintf(why, why_size, "tls.key: cannot use %s: %s", key, reason_in_words());
  } else if (SSL_CTX_check_private_key(context->ssl) != 1) {
    snprintf(why, why_size, "tls.key: %s does not fit %s: %s", key, cert, reason_in_words());
  } else {
    return true;
  }
  return false;
}

static bool load_authorities(aui_tls_context *context, char *why, size_t why_size) {
  const char *file = context->options.ca_file;
  int ok = file ? SSL_CTX_load_verify_file(context->ssl, file) : SSL_CTX_set_default_verify_paths(context->ssl);
  if (ok == 1) return true;
  snprintf(why, why_size, "tls.ca_file: cannot use %s: %s", file ? file : "the system's", reason_in_words());
  return false;
}

static void set_policy(SSL_CTX *ssl, bool verify) {
  static const unsigned char alpn[] = "\x8http/1.1"; /* WebSocket's opening handshake is HTTP/1.1: RFC 6455 4.1 */
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS); /* an idle connection keeps no record buffers: 34 kB */
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
  SSL_CTX_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
  SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
}

static bool copy_string(const char **to, const char *from) {
  *to = from ? strdup(from) : NULL;
  return *to || !from;
}

aui_tls_context *aui_tls_context_new(const aui_tls_options *options, char *why, size_t why_size) {
  snprintf(why, why_size, "out of memory");
  aui_tls_context *context = calloc(1, sizeof *context);
  if (!context) return NULL;
  aui_tls_options *own = &context->options;
  own->verify = options->verify;
  bool copied = copy_string(&own->ca_file, options->ca_file) && copy_string(&own->cert, options->cert) &&
                copy_string(&own->key, options->key);
  ERR_clear_error();
  context->ssl = SSL_CTX_new(TLS_client_method());
  context->bio = new_bio_method();
  if (copied && context->ssl && context->bio) {
    set_policy(context->ssl, options->verify);
    bool loaded = (!options->verify || load_authorities(context, why, why_size)) &&
                  load_client_certificate(context, why, why_size);
    if (loaded) return context;
  }
  ERR_clear_error();
  aui_tls_context_free(context);
  return NULL;
}

static bool equal(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

bool aui_tls_context_has(const aui_tls_context *context, const aui_tls_options *options) {
  const aui_tls_options *own = &context->options;
  return own->verify == options->verify && equal(own->ca_file, options->ca_file) && equal(own->cert, options->cert) &&
         equal(own->key, options->key);
}

void aui_tls_context_free(aui_tls_context *context) {
  SSL_CTX_free(context->ssl);
  BIO_meth_free(context->bio);
  free((char *)context->options.ca_file);
  free((char *)context->options.cert);
  free((char *)context->options.key);
  free(context);
}

/* ---- Connections ---- */

/* Names go into SNI; addresses must not (RFC 6066 3). */
static bool expect_peer(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1) return true;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

aui_tls *aui_tls_new(aui_tls_context *context, const char *host) {
  aui_tls *tls = calloc(1, sizeof *tls);
  if (!tls) return NULL;
  tls->ssl = SSL_new(context->ssl);
  tls->host = strdup(host);
  BIO *bio = BIO_new(context->bio);
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
  aui_buffer_free(&tls->out);
  free(tls->host);
  free(tls);
}

__attribute__((format(printf, 2, 3))) static void say(aui_tls *tls, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(tls->error, sizeof tls->error, format, arguments);
  va_end(arguments);
}

/* An alert's description without the version that goes before it ("tlsv13 alert certificate required"). */
static const char *alert_in_words(unsigned long code) {
  const char *words = ERR_reason_error_string(code);
  const char *alert = words ? strstr(words, "alert ") : NULL;
  if (alert) return alert + strlen("alert ");
  return words ? words : "unknown alert";
}

/* Alerts are reasons counted from SSL_AD_REASON_OFFSET. Once the connection is open, only an alert tells that another
 * attempt would fare no better; before, everything that goes wrong lies in what the two sides are. */
static void describe_failure(aui_tls *tls) {
  unsigned long code = ERR_peek_error();
  int reason = ERR_GET_REASON(code);
  bool alert = ERR_GET_LIB(code) == ERR_LIB_SSL && reason > SSL_AD_REASON_OFFSET;
  long verified = SSL_get_verify_result(tls->ssl);
  tls->retryable = tls->open && !alert;
  if (!tls->open && verified != X509_V_OK && SSL_get_verify_mode(tls->ssl) != SSL_VERIFY_NONE) {
    say(tls, "TLS: certificate of %s not accepted: %s", tls->host, X509_verify_cert_error_string(verified));
  } else if (alert) {
    say(tls, "TLS: %s refused the connection: %s", tls->host, alert_in_words(code));
  } else if (!tls->open && reason == SSL_R_WRONG_VERSION_NUMBER) {
    say(tls, "TLS: the server did not speak TLS (wrong version number)");
  } else {
    const char *words = ERR_reason_error_string(code);
    say(tls, "TLS: %s", words ? words : "out of memory");
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
