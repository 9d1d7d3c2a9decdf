/* TLS contexts: one policy, the options' files, when to read those again, and what resumes sessions. */
#include "net/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* By what a file is known to be the one that was read, and to hold the same still. All zero: there is none. */
typedef struct {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
  struct timespec changed; /* shows other contents also where the date of modification was copied along */
} file_state;

/* Of the authorities, a file or the system's file and directory; the certificate; and the key. */
enum { FILES = 4 };

struct aui_tls_entry {
  aui_tls_entry *next;
  aui_tls_options *options;
  file_state files[FILES]; /* before they were read */
  SSL_CTX *ssl;
  aui_tls_tickets tickets; /* of connections by `ssl` */
  uint64_t unusable_since; /* when the files were first found to be so; UINT64_MAX: they are not */
};

/* ---- The state of files ---- */

static const char *key_file(const aui_tls_options *options) {
  return options->key ? options->key : options->cert;
}

static file_state look_at_file(const char *path) {
  struct stat found;
  if (!path || stat(path, &found) != 0) return (file_state){0};
  return (file_state){found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim};
}

/* Where the system's authorities are is OpenSSL's affair, and may be said by the environment. */
static file_state look_at_default(const char *variable, const char *path) {
  const char *given = getenv(variable);
  return look_at_file(given ? given : path);
}

static void look_at_files(const aui_tls_options *options, file_state files[FILES]) {
  memset(files, 0, FILES * sizeof *files);
  if (options->verify && options->ca_file) {
    files[0] = look_at_file(options->ca_file);
  } else if (options->verify) {
    files[0] = look_at_default(X509_get_default_cert_file_env(), X509_get_default_cert_file());
    files[1] = look_at_default(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
  }
  files[2] = look_at_file(options->cert);
  files[3] = look_at_file(key_file(options));
}

static bool equal_times(struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool equal_files(const file_state *a, const file_state *b) {
  for (int i = 0; i < FILES; i++) {
    bool same = a[i].device == b[i].device && a[i].inode == b[i].inode && a[i].size == b[i].size &&
                equal_times(a[i].modified, b[i].modified) && equal_times(a[i].changed, b[i].changed);
    if (!same) return false;
  }
  return true;
}

/* ---- A context ---- */

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

/* To open a pipe could take for ever, and what it holds can be read but once. */
static bool is_no_file(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

static bool check_files(const aui_tls_options *options, char *why, size_t why_size) {
  const struct {
    const char *name, *path;
  } files[] = {{"ca_file", options->ca_file}, {"cert", options->cert}, {"key", options->key}};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    if (!files[i].path || !is_no_file(files[i].path)) continue;
    snprintf(why, why_size, "tls.%s: cannot use %s: it is not a file", files[i].name, files[i].path);
    return false;
  }
  return true;
}

static bool load_client_certificate(SSL_CTX *ssl, const aui_tls_options *options, char *why, size_t why_size) {
  const char *cert = options->cert, *key = key_file(options);
  if (!cert && !key) return true;
  if (!cert) {
    snprintf(why, why_size, "tls.key: useless without tls.cert");
  } else if (SSL_CTX_use_certificate_chain_file(ssl, cert) != 1) {
    snprintf(why, why_size, "tls.cert: cannot use %s: %s", cert, reason_in_words());
  } else if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) != 1) {
    snprintf(why, why_size, "tls.key: cannot use %s: %s", key, reason_in_words());
  } else if (SSL_CTX_check_private_key(ssl) != 1) {
    snprintf(why, why_size, "tls.key: %s does not fit %s: %s", key, cert, reason_in_words());
  } else {
    return true;
  }
  return false;
}

/* What the user's file has is trusted as it is, also an intermediate without the root above it. */
static bool load_authorities(SSL_CTX *ssl, const aui_tls_options *options, char *why, size_t why_size) {
  const char *file = options->ca_file;
  if (!options->verify) return true;
  if (file) X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
  int ok = file ? SSL_CTX_load_verify_file(ssl, file) : SSL_CTX_set_default_verify_paths(ssl);
  if (ok == 1) return true;
  snprintf(why, why_size, "tls.ca_file: cannot use %s: %s", file ? file : "the system's", reason_in_words());
  return false;
}

/* OpenSSL's result `ok` stands, but for a better word for it. */
static int verify_peer(int ok, X509_STORE_CTX *chain) {
  int error = X509_STORE_CTX_get_error(chain);
  bool mismatch = error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH;
  if (ok || !mismatch) return ok;
  bool named = X509_get_ext_by_NID(X509_STORE_CTX_get_current_cert(chain), NID_subject_alt_name, -1) >= 0;
  if (!named) X509_STORE_CTX_set_error(chain, AUI_TLS_NAMELESS);
  return ok;
}

/* OpenSSL calls it for each ticket of TLS 1.3, and for the session of a full handshake of 1.2. */
static int keep_ticket(SSL *ssl, SSL_SESSION *session) {
  aui_tls_tickets *tickets = aui_tls_context_tickets(SSL_get_SSL_CTX(ssl));
  if (tickets) aui_tls_tickets_put(tickets, SSL_get_app_data(ssl), session, time(NULL));
  return 0; /* it stays OpenSSL's */
}

