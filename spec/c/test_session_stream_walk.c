/* Sessions by streams on random walks, with fixed seeds: a server that keeps its word, on connections that do not.
 * Whatever users, driver, network and server do, in any order: no turn is run twice, what is shown is the beginning of
 * the answer and in the end the whole of it, and what an error says of its delivery is so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support_peer.h"

enum { SEEDS = 100, STEPS = 500, SENDS = 120, MOST_DELTAS = 12, MAX_TEXT = 512 };

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

/* One send, from its user's view and from the server's. Its events have the numbers from `first` on: the deltas, then
 * the message, then the suggestions. */
typedef struct {
  aui_reply *reply; /* NULL: none, or released */
  aui_reply_status status;
  aui_buffer shown;
  bool read; /* the server has had a whole request for it, */
  bool run;  /* and has run its turn */
  int first, deltas;
  int ends[MOST_DELTAS]; /* of the deltas, in the text */
} turn;

typedef struct {
  peer p; /* corked: what the server says waits in `outgoing` */
  uint32_t random;
  uint32_t seed;
  turn turns[SENDS];
  int sends;
  int seq; /* the number of the thread's newest event */
  bool closed;

  /* Of this connection: */
  enum { NO_TRANSPORT, OPENING, UP } transport;
  int answering; /* which send; -1: none */
  int next;      /* event of it */
  bool has_head;
  bool ends; /* the server ends it when all is out */
} walk;

/* What all walks together have seen. */
static struct { int answers, resumed, settled, refused_resumptions; } seen;

static uint32_t below(walk *k, uint32_t n) {
  k->random = k->random * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)k->random * n >> 32);
}

static bool chance(walk *k, uint32_t percent) {
  return below(k, 100) < percent;
}

