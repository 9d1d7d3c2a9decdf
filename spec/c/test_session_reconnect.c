/* What sessions do by themselves when a connection is lost or not made: which failures are tried again, when, and what
 * becomes of the messages that wait. */
#include "support_session.h"

#define UNAVAILABLE "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n"
#define CUT "the connection was cut without a close frame"
#define CUT_ERROR AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_MAYBE, 0, 1006, CUT

/* ---- Sessions that connect again ---- */

/* Delays are drawn from 1..base, up to 60 s, without end; a connection is healthy after 10 s. */
static aui_session_config config_with(uint64_t base) {
  aui_session_config config = peer_config();
  config.reconnect = (aui_backoff_config){base, 60000, AUI_BACKOFF_NO_END, 10000};
  return config;
}

static aui_session *start_with(void **state, peer *p, aui_session_config config) {
  peer_open(p, &config, **(feed_way **)state);
  return p->session;
}

static aui_session *start_again_after(void **state, peer *p, uint64_t base) {
  return start_with(state, p, config_with(base));
}

static void answer_handshake(peer *p, const char *response) {
  peer_connect(p);
  peer_send(p, response, strlen(response));
  peer_send(p, "\r\n", 2);
  peer_disconnect_if_wanted(p);
}

static void refuse_connection(peer *p) {
  assert_int_equal(aui_session_want(p->session), AUI_WANT_CONNECT);
  peer_give_random(p);
  aui_session_phase(p->session, AUI_PHASE_CONNECT, p->now);
  aui_session_disconnected(p->session, "connection refused", true, p->now);
}

static void cut(peer *p) {
  aui_session_disconnected(p->session, NULL, true, p->now);
}

/* The server has closed: the session answers, and the transport ends. */
static void end_closed(peer *p) {
  peer_pump(p, SIZE_MAX);
  assert_true(peer_disconnect_if_wanted(p));
}

/* The session waits for its next attempt; how long. */
static uint64_t delay(peer *p) {
  assert_int_equal(aui_session_state(p->session), AUI_STATE_WAITING);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_NOTHING);
  uint64_t at = aui_session_retry_at(p->session);
  assert_int_not_equal(at, AUI_NEVER);
  assert_true(at > p->now);
  return at - p->now;
}

/* The session waits, and nothing happens before its next attempt is due; then it is made. */
static void wait_for_retry(peer *p) {
  uint64_t at = p->now + delay(p);
  assert_due(p, at);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_CONNECT);
  assert_int_equal(aui_session_state(p->session), AUI_STATE_CONNECTING);
  assert_int_equal(aui_session_retry_at(p->session), AUI_NEVER);
}

static void fail_attempts(peer *p, int n) {
  while (n-- > 0) {
    refuse_connection(p);
    wait_for_retry(p);
  }
}

static void assert_stays_down(peer *p) {
  assert_int_equal(aui_session_state(p->session), AUI_STATE_WAITING);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_NOTHING);
  assert_int_equal(aui_session_retry_at(p->session), AUI_NEVER);
  assert_int_equal(aui_session_deadline(p->session), AUI_NEVER);
}

static void assert_connects_at_once(peer *p) {
  assert_int_equal(aui_session_state(p->session), AUI_STATE_CONNECTING);
  assert_int_equal(aui_session_want(p->session), AUI_WANT_CONNECT);
}

/* The agent answers a message: the connection is healthy. */
static void converse(peer *p) {
  aui_reply *reply = send_through(p, "{\"n\":0}");
  peer_send_final(p, "0");
  assert_message(reply, "0");
  release(p, reply);
}

/* ---- When the next attempt is made ---- */

static void delays_grow_and_are_drawn_anew(void **state) {
  peer p;
  uint64_t span = 1000000, last = 0;
  int distinct = 0;
  aui_session_config config = config_with(span);
  config.reconnect.max = 4000000;
  start_with(state, &p, config);
  bool longer_than_first = false;
  for (int i = 0; i < 40; i++) {
    refuse_connection(&p);
    uint64_t drawn = delay(&p);
    assert_in_range(drawn, 1, span);
    longer_than_first = longer_than_first || drawn > 2000000;
    distinct += drawn != last;
    last = drawn;
    if (span < 4000000) span *= 2;
    wait_for_retry(&p);
  }
  assert_true(distinct >= 39);
  assert_true(longer_than_first);
  stop(&p);
}

