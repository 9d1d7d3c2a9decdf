/* A driver and a server in one. */
#include "support_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base64.h"
#include "engine/sha1.h"

static void check(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "support_peer: %s\n", what);
  abort();
}

static void append(aui_buffer *buffer, const void *bytes, size_t n) {
  check(aui_buffer_append(buffer, bytes, n), "out of memory");
}

aui_session_config peer_defaults(void) {
  return (aui_session_config){
      .request = {"", "/", ""}, .reconnect = {500, 30000, AUI_BACKOFF_NO_END, 10000}, AUI_SESSION_DEFAULTS};
}

aui_session_config peer_config(void) {
  aui_session_config config = peer_defaults();
  config.request = (aui_request){"agent.test:7788", "/session?network_api_key=k", "X-Test: yes\r\n"};
  /* What happens by itself has tests of its own. */
  config.reconnect.attempts = 0;
  config.ping.interval = AUI_NEVER;
  config.queue_messages = 10000;
  config.queue_bytes = 64 * 1024 * 1024;
  config.max_message = 64 * 1024 * 1024;
  return config;
}

void peer_open(peer *p, const aui_session_config *config, feed_way way) {
  *p = (peer){.way = way, .now = 1000, .random = 2463534242u};
  p->session = aui_session_new(config);
  check(p->session, "out of memory");
}

void peer_free(peer *p) {
  aui_session_free(p->session);
  aui_buffer_free(&p->incoming);
  aui_buffer_free(&p->outgoing);
  aui_buffer_free(&p->payload);
}

/* ---- As a driver ---- */

static uint32_t next_random(peer *p) { /* xorshift32 */
  p->random ^= p->random << 13;
  p->random ^= p->random >> 17;
  p->random ^= p->random << 5;
  return p->random;
}

void peer_give_random(peer *p) {
  uint8_t bytes[AUI_MOST_RANDOM];
  size_t n = aui_session_random_wanted(p->session);
  check(n <= sizeof bytes, "more random bytes are wanted than ever");
  for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)(next_random(p) >> 8);
  aui_session_random(p->session, bytes, n);
}

void peer_pump(peer *p, size_t limit) {
  for (;;) {
    size_t n;
    peer_give_random(p);
    const void *bytes = aui_session_output(p->session, &n, p->now);
    if (n > limit) n = limit;
    if (n == 0) return;
    append(&p->incoming, bytes, n);
    aui_session_written(p->session, n, p->now);
    limit -= n;
  }
}

const char *peer_connect(peer *p) {
  static char request[4096];
  check(aui_session_want(p->session) == AUI_WANT_CONNECT, "no connection is wanted");
  p->incoming.len = 0;
  aui_session_phase(p->session, AUI_PHASE_RESOLVE, p->now);
  aui_session_phase(p->session, AUI_PHASE_CONNECT, p->now);
  aui_session_connected(p->session, p->now);
  peer_pump(p, SIZE_MAX);
  check(p->incoming.len < sizeof request, "the request is too long");
  memcpy(request, p->incoming.data, p->incoming.len);
  request[p->incoming.len] = 0;
  const char *end = strstr(request, "\r\n\r\n");
  check(end && end[4] == 0, "the session wrote no request, or more than it");
  p->incoming.len = 0;
  return request;
}

void peer_handshake(peer *p) {
  peer_accept(p, peer_connect(p));
}

bool peer_disconnect_if_wanted(peer *p) {
  if (aui_session_want(p->session) != AUI_WANT_DISCONNECT) return false;
  aui_session_was_reset(p->session);
  aui_session_disconnected(p->session, NULL, true, p->now);
  return true;
}

/* ---- As a server ---- */

static bool take(void *context, const uint8_t *slice, size_t n) {
  peer *p = context;
  aui_session_receive(p->session, slice, n, p->now);
  return true;
}

void peer_send(peer *p, const void *bytes, size_t n) {
  if (p->corked) {
    append(&p->outgoing, bytes, n);
  } else {
    feed(p->way, bytes, n, take, p);
  }
}

void peer_cork(peer *p) {
  p->corked = true;
}

void peer_uncork(peer *p) {
  p->corked = false;
  peer_send(p, p->outgoing.data, p->outgoing.len);
  p->outgoing.len = 0;
}