#define require(condition)                                                                                             \
  do {                                                                                                                 \
    if (!(condition)) fail_msg("seed %u: broken: %s", k->seed, #condition);                                            \
  } while (0)

/* ---- What must hold ---- */

/* The first `length` letters of the answer to a send, no part of which looks like another. */
static void answer_text(char text[MAX_TEXT], int number, int length) {
  int n = snprintf(text, MAX_TEXT, "answer %d: ", number);
  for (int i = n; i < length; i++) text[i] = (char)('a' + (((uint32_t)(i + number) * 2654435761u) >> 7) % 26);
  text[length] = '\0';
}

static int whole_length(const turn *t) {
  return t->ends[t->deltas - 1];
}

static size_t write_message(char *json, size_t room, const walk *k, int number) {
  char text[MAX_TEXT];
  answer_text(text, number, whole_length(&k->turns[number]));
  return (size_t)snprintf(json, room, "{\"id\":\"m%d\",\"text\":\"%s\"", number, text);
}

static void check_end(walk *k, const turn *t, int number) {
  char expected[MAX_TEXT + 64];
  size_t n, text;
  const char *message = aui_reply_message(t->reply, &n);
  const aui_error *error = aui_reply_error(t->reply);
  require((message != NULL) == (t->status == AUI_REPLY_MESSAGE) && (error != NULL) == (t->status == AUI_REPLY_FAILED));
  if (error && error->delivered == AUI_DELIVERED_NO) require(!t->run);
  if (error && error->delivered == AUI_DELIVERED_YES) require(t->read);
  if (!message) return;
  size_t size = write_message(expected, sizeof expected, k, number);
  require(t->run && n > size && memcmp(message, expected, size) == 0);
  aui_reply_text(t->reply, &text);
  require(text == (size_t)whole_length(t));
}

/* Applies what is new. */
static void check_turn(walk *k, int number) {
  turn *t = &k->turns[number];
  char whole[MAX_TEXT];
  size_t keep, n;
  const char *chunk;
  if (!t->reply) return;
  while (aui_reply_take(t->reply, &keep, &chunk, &n)) {
    require(keep == t->shown.len); /* nothing is taken back, or shown again */
    require(aui_buffer_append(&t->shown, chunk, n));
  }
  answer_text(whole, number, whole_length(t));
  require(t->shown.len <= strlen(whole) && (t->shown.len == 0 || memcmp(t->shown.data, whole, t->shown.len) == 0));
  aui_reply_status status = aui_reply_get_status(t->reply);
  require(t->status == AUI_REPLY_PENDING || t->status == status);
  if (t->status == AUI_REPLY_PENDING && status == AUI_REPLY_MESSAGE) seen.answers++;
  t->status = status;
  check_end(k, t, number);
}

static bool all_ended(const walk *k) {
  for (int i = 0; i < k->sends; i++) {
    if (k->turns[i].reply && aui_reply_get_status(k->turns[i].reply) == AUI_REPLY_PENDING) return false;
  }
  return true;
}

/* ---- The server ---- */

static void say(walk *k, const char *bytes) {
  peer_send(&k->p, bytes, strlen(bytes));
}

/* These lines as a chunk of the body. */
static void say_chunk(walk *k, const char *lines) {
  char chunk[MAX_TEXT + 256];
  snprintf(chunk, sizeof chunk, "%zx\r\n%s\r\n", strlen(lines), lines);
  say(k, chunk);
}

static void say_event(walk *k, const char *type, int seq, const char *data) {
  char lines[MAX_TEXT + 192], number[32] = "";
  if (seq > 0) snprintf(number, sizeof number, "\"seq\":%d,", seq);
  snprintf(lines, sizeof lines, "data: {\"type\":\"%s\",%s\"data\":%s}\n\n", type, number, data);
  say_chunk(k, lines);
}

static void begin_answer(walk *k) {
  k->has_head = true;
  say(k, HEAD);
  say_event(k, "thread", 0, "{\"thread_id\":\"T\"}");
}

static void end_answer(walk *k) {
  if (chance(k, 70)) say_chunk(k, "data: [DONE]\n\n");
  say(k, "0\r\n\r\n");
  k->answering = -1;
  k->ends = chance(k, 20);
}

static void say_delta(walk *k, const turn *t) {
  char text[MAX_TEXT], data[MAX_TEXT + 64];
  int begin = k->next > 0 ? t->ends[k->next - 1] : 0;
  answer_text(text, k->answering, t->ends[k->next]);
  snprintf(data, sizeof data, "{\"text\":\"%s\"}", text + begin);
  say_event(k, "event", t->first + k->next, data);
}

static void say_message(walk *k, const turn *t) {
  char data[MAX_TEXT + 64];
  size_t n = write_message(data, sizeof data - 1, k, k->answering);
  strcpy(data + n, "}");
  say_event(k, "message", t->first + t->deltas, data);
}

static void say_suggestions(walk *k, const turn *t) {
  char data[128];
  snprintf(data, sizeof data, "{\"thread_id\":\"T\",\"interaction_id\":\"m%d\",\"followup_suggestions\":[\"x\"]}",
           k->answering);
  say_event(k, "suggestions", t->first + t->deltas + 1, data);
}

static void go_on_answering(walk *k) {
  const turn *t = &k->turns[k->answering];
  if (!k->has_head) begin_answer(k);
  if (chance(k, 10)) say_chunk(k, ": still here\n\n");
  if (k->next < t->deltas) {
    say_delta(k, t);
  } else if (k->next == t->deltas) {
    say_message(k, t);
  } else if (k->next == t->deltas + 1) {
    say_suggestions(k, t);
  }
  k->next++;
  bool short_end = k->next <= t->deltas && chance(k, 2);
  if (short_end || k->next > t->deltas + 1 || (k->next > t->deltas && chance(k, 30))) end_answer(k);
}

static void refuse(walk *k, int status) {
  char answer[128];
  snprintf(answer, sizeof answer, "HTTP/1.1 %d No\r\nContent-Length: 2\r\n\r\n{}", status);
  say(k, answer);
  k->answering = -1;
}

static void run(walk *k, turn *t) {
  static const int refusals[] = {429, 503, 401, 422};
  if (chance(k, 10)) {
    refuse(k, refusals[below(k, 4)]);
    return;
  }
  require(!t->run); /* not twice */
  t->run = true;
  t->first = k->seq + 1;
  k->seq += t->deltas + 2;
  k->next = 0;
}

static void resume(walk *k, const turn *t, int last) {
  require(t->run && last >= t->first && last < t->first + t->deltas); /* with the message it would have ended */
  k->next = last - t->first + 1;
  seen.resumed++;
  if (chance(k, 85)) return;
  refuse(k, chance(k, 50) ? 410 : 503);
  seen.refused_resumptions++;
}

static void serve_request(walk *k, const char *head, const char *body) {
  const char *field = strstr(head, "\r\nLast-Event-ID: "), *n = strstr(body, "\"n\":");
  require(k->answering == -1 && !k->ends && n);
  k->answering = atoi(n + 4);
  require(k->answering >= 0 && k->answering < k->sends);
  turn *t = &k->turns[k->answering];
  t->read = true;
  k->has_head = false;
  if (field) {
    resume(k, t, atoi(field + 17));
  } else {
    run(k, t);
  }
}

/* Reads a request, if a whole one is there. */
static void read_request(walk *k) {
  aui_buffer *in = &k->p.incoming;
  char text[1024];
  require(in->len < sizeof text);
  memcpy(text, in->len > 0 ? in->data : "", in->len);
  text[in->len] = '\0';
  char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "\r\nContent-Length: ");
  if (!body || strlen(body + 4) < (size_t)atoi(length + 18)) return;
  in->len = 0;
  body[2] = '\0';
  serve_request(k, text, body + 4);
}