static void a_working_connection_that_breaks_is_replaced_at_once(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  fail_attempts(&p, 3);
  peer_handshake(&p);
  converse(&p);
  cut(&p);
  assert_session_error(&p, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 1006, CUT);
  assert_connects_at_once(&p);
  refuse_connection(&p);
  assert_in_range(delay(&p), 1, 1000); /* the count began anew */
  stop(&p);
}

static void a_connection_is_healthy_after_a_while(void **state) {
  for (uint64_t lasted = 9999; lasted <= 10000; lasted++) {
    peer p;
    start_again_after(state, &p, 1000);
    peer_handshake(&p);
    p.now += lasted;
    cut(&p);
    if (lasted == 10000) {
      assert_connects_at_once(&p);
    } else {
      wait_for_retry(&p);
    }
    stop(&p);
  }
}

/* Else a server that greets and hangs up would be called in a tight loop. */
static void what_an_agent_says_unasked_does_not_make_a_connection_healthy(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  peer_send_final(&p, "Welcome!");
  cut(&p);
  wait_for_retry(&p);
  stop(&p);
}

static void attempts_end_and_take_the_queue_with_them(void **state) {
  peer p;
  aui_session_config config = config_with(1);
  config.reconnect.attempts = 2;
  aui_session *s = start_with(state, &p, config);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  fail_attempts(&p, 2);
  assert_int_equal(aui_reply_get_status(one), AUI_REPLY_PENDING);
  refuse_connection(&p);
  assert_failed(one, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, "connection refused");
  assert_failed(two, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, "connection refused");
  assert_stays_down(&p);
  aui_reply *three = send(&p, "{\"n\":3}"); /* asks for one more */
  assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":3}");
  aui_reply *all[] = {one, two, three};
  for (int i = 0; i < 3; i++) release(&p, all[i]);
  stop(&p);
}

static void the_count_begins_anew_also_when_no_next_attempt_is_planned(void **state) {
  peer p;
  aui_session_config config = config_with(1);
  config.reconnect.attempts = 2;
  start_with(state, &p, config);
  fail_attempts(&p, 2);
  peer_handshake(&p);
  converse(&p);
  peer_send_close(&p, 1000, "idle");
  end_closed(&p);
  assert_stays_down(&p);
  aui_reply *reply = send(&p, "{}");
  fail_attempts(&p, 2);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
  release(&p, reply);
  stop(&p);
}

/* It is given so much, and a little more, so that not all who were told the same come back at the same time. */
static void the_server_may_ask_for_more_time(void **state) {
  peer p;
  start_again_after(state, &p, 500);
  answer_handshake(&p, UNAVAILABLE "Retry-After: 7\r\n");
  assert_in_range(delay(&p), 7001, 7700);
  wait_for_retry(&p);
  answer_handshake(&p, UNAVAILABLE "Retry-After: 0\r\n");
  assert_in_range(delay(&p), 1, 1000);
  stop(&p);
}

static void a_server_is_obeyed_for_five_minutes(void **state) {
  static const char *const asked[] = {UNAVAILABLE "Retry-After: 2147483647\r\n", UNAVAILABLE "Retry-After: 301\r\n",
                                      UNAVAILABLE "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n"};
  static const long told[] = {INT32_MAX, 301, INT32_MAX};
  for (int i = 0; i < 3; i++) {
    peer p;
    aui_session *s = start_again_after(state, &p, 500);
    aui_session_set_date(s, 1764288000);
    answer_handshake(&p, asked[i]);
    assert_in_range(delay(&p), 300001, 330000);
    assert_int_equal(aui_session_error(s)->retry_after, told[i]);
    stop(&p);
  }
}

