/* Sessions on random walks, with fixed seeds: users, drivers, networks and servers do whatever they may do, in any
 * order, and what sessions promise is checked after every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_peer.h"

enum { SEEDS = 400, STEPS = 600, MAX_SENDS = 200, MAX_TEXT = 400 };

/* One send, from its user's view and from the server's. */
typedef struct {
  aui_reply *reply; /* NULL once released */
  aui_reply_status status;
  char shown[MAX_TEXT]; /* what the user has made of the chunks */
  size_t shown_len;
  bool read; /* the server has had the whole message */
} sent;

typedef enum { NO_TRANSPORT, OPENING, UP } transport;

typedef struct {
  peer p;
  uint32_t state; /* of the generator */
  bool closed;

  transport transport;
  bool accepted; /* the server has, on this connection */
  bool silent;   /* the server says nothing more on this connection */
  bool closing;  /* the client has sent a close frame */
  int answering; /* which send; -1: none */
  int length;    /* of the answer so far */

  int sends;
  int last_read;
  sent sent[MAX_SENDS];
} walk;

static uint32_t below(walk *w, uint32_t n) {
  w->state = w->state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)w->state * n >> 32);
}

static bool chance(walk *w, uint32_t percent) {
  return below(w, 100) < percent;
}

/* ---- The server ---- */

/* The answer to a send says which one it answers, so that a stray text shows. */
static void answer_text(char text[MAX_TEXT], int which, int length) {
  int n = snprintf(text, MAX_TEXT, "answer %d: ", which);
  memset(text + n, 'x', (size_t)length);
  text[n + length] = 0;
}

static void answer(walk *w, bool final) {
  char text[MAX_TEXT];
  w->length = chance(w, 20) ? (int)below(w, 30) : w->length + 1; /* now and then a rewrite */
  if (w->length > 300) w->length = 0;
  answer_text(text, w->answering, w->length);
  if (final) {
    peer_send_final(&w->p, text);
    w->answering = -1;
  } else {
    peer_send_update(&w->p, text);
  }
}

static void misbehave(walk *w) {
  static const char *const junk[] = {"\x82\x01x", "\x81\x01{", "\x83\x01x", "\x81\x85xxxxxxxxx", "\xFF\xFF\xFF\xFF"};
  static const int codes[] = {1000, 1001, 1005, 1008, 1011, 4000};
  w->silent = true;
  switch (below(w, 3)) {
    case 0: peer_send_close(&w->p, codes[below(w, 6)], ""); break;
    case 1: {
      const char *bytes = junk[below(w, 5)];
      peer_send(&w->p, bytes, strlen(bytes));
      break;
    }
    default:
      peer_send_text(&w->p, chance(w, 50) ? "{\"status_code\":500}" : "{\"status_code\":401}");
      if (chance(w, 70)) peer_send_close(&w->p, 1008, "no");
  }
}

static void read_message(walk *w, const peer_frame *frame) {
  int which;
  assert_int_equal(w->answering, -1); /* one answer at a time */
  assert_false(w->closing);
  assert_int_equal(sscanf(frame->payload, "{\"n\":%d}", &which), 1);
  assert_in_range(which, w->last_read + 1, w->sends - 1); /* in order, and none twice */
  w->last_read = which;
  w->sent[which].read = true;
  if (!w->silent) {
    w->answering = which;
    w->length = 0;
  }
}

static void read_frames(walk *w) {
  peer_frame frame;
  while (peer_read(&w->p, &frame)) {
    switch (frame.opcode) {
      case PEER_TEXT: read_message(w, &frame); break;
      case PEER_CLOSE:
        assert_false(w->closing);
        w->closing = true;
        if (!w->silent && chance(w, 70)) peer_send_close(&w->p, 1000, "");
        w->silent = true;
        break;
      default: assert_int_equal(frame.opcode, PEER_PONG);
    }
  }
}

static void read_request(walk *w) {
  char request[1024];
  size_t n = w->p.incoming.len;
  if (n < 4 || memcmp(w->p.incoming.data + n - 4, "\r\n\r\n", 4) != 0) return;
  memcpy(request, w->p.incoming.data, n);
  request[n] = 0;
  w->p.incoming.len = 0;
  w->accepted = true;
  if (chance(w, 85)) {
    peer_accept(&w->p, request);
    return;
  }
  static const char refused[] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
  w->silent = true;
  peer_send(&w->p, refused, chance(w, 50) ? sizeof refused - 1 : below(w, sizeof refused));
}

