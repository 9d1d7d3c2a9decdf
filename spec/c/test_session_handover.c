/* A WebSocket that goes from one session to another: when it may, and that the next one serves as if it had opened it.
 */
#include "support_session.h"

static void assert_stays(peer *p) {
  aui_state before = aui_session_state(p->session);
  assert_false(aui_session_may_detach(p->session));
  assert_null(aui_session_detach(p->session, p->now));
  assert_int_equal(aui_session_state(p->session), before);
}

static aui_handover *detach(peer *p) {
  aui_handover *handover = aui_session_detach(p->session, p->now);
  assert_non_null(handover);
  return handover;
}

/* The transport, with the server on it, now belongs to a new session, after nobody has listened for so long. */
static void hand_over_to(peer *p, const aui_session_config *config, uint64_t unheard) {
  aui_handover *handover = detach(p);
  assert_finished(p);
  aui_session_free(p->session);
  p->session = aui_session_new(config);
  assert_non_null(p->session);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_CONNECT);
  aui_session_phase(p->session, AUI_PHASE_CONNECT, p->now);
  aui_session_adopted(p->session, handover, unheard, p->now);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_NOTHING);
}

static void hand_over(peer *p) {
  aui_session_config config = peer_config();
  hand_over_to(p, &config, 0);
}

static void hand_over_late(peer *p, uint64_t unheard) {
  aui_session_config config = peer_config();
  config.ping = (aui_liveness_config){1000, 300};
  hand_over_to(p, &config, unheard);
}

static void converse(peer *p, const char *text) {
  aui_reply *reply = send_through(p, "{}");
  peer_send_update(p, "I");
  peer_send_final(p, text);
  assert_message(reply, text);
  release(p, reply);
}

static void it_serves_session_after_session(void **state) {
  peer p;
  start_open(state, &p);
  hand_over(&p); /* unused */
  for (int i = 0; i < 3; i++) {
    converse(&p, i & 1 ? "I did" : "I will");
    assert_nothing_written(&p); /* pongs */
    hand_over(&p);
  }
  aui_session_close(p.session, p.now);
  assert_close_frame(&p, 1000);
  stop(&p);
}

static void the_next_session_finds_it_dead(void **state) {
  peer p;
  start_open(state, &p);
  hand_over(&p);
  aui_reply *reply = send(&p, "{}");
  aui_session_disconnected(p.session, NULL, true, p.now);
  assert_int_equal(aui_session_want(p.session), AUI_WANT_CONNECT);
  p.incoming.len = 0;
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{}");
  peer_send_final(&p, "alive");
  assert_message(reply, "alive");
  release(&p, reply);
  stop(&p);
}

static void a_message_waits_where_nobody_has_listened_for_long(void **state) {
  peer p;
  start_open(state, &p);
  hand_over_late(&p, 1000);
  aui_reply *reply = send(&p, "{}");
  assert_frame(&p, PEER_PING, "");
  assert_nothing_written(&p);
  p.now += 299;
  fragment(&p, 0x80 | PEER_PONG, "");
  assert_frame(&p, PEER_TEXT, "{}");
  peer_send_final(&p, "alive");
  assert_message(reply, "alive");
  release(&p, reply);
  stop(&p);
}

static void a_message_goes_elsewhere_where_nobody_answers(void **state) {
  peer p;
  start_open(state, &p);
  hand_over_late(&p, AUI_NEVER);
  aui_reply *reply = send(&p, "{}");
  assert_frame(&p, PEER_PING, "");
  assert_due(&p, p.now + 300);
  assert_true(peer_disconnect_if_wanted(&p));
  p.incoming.len = 0;
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{}");
  peer_send_final(&p, "alive");
  assert_message(reply, "alive");
  release(&p, reply);
  stop(&p);
}

static void not_before_it_is_open_nor_after_it_was_closed(void **state) {
  peer p;
  start(state, &p);
  assert_stays(&p);
  peer_connect(&p);
  assert_stays(&p);
  stop(&p);

  start_open(state, &p);
  aui_session_close(p.session, p.now);
  assert_stays(&p);
  stop(&p);

  start_open(state, &p);
  peer_send_close(&p, 1000, "");
  assert_stays(&p);
  stop(&p);
}

static void not_while_anything_is_under_way(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send(&p, "{}");
  assert_stays(&p); /* not written */
  peer_pump(&p, SIZE_MAX);
  assert_stays(&p); /* not answered */
  peer_send_final(&p, "done");
  peer_send(&p, "\x81", 1); /* half a head */
  assert_stays(&p);
  peer_send(&p, "\x02{", 2); /* half a message */
  assert_stays(&p);
  peer_send(&p, "}", 1);
  release(&p, reply);
  peer_pump(&p, SIZE_MAX);
  aui_handover_free(detach(&p));
  stop(&p);
}

static void not_while_a_pong_is_awaited_or_owed(void **state) {
  peer p;
  aui_session_config config = peer_config();
  config.ping = (aui_liveness_config){1000, 1000};
  peer_open(&p, &config, **(feed_way **)state);
  peer_handshake(&p);
  assert_due(&p, p.now + 1000);
  assert_frame(&p, PEER_PING, "");
  assert_stays(&p);
  peer_send_frame(&p, 0x80 | PEER_PONG, "", 0);
  p.way = FEED_WHOLE;
  peer_send_frame(&p, 0x80 | PEER_PING, "?", 1);
  assert_stays(&p);
  assert_frame(&p, PEER_PONG, "?");
  aui_handover_free(detach(&p));
  stop(&p);
}

static void never_after_an_answer_that_was_cancelled(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  aui_reply_cancel(reply, p.now);
  assert_stays(&p);
  peer_send_final(&p, "too late");
  peer_pump(&p, SIZE_MAX);
  assert_stays(&p);
  release(&p, reply);
  stop(&p);
}

/* What else it may say is for none but the session that it was said to. */
static void never_after_the_agent_has_spoken_unasked(void **state) {
  peer p;
  start_open(state, &p);
  peer_send_text(&p, "{\"event\":\"agent-started\"}");
  assert_true(aui_session_may_detach(p.session));
  peer_send_final(&p, "By the way");
  assert_stays(&p);
  stop(&p);
}

static void after_a_message_that_was_cancelled_before_it_left(void **state) {
  peer p;
  start_open(state, &p);
  release(&p, send(&p, "{}"));
  aui_handover_free(detach(&p));
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(it_serves_session_after_session),
      IN_EVERY_WAY(the_next_session_finds_it_dead),
      IN_EVERY_WAY(a_message_waits_where_nobody_has_listened_for_long),
      IN_EVERY_WAY(a_message_goes_elsewhere_where_nobody_answers),
      IN_EVERY_WAY(not_before_it_is_open_nor_after_it_was_closed),
      IN_EVERY_WAY(not_while_anything_is_under_way),
      IN_EVERY_WAY(not_while_a_pong_is_awaited_or_owed),
      IN_EVERY_WAY(never_after_an_answer_that_was_cancelled),
      IN_EVERY_WAY(never_after_the_agent_has_spoken_unasked),
      IN_EVERY_WAY(after_a_message_that_was_cancelled_before_it_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
