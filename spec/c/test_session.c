/* The course of sessions, driven as a driver drives them against a server that the tests script. Each test runs once
 * for every way in which a network may slice the server's bytes. */
#include "support_session.h"

/* ---- The usual course ---- */

static void a_conversation(void **state) {
  peer p;
  aui_session *s = start(state, &p);
  assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
  assert_int_equal(aui_session_error(s)->kind, AUI_ERROR_NONE);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  const char *request = peer_connect(&p);
  assert_ptr_equal(strstr(request, "GET /session?network_api_key=k HTTP/1.1\r\n"), request);
  assert_non_null(strstr(request, "\r\nHost: agent.test:7788\r\n"));
  assert_non_null(strstr(request, "\r\nX-Test: yes\r\n"));
  assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
  peer_accept(&p, request);
  assert_int_equal(aui_session_state(s), AUI_STATE_OPEN);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  assert_nothing_written(&p);

  aui_reply *reply = send_through(&p, "{\"text\":\"hello\"}");
  assert_text(reply, "");
  peer_send_update(&p, "I found");
  assert_take(reply, 0, "I found");
  peer_send_text(&p, "{\"event\":\"workflow-started\",\"data\":{}}");
  peer_send_update(&p, "I found several");
  peer_send_update(&p, "I found several ovens");
  assert_take(reply, 7, " several ovens");
  assert_text(reply, "I found several ovens");
  peer_send_final(&p, "I found several ovens.");
  assert_take(reply, 21, ".");
  assert_message(reply, "I found several ovens.");
  assert_nothing_written(&p);
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);

  aui_reply *second = send_through(&p, "{\"text\":\"more\"}");
  peer_send_final(&p, "None");
  assert_take(second, 0, "None");
  assert_message(second, "None");
  assert_message(reply, "I found several ovens.");
  release(&p, reply);
  release(&p, second);
  stop(&p);
}

static void chunks_of_a_rewritten_text_say_what_to_keep(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "Two ovens");
  assert_take(reply, 0, "Two ovens");
  peer_send_update(&p, "Two ovens and a hob");
  peer_send_update(&p, "Two hobs");
  peer_send_update(&p, "Two hobs, one oven");
  assert_take(reply, 4, "hobs, one oven");
  peer_send_final(&p, "Two");
  assert_take(reply, 3, "");
  release(&p, reply);
  stop(&p);
}

static void every_frame_has_a_mask_of_its_own(void **state) {
  peer p;
  peer_frame first, second;
  start_open(state, &p);
  aui_reply *reply = send(&p, "{}");
  peer_pump(&p, SIZE_MAX);
  assert_true(peer_read(&p, &first));
  fragment(&p, 0x80 | PEER_PING, "x");
  peer_pump(&p, SIZE_MAX);
  assert_true(peer_read(&p, &second));
  assert_int_not_equal(first.mask, second.mask);
  release(&p, reply);
  stop(&p);
}

static void messages_wait_for_their_turn(void **state) {
  peer p;
  start(state, &p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}"), *three = send(&p, "{\"n\":3}");
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  assert_nothing_written(&p);
  peer_send_update(&p, "first");
  assert_nothing_written(&p);
  peer_send_final(&p, "first answer");
  assert_message(one, "first answer");
  assert_text(two, "");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  peer_send_final(&p, "second answer");
  assert_message(two, "second answer");
  assert_frame(&p, PEER_TEXT, "{\"n\":3}");
  assert_text(three, "");
  release(&p, one);
  release(&p, two);
  release(&p, three);
  stop(&p);
}

