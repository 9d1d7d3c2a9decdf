/* What sessions count: bytes, frames, folded updates, reconnects; and how long the newest message's answer took. */
#include "support_session.h"

static aui_session_stats stats_of(const peer *p) {
  aui_session_stats stats;
  aui_session_get_stats(p->session, &stats);
  return stats;
}

static void cut(peer *p) {
  aui_session_disconnected(p->session, "connection reset by peer", true, p->now);
}

static void nothing_at_first(void **state) {
  peer p;
  start(state, &p);
  aui_session_stats stats = stats_of(&p);
  const aui_session_stats none = {.first_chunk = AUI_NEVER, .message = AUI_NEVER};
  assert_memory_equal(&stats, &none, sizeof none);
  stop(&p);
}

static void bytes_both_ways_with_the_handshake(void **state) {
  enum { HEAD = 2, MASK = 4 };
  peer p;
  start(state, &p);
  const char *request = peer_connect(&p);
  assert_int_equal(stats_of(&p).bytes_sent, strlen(request));
  peer_accept(&p, request);
  aui_session_stats before = stats_of(&p);
  assert_true(before.bytes_received > 0);
  aui_reply *reply = send_through(&p, "{}");
  assert_int_equal(stats_of(&p).bytes_sent - before.bytes_sent, HEAD + MASK + 2);
  fragment(&p, 0x80 | PEER_TEXT, "{\"event\":\"x\"}");
  assert_int_equal(stats_of(&p).bytes_received - before.bytes_received, HEAD + 13);
  release(&p, reply);
  stop(&p);
}

static void frames_of_every_kind_both_ways(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  assert_int_equal(stats_of(&p).frames_sent, 1);
  fragment(&p, PEER_TEXT, "{\"event\":\"x\",");
  fragment(&p, 0x80 | PEER_PING, "p");
  fragment(&p, 0x80 | PEER_CONTINUATION, "\"data\":{}}");
  fragment(&p, 0x80 | PEER_PONG, "");
  assert_int_equal(stats_of(&p).frames_received, 4);
  assert_frame(&p, PEER_PONG, "p");
  assert_int_equal(stats_of(&p).frames_sent, 2);
  peer_send_close(&p, 1000, "");
  assert_close_frame(&p, 1000);
  assert_int_equal(stats_of(&p).frames_received, 5);
  assert_int_equal(stats_of(&p).frames_sent, 3);
  assert_true(peer_disconnect_if_wanted(&p));
  assert_int_equal(stats_of(&p).frames_received, 5);
  assert_int_equal(stats_of(&p).frames_sent, 3);
  release(&p, reply);
  stop(&p);
}

static void no_frame_that_has_not_left_whole(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send(&p, "{}");
  peer_pump(&p, 0);
  release(&p, reply); /* it is taken back */
  peer_pump(&p, SIZE_MAX);
  assert_int_equal(stats_of(&p).frames_sent, 0);
  reply = send(&p, "{}");
  peer_pump(&p, 5);
  uint64_t bytes = stats_of(&p).bytes_sent;
  cut(&p);
  assert_int_equal(stats_of(&p).frames_sent, 0);
  assert_int_equal(stats_of(&p).bytes_sent, bytes);
  release(&p, reply);
  stop(&p);
}

static void updates_that_join_others_unread(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_update(&p, "I");
  assert_int_equal(stats_of(&p).updates_folded, 0);
  peer_send_update(&p, "I"); /* has nothing new */
  assert_int_equal(stats_of(&p).updates_folded, 0);
  peer_send_update(&p, "I found");
  assert_int_equal(stats_of(&p).updates_folded, 1);
  assert_take(reply, 0, "I found");
  peer_send_update(&p, "I");
  assert_int_equal(stats_of(&p).updates_folded, 1);
  peer_send_update(&p, "I lost"); /* that it is shorter was not read */
  assert_int_equal(stats_of(&p).updates_folded, 2);
  assert_take(reply, 1, " lost");
  peer_send_final(&p, "I lost");
  assert_int_equal(stats_of(&p).updates_folded, 2);
  release(&p, reply);
  stop(&p);
}