void peer_accept(peer *p, const char *request) {
  static const char field[] = "\r\nSec-WebSocket-Key: ", guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[24 + sizeof guid], accept[29], answer[300];
  const char *offered = strstr(request, ", aui-websocket\r\n"); /* behind a token */
  const char *key = strstr(request, field);
  const char *compressed = strstr(request, "\r\nSec-WebSocket-Extensions: permessage-deflate");
  check(key && strlen(key) > sizeof field + 24, "the request has no key");
  memcpy(text, key + sizeof field - 1, 24);
  memcpy(text + 24, guid, sizeof guid);
  uint8_t digest[AUI_SHA1_SIZE];
  aui_sha1(digest, text, sizeof text - 1);
  aui_base64_encode(accept, digest, sizeof digest);
  int n = snprintf(answer, sizeof answer,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Accept: %s\r\n%s%s\r\n",
                   accept, offered ? "Sec-WebSocket-Protocol: aui-websocket\r\n" : "",
                   compressed ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "");
  peer_send(p, answer, (size_t)n);
}

static uint64_t big_endian(const uint8_t *bytes, size_t n) {
  uint64_t value = 0;
  for (size_t i = 0; i < n; i++) value = value * 256 + bytes[i];
  return value;
}

bool peer_read(peer *p, peer_frame *frame) {
  const uint8_t *in = (const uint8_t *)p->incoming.data;
  size_t have = p->incoming.len, head = 2;
  if (have < 2) return false;
  check((in[0] & 0xF0) == 0x80, "a client's frame is not whole, or has reserved bits set");
  check(in[1] & 0x80, "a client's frame is not masked");
  uint64_t n = in[1] & 0x7F;
  size_t extended = n == 126 ? 2 : n == 127 ? 8 : 0;
  if (have < head + extended + 4) return false;
  if (extended) n = big_endian(in + 2, extended);
  head += extended + 4;
  if (have - head < n) return false;
  const uint8_t *mask = in + head - 4;
  check(aui_buffer_reserve(&p->payload, n + 1), "out of memory");
  for (size_t i = 0; i < n; i++) p->payload.data[i] = (char)(in[head + i] ^ mask[i % 4]);
  p->payload.data[n] = 0;
  *frame = (peer_frame){in[0] & 0x0F, p->payload.data, n, (uint32_t)big_endian(mask, 4)};
  aui_buffer_consume(&p->incoming, head + n);
  return true;
}

void peer_send_frame(peer *p, int first_byte, const void *payload, size_t n) {
  uint8_t head[10] = {(uint8_t)first_byte};
  size_t size = 2;
  if (n < 126) {
    head[1] = (uint8_t)n;
  } else {
    size = n < 65536 ? 4 : 10;
    head[1] = size == 4 ? 126 : 127;
    for (size_t i = 2; i < size; i++) head[i] = (uint8_t)((uint64_t)n >> 8 * (size - 1 - i));
  }
  aui_buffer frame = {0};
  append(&frame, head, size);
  append(&frame, payload, n);
  peer_send(p, frame.data, frame.len);
  aui_buffer_free(&frame);
}

void peer_send_text(peer *p, const char *json) {
  peer_send_frame(p, 0x80 | PEER_TEXT, json, strlen(json));
}

void peer_send_stored(peer *p, const char *json) {
  uint16_t n = (uint16_t)strlen(json);
  const uint8_t head[] = {0, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
  aui_buffer block = {0};
  append(&block, head, sizeof head);
  append(&block, json, n);
  append(&block, "", 1);
  peer_send_frame(p, PEER_COMPRESSED | PEER_TEXT, block.data, block.len);
  aui_buffer_free(&block);
}

static void send_around(peer *p, const char *before, const char *text, const char *after) {
  aui_buffer json = {0};
  append(&json, before, strlen(before));
  append(&json, text, strlen(text));
  append(&json, after, strlen(after) + 1);
  peer_send_text(p, json.data);
  aui_buffer_free(&json);
}

void peer_send_update(peer *p, const char *text) {
  send_around(p, "{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"", text, "\"}}");
}

void peer_send_final(peer *p, const char *text) {
  char before[40];
  snprintf(before, sizeof before, "{\"id\":\"%d\",\"text\":\"", ++p->finals);
  send_around(p, before, text, "\",\"sender\":{\"id\":\"a\",\"type\":\"agent\",\"email\":null}}");
}

void peer_send_close(peer *p, int code, const char *reason) {
  char payload[125] = {(char)(code >> 8), (char)code};
  size_t n = strlen(reason);
  check(n <= sizeof payload - 2, "the reason is too long");
  memcpy(payload + 2, reason, n);
  peer_send_frame(p, 0x80 | PEER_CLOSE, payload, code == 1005 ? 0 : n + 2);
}
