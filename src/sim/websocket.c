// The WebSocket side of a connection; see websocket.h.
#include "websocket.h"

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

void sim_websocket_accept(struct sim_connection *connection, const json_t *headers) {
  char accept[SIM_ACCEPT_SIZE];
  sim_accept_value(sim_request_header(&connection->request, "sec-websocket-key"), accept);
  json_t *all =
      json_pack("{s:s, s:s, s:s}", "Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Accept", accept);
  json_object_update(all, (json_t *)headers);
  sim_http_answer(&connection->out, 101, all, NULL, 0);
  json_decref(all);
  connection->state = SIM_WEBSOCKET;
  sim_websocket_receive(connection);
  sim_connection_wake(connection);
}

void sim_websocket_send(struct sim_connection *connection, const json_t *value) {
  char *text = sim_json_text(value);
  sim_frame_add(&connection->out, SIM_FIN | SIM_TEXT, text, strlen(text));
  free(text);
}

static void add_close_frame(struct sim_connection *connection, unsigned code, const char *reason) {
  unsigned char payload[SIM_MAX_CONTROL_PAYLOAD] = {(unsigned char)(code >> 8), (unsigned char)code};
  size_t length = strnlen(reason, sizeof payload - 2);
  memcpy(payload + 2, reason, length);
  sim_frame_add(&connection->out, SIM_FIN | SIM_CLOSE, payload, code ? length + 2 : 0);
  connection->close_sent = true;
}

void sim_websocket_close(struct sim_connection *connection, unsigned code, const char *reason) {
  add_close_frame(connection, code, reason);
  sim_connection_guard(connection, CLOSE_SECONDS);
}

// ---- the inbox -----------------------------------------------------------------------------------

struct sim_inbox_entry *sim_inbox_take(struct sim_connection *connection) {
  struct sim_inbox_entry *entry = connection->inbox;
  if (!entry) return NULL;
  connection->inbox = entry->next;
  if (!connection->inbox) connection->inbox_end = &connection->inbox;
  connection->inbox_length--;
  return entry;
}

static void inbox_put(struct sim_connection *connection, const unsigned char *text, size_t length) {
  struct sim_inbox_entry *entry = sim_alloc(sizeof *entry + length + 1);
  entry->length = length;
  if (length > 0) memcpy(entry->text, text, length);
  *connection->inbox_end = entry;
  connection->inbox_end = &entry->next;
  connection->inbox_length++;
}

// ---- what the client sent --------------------------------------------------------------------------

// Fails the connection (RFC 6455, section 7.1.7).
static void fail(struct sim_connection *connection, unsigned code, const char *reason) {
  if (connection->server->options->verbose) fprintf(stderr, "aui-sim: connection failed with %u: %s\n", code, reason);
  if (!connection->close_sent) add_close_frame(connection, code, reason);
  sim_connection_end(connection, SIM_END_CLOSE);
}

static void take_message(struct sim_connection *connection, const unsigned char *text, size_t length) {
  if (!sim_utf8_valid(text, length))
    fail(connection, 1007, "text message is not UTF-8 (RFC 6455, 8.1)");
  else if (connection->inbox_length >= MAX_INBOX)
    fail(connection, 1008, "more than 1024 messages are waiting for an answer");
  else
    inbox_put(connection, text, length);
}

static void take_data(struct sim_connection *connection, const struct sim_frame *frame) {
  struct sim_buffer *message = &connection->message;
  if (frame->opcode == SIM_BINARY) {
    fail(connection, 1003, "expected text, got a binary message");
  } else if ((frame->opcode == SIM_CONTINUATION) != connection->in_message) {
    fail(connection, 1002, "fragments out of order (RFC 6455, 5.4)");
  } else if (message->length + frame->length > SIM_MAX_MESSAGE) {
    fail(connection, 1009, "message above 1 MiB");
  } else {
    sim_buffer_add(message, frame->payload, frame->length);
    connection->in_message = !frame->fin;
    if (frame->fin) {
      take_message(connection, message->data, message->length);
      message->length = 0;
    }
  }
}

static void take_close(struct sim_connection *connection, const struct sim_frame *frame) {
  unsigned code = frame->length >= 2 ? (unsigned)frame->payload[0] << 8 | frame->payload[1] : 0;
  if (frame->length == 1 || (frame->length >= 2 && !sim_close_code_valid(code))) {
    fail(connection, 1002, "invalid close code (RFC 6455, 7.4)");
  } else if (frame->length > 2 && !sim_utf8_valid(frame->payload + 2, frame->length - 2)) {
    fail(connection, 1007, "close reason is not UTF-8 (RFC 6455, 5.5.1)");
  } else if (!connection->ignores_close) {
    if (!connection->close_sent) add_close_frame(connection, code, "");
    sim_connection_end(connection, SIM_END_CLOSE);
  }
}

static void take_pong(struct sim_connection *connection, const struct sim_frame *frame) {
  const struct sim_buffer *ping = &connection->last_ping;
  if (frame->length == ping->length && (frame->length == 0 || memcmp(frame->payload, ping->data, frame->length) == 0))
    connection->pong_due = false;
}

static void take_frame(struct sim_connection *connection, const struct sim_frame *frame) {
  switch (frame->opcode) {
    case SIM_CLOSE: take_close(connection, frame); break;
    case SIM_PING:
      if (!connection->ignores_pings && !connection->close_sent)
        sim_frame_add(&connection->out, SIM_FIN | SIM_PONG, frame->payload, frame->length);
      break;
    case SIM_PONG: take_pong(connection, frame); break;
    default: take_data(connection, frame);
  }
}

void sim_websocket_receive(struct sim_connection *connection) {
  size_t taken = 0;
  while (connection->end == SIM_END_NONE) {
    struct sim_frame frame;
    struct sim_fault fault;
    size_t used = 0;
    enum sim_parse result =
        sim_frame_parse(connection->in.data + taken, connection->in.length - taken, &frame, &used, &fault);
    if (result == SIM_PARSE_FAULT) fail(connection, fault.code, fault.reason);
    if (result != SIM_PARSE_DONE) break;
    take_frame(connection, &frame);
    taken += used;
  }
  sim_buffer_consume(&connection->in, taken);
}
