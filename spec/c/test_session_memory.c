/* Sessions when memory is short: one allocation after the other fails, alone or with all that follow, over a
 * conversation that uses everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scarce_memory.h"
#include "support_peer.h"

/* ---- The conversation ---- */

enum { SENDS = 3 };

typedef struct {
  peer p; /* corked: the server's bytes go to `outgoing` */
  aui_reply *replies[SENDS];
  bool requested;
  int connections;
  int messages;
  bool told; /* somebody was told that memory was short */
} conversation;

static void answer_message(conversation *c) {
  switch (c->messages++) {
    case 0:
      peer_send_update(&c->p, "I found");
      peer_send_update(&c->p, "I found a longer answer than fits into the buffer that was there before it came");
      peer_send_text(&c->p, "{\"event\":\"other\"}");
      peer_send_frame(&c->p, 0x80 | PEER_PING, "ping", 4);
      peer_send_final(&c->p, "I found a rewritten answer");
      break;
    case 1:
      peer_send_update(&c->p, "half");
      peer_send_stored(&c->p, "{\"event\":\"other\"}"); /* whose memory is not packed, as that of a rest would be */
      peer_send_text(&c->p, "{\"status_code\":500,\"message\":\"a payload that an error has to carry\"}");
      peer_send_close(&c->p, 1011, "");
      break;
    default: peer_send_final(&c->p, "so be it");
  }
}

static void answer_request(conversation *c) {
  static const char refused[] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
  c->requested = true;
  assert_true(aui_buffer_append(&c->p.incoming, "", 1));
  if (c->connections++ == 1) {
    peer_send(&c->p, refused, sizeof refused - 1);
  } else {
    peer_accept(&c->p, c->p.incoming.data);
  }
  c->p.incoming.len = 0;
}

static void serve(conversation *c) {
  peer_frame frame;
  if (!c->requested) {
    if (c->p.incoming.len) answer_request(c);
    return;
  }
  while (peer_read(&c->p, &frame)) {
    if (frame.opcode == PEER_TEXT) answer_message(c);
    if (frame.opcode == PEER_CLOSE) peer_send_close(&c->p, 1000, "");
  }
}

static void pump(conversation *c) {
  size_t n;
  peer_give_random(&c->p);
  memory_arm();
  const void *bytes = aui_session_output(c->p.session, &n, c->p.now);
  memory_disarm();
  if (n == 0) return;
  assert_true(aui_buffer_append(&c->p.incoming, bytes, n));
  memory_arm();
  aui_session_written(c->p.session, n, c->p.now);
  memory_disarm();
}

static void follow_wants(conversation *c) {
  aui_session *s = c->p.session;
  memory_arm();
  switch (aui_session_want(s)) {
    case AUI_WANT_CONNECT:
      aui_session_phase(s, AUI_PHASE_CONNECT, c->p.now);
      aui_session_connected(s, c->p.now);
      c->requested = false;
      c->p.incoming.len = c->p.outgoing.len = 0;
      break;
    case AUI_WANT_DISCONNECT: aui_session_disconnected(s, NULL, true, c->p.now); break;
    default: break;
  }
  memory_disarm();
}

static bool is_about_memory(const aui_error *error) {
  if (error->kind != AUI_ERROR_OVERFLOW)
    return error->kind != AUI_ERROR_NONE && error->status_code != 0 &&
           error->payload.len == 0; /* the payload is left out */
  assert_string_equal(error->message, "out of memory");
  assert_true(error->retryable);
  return true;
}

static void turn(conversation *c) {
  follow_wants(c);
  pump(c);
  serve(c);
  memory_arm();
  aui_session_receive(c->p.session, c->p.outgoing.data, c->p.outgoing.len, c->p.now);
  memory_disarm();
  c->p.outgoing.len = 0;
  c->told = c->told || is_about_memory(aui_session_error(c->p.session));
}

static aui_reply *send(conversation *c) {
  static const aui_reply_timeouts timeouts = {AUI_NEVER, AUI_NEVER, AUI_NEVER};
  aui_error refused = {0};
  memory_arm();
  aui_reply *reply = aui_session_send(c->p.session, "{\"text\":\"hello\"}", 16, &timeouts, c->p.now, &refused);
  memory_disarm();
  aui_error_clear(&refused);
  c->told = c->told || !reply;
  return reply;
}

static bool pending(const aui_reply *reply) {
  return reply && aui_reply_get_status(reply) == AUI_REPLY_PENDING;
}

static void converse(conversation *c) {
  c->replies[0] = send(c);
  c->replies[1] = send(c);
  for (int i = 0; pending(c->replies[0]) || pending(c->replies[1]); i++) {
    assert_true(i < 100);
    turn(c);
  }
  c->replies[2] = send(c); /* refused, at first */
  for (int i = 0; pending(c->replies[2]); i++) {
    assert_true(i < 100);
    turn(c);
  }
  memory_arm();
  aui_session_close(c->p.session, c->p.now);
  memory_disarm();
  for (int i = 0; !aui_session_finished(c->p.session); i++) {
    assert_true(i < 100);
    c->p.now += 100;
    memory_arm();
    aui_session_tick(c->p.session, c->p.now);
    memory_disarm();
    turn(c);
  }
}

