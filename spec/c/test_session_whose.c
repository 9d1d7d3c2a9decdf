/* Whose answer it is that comes: what was said before, is another's or the user's own is nobody's, wherever it comes.
 */
#include "support_session.h"

#define UPDATE "\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"%s\"}"

static void say_final(peer *p, const char *id, const char *sender, const char *text) {
  char json[256];
  snprintf(json, sizeof json, "{\"id\":\"%s\",\"text\":\"%s\",\"sender\":{\"type\":\"%s\"}}", id, text, sender);
  peer_send_text(p, json);
}

static void say_update(peer *p, const char *context, const char *text) {
  char json[512];
  snprintf(json, sizeof json, "{\"scope\":{\"context\":{%s}}," UPDATE "}", context, text);
  peer_send_text(p, json);
}

static void assert_pending(const aui_reply *reply, const char *text) {
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_text(reply, text);
}

static void assert_answered(peer *p, aui_reply *reply, const char *text) {
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  assert_text(reply, text);
  release(p, reply);
}

static void ask(peer *p, const char *id, const char *text) {
  aui_reply *reply = send_through(p, "{}");
  say_final(p, id, "agent", text);
  assert_answered(p, reply, text);
}

static void a_final_message_that_comes_twice_ends_one_answer(void **state) {
  peer p;
  start_open(state, &p);
  ask(&p, "A", "one");
  say_final(&p, "A", "agent", "one"); /* nobody has asked */
  aui_reply *reply = send_through(&p, "{}");
  say_final(&p, "A", "agent", "one");
  assert_pending(reply, "");
  peer_send_update(&p, "tw");
  say_final(&p, "A", "agent", "one");
  assert_pending(reply, "tw");
  peer_send_update(&p, "two");
  say_final(&p, "B", "agent", "two");
  assert_answered(&p, reply, "two");
  reply = send_through(&p, "{}");
  say_final(&p, "B", "agent", "two");
  say_final(&p, "A", "agent", "one");
  assert_pending(reply, "");
  say_final(&p, "C", "agent", "three");
  assert_answered(&p, reply, "three");
  stop(&p);
}

static void neither_while_the_rest_of_another_is_drained(void **state) {
  peer p;
  start_open(state, &p);
  ask(&p, "A", "one");
  aui_reply *dropped = send_through(&p, "{}");
  say_update(&p, "\"message_id\":\"B\"", "tw");
  aui_reply_cancel(dropped, p.now);
  say_final(&p, "A", "agent", "one"); /* not its end */
  assert_false(aui_session_may_detach(p.session));
  say_final(&p, "B", "agent", "two");
  release(&p, dropped);
  aui_reply *reply = send_through(&p, "{}"); /* on the same connection */
  say_final(&p, "B", "agent", "two");
  say_update(&p, "\"message_id\":\"B\"", "two");
  assert_pending(reply, "");
  say_final(&p, "C", "agent", "three");
  assert_answered(&p, reply, "three");
  stop(&p);
}

static void nor_on_another_connection(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  ask(&p, "A", "one");
  aui_reply *dropped = send_through(&p, "{}");
  say_update(&p, "\"message_id\":\"B\"", "tw");
  aui_reply_cancel(dropped, p.now);
  aui_reply *reply = send(&p, "{}"); /* replaces the connection */
  assert_close_frame(&p, 1000);
  aui_session_disconnected(s, NULL, true, p.now);
  peer_handshake(&p);
  say_update(&p, "\"message_id\":\"B\"", "two"); /* what could not be delivered on the last one */
  say_final(&p, "A", "agent", "one");
  assert_frame(&p, PEER_TEXT, "{}");
  say_final(&p, "A", "agent", "one");
  say_final(&p, "B", "agent", "two");
  assert_pending(reply, "");
  say_final(&p, "C", "agent", "three");
  assert_answered(&p, reply, "three");
  release(&p, dropped);
  stop(&p);
}

static void nor_in_the_next_session_of_a_connection(void **state) {
  peer p;
  start_open(state, &p);
  ask(&p, "A", "one");
  for (int i = 0; i < 2; i++) {
    aui_handover *handover = aui_session_detach(p.session, p.now);
    assert_non_null(handover);
    assert_false(aui_session_has_seen(p.session, "A", 1));
    aui_session_free(p.session);
    aui_session_config config = peer_config();
    p.session = aui_session_new(&config);
    assert_non_null(p.session);
    aui_session_phase(p.session, AUI_PHASE_CONNECT, p.now);
    aui_session_adopted(p.session, handover, 0, p.now);
  }
  aui_reply *reply = send_through(&p, "{}");
  assert_true(aui_session_has_seen(p.session, "A", 1));
  say_final(&p, "A", "agent", "one");
  assert_pending(reply, "");
  say_final(&p, "B", "agent", "two");
  assert_answered(&p, reply, "two");
  stop(&p);
}

static aui_reply *park(peer *p) {
  aui_session_config config = peer_config();
  config.recover = true;
  config.reconnect.attempts = AUI_BACKOFF_NO_END;
  peer_open(p, &config, FEED_WHOLE);
  peer_handshake(p);
  ask(p, "Z", "zero");
  aui_reply *reply = send_through(p, "{}");
  aui_session_disconnected(p->session, "connection reset by peer", true, p->now);
  assert_true(aui_reply_is_parked(reply));
  peer_handshake(p);
  return reply;
}

static bool answer(const peer *p, aui_reply *reply, const char *id, const char *sender) {
  char json[256];
  int n = snprintf(json, sizeof json, "{\"id\":\"%s\",\"text\":\"one\",\"sender\":{\"type\":\"%s\"}}", id, sender);
  return aui_reply_answer(reply, json, (size_t)n, p->now);
}

