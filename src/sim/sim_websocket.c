// The WebSocket side of a connection; see sim_websocket.h.
#include "sim_websocket.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define MAX_INBOX 1024
#define CLOSE_SECONDS 5.0

const char *sim_websocket_refusal(const struct sim_request *request) {
  const char *key = sim_request_header(request, "sec-websocket-key");
  const char *version = sim_request_header(request, "sec-websocket-version");
  unsigned char nonce[32];
  if (strcmp(request->method, "GET") != 0 || strcmp(request->version, "HTTP/1.1") != 0)
    return "expected GET and HTTP/1.1 (RFC 6455, 4.2.1)";
  if (!sim_request_header(request, "host")) return "no Host header (RFC 6455, 4.2.1)";
  if (!sim_request_has_token(request, "upgrade", "websocket")) return "no Upgrade: websocket (RFC 6455, 4.2.1)";
  if (!sim_request_has_token(request, "connection", "upgrade")) return "no Connection: Upgrade (RFC 6455, 4.2.1)";
  if (!version || strcmp(version, "13") != 0) return "Sec-WebSocket-Version is not 13 (RFC 6455, 4.2.1)";
  if (!key || strlen(key) != 24 || EVP_DecodeBlock(nonce, (const unsigned char *)key, 24) != 18 ||
      strcmp(key + 22, "==") != 0)
    return "Sec-WebSocket-Key is not 16 bytes in base64 (RFC 6455, 4.2.1)";
  return NULL;
}

void sim_websocket_init(struct sim_websocket *websocket, struct sim_connection *connection,
                        const struct sim_options *options) {
  *websocket = (struct sim_websocket){.connection = connection, .options = options};
  websocket->inbox_end = &websocket->inbox;
  sim_uuid(websocket->channel);
}

void sim_websocket_free(struct sim_websocket *websocket) {
  for (struct sim_inbox_entry *entry; (entry = sim_inbox_take(websocket));) free(entry);
  sim_request_free(&websocket->request);
  sim_deflate_free(&websocket->deflate);
  sim_buffer_free(&websocket->message);
  sim_buffer_free(&websocket->last_ping);
}

void sim_websocket_answered(struct sim_websocket *websocket, bool open) {
  websocket->answered = true;
  websocket->open = open;
  if (open) sim_websocket_receive(websocket);
  sim_connection_wake(websocket->connection);
}

void sim_websocket_accept(struct sim_websocket *websocket) {
  const char *key = sim_request_header(&websocket->request, "sec-websocket-key");
  const char *offers = sim_request_header(&websocket->request, "sec-websocket-extensions");
  char answer[SIM_DEFLATE_ANSWER];
  bool agreed = websocket->options->compress && sim_deflate_agree(&websocket->deflate, offers, answer);
  json_t *headers = json_pack("{s:s*, s:s*}", "Sec-WebSocket-Protocol", websocket->subprotocol,
                              "Sec-WebSocket-Extensions", agreed ? answer : NULL);
  sim_http_upgrade(&websocket->connection->out, key, headers);
  json_decref(headers);
  sim_websocket_answered(websocket, true);
}

unsigned sim_websocket_payload(struct sim_websocket *websocket, const struct sim_buffer *first,
                               const struct sim_buffer *second, struct sim_buffer *payload) {
  if (websocket->deflate.agreed) {
    sim_deflate_message(&websocket->deflate, first, second, payload);
    return SIM_TEXT | SIM_COMPRESSED;
  }
  sim_buffer_add(payload, first->data, first->length);
  sim_buffer_add(payload, second->data, second->length);
  return SIM_TEXT;
}

void sim_websocket_send_text(struct sim_websocket *websocket, const struct sim_buffer *first,
                             const struct sim_buffer *second) {
  struct sim_buffer *out = &websocket->connection->out, payload = {0};
  if (!websocket->deflate.agreed) {
    sim_frame_header(out, SIM_FIN | SIM_TEXT, first->length + second->length);
    sim_websocket_payload(websocket, first, second, out);
    return;
  }
  unsigned opcode = sim_websocket_payload(websocket, first, second, &payload);
  sim_frame_add(out, SIM_FIN | opcode, payload.data, payload.length);
  sim_buffer_free(&payload);
}

void sim_websocket_send(struct sim_websocket *websocket, const json_t *value) {
  struct sim_buffer text = {0}, nothing = {0};
  char *json = sim_json_text(value);
  sim_buffer_add_string(&text, json);
  free(json);
  sim_websocket_send_text(websocket, &text, &nothing);
  sim_buffer_free(&text);
}

void sim_websocket_ping(struct sim_websocket *websocket, const char *payload, size_t length) {
  sim_frame_add(&websocket->connection->out, SIM_FIN | SIM_PING, payload, length);
  websocket->last_ping.length = 0;
  sim_buffer_add(&websocket->last_ping, payload, length);
  websocket->pong_due = true;
}

static void add_close_frame(struct sim_websocket *websocket, unsigned code, const char *reason) {
  unsigned char payload[SIM_MAX_CONTROL_PAYLOAD] = {(unsigned char)(code >> 8), (unsigned char)code};
  size_t length = strnlen(reason, sizeof payload - 2);
  memcpy(payload + 2, reason, length);
  sim_frame_add(&websocket->connection->out, SIM_FIN | SIM_CLOSE, payload, code ? length + 2 : 0);
  websocket->close_sent = true;
}

void sim_websocket_close(struct sim_websocket *websocket, unsigned code, const char *reason) {
  add_close_frame(websocket, code, reason);
  sim_connection_guard(websocket->connection, CLOSE_SECONDS);
}

// ---- the inbox -----------------------------------------------------------------------------------