/* All that the server has to say comes in one piece. */
static void everything_at_once(void **state) {
  peer p;
  aui_session *s = start(state, &p);
  const char *request = peer_connect(&p);
  peer_cork(&p);
  peer_accept(&p, request);
  fragment(&p, 0x80 | PEER_PING, "early");
  peer_uncork(&p);
  assert_frame(&p, PEER_PONG, "early");
  aui_reply *reply = send_through(&p, "{}");
  peer_cork(&p);
  peer_send_update(&p, "a");
  fragment(&p, PEER_TEXT, "{\"event\":\"thread-message-text-");
  fragment(&p, 0x80 | PEER_PING, "mid");
  fragment(&p, PEER_CONTINUATION, "content-updated\",\"data\":{\"text\":");
  fragment(&p, PEER_CONTINUATION, "");
  fragment(&p, 0x80 | PEER_CONTINUATION, "\"ab\"}}");
  fragment(&p, 0x80 | PEER_PONG, "unasked");
  peer_send_final(&p, "abc");
  peer_send_close(&p, 1001, "bye");
  peer_send_final(&p, "behind the close");
  peer_uncork(&p);
  assert_message(reply, "abc");
  assert_int_equal(aui_session_state(s), AUI_STATE_WAITING);
  end_transport(&p, 1001); /* the pong that was due is not sent behind a close */
  assert_session_error(&p, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 1001,
                       "the server closed the connection with 1001 (going away): bye");
  release(&p, reply);
  stop(&p);
}

static void pings_are_answered(void **state) {
  peer p;
  char longest[125];
  memset(longest, 'x', sizeof longest);
  start_open(state, &p);
  fragment(&p, 0x80 | PEER_PING, "");
  assert_frame(&p, PEER_PONG, "");
  fragment(&p, 0x80 | PEER_PING, "one");
  fragment(&p, 0x80 | PEER_PING, "two");
  assert_frame(&p, PEER_PONG, "one");
  assert_frame(&p, PEER_PONG, "two");
  assert_nothing_written(&p);
  for (int i = 0; i < 1000; i++) { /* a peer that does not read */
    size_t n;
    peer_send_frame(&p, 0x80 | PEER_PING, longest, sizeof longest);
    peer_give_random(&p);
    aui_session_output(p.session, &n, p.now);
    assert_int_equal(n, 2 + 4 + sizeof longest);
  }
  stop(&p);
}

/* ---- Whose answer it is ---- */

static void what_nobody_asked_for_is_nobodys_answer(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  peer_send_update(&p, "Welcome");
  peer_send_final(&p, "Welcome back");
  peer_send_update(&p, "Wel");
  aui_reply *reply = send(&p, "{\"text\":\"a long enough message\"}");
  peer_pump(&p, 5);
  peer_send_update(&p, "Welcome");
  peer_send_final(&p, "Welcome back"); /* the message has not left yet */
  assert_text(reply, "");
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  assert_frame(&p, PEER_TEXT, "{\"text\":\"a long enough message\"}");
  peer_send_update(&p, "Welcome, and");
  assert_take(reply, 0, "Welcome, and");
  peer_send_final(&p, "Welcome, and here it is");
  assert_message(reply, "Welcome, and here it is");
  assert_int_equal(aui_session_state(s), AUI_STATE_OPEN);
  release(&p, reply);
  stop(&p);
}

static void a_message_that_began_before_the_question_is_not_its_answer(void **state) {
  peer p;
  start_open(state, &p);
  fragment(&p, PEER_TEXT, "{\"id\":1,\"sender\":{},");
  aui_reply *reply = send_through(&p, "{}");
  fragment(&p, 0x80 | PEER_CONTINUATION, "\"text\":\"stray\"}");
  assert_text(reply, "");
  peer_send_update(&p, "mine");
  assert_take(reply, 0, "mine");
  release(&p, reply);
  stop(&p);
}

/* The next answer's text begins anew, also behind a stray update that it goes on from. */
static void an_answer_that_begins_like_a_stray_update(void **state) {
  peer p;
  start_open(state, &p);
  peer_send_update(&p, "Welcome");
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "Welcome");
  assert_take(reply, 0, "Welcome");
  peer_send_update(&p, "Welcome, and");
  assert_take(reply, 7, ", and");
  release(&p, reply);
  stop(&p);
}

