/* Replies in doubt: which are parked, what ends them, and that nothing overtakes them. */
#include "support_session.h"

#define CUT "the connection was cut without a close frame"
#define FINAL(text) "{\"id\":\"1\",\"text\":\"" text "\",\"sender\":{\"id\":\"a\",\"type\":\"agent\",\"email\":null}}"

static void start_recovering(void **state, peer *p) {
  aui_session_config config = peer_defaults();
  config.ping.interval = AUI_NEVER;
  config.recover = true;
  peer_open(p, &config, **(feed_way **)state);
  peer_handshake(p);
}

static void cut(peer *p) {
  aui_session_was_reset(p->session);
  aui_session_disconnected(p->session, NULL, true, p->now);
}

/* Lets the back-off pass, and connects. */
static void reconnect(peer *p) {
  if (aui_session_retry_at(p->session) != AUI_NEVER) {
    p->now = aui_session_retry_at(p->session);
    aui_session_tick(p->session, p->now);
  }
  peer_handshake(p);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_OPEN);
}

static void assert_parked(const aui_reply *reply) {
  assert_true(aui_reply_is_parked(reply));
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_null(aui_reply_error(reply));
}

static bool answer(const peer *p, aui_reply *reply, const char *json) {
  return aui_reply_answer(reply, json, strlen(json), p->now);
}