/* ---- The network and the driver ---- */

/* Reset or not, nothing that has left arrives later: the server reads it at once. */
static void end_transport(walk *k, const char *cause, bool retryable) {
  k->transport = NO_TRANSPORT;
  k->p.incoming.len = k->p.outgoing.len = 0;
  k->answering = -1;
  k->ends = false;
  if (cause || aui_session_ending(k->p.session) == AUI_ENDING_RESET) aui_session_was_reset(k->p.session);
  aui_session_disconnected(k->p.session, cause, retryable, k->p.now);
}

static void lose(walk *k) {
  if (k->transport != NO_TRANSPORT) end_transport(k, chance(k, 50) ? "reset" : NULL, chance(k, 90));
}

static void follow(walk *k) {
  switch (aui_session_want(k->p.session)) {
    case AUI_WANT_CONNECT:
      require(k->transport == NO_TRANSPORT);
      k->transport = OPENING;
      aui_session_phase(k->p.session, AUI_PHASE_CONNECT, k->p.now);
      break;
    case AUI_WANT_DISCONNECT:
      require(k->transport != NO_TRANSPORT);
      if (chance(k, 80)) end_transport(k, NULL, true); /* else it is late */
      break;
    case AUI_WANT_NOTHING: break;
  }
}

static void deliver(walk *k) {
  aui_buffer *out = &k->p.outgoing;
  size_t n = chance(k, 50) ? out->len : below(k, (uint32_t)out->len + 1);
  if (n == 0) return;
  void *exact = malloc(n); /* so that a sanitizer sees what is read behind its end */
  require(exact);
  memcpy(exact, out->data, n);
  aui_buffer_consume(out, n);
  aui_session_receive(k->p.session, exact, n, k->p.now);
  free(exact);
}

static void drive(walk *k) {
  follow(k);
  if (k->transport == OPENING && chance(k, 50)) {
    if (chance(k, 90)) {
      k->transport = UP;
      aui_session_connected(k->p.session, k->p.now);
    } else {
      lose(k);
    }
  }
  peer_give_random(&k->p);
  if (k->transport != UP) return;
  peer_pump(&k->p, chance(k, 70) ? SIZE_MAX : below(k, 60));
  read_request(k);
  if (k->answering >= 0 && chance(k, 60)) go_on_answering(k);
  deliver(k);
  if (k->ends && k->p.outgoing.len == 0) {
    end_transport(k, NULL, true);
  } else if (chance(k, 2)) {
    lose(k);
  }
}

static void pass_time(walk *k) {
  uint64_t deadline = aui_session_deadline(k->p.session), later = k->p.now + below(k, 50);
  k->p.now = chance(k, 3) && deadline != AUI_NEVER && deadline > later ? deadline : later;
  if (deadline > k->p.now) return;
  aui_session_tick(k->p.session, k->p.now);
  require(aui_session_deadline(k->p.session) > k->p.now); /* a driver would spin */
}

/* ---- The users ---- */

static uint64_t some_time(walk *k) {
  return chance(k, 50) ? AUI_NEVER : 20 + below(k, 3000);
}

