// A throw-away certificate authority; see sim_tls.h. Keys are P-256.
#include "sim_tls.h"

#include "sim_buffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY 86400L

static bool failed(const char *what, const char *why) {
  fprintf(stderr, "aui-sim: --tls-dir: %s: %s\n", what, why);
  return false;
}

static bool openssl_failed(const char *what) {
  return failed(what, ERR_reason_error_string(ERR_peek_last_error()));
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool added = extension && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

static bool set_serial(X509 *certificate) {
  unsigned char bytes[16];
  BIGNUM *number = RAND_bytes(bytes, sizeof bytes) == 1 ? BN_bin2bn(bytes, sizeof bytes, NULL) : NULL;
  bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
  BN_free(number);
  return set;
}

// An unsigned certificate for this key, valid between two times given in seconds from now; NULL on failure.
static X509 *new_certificate(EVP_PKEY *key, const char *common_name, long from, long until) {
  X509 *certificate = X509_new();
  X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
  if (subject && X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
      X509_gmtime_adj(X509_getm_notBefore(certificate), from) &&
      X509_gmtime_adj(X509_getm_notAfter(certificate), until) &&
      X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1 &&
      X509_set_pubkey(certificate, key) == 1)
    return certificate;
  X509_free(certificate);
  return NULL;
}

static X509 *new_authority(EVP_PKEY *key) {
  X509 *ca = new_certificate(key, "aui-sim throw-away CA", -DAY, 365 * DAY);
  if (ca && X509_set_issuer_name(ca, X509_get_subject_name(ca)) == 1 &&
      add_extension(ca, ca, NID_basic_constraints, "critical,CA:TRUE") &&
      add_extension(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign") &&
      add_extension(ca, ca, NID_subject_key_identifier, "hash") && X509_sign(ca, key, EVP_sha256()) > 0)
    return ca;
  X509_free(ca);
  return NULL;
}

// The subjectAltName of a certificate for this name, an address or a host name.
static void alternative_names(struct sim_buffer *out, const char *name) {
  unsigned char address[sizeof(struct in6_addr)];
  if (!name)
    sim_buffer_add_string(out, "DNS:localhost,IP:127.0.0.1,IP:::1");
  else if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
    sim_buffer_printf(out, "IP:%s", name);
  else
    sim_buffer_printf(out, "DNS:%s", name);
}

static X509 *new_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key, const char *name, bool expired) {
  struct sim_buffer names = {0};
  alternative_names(&names, name);
  X509 *server =
      new_certificate(key, name ? name : "localhost", expired ? -2 * DAY : -DAY, expired ? -3600 : 365 * DAY);
  bool good = server && X509_set_issuer_name(server, X509_get_subject_name(ca)) == 1 &&
              add_extension(server, ca, NID_basic_constraints, "critical,CA:FALSE") &&
              add_extension(server, ca, NID_key_usage, "critical,digitalSignature") &&
              add_extension(server, ca, NID_ext_key_usage, "serverAuth") &&
              add_extension(server, ca, NID_subject_key_identifier, "hash") &&
              add_extension(server, ca, NID_authority_key_identifier, "keyid:always") &&
              add_extension(server, ca, NID_subject_alt_name, (const char *)names.data) &&
              X509_sign(server, ca_key, EVP_sha256()) > 0;
  sim_buffer_free(&names);
  if (good) return server;
  X509_free(server);
  return NULL;
}

// Opens a file of the directory for writing, readable by its owner alone.
static FILE *create(const char *directory, const char *name) {
  struct sim_buffer path = {0};
  sim_buffer_printf(&path, "%s/%s", directory, name);
  int fd = open((const char *)path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
  if (!file) failed((const char *)path.data, strerror(errno));
  sim_buffer_free(&path);
  return file;
}

static bool write_certificate(const char *directory, const char *name, X509 *certificate) {
  FILE *file = create(directory, name);
  bool written = file && PEM_write_X509(file, certificate) == 1;
  return (file && fclose(file) == 0) && written;
}

static bool write_key(const char *directory, const char *name, EVP_PKEY *key) {
  FILE *file = create(directory, name);
  bool written = file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1;
  return (file && fclose(file) == 0) && written;
}

static bool exists(const char *directory, const char *name) {
  struct sim_buffer path = {0};
  sim_buffer_printf(&path, "%s/%s", directory, name);
  bool found = access((const char *)path.data, F_OK) == 0;
  sim_buffer_free(&path);
  return found;
}

bool sim_tls_prepare(const char *directory, const char *name, bool expired) {
  if (exists(directory, SIM_CERTIFICATE_FILE) && exists(directory, SIM_KEY_FILE)) return true;
  if (mkdir(directory, 0700) != 0 && errno != EEXIST) return failed(directory, strerror(errno));
  EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
  X509 *ca = ca_key ? new_authority(ca_key) : NULL;
  X509 *server = ca && key ? new_server(key, ca, ca_key, name, expired) : NULL;
  bool made = server ? write_certificate(directory, SIM_CA_FILE, ca) &&
                           write_certificate(directory, SIM_CERTIFICATE_FILE, server) &&
                           write_key(directory, SIM_KEY_FILE, key)
                     : openssl_failed("making a certificate");
  X509_free(server);
  X509_free(ca);
  EVP_PKEY_free(key);
  EVP_PKEY_free(ca_key);
  return made;
}
