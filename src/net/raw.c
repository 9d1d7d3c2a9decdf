/* Raw connections of libwebsockets, which know to whom they belong. */
#include <sys/socket.h>

#include "net/internal.h"

enum { LINGER_SECONDS = 2 };

int aui_raw_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len) {
  (void)user;
  switch (reason) {
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
    case LWS_CALLBACK_RAW_CLOSE: {
      aui_owner *owner = lws_get_opaque_user_data(wsi);
      return owner && owner->serve(owner, wsi, reason, in, len) ? 0 : -1;
    }
    default: return 0;
  }
}

static bool drop(aui_owner *owner, struct lws *wsi, enum lws_callback_reasons reason, const void *in, size_t n) {
  (void)owner;
  (void)wsi;
  (void)in;
  (void)n;
  return reason != LWS_CALLBACK_RAW_CLOSE;
}

void aui_raw_linger(struct lws *wsi) {
  static const aui_owner nobody = {drop};
  shutdown(lws_get_socket_fd(wsi), SHUT_WR);
  lws_set_opaque_user_data(wsi, (void *)&nobody);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LINGER_SECONDS);
}

void aui_raw_close(struct lws *wsi) {
  lws_set_opaque_user_data(wsi, NULL);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}