static void send_one(walk *k) {
  if (k->sends == SENDS || k->closed) return;
  char json[32];
  int n = snprintf(json, sizeof json, "{\"n\":%d}", k->sends);
  aui_reply_timeouts timeouts = {some_time(k), some_time(k), some_time(k)};
  aui_error refused = {0};
  turn *t = &k->turns[k->sends];
  t->deltas = 1 + (int)below(k, MOST_DELTAS);
  for (int i = 0, end = 16; i < t->deltas; i++) t->ends[i] = end += 1 + (int)below(k, 30);
  t->reply = aui_session_send(k->p.session, json, (size_t)n, &timeouts, k->p.now, &refused);
  require(t->reply);
  k->sends++;
}

/* Those who are in doubt know the transcript, or do not care. */
static void settle(walk *k, int number) {
  turn *t = &k->turns[number];
  char json[MAX_TEXT + 64];
  if (!t->reply || !aui_reply_is_parked(t->reply)) return;
  if (t->run && chance(k, 90)) {
    size_t n = write_message(json, sizeof json - 1, k, number);
    strcpy(json + n, "}");
    require(aui_reply_answer(t->reply, json, n + 1, k->p.now));
    seen.settled++;
  } else if (t->run || !aui_reply_resend(t->reply)) {
    aui_reply_give_up(t->reply);
  }
}

static void release(walk *k, int number) {
  turn *t = &k->turns[number];
  if (!t->reply) return;
  check_turn(k, number);
  aui_reply_release(t->reply, k->p.now);
  aui_buffer_free(&t->shown);
  t->reply = NULL;
}

static void use(walk *k) {
  if (chance(k, 20)) send_one(k);
  if (k->sends == 0) return;
  int number = (int)below(k, (uint32_t)k->sends);
  if (k->turns[number].reply && chance(k, 4)) aui_reply_cancel(k->turns[number].reply, k->p.now);
  if (chance(k, 2)) release(k, number);
}

/* ---- The walk ---- */

static void go_on(walk *k) {
  drive(k);
  pass_time(k);
  for (int i = 0; i < k->sends; i++) {
    check_turn(k, i);
    if (chance(k, 20)) settle(k, i);
  }
  aui_session_take_notice(k->p.session);
}

/* Half of the sessions connect again by themselves, and half of those park what is in doubt. */
static aui_session_config config_of(uint32_t seed) {
  aui_session_config config = peer_config();
  config.carrier = AUI_CARRIER_STREAM;
  config.connect_timeout = 1000;
  config.close_timeout = 100;
  if (seed % 2 == 0) return config;
  config.reconnect = (aui_backoff_config){20, 400, seed % 8 == 1 ? 3 : AUI_BACKOFF_NO_END, 2000};
  config.recover = seed % 4 == 1;
  if (seed % 8 == 5) config.rate = (aui_pace_config){5, 1000};
  return config;
}

static void walk_with(uint32_t seed) {
  aui_session_config config = config_of(seed);
  walk *k = calloc(1, sizeof *k);
  assert_non_null(k);
  k->random = seed * 2654435761u;
  k->seed = seed;
  k->answering = -1;
  peer_open(&k->p, &config, FEED_WHOLE);
  peer_cork(&k->p);
  for (int i = 0; i < STEPS; i++) {
    use(k);
    go_on(k);
  }
  for (int steps = 0; seed / 8 % 2 == 0 && !all_ended(k); steps++) { /* in the end every send has ended */
    require(steps < 20000);
    go_on(k);
  }
  aui_session_close(k->p.session, k->p.now);
  k->closed = true;
  require(all_ended(k));
  for (int steps = 0; !aui_session_finished(k->p.session); steps++) {
    require(steps < 2000);
    go_on(k);
  }
  for (int i = 0; i < k->sends; i++) release(k, i);
  peer_free(&k->p);
  free(k);
}

static void turns_are_run_once_and_shown_once(void **state) {
  (void)state;
  for (uint32_t seed = 1; seed <= SEEDS; seed++) walk_with(seed);
  assert_true(seen.answers > SEEDS && seen.resumed > SEEDS / 2 && seen.settled > 0 && seen.refused_resumptions > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(turns_are_run_once_and_shown_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