static void connections_after_the_first(void **state) {
  peer p;
  start_open(state, &p);
  assert_int_equal(stats_of(&p).reconnects, 0);
  for (unsigned i = 1; i < 3; i++) {
    cut(&p);
    aui_reply *reply = send(&p, "{}"); /* asks for another */
    assert_int_equal(stats_of(&p).reconnects, i - 1);
    peer_handshake(&p);
    assert_int_equal(stats_of(&p).reconnects, i);
    release(&p, reply);
  }
  stop(&p);
}

static void times_of_the_newest_message(void **state) {
  peer p;
  start(state, &p);
  aui_reply *one = send(&p, "{\"n\":1}");
  p.now += 300;
  peer_handshake(&p);
  assert_frame(&p, PEER_TEXT, "{\"n\":1}");
  p.now += 700;
  peer_send_text(&p, "{\"event\":\"x\"}");
  assert_int_equal(stats_of(&p).first_chunk, AUI_NEVER);
  peer_send_update(&p, "I");
  p.now += 5;
  peer_send_update(&p, "I found");
  assert_int_equal(stats_of(&p).first_chunk, 1000);
  assert_int_equal(stats_of(&p).message, AUI_NEVER);
  aui_reply *two = send(&p, "{\"n\":2}");
  assert_int_equal(stats_of(&p).first_chunk, AUI_NEVER);
  p.now += 10;
  peer_send_update(&p, "I found it");
  peer_send_final(&p, "I found it"); /* of the first */
  assert_int_equal(stats_of(&p).first_chunk, AUI_NEVER);
  assert_int_equal(stats_of(&p).message, AUI_NEVER);
  assert_frame(&p, PEER_TEXT, "{\"n\":2}");
  p.now += 10;
  peer_send_final(&p, "whole");
  assert_int_equal(stats_of(&p).first_chunk, 20);
  assert_int_equal(stats_of(&p).message, 20);
  release(&p, one);
  release(&p, two);
  assert_int_equal(stats_of(&p).message, 20);
  stop(&p);
}

/* Also of one that is found elsewhere. */
static void times_of_a_message_in_doubt(void **state) {
  static const char json[] = "{\"id\":\"1\",\"text\":\"found\",\"sender\":{\"type\":\"agent\"}}";
  peer p;
  aui_session_config config = peer_defaults();
  config.recover = true;
  peer_open(&p, &config, **(feed_way **)state);
  peer_handshake(&p);
  aui_reply *reply = send_through(&p, "{}");
  cut(&p);
  p.now += 50;
  assert_true(aui_reply_answer(reply, json, sizeof json - 1, p.now));
  assert_int_equal(stats_of(&p).first_chunk, 50);
  assert_int_equal(stats_of(&p).message, 50);
  release(&p, reply);
  stop(&p);
}

/* A failed message has none, and a refused one leaves those of the one before. */
static void no_times_of_what_has_no_answer(void **state) {
  peer p;
  start_open(state, &p);
  aui_reply *reply = send_through(&p, "{}");
  peer_send_final(&p, "whole");
  release(&p, reply);
  reply = send_through(&p, "{}");
  peer_send_update(&p, "part");
  aui_reply_cancel(reply, p.now);
  peer_send_final(&p, "part");
  assert_int_equal(stats_of(&p).first_chunk, 0);
  assert_int_equal(stats_of(&p).message, AUI_NEVER);
  release(&p, reply);
  aui_session_close(p.session, p.now);
  aui_error refused = {0};
  assert_null(aui_session_send(p.session, "{}", 2, &no_timeouts, p.now, &refused));
  assert_int_equal(stats_of(&p).first_chunk, 0);
  stop(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_EVERY_WAY(nothing_at_first),
      IN_EVERY_WAY(bytes_both_ways_with_the_handshake),
      IN_EVERY_WAY(frames_of_every_kind_both_ways),
      IN_EVERY_WAY(no_frame_that_has_not_left_whole),
      IN_EVERY_WAY(updates_that_join_others_unread),
      IN_EVERY_WAY(connections_after_the_first),
      IN_EVERY_WAY(times_of_the_newest_message),
      IN_EVERY_WAY(times_of_a_message_in_doubt),
      IN_EVERY_WAY(no_times_of_what_has_no_answer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