static void serve(walk *w) {
  if (w->transport != UP) return;
  if (!w->accepted) {
    read_request(w);
    return;
  }
  read_frames(w);
  if (w->silent) return;
  if (w->answering >= 0 && chance(w, 60)) answer(w, chance(w, 25));
  if (chance(w, 5)) peer_send_frame(&w->p, 0x80 | PEER_PING, "ping", 4);
  bool nothing_under_way = w->answering < 0 && w->p.incoming.len == 0 && w->p.outgoing.len == 0;
  if (nothing_under_way && chance(w, 5)) peer_send_text(&w->p, "{\"event\":\"other\"}");
  if (chance(w, 3)) misbehave(w);
}

/* ---- The network and the driver ---- */

static void deliver(walk *w) {
  aui_buffer *out = &w->p.outgoing;
  size_t n = chance(w, 50) ? out->len : below(w, (uint32_t)out->len + 1);
  aui_session_receive(w->p.session, out->data, n, w->p.now);
  aui_buffer_consume(out, n);
}

static void lose_transport(walk *w) {
  w->transport = NO_TRANSPORT;
  w->accepted = w->silent = w->closing = false;
  w->answering = -1;
  w->p.incoming.len = w->p.outgoing.len = 0;
  aui_session_disconnected(w->p.session, chance(w, 50) ? "reset" : NULL, chance(w, 80), w->p.now);
}

static void drive(walk *w) {
  aui_session *s = w->p.session;
  switch (aui_session_want(s)) {
    case AUI_WANT_CONNECT:
      assert_int_equal(w->transport, NO_TRANSPORT);
      w->transport = OPENING;
      aui_session_phase(s, AUI_PHASE_RESOLVE, w->p.now);
      return;
    case AUI_WANT_DISCONNECT:
      assert_int_not_equal(w->transport, NO_TRANSPORT);
      if (chance(w, 80)) /* else it is late */
        lose_transport(w);
      return;
    default: break;
  }
  if (w->transport == OPENING && chance(w, 50)) {
    aui_session_phase(s, AUI_PHASE_CONNECT, w->p.now);
    if (chance(w, 90)) {
      w->transport = UP;
      aui_session_connected(s, w->p.now);
    } else {
      lose_transport(w);
    }
  }
  if (w->transport == UP) {
    peer_pump(&w->p, chance(w, 60) ? SIZE_MAX : below(w, 40));
    deliver(w);
    if (chance(w, 1)) lose_transport(w);
  }
}

static void pass_time(walk *w) {
  uint64_t deadline = aui_session_deadline(w->p.session);
  uint64_t later = w->p.now + below(w, 50);
  w->p.now = chance(w, 3) && deadline != AUI_NEVER && deadline > later ? deadline : later;
  if (aui_session_deadline(w->p.session) > w->p.now) return;
  aui_session_tick(w->p.session, w->p.now);
  assert_true(aui_session_deadline(w->p.session) > w->p.now); /* a driver would spin */
}

/* ---- The users ---- */

static uint64_t some_time(walk *w) {
  return chance(w, 50) ? AUI_NEVER : 20 + below(w, 2000);
}

static void send_one(walk *w) {
  char json[32];
  if (w->sends == MAX_SENDS) return;
  int n = snprintf(json, sizeof json, "{\"n\":%d}", w->sends);
  aui_reply_timeouts timeouts = {some_time(w), some_time(w), some_time(w)};
  aui_error refused = {0};
  aui_reply *reply = aui_session_send(w->p.session, json, (size_t)n, &timeouts, w->p.now, &refused);
  assert_int_equal(reply == NULL, w->closed);
  if (reply) w->sent[w->sends++].reply = reply;
}

static void show_chunks(sent *s) {
  size_t keep, n, whole;
  const char *chunk;
  while (aui_reply_take(s->reply, &keep, &chunk, &n)) {
    assert_true(keep <= s->shown_len);
    assert_true(keep + n < MAX_TEXT);
    memcpy(s->shown + keep, chunk, n);
    s->shown_len = keep + n;
  }
  const char *text = aui_reply_text(s->reply, &whole);
  assert_int_equal(whole, s->shown_len);
  assert_memory_equal(text, s->shown, whole);
}

