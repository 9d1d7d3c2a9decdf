/* Raw connections of libwebsockets, which know to whom they belong. */
#include "net/raw.h"

#include <sys/socket.h>

enum { LINGER_SECONDS = 2 };

static int on_raw_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_CLOSE: {
      aui_owner *owner = lws_get_opaque_user_data(wsi);
      return owner && owner->on_event(owner, wsi, reason, in, len) ? 0 : -1;
    }
    case LWS_CALLBACK_USER: /* of aui_raw_close_all */
      aui_raw_close(wsi);
      ++*(size_t *)in;
      return 0;
    default: return 0;
  }
}

struct lws_vhost *aui_raw_create_vhost(struct lws_context *lws) {
  static const struct lws_protocols protocols[] = {{.name = "aui", .callback = on_raw_event}, {0}};
  struct lws_context_creation_info info = {
      .port = CONTEXT_PORT_NO_LISTEN,
      .protocols = protocols,
      .vhost_name = "default",
      .connect_timeout_secs = AUI_RAW_LONG_TIMEOUT,
      .http_proxy_address = "", /* else the environment's is read */
  };
  return lws_create_vhost(lws, &info);
}

struct lws *aui_raw_adopt(struct lws_vhost *vhost, uv_os_sock_t socket, aui_owner *owner) {
  lws_sock_file_fd_type fd = {.sockfd = socket};
  struct lws *wsi = lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_SOCKET, fd, "aui", NULL);
  if (wsi) lws_set_opaque_user_data(wsi, owner);
  return wsi;
}

void aui_raw_discard_unsent(struct lws *wsi) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(lws_get_socket_fd(wsi), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static bool drop_input(aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in, size_t n) {
  (void)owner;
  (void)in;
  (void)n;
  if (reason != LWS_CALLBACK_RAW_CLOSE) return true;
  aui_raw_discard_unsent(wsi);
  return false;
}

void aui_raw_linger(struct lws *wsi) {
  static const aui_owner nobody = {drop_input};
  shutdown(lws_get_socket_fd(wsi), SHUT_WR);
  lws_set_opaque_user_data(wsi, (void *)&nobody);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LINGER_SECONDS);
}

void aui_raw_close(struct lws *wsi) {
  lws_set_opaque_user_data(wsi, NULL);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* Closing one moves another one to its place in the list that is gone through. */
void aui_raw_close_all(struct lws_vhost *vhost) {
  const struct lws_protocols *protocol = lws_vhost_name_to_protocol(vhost, "aui");
  size_t closed;
  do {
    closed = 0;
    lws_callback_all_protocol_vhost_args(vhost, protocol, LWS_CALLBACK_USER, &closed, sizeof closed);
  } while (closed > 0);
}