static void a_server_may_ask_by_a_date(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 500);
  aui_session_set_date(s, 784111777 - 60);
  answer_handshake(&p, UNAVAILABLE "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
  assert_int_equal(aui_session_error(s)->retry_after, 60);
  assert_in_range(delay(&p), 60001, 66000);
  stop(&p);
}

/* ---- A message brings the next attempt forward ---- */

/* Eight attempts have failed: the next delay is drawn from up to a minute. Returns when they had. */
static uint64_t fail_often(peer *p) {
  fail_attempts(p, 8);
  refuse_connection(p);
  return p->now;
}

static void a_message_makes_the_next_attempt_come_sooner(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  uint64_t failed = fail_often(&p);
  assert_true(delay(&p) > 1000);
  p.now += 200;
  aui_session_take_notice(p.session);
  aui_reply *reply = send(&p, "{}");
  assert_true(aui_session_take_notice(p.session));
  assert_true(aui_session_retry_at(p.session) >= p.now);
  assert_true(aui_session_retry_at(p.session) <= failed + 1000); /* as after a first failure, and not at once */
  release(&p, reply);
  stop(&p);
}

/* Else a bot that goes on sending would make as many attempts. */
static void many_messages_do_not_make_many_attempts(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.queue_messages = 4;
  start_with(state, &p, config);
  uint64_t began = fail_often(&p);
  int attempts = 0;
  while (p.now < began + 3600 * 1000) {
    aui_error refused = {0};
    aui_reply *reply =
        aui_session_send(p.session, "{}", 2, &(aui_reply_timeouts){60000, 60000, AUI_NEVER}, p.now, &refused);
    if (reply) release(&p, reply);
    aui_error_clear(&refused);
    p.now += 10;
    if (aui_session_deadline(p.session) <= p.now) aui_session_tick(p.session, p.now);
    if (aui_session_want(p.session) != AUI_WANT_CONNECT) continue;
    refuse_connection(&p);
    attempts++;
  }
  assert_in_range(attempts, 120, 300); /* by themselves, one in 30 s: that is 120 */
  stop(&p);
}

static void a_message_whose_time_would_be_over_has_an_attempt_of_its_own(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  fail_often(&p);
  aui_reply *first = send(&p, "{\"n\":1}"); /* has its attempt */
  wait_for_retry(&p);
  refuse_connection(&p);
  uint64_t wait = delay(&p);
  assert_true(wait > 2000);
  aui_reply *patient = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){wait + 1, 500, AUI_NEVER});
  assert_int_equal(delay(&p), wait);
  aui_reply *hasty = send_with(&p, "{\"n\":3}", (aui_reply_timeouts){wait, 500, AUI_NEVER});
  assert_int_equal(delay(&p), wait / 2);
  release(&p, first);
  release(&p, patient);
  release(&p, hasty);
  stop(&p);
}

static void nobody_comes_sooner_than_the_server_asked_for(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  answer_handshake(&p, UNAVAILABLE "Retry-After: 20\r\n");
  uint64_t refused = p.now;
  aui_reply *patient = send(&p, "{\"n\":1}");
  aui_reply *hasty = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  assert_true(delay(&p) > 20000);
  assert_due(&p, refused + 2000);
  assert_failed(hasty, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 503, 0,
                "no connection within 2 s (timeout.first): the server refused the WebSocket handshake with HTTP status "
                "503");
  assert_int_equal(aui_reply_error(hasty)->retry_after, 20);
  release(&p, patient);
  release(&p, hasty);
  stop(&p);
}

/* A driver asks what is wanted until nothing is: a loop that went on for ever would hang it. */
static void failing_at_once_makes_no_tight_loop(void **state) {
  peer p;
  start_again_after(state, &p, 1);
  aui_reply *reply = send(&p, "{}");
  for (int i = 0; i < 100; i++) {
    uint64_t before = p.now;
    refuse_connection(&p);
    wait_for_retry(&p);
    assert_true(p.now > before);
  }
  release(&p, reply);
  stop(&p);
}

/* ---- Which failures are tried again ---- */

