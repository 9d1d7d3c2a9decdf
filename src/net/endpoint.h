/* Where a connection goes, and what may be done with it. */
#ifndef AUI_NET_ENDPOINT_H
#define AUI_NET_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const char *ca_file; /* PEM; NULL: the system's */
  const char *cert;    /* PEM: a client certificate and its chain; NULL for none */
  const char *key;     /* PEM, without a passphrase; NULL: in the same file as `cert` */
  bool verify;         /* the peer's certificate and that it is valid for the host */
} aui_tls_options;

/* An HTTP proxy, which opens tunnels. */
typedef struct {
  const char *host; /* as of an endpoint */
  uint16_t port;
  const aui_tls_options *tls; /* with the proxy itself; NULL: plain TCP */
  const char *credentials;    /* "user:password" (RFC 7617); NULL for none */
} aui_proxy_options;

/* Idle connections that sessions have left for each other, as long as they stay open. While the loop is stepped they
 * are pinged, answer pings, and are closed with a close frame; one on which the agent speaks serves nobody any more. */
typedef struct {
  const char *name; /* they serve those who give the same name: it must tell apart what is asked for on connecting */
  size_t size;      /* how many to keep of this name; the oldest goes first */
  uint64_t idle;    /* milliseconds after which one is closed */
} aui_pool_options;

typedef struct {
  const char *host; /* name or address (IPv6 without brackets), at most 253 bytes; also for SNI and verification */
  uint16_t port;
  const aui_tls_options *tls;     /* NULL: plain TCP */
  const aui_proxy_options *proxy; /* which resolves `host` and connects there; NULL: none */
  const aui_pool_options *pool;   /* NULL: none */
  bool asks;                      /* whether the request is asked for before each connection: see aui_link_asks */
} aui_endpoint;

/* Copies with strings of their own, to be released (NULL does nothing); NULL when memory is short. */
aui_tls_options *aui_tls_options_copy(const aui_tls_options *options);
void aui_tls_options_free(aui_tls_options *options);
aui_proxy_options *aui_proxy_options_copy(const aui_proxy_options *options);
void aui_proxy_options_free(aui_proxy_options *options);

/* Whether both say the same; NULL, for none, equals NULL alone. */
bool aui_tls_options_equal(const aui_tls_options *a, const aui_tls_options *b);
bool aui_proxy_options_equal(const aui_proxy_options *a, const aui_proxy_options *b);

#endif