static void check_text(const sent *s, int which) {
  char prefix[MAX_TEXT];
  size_t n;
  const char *text = aui_reply_text(s->reply, &n);
  answer_text(prefix, which, 0);
  if (n > 0) assert_memory_equal(text, prefix, strlen(prefix));
}

/* What must hold of a send whenever it is looked at. */
static void check(walk *w, int which) {
  sent *s = &w->sent[which];
  size_t n;
  if (!s->reply) return;
  aui_reply_status status = aui_reply_get_status(s->reply);
  if (s->status != AUI_REPLY_PENDING) assert_int_equal(status, s->status); /* it ends once */
  s->status = status;
  check_text(s, which);
  assert_int_equal(aui_reply_message(s->reply, &n) != NULL, status == AUI_REPLY_MESSAGE);
  const aui_error *error = aui_reply_error(s->reply);
  assert_int_equal(error != NULL, status == AUI_REPLY_FAILED);
  if (status == AUI_REPLY_MESSAGE) assert_true(s->read);
  if (!error) return;
  assert_int_not_equal(error->kind, AUI_ERROR_NONE);
  assert_true(strlen(error->message) > 0);
  if (error->delivered == AUI_DELIVERED_NO && error->status_code != 401) assert_false(s->read);
  if (error->delivered == AUI_DELIVERED_YES) assert_true(s->read);
}

static void release(walk *w, sent *s) {
  if (s->reply) aui_reply_release(s->reply, w->p.now);
  s->reply = NULL;
}

static void use(walk *w) {
  if (chance(w, 30)) send_one(w);
  if (w->sends == 0) return;
  sent *s = &w->sent[below(w, (uint32_t)w->sends)];
  if (s->reply && chance(w, 5)) aui_reply_cancel(s->reply, w->p.now);
  if (chance(w, 3)) release(w, s);
  s = &w->sent[below(w, (uint32_t)w->sends)];
  if (s->reply && chance(w, 30)) show_chunks(s);
}

/* ---- The walk ---- */

static void step(walk *w) {
  use(w);
  drive(w);
  serve(w);
  pass_time(w);
  for (int i = 0; i < w->sends; i++) check(w, i);
}

static bool all_ended(const walk *w) {
  for (int i = 0; i < w->sends; i++) {
    if (w->sent[i].reply && aui_reply_get_status(w->sent[i].reply) == AUI_REPLY_PENDING) return false;
  }
  return true;
}

/* The users have no more to say: in the end every send has ended, whatever server and network do. */
static void come_to_rest(walk *w) {
  int steps = 0;
  for (; !all_ended(w) && steps < 20000; steps++) {
    drive(w);
    serve(w);
    pass_time(w);
  }
  assert_true(all_ended(w));
  for (int i = 0; i < w->sends; i++) {
    check(w, i);
    if (w->sent[i].reply) show_chunks(&w->sent[i]);
  }
}

static void close_for_good(walk *w) {
  aui_session_close(w->p.session, w->p.now);
  w->closed = true;
  for (int steps = 0; !aui_session_finished(w->p.session); steps++) {
    assert_true(steps < 2000);
    use(w);
    drive(w);
    serve(w);
    pass_time(w);
  }
  assert_int_equal(aui_session_want(w->p.session), AUI_WANT_NOTHING);
}

static void walk_with(uint32_t seed) {
  walk *w = calloc(1, sizeof *w);
  aui_session_config config = peer_config();
  config.connect_timeout = 1000;
  config.close_timeout = 100;
  peer_open(&w->p, &config, FEED_WHOLE);
  w->p.corked = true;
  w->state = seed;
  w->answering = w->last_read = -1;
  for (int i = 0; i < STEPS; i++) step(w);
  if (seed % 4 != 0) come_to_rest(w);
  if (seed % 4 != 1) close_for_good(w);
  peer_free(&w->p);
  w->p.session = NULL;
  assert_true(all_ended(w));
  for (int i = 0; i < w->sends; i++) release(w, &w->sent[i]);
  free(w);
}

static void every_send_ends_once(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= SEEDS; seed++) {
    walk_with(seed * 2654435761u);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_send_ends_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
