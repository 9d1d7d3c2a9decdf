/* The deadlines of sessions and their replies, to the millisecond. */
#include "support_session.h"

/* ---- Time ---- */

static void first_runs_from_the_frames_departure(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send_with(&p, "{\"n\":1}", (aui_reply_timeouts){2000, 500, 60000});
  assert_int_equal(aui_session_deadline(s), p.now + 60000);
  p.now += 100;
  peer_pump(&p, 3);
  p.now += 100;
  peer_pump(&p, SIZE_MAX);
  fragment(&p, 0x80 | PEER_PING, ""); /* not a sign of an answer */
  p.now += 1;
  peer_pump(&p, SIZE_MAX);
  assert_due(&p, p.now - 1 + 2000);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no sign of an answer within 2 s (timeout.first)");
  assert_int_equal(aui_session_state(s), AUI_STATE_OPEN);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  release(&p, reply);
  stop(&p);
}

static void a_message_that_cannot_leave_times_out_undelivered(void **state) {
  peer p;
  size_t n;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  peer_give_random(&p);
  aui_session_output(s, &n, p.now);
  assert_due(&p, p.now + 2000);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0,
                "no sign of an answer within 2 s (timeout.first)");
  assert_nothing_written(&p);
  release(&p, reply);
  stop(&p);
}

static void idle_runs_between_signs(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, 60000});
  peer_pump(&p, SIZE_MAX);
  p.now += 1999;
  peer_send_text(&p, "{\"event\":\"workflow-started\"}");
  assert_int_equal(aui_session_deadline(s), p.now + 500);
  p.now += 499;
  peer_send_update(&p, "a");
  uint64_t sign = p.now;
  p.now += 499;
  fragment(&p, PEER_TEXT, "{\"event\":"); /* the beginning of a message is none */
  assert_due(&p, sign + 500);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no further sign of an answer within 0.5 s (timeout.idle)");
  assert_text(reply, "a");
  release(&p, reply);
  stop(&p);
}

/* Whoever sends a byte now and then does not answer. */
static void bytes_are_no_sign_of_an_answer(void **state) {
  for (int answered = 0; answered < 2; answered++) {
    peer p;
    start_open(state, &p);
    aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 2000, AUI_NEVER});
    peer_pump(&p, SIZE_MAX);
    uint64_t since = p.now;
    if (answered) peer_send_update(&p, "a");
    fragment(&p, PEER_TEXT, "{\"event\":\"");
    for (int i = 0; i < 19; i++) {
      p.now += 100;
      aui_session_tick(p.session, p.now);
      fragment(&p, PEER_CONTINUATION, "x");
      assert_int_equal(aui_session_deadline(p.session), since + 2000);
    }
    assert_due(&p, since + 2000);
    assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
    release(&p, reply);
    stop(&p);
  }
}

static void a_long_message_is_one_while_it_grows(void **state) {
  peer p;
  static char piece[4097];
  memset(piece, 'x', sizeof piece - 1);
  start_open(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  peer_pump(&p, SIZE_MAX);
  uint64_t left = p.now;
  fragment(&p, PEER_TEXT, "{\"a\":\"");
  for (int i = 1; i <= 12; i++) {
    p.now += 100;
    fragment(&p, PEER_CONTINUATION, piece);
    uint64_t sign = left + (uint64_t)(i / 4 * 400); /* every fourth makes 16 KiB more */
    assert_int_equal(aui_session_deadline(p.session), i < 4 ? left + 2000 : sign + 500);
  }
  release(&p, reply);
  stop(&p);
}

static void total_runs_from_the_send(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *one = send_with(&p, "{\"n\":1}", (aui_reply_timeouts){AUI_NEVER, AUI_NEVER, 3000});
  aui_reply *two = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){1, 1, 2000});
  uint64_t sent = p.now;
  peer_pump(&p, SIZE_MAX);
  p.now += 1000;
  peer_send_update(&p, "a");
  assert_due(&p, sent + 2000); /* also while it waits for its turn */
  assert_failed(two, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0, "no complete answer within 2 s (timeout.total)");
  assert_due(&p, sent + 3000);
  assert_failed(one, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 0,
                "no complete answer within 3 s (timeout.total)");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

/* To the millisecond, whichever of them ends first, and however the others have left the queue before. */
static void messages_that_wait_run_out_of_time_one_by_one(void **state) {
  peer p;
  aui_reply *replies[5];
  start(state, &p);
  for (uint64_t i = 0; i < 5; i++) {
    replies[i] = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, AUI_NEVER, 5000 - i * 1000});
  }
  uint64_t sent = p.now;
  aui_reply_cancel(replies[4], p.now); /* at its time, which is remembered, there is nothing to do */
  aui_reply_cancel(replies[2], p.now);
  p.now += 1000;
  aui_session_tick(p.session, p.now);
  assert_due(&p, sent + 2000);
  assert_int_equal(aui_reply_get_status(replies[3]), AUI_REPLY_FAILED);
  assert_due(&p, sent + 4000);
  assert_int_equal(aui_reply_get_status(replies[1]), AUI_REPLY_FAILED);
  assert_int_equal(aui_reply_get_status(replies[0]), AUI_REPLY_PENDING);
  assert_due(&p, sent + 5000);
  assert_int_equal(aui_reply_get_status(replies[0]), AUI_REPLY_FAILED);
  assert_int_equal(aui_session_deadline(p.session), AUI_NEVER);
  for (int i = 0; i < 5; i++) release(&p, replies[i]);
  stop(&p);
}