static void what_was_found_elsewhere_counts(void **state) {
  (void)state;
  peer p;
  aui_reply *one = park(&p);
  assert_true(aui_session_has_seen(p.session, "Z", 1));
  assert_false(aui_session_has_seen(p.session, "A", 1));
  assert_false(answer(&p, one, "Z", "agent")); /* it has ended another */
  assert_false(answer(&p, one, "A", "user"));
  say_final(&p, "A", "agent", "one"); /* flushed while it is looked for */
  assert_true(answer(&p, one, "A", "agent"));
  assert_answered(&p, one, "one");
  aui_reply *two = send_through(&p, "{}");
  assert_true(aui_session_has_seen(p.session, "A", 1));
  say_final(&p, "A", "agent", "one"); /* flushed late */
  assert_pending(two, "");
  say_final(&p, "B", "agent", "two");
  assert_answered(&p, two, "two");
  stop(&p);
}

static void what_names_another_task_or_answer_is_nobodys(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  ask(&p, "A", "one");
  aui_reply *reply = send_with(&p, "{\"task_id\":\"T\"}", (aui_reply_timeouts){2000, 1000, AUI_NEVER});
  peer_pump(&p, SIZE_MAX);
  uint64_t left = p.now;
  p.now += 500;
  say_update(&p, "\"task_id\":\"U\"", "of another task");
  say_update(&p, "\"message_id\":\"A\"", "of the answer before");
  peer_send_text(&p, "{\"scope\":{\"context\":{\"task_id\":\"U\"}},\"event\":\"workflow-started\"}");
  peer_send_text(&p, "{\"id\":\"U1\",\"text\":\"of another task\",\"sender\":{},\"task_id\":\"U\"}");
  say_final(&p, "T0", "user", "what I said");
  peer_send_text(&p, "ping");
  assert_pending(reply, "");
  assert_int_equal(aui_session_deadline(s), left + 2000); /* nor a sign of an answer */
  say_update(&p, "\"task_id\":\"T\",\"message_id\":\"B\"", "tw");
  assert_int_equal(aui_session_deadline(s), p.now + 1000);
  p.now += 500;
  say_update(&p, "\"task_id\":\"U\"", "of another task");
  assert_int_equal(aui_session_deadline(s), p.now + 500);
  say_update(&p, "\"task_id\":\"T\",\"message_id\":\"B\"", "two");
  say_final(&p, "B", "agent", "two");
  assert_answered(&p, reply, "two");
  stop(&p);
}

/* Both begin as an update before them did, which was ours: that says nothing of what stands behind it. */
static void what_begins_as_ours_may_be_anothers(void **state) {
  peer p;
  start_open(state, &p);
  ask(&p, "A", "one");
  aui_reply *reply = send_through(&p, "{}");
  peer_send_text(&p, "{\"data\":{\"text\":\"tw\"},\"event\":\"thread-message-text-content-updated\"}");
  peer_send_text(&p, "{\"data\":{\"text\":\"two\"},\"id\":\"A\",\"text\":\"one\",\"sender\":{\"type\":\"agent\"}}");
  assert_pending(reply, "tw");
  peer_send_text(&p, "{\"data\":{\"text\":\"two\"},\"event\":\"thread-message-text-content-updated\"}");
  peer_send_text(&p, "{\"data\":{\"text\":\"two\"},\"event\":\"thread-message-text-content-updated\","
                     "\"scope\":{\"context\":{\"message_id\":\"A\"}},\"data\":{\"text\":\"one\"}}");
  assert_pending(reply, "two");
  say_final(&p, "B", "agent", "two");
  assert_answered(&p, reply, "two");
  stop(&p);
}

static void several_tasks_take_turns(void **state) {
  peer p;
  start_open(state, &p);
  for (int i = 0; i < 4; i++) {
    char own[64], other[64], id[16];
    snprintf(own, sizeof own, "\"task_id\":\"T%d\"", i % 2);
    snprintf(other, sizeof other, "\"task_id\":\"T%d\"", 1 - i % 2);
    snprintf(id, sizeof id, "A%d", i);
    aui_reply *reply = send_through(&p, i % 2 ? "{\"task_id\":\"T1\"}" : "{\"text\":\"\",\"task_id\":\"T0\"}");
    say_update(&p, other, "theirs");
    say_update(&p, own, "ours");
    say_update(&p, other, "theirs again");
    assert_pending(reply, "ours");
    say_final(&p, id, "agent", "all ours");
    assert_answered(&p, reply, "all ours");
  }
  stop(&p);
}

static void an_end_that_came_before_the_message_had_left_drains_nothing(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *dropped = send(&p, "{\"text\":\"a message that leaves in two parts\"}");
  peer_pump(&p, 10);
  aui_reply_cancel(dropped, p.now);
  release(&p, dropped);
  say_final(&p, "W", "agent", "unasked");
  peer_pump(&p, SIZE_MAX);
  assert_false(aui_session_may_detach(p.session));
  say_final(&p, "A", "agent", "to the first");
  p.incoming.len = 0;
  ask(&p, "B", "to the second");
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(a_final_message_that_comes_twice_ends_one_answer),
      IN_EVERY_WAY(neither_while_the_rest_of_another_is_drained),
      IN_EVERY_WAY(nor_on_another_connection),
      IN_EVERY_WAY(nor_in_the_next_session_of_a_connection),
      cmocka_unit_test(what_was_found_elsewhere_counts),
      IN_EVERY_WAY(what_names_another_task_or_answer_is_nobodys),
      IN_EVERY_WAY(what_begins_as_ours_may_be_anothers),
      IN_EVERY_WAY(several_tasks_take_turns),
      IN_EVERY_WAY(an_end_that_came_before_the_message_had_left_drains_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
