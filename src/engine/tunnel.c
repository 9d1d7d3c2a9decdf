/* A tunnel through an HTTP proxy: the request, with credentials of the Basic scheme, and the head of the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/aui.h"
#include "engine/base64.h"
#include "engine/buffer.h"
#include "engine/failure.h"
#include "engine/http.h"

struct aui_tunnel {
  aui_buffer proxy;   /* its name in errors, ended by NUL */
  aui_buffer request; /* what has not left */
  bool has_credentials;
  bool challenged;  /* the proxy has said which schemes of authentication it knows, */
  bool knows_basic; /* and that is one of them */
  aui_http http;
  aui_error error;
};

/* ---- The request ---- */

/* "host:port", an IPv6 address in brackets (RFC 9110, 7.2), and a NUL. */
static bool write_authority(aui_buffer *out, const char *host, uint16_t port) {
  bool is_ipv6 = strchr(host, ':');
  char end[sizeof "]:65535"];
  snprintf(end, sizeof end, "%s:%u", is_ipv6 ? "]" : "", (unsigned)port);
  return aui_buffer_append(out, "[", is_ipv6) && aui_buffer_append(out, host, strlen(host)) &&
         aui_buffer_append(out, end, strlen(end) + 1);
}

static bool write_credentials(aui_buffer *out, const char *credentials) {
  static const char field[] = "Proxy-Authorization: Basic ";
  size_t length = strlen(credentials), encoded = AUI_BASE64_LENGTH(length);
  if (!aui_buffer_append(out, field, sizeof field - 1) || !aui_buffer_reserve(out, encoded + 1)) return false;
  aui_base64_encode(out->data + out->len, credentials, length);
  out->len += encoded;
  return aui_buffer_append(out, "\r\n", 2);
}

/* The target and the Host field are the same (RFC 9112, 3.2.3). */
static bool tunnel_write_request(aui_buffer *out, const aui_tunnel_route *route) {
  aui_buffer target = {0}, fields = {0};
  bool ok = write_authority(&target, route->host, route->port) &&
            (!route->credentials || write_credentials(&fields, route->credentials)) &&
            aui_buffer_append(&fields, "", 1);
  const aui_request request = {.host = target.data, .target = target.data, .headers = ""};
  ok = ok && aui_http_write_request(out, "CONNECT", &request, fields.data);
  aui_buffer_free(&target);
  aui_buffer_free(&fields);
  return ok;
}

aui_tunnel *aui_tunnel_new(const aui_tunnel_route *route) {
  static const aui_http_limits limits = {.max_response_head = AUI_TUNNEL_MAX_HEAD};
  aui_tunnel *tunnel = calloc(1, sizeof *tunnel);
  if (!tunnel) return NULL;
  tunnel->has_credentials = route->credentials;
  aui_http_begin(&tunnel->http, &limits);
  if (write_authority(&tunnel->proxy, route->proxy_host, route->proxy_port) &&
      tunnel_write_request(&tunnel->request, route)) {
    return tunnel;
  }
  aui_tunnel_free(tunnel);
  return NULL;
}

void aui_tunnel_free(aui_tunnel *tunnel) {
  if (!tunnel) return;
  aui_buffer_free(&tunnel->proxy);
  aui_buffer_free(&tunnel->request);
  aui_http_free(&tunnel->http);
  aui_error_clear(&tunnel->error);
  free(tunnel);
}

const void *aui_tunnel_output(const aui_tunnel *tunnel, size_t *n) {
  *n = tunnel->request.len;
  return *n > 0 ? tunnel->request.data : NULL;
}

void aui_tunnel_written(aui_tunnel *tunnel, size_t n) {
  aui_buffer_consume(&tunnel->request, n);
}

/* ---- The answer ---- */

/* Whether one of the challenges (RFC 9110, 11.6.1), between commas as their parameters are, is of the scheme Basic. */
static bool has_basic(aui_span challenges) {
  static const char basic[] = "basic";
  enum { LENGTH = sizeof basic - 1 };
  bool begins = true;
  for (const char *at = challenges.at, *end = at + challenges.len; at < end; at++) {
    bool fits = begins && (size_t)(end - at) >= LENGTH && aui_span_equals((aui_span){at, LENGTH}, basic);
    if (fits && (at + LENGTH == end || strchr(" \t,", at[LENGTH]))) return true;
    begins = *at == ',' || (begins && (*at == ' ' || *at == '\t'));
  }
  return false;
}

static void take_field(aui_tunnel *tunnel) {
  const aui_http *http = &tunnel->http;
  if (!aui_span_equals(http->name, "proxy-authenticate")) return;
  tunnel->challenged = true;
  if (has_basic(http->value)) tunnel->knows_basic = true;
}

static aui_credentials check_credentials(const aui_tunnel *tunnel) {
  if (tunnel->challenged && !tunnel->knows_basic) return AUI_CREDENTIALS_UNKNOWN;
  return tunnel->has_credentials ? AUI_CREDENTIALS_REFUSED : AUI_CREDENTIALS_MISSING;
}

/* A body of a tunnel's answer there is none, whatever its fields say (RFC 9110, 9.3.6); the words of another one are
 * not waited for. */
static aui_tunnel_event tunnel_take_head(aui_tunnel *tunnel) {
  const aui_http *http = &tunnel->http;
  bool granted = http->status >= 200 && http->status < 300;
  if (granted && tunnel->request.len == 0) return AUI_TUNNEL_OPEN;
  if (granted) {
    aui_failure_of_early_tunnel(&tunnel->error, tunnel->proxy.data);
  } else {
    aui_failure_of_refused_tunnel(&tunnel->error, tunnel->proxy.data, http, check_credentials(tunnel));
  }
  return AUI_TUNNEL_FAILED;
}

aui_tunnel_event aui_tunnel_read(aui_tunnel *tunnel, const uint8_t **input, const uint8_t *end) {
  for (;;) {
    aui_http_event event = aui_http_read(&tunnel->http, input, end);
    switch (event) {
      case AUI_HTTP_NEED_MORE: return AUI_TUNNEL_MORE;
      case AUI_HTTP_FIELD: take_field(tunnel); break;
      case AUI_HTTP_HEAD: return tunnel_take_head(tunnel);
      default:
        aui_failure_of_tunnel(&tunnel->error, tunnel->proxy.data, event, AUI_TUNNEL_MAX_HEAD);
        return AUI_TUNNEL_FAILED;
    }
  }
}

void aui_tunnel_cut(aui_tunnel *tunnel, const char *cause) {
  bool answered = !aui_http_is_untouched(&tunnel->http);
  aui_failure_of_tunnel_cut(&tunnel->error, tunnel->proxy.data, answered, cause);
}

const aui_error *aui_tunnel_error(const aui_tunnel *tunnel) {
  return &tunnel->error;
}