/* A message that a cut left unfinished is not continued by the next connection's first. */
static void a_cut_message_is_forgotten(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  fragment(&p, PEER_TEXT, "{\"id\":1,");
  aui_session_disconnected(s, NULL, true, p.now);
  peer_handshake(&p);
  peer_pump(&p, 3);
  peer_send_final(&p, "stray");
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_PENDING);
  assert_text(two, "");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  peer_send_final(&p, "two");
  assert_message(two, "two");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

/* ---- Cancelling ---- */

#define CANCELED "the reply was canceled"

static void a_queued_message_is_taken_back(void **state) {
  peer p;
  start(state, &p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}"), *three = send(&p, "{\"n\":3}");
  aui_reply_cancel(two, p.now);
  assert_failed(two, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, CANCELED);
  aui_reply_cancel(two, p.now);
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, CANCELED);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":3}");
  assert_nothing_written(&p);
  release(&p, one);
  release(&p, two);
  release(&p, three);
  stop(&p);
}

static void a_message_of_which_nothing_left_is_taken_back(void **state) {
  peer p;
  size_t n;
  aui_session *s = start_open(state, &p);
  peer_give_random(&p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  fragment(&p, 0x80 | PEER_PING, "before");
  assert_non_null(aui_session_output(s, &n, p.now)); /* the pong and the first message */
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, CANCELED);
  assert_frame(&p, PEER_PONG, "before");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  assert_nothing_written(&p);
  peer_send_final(&p, "two");
  assert_message(two, "two");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_canceled_answer_is_drained(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_update(&p, "first");
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, CANCELED);
  assert_text(one, "first");
  peer_send_update(&p, "first answer");
  peer_send_final(&p, "first answer, complete");
  assert_text(one, "first");
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  aui_reply *two = send_through(&p, "{\"n\":2}"); /* on the same connection */
  peer_send_update(&p, "first");
  assert_take(two, 0, "first");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_connection_is_replaced_when_another_message_comes(void **state) {
  peer p;
  aui_session *s = start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_MAYBE, 0, 0, CANCELED);
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  peer_send_update(&p, "first");
  aui_reply *two = send(&p, "{\"n\":2}");
  assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
  peer_send_final(&p, "first answer");
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_PENDING);
  end_transport(&p, 1000);
  assert_session_error(&p, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0,
                       "the connection was replaced after an abandoned answer");
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  peer_send_final(&p, "two");
  assert_message(two, "two");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_connection_is_replaced_when_another_message_waits(void **state) {
  peer p;
  peer_frame frame;
  start_open(state, &p);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  peer_pump(&p, 3);
  aui_reply_release(one, p.now);
  peer_pump(&p, SIZE_MAX);
  assert_true(peer_read(&p, &frame)); /* a frame that has begun must be completed */
  assert_string_equal(frame.payload, "{\"n\":1}");
  end_transport(&p, 1000);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, two);
  stop(&p);
}

