/* Options of endpoints, copied and compared. */
#include "net/endpoint.h"

#include <stdlib.h>
#include <string.h>

/* NULL stays NULL; false when memory is short. */
static bool copy_string(const char **to, const char *from) {
  *to = from ? strdup(from) : NULL;
  return *to || !from;
}

static bool equal_strings(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- TLS ---- */

aui_tls_options *aui_tls_options_copy(const aui_tls_options *options) {
  aui_tls_options *copy = calloc(1, sizeof *copy);
  if (!copy) return NULL;
  copy->verify = options->verify;
  bool copied = copy_string(&copy->ca_file, options->ca_file) && copy_string(&copy->cert, options->cert) &&
                copy_string(&copy->key, options->key);
  if (copied) return copy;
  aui_tls_options_free(copy);
  return NULL;
}

void aui_tls_options_free(aui_tls_options *options) {
  if (!options) return;
  free((char *)options->ca_file);
  free((char *)options->cert);
  free((char *)options->key);
  free(options);
}

bool aui_tls_options_equal(const aui_tls_options *a, const aui_tls_options *b) {
  if (!a || !b) return a == b;
  return a->verify == b->verify && equal_strings(a->ca_file, b->ca_file) && equal_strings(a->cert, b->cert) &&
         equal_strings(a->key, b->key);
}

/* ---- Proxies ---- */

aui_proxy_options *aui_proxy_options_copy(const aui_proxy_options *options) {
  aui_proxy_options *copy = calloc(1, sizeof *copy);
  if (!copy) return NULL;
  copy->port = options->port;
  copy->tls = options->tls ? aui_tls_options_copy(options->tls) : NULL;
  bool copied = copy_string(&copy->host, options->host) && copy_string(&copy->credentials, options->credentials);
  if (copied && (copy->tls || !options->tls)) return copy;
  aui_proxy_options_free(copy);
  return NULL;
}

void aui_proxy_options_free(aui_proxy_options *options) {
  if (!options) return;
  free((char *)options->host);
  free((char *)options->credentials);
  aui_tls_options_free((aui_tls_options *)options->tls);
  free(options);
}

bool aui_proxy_options_equal(const aui_proxy_options *a, const aui_proxy_options *b) {
  if (!a || !b) return a == b;
  return a->port == b->port && equal_strings(a->host, b->host) && equal_strings(a->credentials, b->credentials) &&
         aui_tls_options_equal(a->tls, b->tls);
}
