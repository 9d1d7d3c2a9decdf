/* The way to a server through a proxy: TLS with the proxy, if it is to be had, and the tunnel. A filter as TLS is:
 * bytes of the proxy's connection on one side, those of the tunnel on the other. */
#ifndef AUI_NET_PROXY_H
#define AUI_NET_PROXY_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "net/endpoint.h"

typedef struct aui_proxy aui_proxy; /* one connection */

/* A connection to a proxy on which a tunnel to `host` and `port` has yet to be opened; NULL when memory is short.
 * `context`: for TLS with the proxy; NULL without. */
aui_proxy *aui_proxy_new(const aui_proxy_options *options, SSL_CTX *context, const char *host, uint16_t port);
void aui_proxy_free(aui_proxy *proxy);

typedef enum {
  AUI_PROXY_MORE,  /* all input is used; more is needed */
  AUI_PROXY_OPEN,  /* the tunnel is open: returned once. `bytes` (perhaps none) came through it already */
  AUI_PROXY_BYTES, /* `bytes` came through the open tunnel. Only with TLS: without it there is nothing to filter then */
  AUI_PROXY_END,   /* the proxy ended TLS in order, when the tunnel was open */
  AUI_PROXY_FAILED /* see aui_proxy_error */
} aui_proxy_event;

/* Gives the next bytes from the proxy, all of those before having been used; they must stay where they are until
 * aui_proxy_read has returned AUI_PROXY_MORE, AUI_PROXY_END or AUI_PROXY_FAILED. */
void aui_proxy_feed(aui_proxy *proxy, const void *bytes, size_t n);

/* Goes on with what was fed, up to the next event; `bytes` are valid until the next call. To be called once at the
 * beginning, which makes the first output. */
aui_proxy_event aui_proxy_read(aui_proxy *proxy, const void **bytes, size_t *n);

/* The connection ended before the tunnel was open: it has failed. `cause` in words, NULL for an end in order. */
void aui_proxy_cut(aui_proxy *proxy, const char *cause);

bool aui_proxy_is_open(const aui_proxy *proxy);
bool aui_proxy_has_tls(const aui_proxy *proxy);

/* Puts bytes for the open tunnel, at least one, into the output, by TLS; returns false after a failure. */
bool aui_proxy_write(aui_proxy *proxy, const void *bytes, size_t n);

/* Puts close_notify into the output, if there is TLS and it is open. Nothing can be written afterwards. */
void aui_proxy_close(aui_proxy *proxy);

/* Bytes for the proxy; valid until the next call. */
const void *aui_proxy_output(const aui_proxy *proxy, size_t *n);
void aui_proxy_written(aui_proxy *proxy, size_t n);

/* After a failure: what it was, and whether another attempt has a chance. */
const char *aui_proxy_error(const aui_proxy *proxy);
bool aui_proxy_retryable(const aui_proxy *proxy);

#endif