static void an_answer_makes_up_the_difference(void **state) {
  static const struct {
    const char *json, *text, *chunk;
    size_t keep;
  } cases[] = {{FINAL("I found it"), "I found it", " it", 7},
               {FINAL("I lost it"), "I lost it", "lost it", 2},
               {FINAL("I"), "I", "", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    start_recovering(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    peer_send_update(&p, "I found");
    assert_take(reply, 0, "I found");
    cut(&p);
    assert_parked(reply);
    reconnect(&p);
    aui_session_take_notice(p.session);
    assert_true(answer(&p, reply, cases[i].json));
    assert_true(aui_session_take_notice(p.session));
    assert_take(reply, cases[i].keep, cases[i].chunk);
    assert_message(reply, cases[i].text);
    assert_false(answer(&p, reply, cases[i].json));
    release(&p, reply);
    stop(&p);
  }
}

static void what_is_no_answer_changes_nothing(void **state) {
  static const char *const junk[] = {
      "", "{", "{}", "\xFF", "{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"I rewrote\"}}"};
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  assert_false(answer(&p, reply, FINAL("too early")));
  assert_false(aui_reply_resend(reply));
  aui_reply_give_up(reply);
  peer_send_update(&p, "I found");
  assert_take(reply, 0, "I found");
  cut(&p);
  for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) assert_false(answer(&p, reply, junk[i]));
  assert_false(aui_reply_resend(reply)); /* its text shows that it arrived */
  assert_parked(reply);
  assert_text(reply, "I found");
  assert_true(answer(&p, reply, FINAL("I found"))); /* without a connection */
  assert_message(reply, "I found");
  release(&p, reply);
  stop(&p);
}

/* Only what names the answer shows that the agent has begun it: it is never sent twice. */
static void what_an_event_has_named_is_not_sent_again(void **state) {
  static const struct {
    const char *event;
    bool answered;
  } cases[] = {
      {"{\"event\":\"workflow-started\",\"scope\":{\"context\":{\"message_id\":\"B\"}}}", true},
      {"{\"event\":\"workflow-started\",\"scope\":{\"context\":{\"interaction_id\":\"I\"}}}", true},
      {"{\"event\":\"workflow-started\",\"scope\":{\"context\":{\"task_id\":\"T\"}}}", false},
      {"{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"\"}}", true},
      {"{\"event\":\"hello\"}", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    start_recovering(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    assert_false(aui_reply_is_answered(reply));
    peer_send_text(&p, cases[i].event);
    assert_int_equal(aui_reply_is_answered(reply), cases[i].answered);
    cut(&p);
    assert_parked(reply);
    assert_int_equal(aui_reply_resend(reply), !cases[i].answered);
    release(&p, reply);
    stop(&p);
  }
}

static void nor_what_one_has_named_on_the_next_connection(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *before = send_through(&p, "{}");
  peer_send_text(&p, FINAL("before"));
  aui_reply *reply = send_through(&p, "{}");
  cut(&p);
  reconnect(&p);
  peer_send_text(&p, "{\"event\":\"workflow-started\",\"scope\":{\"context\":{\"message_id\":\"1\"}}}");
  peer_send_text(&p, "{\"event\":\"hello\"}");
  assert_false(aui_reply_is_answered(reply)); /* that was about the answer before, and about none */
  peer_send_text(&p, "{\"event\":\"workflow-started\",\"scope\":{\"context\":{\"message_id\":\"2\"}}}");
  assert_true(aui_reply_is_answered(reply));
  assert_parked(reply);
  assert_false(aui_reply_resend(reply));
  release(&p, before);
  release(&p, reply);
  stop(&p);
}

static void a_message_sent_again_goes_first(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply *two = send(&p, "{\"n\":2}");
  cut(&p);
  reconnect(&p);
  assert_parked(one);
  assert_nothing_written(&p);
  assert_true(aui_reply_resend(one));
  assert_false(aui_reply_is_parked(one));
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  cut(&p);
  reconnect(&p);
  assert_parked(one); /* again */
  assert_true(aui_reply_resend(one));
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  peer_send_final(&p, "one");
  assert_message(one, "one");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void given_up_with_the_error_of_the_cut(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply *two = send(&p, "{\"n\":2}");
  cut(&p);
  reconnect(&p);
  aui_reply_give_up(one);
  assert_failed(one, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, CUT);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void cancelling_needs_no_other_connection(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply *two = send(&p, "{\"n\":2}");
  cut(&p);
  reconnect(&p);
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, "the reply was canceled");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  peer_send_final(&p, "two");
  assert_message(two, "two");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void its_times_run_on(void **state) {
  static const aui_reply_timeouts patience[] = {{40000, 1, AUI_NEVER}, {1000, 40000, AUI_NEVER}, {50000, 50000, 40000}};
  static const char *const messages[] = {"no sign of an answer within 40 s (timeout.first): " CUT,
                                         "no further sign of an answer within 40 s (timeout.idle): " CUT,
                                         "no complete answer within 40 s (timeout.total): " CUT};
  for (size_t i = 0; i < 3; i++) {
    peer p;
    start_recovering(state, &p);
    uint64_t sent = p.now;
    aui_reply *reply = send_with(&p, "{}", patience[i]);
    peer_pump(&p, SIZE_MAX);
    if (i == 1) peer_send_update(&p, "a");
    p.now += 30000;
    cut(&p);
    uint64_t lost = p.now;
    reconnect(&p);
    p.incoming.len = 0;
    const uint64_t due[] = {sent + 40000, lost + 40000, sent + 40000};
    assert_due(&p, due[i]);
    assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 1006, messages[i]);
    assert_int_equal(aui_session_state(p.session), AUI_STATE_OPEN);
    release(&p, reply);
    stop(&p);
  }
}

static void lose_without_a_reset(peer *p) {
  aui_session_disconnected(p->session, NULL, true, p->now);
}

/* It is found not to have arrived, while the kernel of a driver that cannot reset still tries to deliver it. */
static void what_may_still_arrive_is_not_sent_again(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  lose_without_a_reset(&p);
  reconnect(&p);
  assert_false(aui_reply_resend(reply));
  assert_parked(reply);
  aui_reply_give_up(reply);
  assert_failed(reply, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, CUT);
  release(&p, reply);
  stop(&p);
}

/* A peer that has closed reads no more, wherever the message is. */
static void what_a_closed_peer_does_not_read_is_sent_again(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_close(&p, 1012, "");
  assert_false(aui_reply_resend(reply)); /* not before its transport is gone */
  assert_close_frame(&p, 1012);
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_CLOSE);
  lose_without_a_reset(&p);
  reconnect(&p);
  assert_true(aui_reply_resend(reply));
  assert_frame(&p, PEER_TEXT, "{}");
  release(&p, reply);
  stop(&p);
}

/* It may be what makes its connections die. Those behind it get their turn. */
static void a_message_is_sent_three_times_at_most(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *poison = send_through(&p, "{\"n\":1}"), *behind = send(&p, "{\"n\":2}");
  for (int i = 0; i < 2; i++) {
    cut(&p);
    reconnect(&p);
    assert_true(aui_reply_resend(poison));
    assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  }
  cut(&p);
  reconnect(&p);
  assert_false(aui_reply_resend(poison));
  aui_reply_give_up(poison);
  assert_failed(poison, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, CUT);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, poison);
  release(&p, behind);
  stop(&p);
}

static void first_runs_from_the_first_departure(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){60000, 60000, AUI_NEVER});
  peer_pump(&p, SIZE_MAX);
  uint64_t left = p.now;
  for (int i = 0; i < 2; i++) {
    p.now += 20000;
    cut(&p);
    reconnect(&p);
    assert_true(aui_reply_resend(reply));
    assert_frame(&p, PEER_TEXT, "{}");
  }
  assert_due(&p, left + 60000);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_MAYBE, 0, 1006,
                "no sign of an answer within 60 s (timeout.first): " CUT);
  release(&p, reply);
  stop(&p);
}

