/* Writes the request of the opening handshake and checks the answer as it arrives. */
#include "engine/handshake.h"

#include <stdio.h>
#include <string.h>

#include "engine/base64.h"
#include "engine/retry_after.h"
#include "engine/sha1.h"

/* RFC 6455, 1.3. */
static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum { KEY_SIZE = AUI_BASE64_LENGTH(AUI_HANDSHAKE_NONCE_SIZE), MAX_CHUNK_FRAMING = 4096 };

/* ---- The request ---- */

/* What the server must answer with (4.2.2, 5.4). */
static void compute_accept(char accept[AUI_HANDSHAKE_ACCEPT_SIZE + 1], const char *key) {
  char text[KEY_SIZE + sizeof accept_guid];
  memcpy(text, key, KEY_SIZE);
  memcpy(text + KEY_SIZE, accept_guid, sizeof accept_guid);
  uint8_t digest[AUI_SHA1_SIZE];
  aui_sha1(digest, text, sizeof text - 1);
  aui_base64_encode(accept, digest, sizeof digest);
}

bool aui_handshake_begin(aui_handshake *handshake, aui_buffer *out, const aui_request *request,
                         const aui_handshake_offer *offer, const uint8_t nonce[AUI_HANDSHAKE_NONCE_SIZE],
                         size_t max_head) {
  const aui_http_limits limits = {.max_response_head = max_head, .max_chunk_framing = MAX_CHUNK_FRAMING};
  char key[KEY_SIZE + 1], fields[160 + sizeof AUI_EXTENSION_OFFER];
  aui_base64_encode(key, nonce, AUI_HANDSHAKE_NONCE_SIZE);
  *handshake = (aui_handshake){.offer = *offer, .unix_time = -1, .retry_after = -1};
  aui_http_begin(&handshake->http, &limits);
  compute_accept(handshake->accept, key);
  snprintf(fields, sizeof fields,
           "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n%s", key,
           offer->compression ? AUI_EXTENSION_OFFER : "");
  return aui_http_write_request(out, "GET", request, fields);
}

/* ---- The answer ---- */

static void take_accept(aui_handshake *handshake, aui_span value) {
  aui_handshake_fields *fields = &handshake->fields;
  bool right =
      value.len == AUI_HANDSHAKE_ACCEPT_SIZE && memcmp(value.at, handshake->accept, AUI_HANDSHAKE_ACCEPT_SIZE) == 0;
  if (!right || fields->accept) fields->bad_accept = true;
  fields->accept = true;
}

/* Its name is one of those that were offered, letter by letter (4.2.2). */
static void take_protocol(aui_handshake *handshake, aui_span value) {
  aui_handshake_fields *fields = &handshake->fields;
  const char *asked = handshake->offer.protocol;
  if (value.len == 0) return;
  bool right = asked && value.len == strlen(asked) && memcmp(value.at, asked, value.len) == 0;
  if (!right || fields->protocol) fields->bad_protocol = true;
  fields->protocol = true;
}

/* Its first fault counts. */
static void handshake_take_extension(aui_handshake *handshake, aui_span value) {
  aui_extension_result *result = &handshake->fields.extension;
  if (*result != AUI_EXTENSION_FINE || value.len == 0) return;
  *result = handshake->offer.compression ? aui_extension_read(&handshake->extension, value) : AUI_EXTENSION_NOT_OFFERED;
}

static void handshake_take_field(aui_handshake *handshake) {
  aui_span name = handshake->http.name, value = handshake->http.value;
  aui_handshake_fields *fields = &handshake->fields;
  if (aui_span_equals(name, "upgrade")) {
    if (aui_span_list_has(value, "websocket")) fields->upgrade = true;
  } else if (aui_span_equals(name, "connection")) {
    if (aui_span_list_has(value, "upgrade")) fields->connection = true;
  } else if (aui_span_equals(name, "sec-websocket-accept")) {
    take_accept(handshake, value);
  } else if (aui_span_equals(name, "sec-websocket-extensions")) {
    handshake_take_extension(handshake, value);
  } else if (aui_span_equals(name, "sec-websocket-protocol")) {
    take_protocol(handshake, value);
  } else if (aui_span_equals(name, "retry-after")) {
    handshake->retry_after = aui_retry_after_read(value.at, value.len, handshake->unix_time);
  }
}

