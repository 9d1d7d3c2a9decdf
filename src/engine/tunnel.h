/* A tunnel through an HTTP proxy (RFC 9110, 9.3.6): asks for it, and reads what the proxy answers. What goes through it
 * is for those who asked. */
#ifndef AUI_ENGINE_TUNNEL_H
#define AUI_ENGINE_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/error.h"

enum { AUI_TUNNEL_MAX_HEAD = 16 * 1024 }; /* bytes that the proxy's answer may have before the tunnel begins */

/* Borrowed for the call only. None of the strings may hold CR, LF or NUL, which the caller has checked. */
typedef struct {
  const char *proxy_host; /* name or address, IPv6 without brackets; it is the driver who connects there */
  uint16_t proxy_port;
  const char *credentials; /* "user:password" for the proxy (RFC 7617); NULL: none */
  const char *host;        /* where the tunnel is to lead, as above: the proxy resolves the name */
  uint16_t port;
} aui_tunnel_route;

typedef struct aui_tunnel aui_tunnel;

/* A tunnel that is to be asked for, on a connection to the proxy; NULL when memory is short. The caller owns it. */
aui_tunnel *aui_tunnel_new(const aui_tunnel_route *route);
void aui_tunnel_free(aui_tunnel *tunnel); /* NULL is fine */

/* Bytes for the proxy, NULL with `*n` 0 when there are none; the first `n` of them were taken by the connection. */
const void *aui_tunnel_output(const aui_tunnel *tunnel, size_t *n);
void aui_tunnel_written(aui_tunnel *tunnel, size_t n);

typedef enum {
  AUI_TUNNEL_MORE,  /* all input is used; more is needed */
  AUI_TUNNEL_OPEN,  /* it is there: what is behind the input that was read comes through it */
  AUI_TUNNEL_FAILED /* see aui_tunnel_error; the connection is to be dropped */
} aui_tunnel_event;

/* Reads from `*input` up to `end` and moves `*input` behind what was consumed. After any event but MORE it must not be
 * called again. */
aui_tunnel_event aui_tunnel_read(aui_tunnel *tunnel, const uint8_t **input, const uint8_t *end);

/* The connection ended before any event but MORE: the tunnel has failed. `cause` as in aui_session_disconnected. */
void aui_tunnel_cut(aui_tunnel *tunnel, const char *cause);

/* After a failure: why, naming the proxy and what it has answered; kind transport (or overflow, of memory). Nothing of
 * the credentials is in it, unless the proxy has repeated them. Valid as long as the tunnel is. */
const aui_error *aui_tunnel_error(const aui_tunnel *tunnel);

#endif
