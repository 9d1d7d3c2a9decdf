/* Dead peers are found by silence: to the millisecond, alone and in a session. */
#include "engine/liveness.h"
#include "support_session.h"

#define DEAD "the connection is dead: no answer to a ping within 0.3 s (ping_timeout)"

static const aui_liveness_config config = {1000, 300};

static void silence_asks_for_one_ping_then_for_the_end(void **state) {
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_heard(&liveness, 5000);
  assert_int_equal(aui_liveness_deadline(&liveness, &config), 6000);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 5999), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 6000), AUI_LIVENESS_PING);
  assert_int_equal(aui_liveness_deadline(&liveness, &config), 6300);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 6000), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 6299), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 6300), AUI_LIVENESS_DEAD);
}

static void whatever_comes_begins_the_silence_anew(void **state) {
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_heard(&liveness, 5000);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 6000), AUI_LIVENESS_PING);
  aui_liveness_heard(&liveness, 6299);
  assert_int_equal(aui_liveness_deadline(&liveness, &config), 7299);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 7298), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 7299), AUI_LIVENESS_PING);
}

static void a_late_driver_pings_first(void **state) {
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_heard(&liveness, 5000);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 90000), AUI_LIVENESS_PING);
  assert_int_equal(aui_liveness_deadline(&liveness, &config), 90300);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 90299), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &config, 90300), AUI_LIVENESS_DEAD);
}

static void no_interval_is_no_ping(void **state) {
  aui_liveness_config none = {AUI_NEVER, 300};
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_heard(&liveness, 5000);
  assert_int_equal(aui_liveness_deadline(&liveness, &none), AUI_NEVER);
  assert_int_equal(aui_liveness_tick(&liveness, &none, AUI_NEVER - 1), AUI_LIVENESS_FINE);
}

static void a_message_after_a_silence_goes_with_a_ping(void **state) {
  static const aui_liveness_config slow = {20000, 10000}, none = {AUI_NEVER, 300};
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_heard(&liveness, 5000);
  assert_false(aui_liveness_leaving(&liveness, &slow, 5999)); /* heard just now */
  assert_false(aui_liveness_leaving(&liveness, &none, 90000));
  assert_true(aui_liveness_leaving(&liveness, &slow, 6000));
  assert_int_equal(aui_liveness_deadline(&liveness, &slow), 16000);
  assert_false(aui_liveness_leaving(&liveness, &slow, 7000)); /* once is enough */
  assert_int_equal(aui_liveness_tick(&liveness, &slow, 15999), AUI_LIVENESS_FINE);
  assert_int_equal(aui_liveness_tick(&liveness, &slow, 16000), AUI_LIVENESS_DEAD);
}

static void a_message_on_a_connection_of_somebody_else_goes_with_a_ping(void **state) {
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_adopted(&liveness, &config, 0, 5000);
  assert_int_equal(aui_liveness_deadline(&liveness, &config), 6000);
  assert_true(aui_liveness_leaving(&liveness, &config, 5000));
  aui_liveness_heard(&liveness, 5100);
  assert_false(aui_liveness_leaving(&liveness, &config, 5100));
}

static void a_message_waits_for_an_answer_where_nobody_has_listened_for_too_long(void **state) {
  static const aui_liveness_config none = {AUI_NEVER, 300};
  (void)state;
  aui_liveness liveness = {0};
  aui_liveness_adopted(&liveness, &none, AUI_NEVER, 5000);
  assert_false(liveness.unproven);
  aui_liveness_adopted(&liveness, &config, 999, 5000);
  assert_false(liveness.unproven);
  aui_liveness_adopted(&liveness, &config, 1000, 5000);
  assert_true(liveness.unproven);
  assert_true(aui_liveness_leaving(&liveness, &config, 5000));
  assert_true(liveness.unproven);
  aui_liveness_heard(&liveness, 5100);
  assert_false(liveness.unproven);
}

/* ---- In a session ---- */

static aui_session *start_pinging(void **state, peer *p) {
  aui_session_config c = peer_config();
  c.ping = config;
  peer_open(p, &c, **(feed_way **)state);
  p->now += 100; /* what is not open is not pinged */
  peer_handshake(p);
  return p->session;
}

