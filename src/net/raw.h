/* Raw connections of libwebsockets, which know to whom they belong. */
#ifndef AUI_NET_RAW_H
#define AUI_NET_RAW_H

#include <libwebsockets.h>
#include <stdbool.h>
#include <uv.h>

enum {
  AUI_RAW_READ_SIZE = 64 * 1024, /* bytes a socket is read in; smaller pieces cost more system calls */

  /* A week, longer than anybody waits: libwebsockets' timeouts are the same for all connections, and a session's or a
   * call's own is what counts. In seconds; in milliseconds it must fit into an int. */
  AUI_RAW_LONG_TIMEOUT = 7 * 24 * 3600
};

/* To whom a raw connection of libwebsockets belongs: its opaque user data points to the first member of a transport, or
 * to an owner of one that lingers, or is NULL when it is to be closed. `on_event` returns false to close it. */
typedef struct aui_owner {
  bool (*on_event)(struct aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in,
                   size_t n);
} aui_owner;

/* The vhost of raw connections; NULL when memory is short. It is the context's. */
struct lws_vhost *aui_raw_create_vhost(struct lws_context *lws);

/* Gives a connected socket to libwebsockets, for `owner`. NULL when that has no room for it; the socket is closed then.
 */
struct lws *aui_raw_adopt(struct lws_vhost *vhost, uv_os_sock_t socket, aui_owner *owner);

/* Makes libwebsockets close it, outside of a callback for it. Its owner is not called any more. */
void aui_raw_close(struct lws *wsi);

/* When it is closed, its peer gets a reset, and what is unsent is thrown away. */
void aui_raw_discard_unsent(struct lws *wsi);

/* Ends its output, and drops what still comes until the peer has ended it too, or two seconds are over; what is unsent
 * then is thrown away. Its owner is not called any more. */
void aui_raw_linger(struct lws *wsi);

/* Makes libwebsockets close all of the vhost's, outside of its callbacks. Their owners are not called any more. */
void aui_raw_close_all(struct lws_vhost *vhost);

#endif