static void refusals_of_the_handshake(void **state) {
  static const struct {
    int status;
    bool again;
  } cases[] = {{429, true},  {500, true},  {502, true},  {503, true},  {504, true}, {400, false},
               {401, false}, {403, false}, {404, false}, {301, false}, {200, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    char response[128];
    start_again_after(state, &p, 1000);
    aui_reply *reply = send(&p, "{}");
    snprintf(response, sizeof response, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n", cases[i].status);
    answer_handshake(&p, response);
    if (cases[i].again) {
      assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_PENDING);
      wait_for_retry(&p);
    } else {
      assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
      assert_int_equal(aui_reply_error(reply)->delivered, AUI_DELIVERED_NO);
      assert_stays_down(&p);
    }
    release(&p, reply);
    stop(&p);
  }
}

static void closes_of_the_server(void **state) {
  static const struct {
    int code;
    bool again;
  } cases[] = {{1001, true},  {1005, true},  {1011, true},  {1012, true},  {1013, true},
               {1014, true},  {1000, false}, {1002, false}, {1003, false}, {1007, false},
               {1008, false}, {1009, false}, {1010, false}, {3000, false}, {4999, false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    peer p;
    aui_session *s = start_again_after(state, &p, 1000);
    peer_handshake(&p);
    peer_send_close(&p, cases[i].code, "");
    assert_int_equal(aui_session_state(s), cases[i].again ? AUI_STATE_CONNECTING : AUI_STATE_WAITING);
    end_closed(&p);
    assert_int_equal(aui_session_error(s)->close_code, cases[i].code);
    if (cases[i].again) {
      wait_for_retry(&p);
    } else {
      assert_stays_down(&p);
    }
    stop(&p);
  }
}

static void what_the_driver_says_is_final_is_not_tried_again(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 1000);
  aui_reply *reply = send(&p, "{}");
  aui_session_phase(s, AUI_PHASE_TLS, p.now);
  aui_session_disconnected(s, "certificate has expired", false, p.now);
  assert_failed(reply, AUI_ERROR_TRANSPORT, false, AUI_DELIVERED_NO, 0, 0, "certificate has expired");
  assert_stays_down(&p);
  release(&p, reply);
  stop(&p);
}

static void running_out_of_time_is_tried_again(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 1000);
  aui_session_phase(s, AUI_PHASE_RESOLVE, p.now);
  assert_due(&p, p.now + 10000);
  assert_int_equal(aui_session_state(s), AUI_STATE_CONNECTING);
  assert_true(peer_disconnect_if_wanted(&p));
  wait_for_retry(&p);
  stop(&p);
}

static void a_cut_is_tried_again(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_connect(&p);
  cut(&p); /* in the handshake */
  wait_for_retry(&p);
  peer_handshake(&p);
  cut(&p);
  wait_for_retry(&p);
  stop(&p);
}

static void a_violation_is_not_tried_again(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  fragment(&p, 0xF1, "x"); /* reserved bits */
  end_transport(&p, 1002);
  assert_stays_down(&p);
  aui_reply *reply = send(&p, "{}"); /* but for a message */
  assert_connects_at_once(&p);
  release(&p, reply);
  stop(&p);
}

static void a_silent_peer_is_tried_again(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.ping = (aui_liveness_config){2000, 500};
  start_with(state, &p, config);
  peer_handshake(&p);
  assert_due(&p, p.now + 2000);
  assert_frame(&p, PEER_PING, "");
  assert_due(&p, p.now + 500);
  assert_int_equal(aui_session_state(p.session), AUI_STATE_CONNECTING);
  assert_true(peer_disconnect_if_wanted(&p));
  wait_for_retry(&p);
  stop(&p);
}

/* ---- 1000: the server has nothing more to say ---- */

static void an_idle_session_stays_down_until_the_next_message(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  converse(&p);
  peer_send_close(&p, 1000, "idle");
  end_closed(&p);
  assert_stays_down(&p);
  p.now += 3600000;
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  assert_int_equal(aui_session_deadline(p.session), p.now + 2000); /* not since the close an hour ago */
  assert_connects_at_once(&p);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{}");
  release(&p, reply);
  stop(&p);
}