/* The checks of RFC 6455, 4.1, in its order. */
static aui_handshake_result check_upgrade(const aui_handshake *handshake) {
  const aui_handshake_fields *fields = &handshake->fields;
  if (handshake->http.is_http_1_0) return AUI_HANDSHAKE_NOT_HTTP;
  if (!fields->upgrade) return AUI_HANDSHAKE_NO_UPGRADE;
  if (!fields->connection) return AUI_HANDSHAKE_NO_CONNECTION;
  if (!fields->accept || fields->bad_accept) return AUI_HANDSHAKE_BAD_ACCEPT;
  if (fields->extension) return (aui_handshake_result)fields->extension;
  if (fields->bad_protocol) return AUI_HANDSHAKE_BAD_PROTOCOL;
  if (handshake->offer.protocol && !fields->protocol) return AUI_HANDSHAKE_NO_PROTOCOL;
  return AUI_HANDSHAKE_ACCEPTED;
}

static aui_handshake_result keep_body(aui_handshake *handshake) {
  aui_buffer *body = &handshake->body;
  size_t room = AUI_HANDSHAKE_MAX_BODY - body->len, n = handshake->http.piece.len;
  if (!aui_buffer_append(body, handshake->http.piece.at, n < room ? n : room)) return AUI_HANDSHAKE_NO_MEMORY;
  return n < room ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_REFUSED;
}

static aui_handshake_result handshake_take(aui_handshake *handshake, aui_http_event event) {
  switch (event) {
    case AUI_HTTP_FIELD: handshake_take_field(handshake); return AUI_HANDSHAKE_NEED_MORE;
    case AUI_HTTP_HEAD:
      if (handshake->http.status == AUI_HTTP_SWITCHING_PROTOCOLS) return check_upgrade(handshake);
      return AUI_HANDSHAKE_NEED_MORE;
    case AUI_HTTP_BODY: return keep_body(handshake);
    case AUI_HTTP_END:
    case AUI_HTTP_BAD_FRAMING:
    case AUI_HTTP_BAD_CHUNK:
    case AUI_HTTP_ENCODED:
    case AUI_HTTP_FRAMING_TOO_LONG: return AUI_HANDSHAKE_REFUSED;
    default: return (aui_handshake_result)event; /* there is one of the same name */
  }
}

aui_handshake_result aui_handshake_read(aui_handshake *handshake, const uint8_t **input, const uint8_t *end) {
  for (;;) {
    aui_http_event event = aui_http_read(&handshake->http, input, end);
    aui_handshake_result result = handshake_take(handshake, event);
    if (event == AUI_HTTP_NEED_MORE || result != AUI_HANDSHAKE_NEED_MORE) return result;
  }
}

aui_handshake_result aui_handshake_eof(const aui_handshake *handshake) {
  if (handshake->http.status >= AUI_HTTP_FIRST_FINAL_STATUS) return AUI_HANDSHAKE_REFUSED;
  return aui_http_is_untouched(&handshake->http) ? AUI_HANDSHAKE_NEED_MORE : AUI_HANDSHAKE_NOT_HTTP;
}

const char *aui_handshake_describe(aui_handshake_result result) {
  switch (result) {
    case AUI_HANDSHAKE_NO_UPGRADE: return "the server's answer lacks \"Upgrade: websocket\"";
    case AUI_HANDSHAKE_NO_CONNECTION: return "the server's answer lacks \"Connection: Upgrade\"";
    case AUI_HANDSHAKE_BAD_ACCEPT: return "the server's Sec-WebSocket-Accept is missing, repeated or wrong";
    case AUI_HANDSHAKE_BAD_PROTOCOL: return "the server chose a subprotocol that it was not asked for";
    case AUI_HANDSHAKE_NO_PROTOCOL: return "the server did not choose the subprotocol that it was asked for";
    case AUI_HANDSHAKE_EXTENSION_NOT_OFFERED: return "the server chose an extension that was not offered";
    case AUI_HANDSHAKE_EXTENSION_MALFORMED: return "the server's Sec-WebSocket-Extensions is malformed";
    case AUI_HANDSHAKE_EXTENSION_REPEATED: return "the server chose permessage-deflate twice";
    case AUI_HANDSHAKE_BAD_PARAMETER:
      return "the server chose permessage-deflate with a parameter that is unknown, repeated or has no valid value";
    default: return aui_http_describe((aui_http_event)result);
  }
}

void aui_handshake_free(aui_handshake *handshake) {
  aui_http_free(&handshake->http);
  aui_buffer_free(&handshake->body);
}