static void an_answered_ping_keeps_the_connection(void **state) {
  peer p;
  aui_session *s = start_pinging(state, &p);
  for (int i = 0; i < 3; i++) {
    uint64_t opened = p.now;
    assert_nothing_written(&p);
    assert_due(&p, opened + 1000);
    assert_frame(&p, PEER_PING, "");
    assert_int_equal(aui_session_deadline(s), p.now + 300);
    p.now += 299;
    fragment(&p, 0x80 | PEER_PONG, "");
    assert_int_equal(aui_session_state(s), AUI_STATE_OPEN);
  }
  assert_int_equal(aui_session_deadline(s), p.now + 1000);
  stop(&p);
}

/* The ping goes first: many a server answers it only when it has read what came before. */
static void a_dead_connection_is_found_out_by_the_message(void **state) {
  peer p;
  aui_session_config c = peer_config();
  c.ping = (aui_liveness_config){20000, 300};
  peer_open(&p, &c, **(feed_way **)state);
  peer_handshake(&p);
  p.now += 15000;
  aui_reply *reply = send(&p, "{}");
  assert_frame(&p, PEER_PING, "");
  assert_frame(&p, PEER_TEXT, "{}");
  assert_due(&p, p.now + 300);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, DEAD);
  release(&p, reply);
  stop(&p);
}

static void half_a_message_is_an_answer_too(void **state) {
  peer p;
  start_pinging(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  assert_due(&p, p.now + 1000);
  assert_frame(&p, PEER_PING, "");
  p.now += 200;
  fragment(&p, PEER_TEXT, "{");
  assert_due(&p, p.now + 1000);
  assert_frame(&p, PEER_PING, "");
  release(&p, reply);
  stop(&p);
}

static void a_silent_peer_is_dead(void **state) {
  peer p;
  aui_session *s = start_pinging(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  assert_due(&p, p.now + 1000);
  assert_frame(&p, PEER_PING, "");
  assert_due(&p, p.now + 300);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, DEAD);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT); /* without a close frame: nobody would read it */
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);       /* and without any further wait */
  assert_true(peer_disconnect_if_wanted(&p));
  aui_reply *next = send(&p, "{\"n\":2}");
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, reply);
  release(&p, next);
  stop(&p);
}

static void a_ping_that_cannot_leave_is_not_answered(void **state) {
  peer p;
  aui_session *s = start_pinging(state, &p);
  aui_reply *reply = send(&p, "{}");
  peer_pump(&p, 3); /* the peer takes no more */
  assert_due(&p, p.now + 1000);
  assert_due(&p, p.now + 300);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, DEAD);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  release(&p, reply);
  stop(&p);
}

/* A ping waits until the message in front of it has left. */
static void a_peer_that_takes_in_a_message_is_not_dead(void **state) {
  peer p;
  aui_session *s = start_pinging(state, &p);
  aui_reply *reply = send(&p, "{\"text\":\"a message that leaves slowly\"}");
  peer_pump(&p, 3);
  assert_due(&p, p.now + 1000);
  for (int i = 0; i < 4; i++) {
    p.now += 200;
    peer_pump(&p, 3);
    assert_int_equal(aui_session_deadline(s), p.now + 300);
  }
  assert_frame(&p, PEER_TEXT, "{\"text\":\"a message that leaves slowly\"}");
  assert_frame(&p, PEER_PING, "");
  assert_due(&p, p.now + 300);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, DEAD);
  release(&p, reply);
  stop(&p);
}

static void a_closing_connection_is_not_pinged(void **state) {
  peer p;
  aui_session *s = start_pinging(state, &p);
  p.now += 900;
  aui_session_close(s, p.now);
  assert_close_frame(&p, 1000);
  assert_due(&p, p.now + 1000);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(silence_asks_for_one_ping_then_for_the_end),
      cmocka_unit_test(whatever_comes_begins_the_silence_anew),
      cmocka_unit_test(a_late_driver_pings_first),
      cmocka_unit_test(no_interval_is_no_ping),
      cmocka_unit_test(a_message_after_a_silence_goes_with_a_ping),
      cmocka_unit_test(a_message_on_a_connection_of_somebody_else_goes_with_a_ping),
      cmocka_unit_test(a_message_waits_for_an_answer_where_nobody_has_listened_for_too_long),
      IN_EVERY_WAY(a_dead_connection_is_found_out_by_the_message),
      IN_EVERY_WAY(an_answered_ping_keeps_the_connection),
      IN_EVERY_WAY(half_a_message_is_an_answer_too),
      IN_EVERY_WAY(a_silent_peer_is_dead),
      IN_EVERY_WAY(a_ping_that_cannot_leave_is_not_answered),
      IN_EVERY_WAY(a_peer_that_takes_in_a_message_is_not_dead),
      IN_EVERY_WAY(a_closing_connection_is_not_pinged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