static void a_close_without_reason_does_not_keep_a_message_waiting(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  converse(&p);
  aui_reply *reply = send(&p, "{\"n\":1}");
  peer_send_close(&p, 1000, "");
  end_closed(&p);
  p.incoming.len = 0;
  assert_connects_at_once(&p);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  release(&p, reply);
  stop(&p);
}

/* ---- Between the end of a connection and that of its transport ---- */

static void what_waited_ends_with_the_connection_and_what_is_sent_then_gets_another(void **state) {
  for (uint32_t attempts = 0; attempts <= 1; attempts++) {
    peer p;
    aui_session_config config = config_with(1000);
    config.reconnect.attempts = attempts;
    start_with(state, &p, config);
    peer_handshake(&p);
    aui_reply *early = send(&p, "{\"n\":1}");
    peer_send_close(&p, 4000, "");
    assert_int_equal(aui_session_state(p.session), AUI_STATE_WAITING);
    aui_reply *late = send(&p, "{\"n\":2}"), *later = send(&p, "{\"n\":3}");
    assert_int_equal(aui_session_state(p.session), AUI_STATE_CONNECTING);
    assert_int_equal(aui_reply_get_status(early), AUI_REPLY_FAILED);
    end_closed(&p);
    p.incoming.len = 0;
    assert_connects_at_once(&p);
    peer_handshake(&p);
    assert_frame(&p, PEER_TEXT, "{\"n\":2}");
    peer_send_final(&p, "two");
    assert_message(late, "two");
    assert_frame(&p, PEER_TEXT, "{\"n\":3}");
    release(&p, early);
    release(&p, late);
    release(&p, later);
    stop(&p);
  }
}

/* They are given one attempt, as any message that finds no connection. */
static void what_is_sent_then_fails_if_that_one_does(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.reconnect.attempts = 0;
  start_with(state, &p, config);
  peer_handshake(&p);
  peer_send_close(&p, 1000, "");
  aui_reply *late = send(&p, "{}");
  end_closed(&p);
  assert_connects_at_once(&p);
  refuse_connection(&p);
  assert_failed(late, AUI_ERROR_TRANSPORT, true, AUI_DELIVERED_NO, 0, 0, "connection refused");
  assert_stays_down(&p);
  release(&p, late);
  stop(&p);
}

/* ---- Messages that wait for a connection ---- */

static void messages_keep_their_order_and_their_words(void **state) {
  peer p;
  aui_reply *all[5];
  char json[64];
  start_again_after(state, &p, 1000);
  for (int i = 0; i < 5; i++) {
    snprintf(json, sizeof json, "{\"task_id\":\"t%d\"}", i);
    all[i] = send(&p, json);
    if (i == 1) refuse_connection(&p);
  }
  wait_for_retry(&p);
  for (int i = 0; i < 5; i++) {
    peer_handshake(&p);
    snprintf(json, sizeof json, "{\"task_id\":\"t%d\"}", i);
    assert_frame(&p, PEER_TEXT, json);
    peer_send_final(&p, json + 12);
    cut(&p); /* before the next one has left */
  }
  for (int i = 0; i < 5; i++) release(&p, all[i]);
  stop(&p);
}

static void a_message_under_way_fails_and_those_behind_it_wait(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  cut(&p);
  assert_failed(one, CUT_ERROR);
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_PENDING);
  wait_for_retry(&p);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_waiting_message_may_be_canceled(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  refuse_connection(&p);
  aui_reply_cancel(one, p.now);
  assert_failed(one, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, "the reply was canceled");
  wait_for_retry(&p);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void total_runs_while_there_is_no_connection(void **state) {
  peer p;
  start_again_after(state, &p, 60000);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){AUI_NEVER, AUI_NEVER, 300});
  answer_handshake(&p, UNAVAILABLE "Retry-After: 1\r\n");
  assert_due(&p, p.now + 300);
  assert_failed(reply, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 503, 0,
                "no complete answer within 0.3 s (timeout.total): "
                "the server refused the WebSocket handshake with HTTP status 503");
  assert_int_equal(aui_reply_error(reply)->retry_after, 1);
  release(&p, reply);
  stop(&p);
}