struct sim_inbox_entry *sim_inbox_take(struct sim_websocket *websocket) {
  struct sim_inbox_entry *entry = websocket->inbox;
  if (!entry) return NULL;
  websocket->inbox = entry->next;
  if (!websocket->inbox) websocket->inbox_end = &websocket->inbox;
  websocket->inbox_length--;
  return entry;
}

static void inbox_put(struct sim_websocket *websocket, const unsigned char *text, size_t length) {
  struct sim_inbox_entry *entry = sim_alloc(sizeof *entry + length + 1);
  entry->length = length;
  if (length > 0) memcpy(entry->text, text, length);
  *websocket->inbox_end = entry;
  websocket->inbox_end = &entry->next;
  websocket->inbox_length++;
}

// ---- what the client sent --------------------------------------------------------------------------

// Fails the connection (RFC 6455, section 7.1.7).
static void websocket_fail(struct sim_websocket *websocket, unsigned code, const char *reason) {
  if (websocket->options->verbose) fprintf(stderr, "aui-sim: connection failed with %u: %s\n", code, reason);
  if (!websocket->close_sent) add_close_frame(websocket, code, reason);
  sim_connection_end(websocket->connection, SIM_END_CLOSE);
}

static void take_message(struct sim_websocket *websocket, const unsigned char *text, size_t length) {
  if (!sim_utf8_valid(text, length))
    websocket_fail(websocket, 1007, "text message is not UTF-8 (RFC 6455, 8.1)");
  else if (websocket->inbox_length >= MAX_INBOX)
    websocket_fail(websocket, 1008, "more than 1024 messages are waiting for an answer");
  else
    inbox_put(websocket, text, length);
}

static void take_compressed(struct sim_websocket *websocket) {
  struct sim_buffer text = {0};
  switch (sim_inflate_message(&websocket->deflate, &websocket->message, SIM_MAX_MESSAGE, &text)) {
    case SIM_INFLATED: take_message(websocket, text.data, text.length); break;
    case SIM_INFLATE_TOO_BIG: websocket_fail(websocket, 1009, "message above 1 MiB, inflated"); break;
    default: websocket_fail(websocket, 1007, "message cannot be inflated (RFC 7692, 7.2.2)");
  }
  sim_buffer_free(&text);
}

static void take_data(struct sim_websocket *websocket, const struct sim_frame *frame) {
  struct sim_buffer *message = &websocket->message;
  if (frame->opcode == SIM_BINARY) {
    websocket_fail(websocket, 1003, "expected text, got a binary message");
  } else if ((frame->opcode == SIM_CONTINUATION) != websocket->in_message) {
    websocket_fail(websocket, 1002, "fragments out of order (RFC 6455, 5.4)");
  } else if (message->length + frame->length > SIM_MAX_MESSAGE) {
    websocket_fail(websocket, 1009, "message above 1 MiB");
  } else {
    sim_buffer_add(message, frame->payload, frame->length);
    if (!websocket->in_message) websocket->compressed = frame->compressed;
    websocket->in_message = !frame->fin;
    if (!frame->fin) return;
    if (websocket->compressed)
      take_compressed(websocket);
    else
      take_message(websocket, message->data, message->length);
    message->length = 0;
  }
}

static void take_close(struct sim_websocket *websocket, const struct sim_frame *frame) {
  unsigned code = frame->length >= 2 ? (unsigned)frame->payload[0] << 8 | frame->payload[1] : 0;
  if (frame->length == 1 || (frame->length >= 2 && !sim_close_code_valid(code))) {
    websocket_fail(websocket, 1002, "invalid close code (RFC 6455, 7.4)");
  } else if (frame->length > 2 && !sim_utf8_valid(frame->payload + 2, frame->length - 2)) {
    websocket_fail(websocket, 1007, "close reason is not UTF-8 (RFC 6455, 5.5.1)");
  } else if (!websocket->ignores_close) {
    if (!websocket->close_sent) add_close_frame(websocket, code, "");
    sim_connection_end(websocket->connection, SIM_END_CLOSE);
  }
}

static void take_pong(struct sim_websocket *websocket, const struct sim_frame *frame) {
  const struct sim_buffer *ping = &websocket->last_ping;
  if (frame->length == ping->length && (frame->length == 0 || memcmp(frame->payload, ping->data, frame->length) == 0))
    websocket->pong_due = false;
}

static void take_frame(struct sim_websocket *websocket, const struct sim_frame *frame) {
  switch (frame->opcode) {
    case SIM_CLOSE: take_close(websocket, frame); break;
    case SIM_PING:
      if (!websocket->ignores_pings && !websocket->close_sent)
        sim_frame_add(&websocket->connection->out, SIM_FIN | SIM_PONG, frame->payload, frame->length);
      break;
    case SIM_PONG: take_pong(websocket, frame); break;
    default: take_data(websocket, frame);
  }
}

void sim_websocket_receive(struct sim_websocket *websocket) {
  size_t taken = 0;
  unsigned reserved = websocket->deflate.agreed ? SIM_COMPRESSED : 0;
  while (websocket->connection->end == SIM_END_NONE) {
    struct sim_frame frame;
    struct sim_fault fault;
    size_t used = 0;
    enum sim_parse result = sim_frame_parse(websocket->connection->in.data + taken,
                                            websocket->connection->in.length - taken, reserved, &frame, &used, &fault);
    if (result == SIM_PARSE_FAULT) websocket_fail(websocket, fault.code, fault.reason);
    if (result != SIM_PARSE_DONE) break;
    take_frame(websocket, &frame);
    taken += used;
  }
  sim_buffer_consume(&websocket->connection->in, taken);
}
