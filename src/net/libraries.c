/* Which libraries this program runs with. */
#include "net/libraries.h"

#include <libwebsockets.h>
#include <openssl/crypto.h>
#include <uv.h>

aui_libraries aui_libraries_loaded(void) {
  return (aui_libraries){lws_get_library_version(), uv_version_string(), OpenSSL_version(OPENSSL_VERSION_STRING)};
}
