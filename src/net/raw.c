/* Raw connections of libwebsockets, which know to whom they belong. */
#include "net/internal.h"

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

void aui_raw_close(struct lws *wsi) {
  lws_set_opaque_user_data(wsi, NULL);
  lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}