static void set_policy(SSL_CTX *ssl, bool verify) {
  static const unsigned char alpn[] = "\x8http/1.1"; /* WebSocket's opening handshake is HTTP/1.1: RFC 6455 4.1 */
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS); /* an idle connection keeps no record buffers: 34 kB */
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ssl, keep_ticket);
  SSL_CTX_set_alpn_protos(ssl, alpn, sizeof alpn - 1);
  SSL_CTX_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, verify_peer);
  SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
}

static SSL_CTX *make_ssl_context(const aui_tls_options *options, char *why, size_t why_size) {
  snprintf(why, why_size, "out of memory");
  ERR_clear_error();
  SSL_CTX *ssl = SSL_CTX_new(TLS_client_method());
  bool ok = false;
  if (ssl) {
    set_policy(ssl, options->verify);
    ok = check_files(options, why, why_size) && load_authorities(ssl, options, why, why_size) &&
         load_client_certificate(ssl, options, why, why_size);
  }
  ERR_clear_error();
  if (ok) return ssl;
  SSL_CTX_free(ssl);
  return NULL;
}

/* ---- Those of a loop ---- */

static void free_entry(aui_tls_entry *entry) {
  if (!entry) return;
  aui_tls_options_free(entry->options);
  aui_tls_tickets_free(&entry->tickets);
  SSL_CTX_free(entry->ssl);
  free(entry);
}

/* Takes the entry out of the list. */
static aui_tls_entry *take_entry_out(aui_tls_contexts *contexts, const aui_tls_options *options) {
  for (aui_tls_entry **place = &contexts->newest; *place; place = &(*place)->next) {
    aui_tls_entry *entry = *place;
    if (!aui_tls_options_equal(entry->options, options)) continue;
    *place = entry->next;
    return entry;
  }
  return NULL;
}

/* Puts the entry in front; the last one has to go when there are too many. */
static SSL_CTX *put_in_front(aui_tls_contexts *contexts, aui_tls_entry *entry) {
  entry->next = contexts->newest;
  contexts->newest = entry;
  aui_tls_entry *last = entry;
  for (int i = 1; i < AUI_TLS_CONTEXTS_KEPT && last->next; i++) last = last->next;
  free_entry(last->next);
  last->next = NULL;
  return entry->ssl;
}

static aui_tls_entry *new_entry(const aui_tls_options *options) {
  aui_tls_entry *entry = calloc(1, sizeof *entry);
  if (!entry) return NULL;
  entry->unusable_since = UINT64_MAX;
  aui_tls_tickets_init(&entry->tickets);
  entry->options = aui_tls_options_copy(options);
  if (entry->options) return entry;
  free(entry);
  return NULL;
}

/* Reads the files, which were in this state before. What one verified by other files is no reason to trust it now. */
static bool renew_entry(aui_tls_entry *entry, const file_state files[FILES], uint64_t now, char *why, size_t why_size) {
  SSL_CTX *ssl = make_ssl_context(entry->options, why, why_size);
  if (!ssl) {
    if (entry->unusable_since == UINT64_MAX) entry->unusable_since = now;
    return entry->ssl && now - entry->unusable_since < AUI_TLS_RENEWAL;
  }
  aui_tls_tickets_free(&entry->tickets);
  SSL_CTX_free(entry->ssl);
  entry->ssl = ssl;
  entry->unusable_since = UINT64_MAX;
  memcpy(entry->files, files, sizeof entry->files);
  return true;
}

SSL_CTX *aui_tls_contexts_get(aui_tls_contexts *contexts, const aui_tls_options *options, uint64_t now, char *why,
                              size_t why_size) {
  file_state files[FILES];
  look_at_files(options, files);
  aui_tls_entry *entry = take_entry_out(contexts, options);
  snprintf(why, why_size, "out of memory");
  if (!entry) entry = new_entry(options);
  if (!entry) return NULL;
  bool current = entry->ssl && equal_files(entry->files, files);
  if (current) entry->unusable_since = UINT64_MAX;
  if (current || renew_entry(entry, files, now, why, why_size)) {
    SSL_CTX_set_app_data(entry->ssl, contexts);
    return put_in_front(contexts, entry);
  }
  free_entry(entry);
  return NULL;
}

aui_tls_tickets *aui_tls_context_tickets(const SSL_CTX *context) {
  const aui_tls_contexts *contexts = SSL_CTX_get_app_data(context);
  aui_tls_entry *entry = contexts ? contexts->newest : NULL;
  while (entry && entry->ssl != context) entry = entry->next;
  return entry ? &entry->tickets : NULL;
}

void aui_tls_contexts_forget(aui_tls_contexts *contexts) {
  for (aui_tls_entry *entry = contexts->newest; entry; entry = entry->next) aui_tls_tickets_free(&entry->tickets);
}

void aui_tls_contexts_free(aui_tls_contexts *contexts) {
  while (contexts->newest) {
    aui_tls_entry *entry = contexts->newest;
    contexts->newest = entry->next;
    free_entry(entry);
  }
}