static void cancelling_between_two_halves_of_an_update(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_update(&p, "abc");
  fragment(&p, PEER_TEXT, "{\"event\":\"thread-message-text-content-updated\",\"data\":{\"text\":\"ab");
  aui_reply_cancel(one, p.now);
  fragment(&p, 0x80 | PEER_CONTINUATION, "cd\"}}");
  peer_send_final(&p, "abcde");
  assert_text(one, "abc");
  aui_reply *two = send_through(&p, "{\"n\":2}");
  peer_send_update(&p, "abcd");
  assert_take(two, 0, "abcd");
  peer_send_final(&p, "abcde");
  assert_take(two, 4, "e");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

/* ---- Drivers ---- */

static void a_driver_that_reports_late(void **state) {
  peer p;
  size_t n;
  aui_session *s = start(state, &p);
  aui_session_phase(s, AUI_PHASE_CONNECT, p.now);
  p.now += 10000;
  aui_session_tick(s, p.now);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  aui_session_phase(s, AUI_PHASE_TLS, p.now);
  aui_session_connected(s, p.now);
  peer_give_random(&p);
  assert_null(aui_session_output(s, &n, p.now));
  assert_int_equal(n, 0);
  aui_session_receive(s, "HTTP/1.1 101", 12, p.now);
  aui_session_written(s, 5, p.now);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  aui_session_disconnected(s, NULL, true, p.now);
  aui_session_disconnected(s, "once more", true, p.now);
  assert_session_error(&p, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0,
                       "the server did not accept the connection within 10 s (timeout.connect)");
  assert_int_equal(aui_session_want(s), AUI_WANT_NOTHING);
  stop(&p);
}

static void nothing_is_written_without_random_bytes(void **state) {
  peer p;
  size_t n;
  uint8_t bytes[AUI_MOST_RANDOM] = {1};
  aui_session *s = start(state, &p);
  aui_session_phase(s, AUI_PHASE_CONNECT, p.now);
  aui_session_connected(s, p.now);
  assert_int_equal(aui_session_random_wanted(s), AUI_MOST_RANDOM);
  aui_session_random(s, bytes, AUI_MOST_RANDOM - 1);
  assert_null(aui_session_output(s, &n, p.now));
  assert_int_equal(aui_session_random_wanted(s), 1);
  aui_session_random(s, bytes, AUI_MOST_RANDOM); /* more than wanted is left out */
  assert_int_equal(aui_session_random_wanted(s), 0);
  assert_non_null(aui_session_output(s, &n, p.now));
  assert_int_not_equal(aui_session_random_wanted(s), 0);
  stop(&p);

  start_open(state, &p); /* closing does not wait for them without end */
  peer_give_random(&p);
  for (int i = 0; i < 100; i++) {
    peer_send_frame(&p, 0x80 | PEER_PING, "", 0);
    if (aui_session_output(p.session, &n, p.now)) aui_session_written(p.session, n, p.now);
  }
  aui_session_close(p.session, p.now);
  assert_null(aui_session_output(p.session, &n, p.now));
  assert_int_equal(aui_session_want(p.session), AUI_WANT_NOTHING);
  assert_due(&p, p.now + 1000);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_finished(&p);
  stop(&p);
}

static void news(void **state) {
  peer p;
  aui_session *s = start(state, &p);
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  const char *request = peer_connect(&p);
  aui_session_take_notice(s);
  peer_accept(&p, request);
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  aui_reply *reply = send_through(&p, "{}");
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  fragment(&p, 0x80 | PEER_PING, "x");
  peer_send_text(&p, "{\"event\":\"other\"}");
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  peer_send_update(&p, "a");
  assert_int_equal(AUI_NOTICE_TEXT, aui_session_take_notice(s));
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  peer_send_update(&p, "ab");
  peer_send_final(&p, "abc");
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  peer_send_close(&p, 1000, "");
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  end_transport(&p, 1000);
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  aui_reply *second = send(&p, "{}");
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s)); /* connecting */
  aui_reply_cancel(second, p.now);
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  aui_reply_cancel(second, p.now);
  assert_int_equal(AUI_NOTICE_NONE, aui_session_take_notice(s));
  aui_session_close(s, p.now);
  assert_int_equal(AUI_NOTICE_STATE, aui_session_take_notice(s));
  release(&p, reply);
  release(&p, second);
  stop(&p);
}

static void names_of_states(void **state) {
  (void)state;
  assert_string_equal(aui_state_name(AUI_STATE_CONNECTING), "connecting");
  assert_string_equal(aui_state_name(AUI_STATE_OPEN), "open");
  assert_string_equal(aui_state_name(AUI_STATE_WAITING), "waiting");
  assert_string_equal(aui_state_name(AUI_STATE_CLOSED), "closed");
}

/* ---- Much of it ---- */

static void twenty_thousand_updates(void **state) {
  enum { UPDATES = 20000 };
  static char text[3 * UPDATES + 1], read[3 * UPDATES + 1];
  peer p;
  size_t keep, n, len = 0, shown = 0;
  const char *chunk;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  for (int i = 0; i < UPDATES; i++) {
    const char *more = i % 10 == 0 ? "\xE2\x82\xAC" : "x";
    memcpy(text + len, more, strlen(more));
    len += strlen(more);
    peer_send_update(&p, text);
    if (i % 3 == 0) { /* a reader that is not always in time */
      assert_true(aui_reply_take(reply, &keep, &chunk, &n));
      assert_int_equal(keep, shown);
      memcpy(read + keep, chunk, n);
      shown += n;
    }
  }
  peer_send_final(&p, text);
  assert_true(aui_reply_take(reply, &keep, &chunk, &n));
  memcpy(read + keep, chunk, n);
  assert_int_equal(keep + n, len);
  assert_memory_equal(read, text, len);
  release(&p, reply);
  stop(&p);
}