static void first_runs_from_the_loss_of_the_connection(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 60000);
  peer_handshake(&p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  aui_reply *two = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  p.now += 50000;
  peer_send_update(&p, "a");
  assert_int_equal(aui_session_deadline(s), AUI_NEVER); /* waiting for its turn is not waiting for a connection */
  cut(&p);
  uint64_t lost = p.now;
  assert_connects_at_once(&p);
  p.now += 400;
  answer_handshake(&p, UNAVAILABLE "Retry-After: 60\r\n"); /* what fails meanwhile does not begin the time anew */
  assert_due(&p, lost + 2000);
  assert_failed(two, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 503, 0,
                "no connection within 2 s (timeout.first): the server refused the WebSocket handshake with HTTP status "
                "503");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void first_runs_from_the_send_when_that_came_later(void **state) {
  peer p;
  start_again_after(state, &p, 60000);
  answer_handshake(&p, UNAVAILABLE "Retry-After: 60\r\n");
  p.now += 30000;
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  assert_due(&p, p.now + 2000);
  assert_int_equal(aui_reply_get_status(reply), AUI_REPLY_FAILED);
  release(&p, reply);
  stop(&p);
}

/* A server that accepts every connection and closes it at once must not keep a message waiting for ever. */
static void a_connection_that_serves_nobody_does_not_begin_the_time_anew(void **state) {
  peer p;
  uint64_t sent;
  int tries = 0;
  start_again_after(state, &p, 100);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  for (sent = p.now; aui_reply_get_status(reply) == AUI_REPLY_PENDING; tries++) {
    assert_true(p.now <= sent + 2000);
    const char *request = peer_connect(&p);
    peer_cork(&p);
    peer_accept(&p, request);
    peer_send_close(&p, 1013, "");
    peer_uncork(&p);
    end_closed(&p);
    p.now = aui_session_deadline(p.session);
    aui_session_tick(p.session, p.now);
  }
  assert_int_equal(p.now, sent + 2000);
  assert_true(tries > 3);
  assert_int_equal(aui_reply_error(reply)->kind, AUI_ERROR_TIMEOUT);
  assert_int_equal(aui_reply_error(reply)->delivered, AUI_DELIVERED_NO);
  release(&p, reply);
  stop(&p);
}

static void closing_ends_the_wait(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 1000);
  aui_reply *reply = send(&p, "{}");
  refuse_connection(&p);
  delay(&p);
  aui_session_close(s, p.now);
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0,
                "the session was closed before the answer was complete");
  assert_finished(&p);
  aui_session_tick(s, p.now + 100000);
  assert_finished(&p);
  release(&p, reply);
  stop(&p);
}

static void freeing_ends_the_wait(void **state) {
  peer p;
  aui_session *s = start_again_after(state, &p, 1000);
  aui_reply *reply = send(&p, "{}");
  refuse_connection(&p);
  aui_session_free(s);
  p.session = NULL;
  assert_failed(reply, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0,
                "the session was closed before the answer was complete");
  release(&p, reply);
  stop(&p);
}

/* ---- Rate limits ---- */

static void refuse_for_now(peer *p) {
  peer_send_text(p, "{\"status_code\":429,\"message\":\"Slow down\"}");
  peer_send_close(p, 1008, "");
  end_closed(p);
  p->incoming.len = 0;
}