/* By the square this takes minutes, not a moment. */
static void many_messages_wait_at_the_cost_of_each(void **state) {
  enum { MANY = 100000 };
  (void)state;
  aui_session_config config = peer_config();
  config.queue_messages = SIZE_MAX;
  config.queue_bytes = SIZE_MAX;
  aui_session *session = aui_session_new(&config);
  aui_reply **replies = malloc(MANY * sizeof *replies);
  aui_error refused = {0};
  assert_true(session && replies);
  for (uint64_t i = 0; i < MANY; i++) {
    replies[i] = aui_session_send(session, "{}", 2, &(aui_reply_timeouts){AUI_NEVER, AUI_NEVER, MANY}, i, &refused);
    assert_non_null(replies[i]);
    aui_session_tick(session, i);
    assert_int_equal(aui_session_deadline(session), MANY);
  }
  for (int i = MANY - 1; i >= MANY / 2; i--) aui_reply_cancel(replies[i], MANY - 1);
  aui_session_tick(session, UINT64_C(2) * MANY);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(aui_reply_error(replies[i])->kind, i < MANY / 2 ? AUI_ERROR_TIMEOUT : AUI_ERROR_CANCELED);
    aui_reply_release(replies[i], MANY);
  }
  assert_true(aui_session_is_idle(session));
  free(replies);
  aui_session_free(session);
}

static void times_that_never_come(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  p.now = AUI_NEVER - 10;
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){10, 11, AUI_NEVER - 1});
  peer_pump(&p, SIZE_MAX);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  release(&p, reply);
  stop(&p);
}

static void time_runs_out_while_another_message_waits(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *one = send_with(&p, "{\"n\":1}", (aui_reply_timeouts){100, 100, AUI_NEVER});
  aui_reply *two = send(&p, "{\"n\":2}");
  peer_pump(&p, SIZE_MAX);
  assert_due(&p, p.now + 100);
  assert_int_equal(aui_reply_get_status(one), AUI_REPLY_FAILED);
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_PENDING);
  p.incoming.len = 0;
  end_transport(&p, 1000);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void assert_runs_out_of_time(void **state, aui_phase phase, const char *proxy, const char *missing) {
  peer p;
  char message[128];
  aui_session_config config = peer_config();
  config.proxy = proxy;
  peer_open(&p, &config, *(feed_way *)*state);
  aui_session *s = p.session;
  aui_reply *reply = send(&p, "{}");
  for (unsigned at = 0; at <= phase; at++) {
    aui_session_phase(s, at, p.now);
    p.now += 1000;
  }
  assert_due(&p, 1000 + 10000);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  assert_true(peer_disconnect_if_wanted(&p));
  snprintf(message, sizeof message, "%s within 10 s (timeout.connect)", missing);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0, message);
  assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  release(&p, reply);
  stop(&p);
}

static void connecting_runs_out_of_time(void **state) {
  static const char *const missing[] = {"the key, the token or the headers were not given",
                                        "the name of the proxy p:1 was not resolved",
                                        "the proxy p:1 did not accept the connection",
                                        "the proxy p:1 did not open a tunnel", "the TLS handshake was not completed"};
  static const char *const missing_without_proxy[] = {"the key, the token or the headers were not given",
                                                      "the name was not resolved",
                                                      "the server did not accept the connection"};
  for (int phase = AUI_PHASE_REQUEST; phase <= AUI_PHASE_TLS; phase++) {
    assert_runs_out_of_time(state, phase, "p:1", missing[phase]);
  }
  for (int phase = AUI_PHASE_REQUEST; phase <= AUI_PHASE_CONNECT; phase++) {
    assert_runs_out_of_time(state, phase, NULL, missing_without_proxy[phase]);
  }
}

static void the_handshake_runs_out_of_time(void **state) {
  peer p;
  start(state, &p);
  peer_connect(&p);
  p.now += 5000;
  peer_send(&p, "HTTP/1.1 101 Swi", 16);
  assert_due(&p, 1000 + 10000);
  assert_session_error(&p, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0,
                       "the server did not answer the WebSocket handshake within 10 s (timeout.connect)");
  assert_true(peer_disconnect_if_wanted(&p));
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(first_runs_from_the_frames_departure),
      IN_EVERY_WAY(a_message_that_cannot_leave_times_out_undelivered),
      IN_EVERY_WAY(idle_runs_between_signs),
      IN_EVERY_WAY(bytes_are_no_sign_of_an_answer),
      IN_EVERY_WAY(a_long_message_is_one_while_it_grows),
      IN_EVERY_WAY(total_runs_from_the_send),
      IN_EVERY_WAY(messages_that_wait_run_out_of_time_one_by_one),
      cmocka_unit_test(many_messages_wait_at_the_cost_of_each),
      IN_EVERY_WAY(times_that_never_come),
      IN_EVERY_WAY(time_runs_out_while_another_message_waits),
      IN_EVERY_WAY(connecting_runs_out_of_time),
      IN_EVERY_WAY(the_handshake_runs_out_of_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