static void a_final_message_of_eight_megabytes(void **state) {
  enum { SIZE = 8 << 20, PIECE = 65536 };
  peer p;
  size_t n;
  char *text = malloc(SIZE + 1);
  start_open(state, &p);
  p.way = FEED_FOLLOWED;
  memset(text, 'x', SIZE);
  text[SIZE] = 0;
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "xxx");
  peer_cork(&p);
  peer_send_final(&p, text);
  for (size_t at = 0; at < p.outgoing.len; at += PIECE) {
    size_t rest = p.outgoing.len - at;
    aui_session_receive(p.session, p.outgoing.data + at, rest < PIECE ? rest : PIECE, p.now);
  }
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_MESSAGE);
  const char *whole = aui_reply_text(reply, &n);
  assert_int_equal(n, SIZE);
  assert_memory_equal(whole, text, SIZE);
  free(text);
  release(&p, reply);
  stop(&p);
}

static void a_message_of_eight_megabytes_to_the_server(void **state) {
  enum { SIZE = 8 << 20 };
  peer p;
  peer_frame frame;
  char *json = malloc(SIZE + 1);
  start_open(state, &p);
  memset(json, ' ', SIZE);
  json[SIZE] = 0;
  json[0] = '{', json[SIZE - 1] = '}';
  aui_reply *reply = send(&p, json);
  for (size_t had = 1; p.incoming.len != had;) {
    had = p.incoming.len;
    peer_pump(&p, 1 << 20);
  }
  assert_true(peer_read(&p, &frame));
  assert_int_equal(frame.n, SIZE);
  assert_memory_equal(frame.payload, json, SIZE);
  peer_send_final(&p, "ok");
  assert_message(reply, "ok");
  free(json);
  release(&p, reply);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(a_conversation),
      IN_EVERY_WAY(chunks_of_a_rewritten_text_say_what_to_keep),
      IN_EVERY_WAY(every_frame_has_a_mask_of_its_own),
      IN_EVERY_WAY(messages_wait_for_their_turn),
      IN_EVERY_WAY(everything_at_once),
      IN_EVERY_WAY(pings_are_answered),
      IN_EVERY_WAY(what_nobody_asked_for_is_nobodys_answer),
      IN_EVERY_WAY(a_message_that_began_before_the_question_is_not_its_answer),
      IN_EVERY_WAY(an_answer_that_begins_like_a_stray_update),
      IN_EVERY_WAY(a_cut_message_is_forgotten),
      IN_EVERY_WAY(a_queued_message_is_taken_back),
      IN_EVERY_WAY(a_message_of_which_nothing_left_is_taken_back),
      IN_EVERY_WAY(a_canceled_answer_is_drained),
      IN_EVERY_WAY(a_connection_is_replaced_when_another_message_comes),
      IN_EVERY_WAY(a_connection_is_replaced_when_another_message_waits),
      IN_EVERY_WAY(cancelling_between_two_halves_of_an_update),
      IN_EVERY_WAY(a_driver_that_reports_late),
      IN_EVERY_WAY(nothing_is_written_without_random_bytes),
      IN_EVERY_WAY(news),
      cmocka_unit_test_prestate(names_of_states, &ways[FEED_WHOLE]),
      cmocka_unit_test_prestate(twenty_thousand_updates, &ways[FEED_WHOLE]),
      cmocka_unit_test_prestate(a_final_message_of_eight_megabytes, &ways[FEED_WHOLE]),
      cmocka_unit_test_prestate(a_message_of_eight_megabytes_to_the_server, &ways[FEED_WHOLE]),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
