/* What the tests of sessions share: sends, and assertions about replies, frames and errors. Header-only, since it uses
 * cmocka, which not every test of the engine needs. */
#ifndef AUI_SPEC_SUPPORT_SESSION_H
#define AUI_SPEC_SUPPORT_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_peer.h"

static const aui_reply_timeouts no_timeouts = {AUI_NEVER, AUI_NEVER, AUI_NEVER};

/* Begins with a new session, which wants a connection. `state` is the test's. */
static inline aui_session *start(void **state, peer *p) {
  aui_session_config config = peer_config();
  peer_open(p, &config, **(feed_way **)state);
  return p->session;
}

/* Begins with an open connection. */
static inline aui_session *start_open(void **state, peer *p) {
  start(state, p);
  peer_handshake(p);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
  return p->session;
}

/* Every test's end. */
static inline void stop(peer *p) {
  peer_free(p);
  guarded_release_all();
}

static inline aui_reply *send_with(peer *p, const char *json, aui_reply_timeouts timeouts) {
  aui_error refused = {0};
  aui_reply *reply = aui_session_send(p->session, json, strlen(json), &timeouts, p->now, &refused);
  assert_non_null(reply);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  return reply;
}

static inline aui_reply *send(peer *p, const char *json) {
  return send_with(p, json, no_timeouts);
}

/* A reply whose message the server has read. */
static inline aui_reply *send_through(peer *p, const char *json) {
  peer_frame frame;
  aui_reply *reply = send(p, json);
  peer_pump(p, SIZE_MAX);
  assert_true(peer_read(p, &frame));
  assert_int_equal(frame.opcode, PEER_TEXT);
  assert_string_equal(frame.payload, json);
  return reply;
}

static inline void fragment(peer *p, int first_byte, const char *payload) {
  peer_send_frame(p, first_byte, payload, strlen(payload));
}

static inline void assert_nothing_written(peer *p) {
  peer_pump(p, SIZE_MAX);
  assert_int_equal(p->incoming.len, 0);
}

static inline void assert_frame(peer *p, int opcode, const char *payload) {
  peer_frame frame;
  peer_pump(p, SIZE_MAX);
  assert_true(peer_read(p, &frame));
  assert_int_equal(frame.opcode, opcode);
  assert_int_equal(frame.n, strlen(payload));
  assert_string_equal(frame.payload, payload);
}

static inline void assert_close_frame(peer *p, int code) {
  peer_frame frame;
  peer_pump(p, SIZE_MAX);
  assert_true(peer_read(p, &frame));
  assert_int_equal(frame.opcode, PEER_CLOSE);
  if (code == 1005) {
    assert_int_equal(frame.n, 0);
  } else {
    assert_int_equal(frame.n, 2);
    assert_int_equal((uint8_t)frame.payload[0] << 8 | (uint8_t)frame.payload[1], code);
  }
  assert_int_equal(p->incoming.len, 0);
}

static inline void assert_take(aui_reply *reply, size_t keep, const char *chunk) {
  size_t k, n;
  const char *bytes;
  assert_true(aui_reply_take(reply, &k, &bytes, &n));
  assert_int_equal(k, keep);
  assert_int_equal(n, strlen(chunk));
  assert_memory_equal(bytes, chunk, n);
  assert_false(aui_reply_take(reply, &k, &bytes, &n));
}

static inline void assert_text(const aui_reply *reply, const char *text) {
  size_t n;
  const char *bytes = aui_reply_text(reply, &n);
  assert_int_equal(n, strlen(text));
  assert_memory_equal(bytes, text, n);
}

static inline void assert_message(const aui_reply *reply, const char *text) {
  char json[512];
  size_t n;
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  assert_null(aui_reply_error(reply));
  const char *message = aui_reply_message(reply, &n);
  assert_non_null(message);
  int id = atoi(message + sizeof "{\"id\":\"" - 1);
  int expected =
      snprintf(json, sizeof json,
               "{\"id\":\"%d\",\"text\":\"%s\",\"sender\":{\"id\":\"a\",\"type\":\"agent\",\"email\":null}}", id, text);
  assert_int_equal(n, expected);
  assert_memory_equal(message, json, n);
  assert_text(reply, text);
}

typedef struct {
  aui_error_kind kind;
  bool retryable;
  aui_delivered delivered;
  int status_code;
  int close_code;
  const char *message;
} expected_error;

static inline void check_error(const aui_error *error, expected_error expected) {
  assert_non_null(error);
  assert_string_equal(error->message, expected.message);
  assert_string_equal(aui_error_kind_name(error->kind), aui_error_kind_name(expected.kind));
  assert_int_equal(error->retryable, expected.retryable);
  assert_string_equal(aui_delivered_name(error->delivered), aui_delivered_name(expected.delivered));
  assert_int_equal(error->status_code, expected.status_code);
  assert_int_equal(error->close_code, expected.close_code);
}

#define assert_failed(reply, ...)                                                                                      \
  do {                                                                                                                 \
    size_t size_;                                                                                                      \
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);                                                   \
    assert_null(aui_reply_message(reply, &size_));                                                                     \
    check_error(aui_reply_error(reply), (expected_error){__VA_ARGS__});                                                \
  } while (0)

#define assert_session_error(p, ...) check_error(aui_session_error((p)->session), (expected_error){__VA_ARGS__})

static inline void release(peer *p, aui_reply *reply) {
  aui_reply_release(reply, p->now);
}

/* The session has closed the WebSocket: it writes this close frame and wants the transport to end. */
static inline void end_transport(peer *p, int close_code) {
  assert_close_frame(p, close_code);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_DISCONNECT);
  assert_true(peer_disconnect_if_wanted(p));
}

/* The session is to be ticked at `at`, not a millisecond sooner; does so. */
static inline void assert_due(peer *p, uint64_t at) {
  assert_int_equal(aui_session_deadline(p->session), at);
  p->now = at - 1;
  aui_session_tick(p->session, p->now);
  assert_int_equal(aui_session_deadline(p->session), at);
  p->now = at;
  aui_session_tick(p->session, p->now);
}

/* The session is closed for good, and takes no message any more. */
static inline void assert_finished(peer *p) {
  assert_true(aui_session_finished(p->session));
  assert_int_equal(aui_session_want(p->session), AUI_WANT_NOTHING);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_CLOSED);
  assert_int_equal(aui_session_deadline(p->session), AUI_NEVER);
  aui_error refused = {0};
  assert_null(aui_session_send(p->session, "{}", 2, &no_timeouts, p->now, &refused));
  assert_int_equal(refused.kind, AUI_ERROR_CANCELED);
}

/* What the server's close is told as, with its code. */
#define CLOSED "the server closed the connection with"

static feed_way ways[] = {FEED_WHOLE, FEED_BEFORE, FEED_BYTES, FEED_FOLLOWED};

/* Registers a test for every way in which the server's bytes may arrive. */
// clang-format off
#define IN_EVERY_WAY(test)                                                                                             \
  {#test " (whole)", test, NULL, NULL, &ways[FEED_WHOLE]}, {#test " (before)", test, NULL, NULL, &ways[FEED_BEFORE]},  \
  {#test " (bytes)", test, NULL, NULL, &ways[FEED_BYTES]}, {#test " (followed)", test, NULL, NULL, &ways[FEED_FOLLOWED]}
// clang-format on

#endif
