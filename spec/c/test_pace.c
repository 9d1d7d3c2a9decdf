/* Messages are spaced out: how far, alone and in a session. */
#include "engine/pace.h"
#include "support_session.h"

static void messages_are_evenly_spaced(void **state) {
  static const struct {
    aui_pace_config config;
    uint64_t gap;
  } cases[] = {{{1, 1000}, 1000}, {{4, 1000}, 250}, {{3, 1000}, 334}, {{1000, 1}, 1}, {{7, 7}, 1}};
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    aui_pace pace = {0};
    aui_pace_sent(&pace, &cases[i].config, 5000);
    assert_int_equal(pace.next, 5000 + cases[i].gap);
  }
}

static void no_rate_is_no_spacing(void **state) {
  (void)state;
  aui_pace pace = {0};
  aui_pace_sent(&pace, &(aui_pace_config){0, 1000}, 5000);
  assert_int_equal(pace.next, 0);
  aui_pace_sent(&pace, &(aui_pace_config){1, AUI_NEVER - 1}, 5000);
  assert_int_equal(pace.next, AUI_NEVER);
}

/* ---- In a session ---- */

static aui_session *start_paced(void **state, peer *p) {
  aui_session_config config = peer_config();
  config.rate = (aui_pace_config){2, 1000};
  peer_open(p, &config, **(feed_way **)state);
  peer_handshake(p);
  return p->session;
}

static void each_message_keeps_its_distance(void **state) {
  peer p;
  aui_session *s = start_paced(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}"), *two = send(&p, "{\"n\":2}");
  assert_int_equal(aui_session_deadline(s), AUI_NEVER); /* it waits for the answer */
  p.now += 100;
  peer_send_final(&p, "1");
  assert_message(one, "1");
  assert_nothing_written(&p);
  assert_due(&p, p.now + 400);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  p.now += 10000; /* what was not used is not saved up */
  peer_send_final(&p, "2");
  aui_reply *three = send_through(&p, "{\"n\":3}"), *four = send(&p, "{\"n\":4}");
  peer_send_final(&p, "3");
  assert_nothing_written(&p);
  assert_due(&p, p.now + 500);
  assert_frame(&p, PEER_TEXT, "{\"n\":4}");
  aui_reply *all[] = {one, two, three, four};
  for (int i = 0; i < 4; i++) release(&p, all[i]);
  stop(&p);
}

static void the_distance_outlasts_a_connection(void **state) {
  peer p;
  aui_session *s = start_paced(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "1");
  aui_session_disconnected(s, NULL, true, p.now);
  aui_reply *two = send(&p, "{\"n\":2}");
  peer_handshake(&p);
  assert_nothing_written(&p);
  assert_due(&p, p.now + 500);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  release(&p, one);
  release(&p, two);
  stop(&p);
}

static void a_spaced_message_may_run_out_of_time_or_be_canceled(void **state) {
  peer p;
  aui_session *s = start_paced(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "1");
  aui_reply *two = send_with(&p, "{\"n\":2}", (aui_reply_timeouts){1, 1, 300}), *three = send(&p, "{\"n\":3}");
  assert_nothing_written(&p);
  assert_due(&p, p.now + 300);
  assert_failed(two, AUI_ERROR_TIMEOUT, true, AUI_DELIVERED_NO, 0, 0,
                "no complete answer within 0.3 s (timeout.total)");
  aui_reply_cancel(three, p.now);
  assert_failed(three, AUI_ERROR_CANCELED, false, AUI_DELIVERED_NO, 0, 0, "the reply was canceled");
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  p.now += 1000;
  assert_nothing_written(&p);
  aui_reply *all[] = {one, two, three};
  for (int i = 0; i < 3; i++) release(&p, all[i]);
  stop(&p);
}

/* A deadline that stayed in the past would make drivers spin. */
static void a_message_whose_time_has_come_but_that_cannot_leave_asks_for_no_ticks(void **state) {
  peer p;
  aui_session *s = start_paced(state, &p);
  aui_reply *one = send_through(&p, "{\"n\":1}");
  peer_send_final(&p, "1");
  peer_send_text(&p, "{\"status_code\":500}"); /* its close is awaited for a second */
  uint64_t refused = p.now;
  aui_reply *two = send(&p, "{\"n\":2}");
  assert_nothing_written(&p);
  assert_due(&p, refused + 500);
  assert_nothing_written(&p);
  assert_due(&p, refused + 1000);
  assert_int_equal(aui_session_want(s), AUI_WANT_DISCONNECT);
  assert_int_equal(aui_session_deadline(s), AUI_NEVER);
  release(&p, one);
  release(&p, two);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(messages_are_evenly_spaced),
      cmocka_unit_test(no_rate_is_no_spacing),
      IN_EVERY_WAY(each_message_keeps_its_distance),
      IN_EVERY_WAY(the_distance_outlasts_a_connection),
      IN_EVERY_WAY(a_spaced_message_may_run_out_of_time_or_be_canceled),
      IN_EVERY_WAY(a_message_whose_time_has_come_but_that_cannot_leave_asks_for_no_ticks),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