static void a_message_that_was_held_off_is_sent_again(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  for (int i = 0; i < 3; i++) {
    refuse_for_now(&p);
    assert_int_equal(aui_session_error(p.session)->status_code, 429);
    wait_for_retry(&p);
    peer_handshake(&p);
    assert_frame(&p, PEER_TEXT, "{\"n\":1}");
    assert_nothing_written(&p);
  }
  peer_send_final(&p, "1");
  assert_message(one, "1");
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_message_that_was_held_off_waits_as_long_as_the_server_asks(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_text(&p, "{\"status_code\":429,\"extra_data\":{\"retry_after\":90}}");
  peer_send_close(&p, 1008, "");
  end_closed(&p);
  p.incoming.len = 0;
  assert_int_equal(aui_session_error(p.session)->retry_after, 90);
  assert_in_range(delay(&p), 90001, 99000);
  wait_for_retry(&p);
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{}");
  release(&p, reply);
  stop(&p);
}

static void a_server_with_too_much_to_do_is_given_time_though_it_served(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  converse(&p);
  aui_reply *reply = send_through(&p, "{}");
  refuse_for_now(&p);
  wait_for_retry(&p);
  release(&p, reply);
  stop(&p);
}

static void a_message_is_not_held_off_for_ever(void **state) {
  peer p;
  start_again_after(state, &p, 100);
  peer_handshake(&p);
  aui_reply *reply = send_with(&p, "{}", (aui_reply_timeouts){2000, 500, AUI_NEVER});
  uint64_t sent = p.now;
  for (;;) {
    peer_pump(&p, SIZE_MAX);
    refuse_for_now(&p);
    p.now = aui_session_deadline(p.session);
    aui_session_tick(p.session, p.now);
    if (aui_reply_get_status(reply) != AUI_REPLY_PENDING) break;
    assert_true(p.now < sent + 2000);
    peer_handshake(&p);
  }
  assert_int_equal(p.now, sent + 2000);
  assert_failed(reply, AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_NO, 429, 1008,
                "no connection within 2 s (timeout.first): the server answered with status 429");
  release(&p, reply);
  stop(&p);
}

static void an_answer_that_is_broken_off_by_a_limit_is_not_asked_for_again(void **state) {
  peer p;
  start_again_after(state, &p, 1000);
  peer_handshake(&p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "Let me");
  refuse_for_now(&p);
  assert_failed(reply, AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_YES, 429, 1008, "the server answered with status 429");
  release(&p, reply);
  stop(&p);
}

static void a_session_that_does_not_connect_again_reports_the_limit(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  refuse_for_now(&p);
  assert_failed(reply, AUI_ERROR_RATE_LIMIT, true, AUI_DELIVERED_NO, 429, 1008, "the server answered with status 429");
  assert_stays_down(&p);
  release(&p, reply);
  stop(&p);
}

/* ---- The queue's limits ---- */

static void check_refused(peer *p, const char *json, bool retryable, const char *message) {
  aui_error error = {0};
  assert_null(aui_session_send(p->session, json, strlen(json), &no_timeouts, p->now, &error));
  check_error(&error, (expected_error){AUI_ERROR_OVERFLOW, retryable, AUI_DELIVERED_NO, 0, 0, message});
  aui_error_clear(&error);
}

static void refused_for(peer *p, const char *json, const char *message) {
  check_refused(p, json, true, message);
}

static void only_so_many_messages_wait(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.queue_messages = 2;
  start_with(state, &p, config);
  aui_reply *one = send(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  refused_for(&p, "{}", "2 messages wait to be sent already (queue.messages)");
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  aui_reply *three = send(&p, "{\"n\":3}"); /* the one that is answered does not wait */
  refused_for(&p, "{}", "2 messages wait to be sent already (queue.messages)");
  aui_reply_cancel(two, p.now);
  aui_reply *four = send(&p, "{\"n\":4}");
  peer_send_final(&p, "1");
  assert_frame(&p, PEER_TEXT, "{\"n\":3}");
  aui_reply *all[] = {one, two, three, four};
  for (int i = 0; i < 4; i++) release(&p, all[i]);
  stop(&p);
}

static void only_so_many_bytes_wait(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.queue_bytes = 16;
  start_with(state, &p, config);
  check_refused(&p, "{\"text\":\"hello!!\"}", false,
                "the message has 18 bytes, more than the 16 that may wait (queue.bytes)");
  aui_reply *one = send(&p, "{\"text\":\"1234\"}"), *two;
  refused_for(&p, "{}", "more than 16 bytes would wait to be sent (queue.bytes)");
  two = send(&p, "1");
  refused_for(&p, "1", "more than 16 bytes would wait to be sent (queue.bytes)");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void what_was_held_off_counts_but_is_not_lost(void **state) {
  peer p;
  aui_session_config config = config_with(1000);
  config.queue_messages = 1;
  start_with(state, &p, config);
  peer_handshake(&p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  refuse_for_now(&p);
  refused_for(&p, "{}", "2 messages wait to be sent already (queue.messages)");
  assert_int_equal(aui_reply_get_status(one), AUI_REPLY_PENDING);
  assert_int_equal(aui_reply_get_status(two), AUI_REPLY_PENDING);
  release(&p, one);
  release(&p, two);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(delays_grow_and_are_drawn_anew),
      IN_EVERY_WAY(a_working_connection_that_breaks_is_replaced_at_once),
      IN_EVERY_WAY(a_connection_is_healthy_after_a_while),
      IN_EVERY_WAY(what_an_agent_says_unasked_does_not_make_a_connection_healthy),
      IN_EVERY_WAY(attempts_end_and_take_the_queue_with_them),
      IN_EVERY_WAY(the_count_begins_anew_also_when_no_next_attempt_is_planned),
      IN_EVERY_WAY(the_server_may_ask_for_more_time),
      IN_EVERY_WAY(a_server_is_obeyed_for_five_minutes),
      IN_EVERY_WAY(a_server_may_ask_by_a_date),
      IN_EVERY_WAY(a_message_makes_the_next_attempt_come_sooner),
      IN_EVERY_WAY(many_messages_do_not_make_many_attempts),
      IN_EVERY_WAY(a_message_whose_time_would_be_over_has_an_attempt_of_its_own),
      IN_EVERY_WAY(nobody_comes_sooner_than_the_server_asked_for),
      IN_EVERY_WAY(failing_at_once_makes_no_tight_loop),
      IN_EVERY_WAY(refusals_of_the_handshake),
      IN_EVERY_WAY(closes_of_the_server),
      IN_EVERY_WAY(what_the_driver_says_is_final_is_not_tried_again),
      IN_EVERY_WAY(running_out_of_time_is_tried_again),
      IN_EVERY_WAY(a_cut_is_tried_again),
      IN_EVERY_WAY(a_violation_is_not_tried_again),
      IN_EVERY_WAY(a_silent_peer_is_tried_again),
      IN_EVERY_WAY(an_idle_session_stays_down_until_the_next_message),
      IN_EVERY_WAY(a_close_without_reason_does_not_keep_a_message_waiting),
      IN_EVERY_WAY(what_waited_ends_with_the_connection_and_what_is_sent_then_gets_another),
      IN_EVERY_WAY(what_is_sent_then_fails_if_that_one_does),
      IN_EVERY_WAY(messages_keep_their_order_and_their_words),
      IN_EVERY_WAY(a_message_under_way_fails_and_those_behind_it_wait),
      IN_EVERY_WAY(a_waiting_message_may_be_canceled),
      IN_EVERY_WAY(total_runs_while_there_is_no_connection),
      IN_EVERY_WAY(first_runs_from_the_loss_of_the_connection),
      IN_EVERY_WAY(first_runs_from_the_send_when_that_came_later),
      IN_EVERY_WAY(a_connection_that_serves_nobody_does_not_begin_the_time_anew),
      IN_EVERY_WAY(closing_ends_the_wait),
      IN_EVERY_WAY(freeing_ends_the_wait),
      IN_EVERY_WAY(a_message_that_was_held_off_is_sent_again),
      IN_EVERY_WAY(a_message_that_was_held_off_waits_as_long_as_the_server_asks),
      IN_EVERY_WAY(a_server_with_too_much_to_do_is_given_time_though_it_served),
      IN_EVERY_WAY(a_message_is_not_held_off_for_ever),
      IN_EVERY_WAY(an_answer_that_is_broken_off_by_a_limit_is_not_asked_for_again),
      IN_EVERY_WAY(a_session_that_does_not_connect_again_reports_the_limit),
      IN_EVERY_WAY(only_so_many_messages_wait),
      IN_EVERY_WAY(only_so_many_bytes_wait),
      IN_EVERY_WAY(what_was_held_off_counts_but_is_not_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