/* That it was not in the history says so of its first journey; nobody has looked for it since. */
static void no_is_not_said_of_what_was_sent_again(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  cut(&p);
  assert_true(aui_reply_resend(reply));
  aui_reply_cancel(reply, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, "the reply was canceled");
  release(&p, reply);
  stop(&p);
}

static void given_up_when_there_will_be_no_connection(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply *two = send(&p, "{\"n\":2}");
  cut(&p);
  p.now = aui_session_retry_at(p.session);
  aui_session_tick(p.session, p.now);
  aui_session_phase(p.session, AUI_PHASE_TLS, p.now);
  aui_session_disconnected(p.session, "the certificate is not trusted", false, p.now);
  assert_failed(one, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, CUT);
  assert_failed(two, AUI_ERROR_TRANSPORT, false, AUI_DELIVERED_NO, 0, 0, "the certificate is not trusted");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void closes_that_leave_a_doubt(void **state) {
  static const struct {
    int code;
    bool parked;
  } cases[] = {{1000, true},  {1001, true}, {1005, true}, {1011, true},  {1012, true},  {3008, true},
               {4001, false}, {1013, true}, {1014, true}, {1008, false}, {1002, false}, {4000, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    start_recovering(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    peer_send_close(&p, cases[i].code, "");
    assert_int_equal(aui_reply_is_parked(reply), cases[i].parked);
    if (cases[i].parked) {
      end_transport(&p, cases[i].code);
      assert_parked(reply);
      reconnect(&p);
    }
    release(&p, reply);
    stop(&p);
  }
}

static void an_error_payload_leaves_no_doubt(void **state) {
  peer p;
  start_recovering(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_text(&p, "{\"status_code\":500}");
  peer_send_close(&p, 1011, "");
  assert_false(aui_reply_is_parked(reply));
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
  release(&p, reply);
  stop(&p);
}

static void a_silent_peer_leaves_a_doubt(void **state) {
  peer p;
  aui_session_config config = peer_defaults();
  config.recover = true;
  peer_open(&p, &config, **(feed_way **)state);
  peer_handshake(&p);
  aui_reply *reply = send_through(&p, "{}");
  for (int i = 0; i < 2; i++) { /* the ping, and the end of the patience for its pong */
    p.now = aui_session_deadline(p.session);
    aui_session_tick(p.session, p.now);
    assert_int_equal(aui_reply_is_parked(reply), i == 1);
  }
  assert_int_equal(aui_session_ending(p.session), AUI_ENDING_RESET);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_parked(reply);
  release(&p, reply);
  stop(&p);
}

static void closing_and_freeing_the_session(void **state) {
  for (int closes = 0; closes < 2; closes++) {
    peer p;
    start_recovering(state, &p);
    aui_reply *reply = send_through(&p, "{}");
    cut(&p);
    if (closes) {
      aui_session_close(p.session, p.now);
    } else {
      aui_session_free(p.session);
      p.session = NULL;
    }
    assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0,
                  "the session was closed before the answer was complete");
    assert_false(aui_reply_is_parked(reply));
    release(&p, reply);
    stop(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(an_answer_makes_up_the_difference),
      IN_EVERY_WAY(what_is_no_answer_changes_nothing),
      IN_EVERY_WAY(what_an_event_has_named_is_not_sent_again),
      IN_EVERY_WAY(nor_what_one_has_named_on_the_next_connection),
      IN_EVERY_WAY(a_message_sent_again_goes_first),
      IN_EVERY_WAY(given_up_with_the_error_of_the_cut),
      IN_EVERY_WAY(cancelling_needs_no_other_connection),
      IN_EVERY_WAY(its_times_run_on),
      IN_EVERY_WAY(given_up_when_there_will_be_no_connection),
      IN_EVERY_WAY(closes_that_leave_a_doubt),
      IN_EVERY_WAY(an_error_payload_leaves_no_doubt),
      IN_EVERY_WAY(a_silent_peer_leaves_a_doubt),
      IN_EVERY_WAY(closing_and_freeing_the_session),
      IN_EVERY_WAY(what_may_still_arrive_is_not_sent_again),
      IN_EVERY_WAY(what_a_closed_peer_does_not_read_is_sent_again),
      IN_EVERY_WAY(a_message_is_sent_three_times_at_most),
      IN_EVERY_WAY(first_runs_from_the_first_departure),
      IN_EVERY_WAY(no_is_not_said_of_what_was_sent_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
