/* The way to a server through a proxy: the engine's tunnel, on the connection as it is or inside of TLS. */
#include "net/proxy.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/aui.h"
#include "net/tls.h"
#include "net/tls_context.h"

enum { PLAIN_SIZE = 16 * 1024 }; /* bytes: a TLS record (RFC 8446 5.1) */

struct aui_proxy {
  aui_tunnel *tunnel; /* NULL once it is open */
  aui_tls *tls;       /* with the proxy; NULL: without */
  const uint8_t *in, *end;
  bool retryable;
  char error[AUI_ERROR_MESSAGE_SIZE];
  char plain[]; /* what TLS decrypts: PLAIN_SIZE, or nothing without it */
};

/* ---- Connections ---- */

aui_proxy *aui_proxy_new(const aui_proxy_options *options, SSL_CTX *context, const char *host, uint16_t port) {
  const aui_tunnel_route route = {options->host, options->port, options->credentials, host, port};
  aui_proxy *proxy = calloc(1, sizeof *proxy + (context ? PLAIN_SIZE : 0));
  if (!proxy) return NULL;
  proxy->tunnel = aui_tunnel_new(&route);
  proxy->tls = context ? aui_tls_new(context, options->host, options->port) : NULL;
  if (proxy->tunnel && (proxy->tls || !context)) return proxy;
  aui_proxy_free(proxy);
  return NULL;
}

void aui_proxy_free(aui_proxy *proxy) {
  if (!proxy) return;
  aui_tunnel_free(proxy->tunnel);
  aui_tls_free(proxy->tls);
  free(proxy);
}

/* ---- Failures ---- */

static aui_proxy_event proxy_fail(aui_proxy *proxy, const char *what, const char *words, bool retryable) {
  snprintf(proxy->error, sizeof proxy->error, "%s%s", what, words);
  proxy->retryable = retryable;
  return AUI_PROXY_FAILED;
}

/* The tunnel's words name the proxy. */
static aui_proxy_event fail_by_tunnel(aui_proxy *proxy) {
  const aui_error *error = aui_tunnel_error(proxy->tunnel);
  return proxy_fail(proxy, "", error->message, error->retryable);
}

static aui_proxy_event fail_by_tls(aui_proxy *proxy) {
  return proxy_fail(proxy, "proxy: ", aui_tls_error(proxy->tls), aui_tls_retryable(proxy->tls));
}

void aui_proxy_cut(aui_proxy *proxy, const char *cause) {
  if (proxy->tls && !aui_tls_is_open(proxy->tls)) {
    proxy_fail(proxy, "proxy: TLS handshake: ", cause ? cause : "the server ended the connection", true);
  } else {
    aui_tunnel_cut(proxy->tunnel, cause);
    fail_by_tunnel(proxy);
  }
}

/* ---- Bytes from the proxy ---- */

void aui_proxy_feed(aui_proxy *proxy, const void *bytes, size_t n) {
  if (proxy->tls) {
    aui_tls_feed(proxy->tls, bytes, n);
  } else {
    proxy->in = bytes;
    proxy->end = proxy->in + n;
  }
}

/* TLS is open: the request for the tunnel goes through it. */
static bool ask_by_tls(aui_proxy *proxy) {
  size_t n;
  const void *request = aui_tunnel_output(proxy->tunnel, &n);
  if (!aui_tls_write(proxy->tls, request, n)) return false;
  aui_tunnel_written(proxy->tunnel, n);
  return true;
}

/* Goes on until there are plain bytes: BYTES. */
static aui_proxy_event decrypt(aui_proxy *proxy) {
  size_t n;
  for (;;) {
    switch (aui_tls_read(proxy->tls, proxy->plain, PLAIN_SIZE, &n)) {
      case AUI_TLS_MORE: return AUI_PROXY_MORE;
      case AUI_TLS_OPEN:
        if (!ask_by_tls(proxy)) return fail_by_tls(proxy);
        break;
      case AUI_TLS_PLAIN:
        proxy->in = (const uint8_t *)proxy->plain;
        proxy->end = proxy->in + n;
        return AUI_PROXY_BYTES;
      case AUI_TLS_END:
        if (!proxy->tunnel) return AUI_PROXY_END;
        aui_proxy_cut(proxy, NULL);
        return AUI_PROXY_FAILED;
      case AUI_TLS_FAILED: return fail_by_tls(proxy);
    }
  }
}

/* Reads the proxy's answer; what is behind it is left. */
static aui_proxy_event read_tunnel(aui_proxy *proxy) {
  switch (aui_tunnel_read(proxy->tunnel, &proxy->in, proxy->end)) {
    case AUI_TUNNEL_MORE: return AUI_PROXY_MORE;
    case AUI_TUNNEL_FAILED: return fail_by_tunnel(proxy);
    case AUI_TUNNEL_OPEN: break;
  }
  aui_tunnel_free(proxy->tunnel);
  proxy->tunnel = NULL;
  return AUI_PROXY_OPEN;
}

aui_proxy_event aui_proxy_read(aui_proxy *proxy, const void **bytes, size_t *n) {
  aui_proxy_event event;
  do {
    event = proxy->tls ? decrypt(proxy) : AUI_PROXY_BYTES;
    if (event != AUI_PROXY_BYTES) return event;
    if (proxy->tunnel) event = read_tunnel(proxy);
  } while (event == AUI_PROXY_MORE && proxy->tls);
  *bytes = proxy->in;
  *n = (size_t)(proxy->end - proxy->in);
  return event;
}

/* ---- Bytes for the proxy ---- */

bool aui_proxy_is_open(const aui_proxy *proxy) {
  return !proxy->tunnel;
}

bool aui_proxy_has_tls(const aui_proxy *proxy) {
  return proxy->tls;
}

bool aui_proxy_write(aui_proxy *proxy, const void *bytes, size_t n) {
  return aui_tls_write(proxy->tls, bytes, n);
}

void aui_proxy_close(aui_proxy *proxy) {
  if (proxy->tls) aui_tls_close(proxy->tls);
}

const void *aui_proxy_output(const aui_proxy *proxy, size_t *n) {
  return proxy->tls ? aui_tls_output(proxy->tls, n) : aui_tunnel_output(proxy->tunnel, n);
}

void aui_proxy_written(aui_proxy *proxy, size_t n) {
  if (proxy->tls) {
    aui_tls_written(proxy->tls, n);
  } else {
    aui_tunnel_written(proxy->tunnel, n);
  }
}

const char *aui_proxy_error(const aui_proxy *proxy) {
  return proxy->error;
}

bool aui_proxy_retryable(const aui_proxy *proxy) {
  return proxy->retryable;
}