static void check_outcome(conversation *c) {
  for (int i = 0; i < SENDS; i++) {
    if (!c->replies[i]) continue;
    const aui_error *error = aui_reply_error(c->replies[i]);
    if (error && is_about_memory(error)) c->told = true;
  }
  assert_int_equal(c->told, memory.failed);
  if (memory.failed) return;
  assert_int_equal(aui_reply_get_status(c->replies[0]), AUI_REPLY_MESSAGE);
  assert_int_equal(aui_reply_error(c->replies[1])->status_code, 500);
  assert_int_equal(aui_reply_error(c->replies[1])->close_code, 1011);
  assert_int_equal(aui_reply_error(c->replies[2])->status_code, 503);
}

/* Returns whether an allocation failed. */
static bool run(size_t left, bool for_good) {
  conversation c = {.p = {.now = 1000, .corked = true, .random = 1}};
  aui_session_config config = peer_config();
  config.proxy = "proxy:3128";
  config.compression = true;
  memory_begin(left, for_good);
  memory_arm();
  c.p.session = aui_session_new(&config);
  memory_disarm();
  if (c.p.session) {
    converse(&c);
    check_outcome(&c);
  }
  peer_free(&c.p);
  for (int i = 0; i < SENDS; i++) {
    if (c.replies[i]) aui_reply_release(c.replies[i], 0);
  }
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void each_allocation_fails(void **state) {
  bool for_good = *(bool *)*state;
  size_t n = 0;
  while (run(n, for_good)) n++;
  assert_true(n > 20);
}

/* A reply in doubt, answered when memory is short, is as it was, and can be answered later. Returns whether an
 * allocation failed. */
static bool answer_from_elsewhere(size_t left, bool for_good) {
  static const char json[] = "{\"id\":\"1\",\"text\":\"a longer answer than what had come\",\"sender\":{}}";
  peer p;
  aui_session_config config = peer_defaults();
  config.recover = true;
  memory_begin(left, for_good);
  peer_open(&p, &config, FEED_WHOLE);
  peer_handshake(&p);
  static const aui_reply_timeouts timeouts = {AUI_NEVER, AUI_NEVER, AUI_NEVER};
  aui_error refused = {0};
  aui_reply *reply = aui_session_send(p.session, "{}", 2, &timeouts, p.now, &refused);
  peer_pump(&p, SIZE_MAX);
  peer_send_update(&p, "a");
  aui_session_disconnected(p.session, NULL, true, p.now);
  assert_true(aui_reply_is_parked(reply));
  memory_arm();
  bool answered = aui_reply_answer(reply, json, sizeof json - 1, p.now);
  memory_disarm();
  size_t n;
  assert_int_equal(answered, !memory.failed);
  aui_reply_text(reply, &n);
  assert_int_equal(n, answered ? 34 : 1);
  assert_int_equal(aui_reply_answer(reply, json, sizeof json - 1, p.now), !answered);
  aui_reply_release(reply, p.now);
  peer_free(&p);
  return memory.failed;
}

static void each_allocation_of_an_answer_from_elsewhere_fails(void **state) {
  size_t n = 0;
  while (answer_from_elsewhere(n, *(bool *)*state)) n++;
  assert_true(n > 2);
}

/* A connection that could go to another session stays where it is, and goes later. */
static void without_memory_nothing_is_handed_over(void **state) {
  (void)state;
  peer p;
  aui_session_config config = peer_defaults();
  memory_begin(0, false);
  peer_open(&p, &config, FEED_WHOLE);
  peer_handshake(&p);
  memory_arm();
  assert_null(aui_session_detach(p.session, p.now));
  memory_disarm();
  assert_int_equal(aui_session_state(p.session), AUI_STATE_OPEN);
  aui_handover *handover = aui_session_detach(p.session, p.now);
  assert_non_null(handover);
  aui_handover_free(handover);
  peer_free(&p);
}

int main(void) {
  static bool alone = false, for_good = true;
  const struct CMUnitTest tests[] = {
      {"each_allocation_fails (alone)", each_allocation_fails, NULL, NULL, &alone},
      {"each_allocation_fails (with all that follow)", each_allocation_fails, NULL, NULL, &for_good},
      {"each_allocation_of_an_answer_from_elsewhere_fails (alone)", each_allocation_of_an_answer_from_elsewhere_fails,
       NULL, NULL, &alone},
      {"each_allocation_of_an_answer_from_elsewhere_fails (with all that follow)",
       each_allocation_of_an_answer_from_elsewhere_fails, NULL, NULL, &for_good},
      cmocka_unit_test(without_memory_nothing_is_handed_over),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
