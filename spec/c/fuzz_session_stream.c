/* Fuzzes whole lives of sessions by streams. Each byte of the input says what happens next: to the users, the driver,
 * the network, the server or the clock. What sessions promise is checked after each step. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/aui.h"
#include "engine/buffer.h"
#include "engine/utf8.h"

#define CHECK(condition)                                                                                               \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                   \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

/* What a server says, as a rule. */
static const char *const words[] = {
    HEAD,
    CHUNKED,
    "4000\r\n",
    "\r\n0\r\n\r\n",
    "data: {\"type\":\"thread\",\"data\":{\"thread_id\":\"t\"}}\n\n",
    "data: {\"type\":\"event\",\"seq\":1,\"data\":{\"text\":\"one\"}}\n\n",
    "data: {\"type\":\"event\",\"seq\":2,\"data\":{\"data\":{\"text\":\" two\"}}}\r\r",
    "data: {\"type\":\"event\",\"seq\":3,\"data\":{\"text\":\"\xE2\x82\xAC\"}}\r\n\r\n",
    "data: {\"type\":\"event\",\"data\":{\"text\":\"one two and more\"}}\n\n",
    "data: {\"type\":\"message\",\"seq\":4,\"data\":{\"id\":\"a\",\"text\":\"one two\"}}\n\n",
    "data: {\"type\":\"message\",\"seq\":5,\"data\":{\"id\":\"b\"}}\n\n",
    "data: {\"type\":\"suggestions\",\"seq\":6,\"data\":{\"followup_suggestions\":[\"x\"]}}\n\n",
    "data: {\"type\":\"error\",\"seq\":7,\"data\":{\"message\":\"no\",\"status_code\":500}}\n\n",
    "data: [DONE]\n\n",
    ": comment\n",
    "data: x\n\n",
    "HTTP/1.1 429 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 410 X\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 204 X\r\n\r\n",
};

enum { WORDS = sizeof words / sizeof *words, SENDS = 6 };

typedef struct {
  aui_reply *reply; /* NULL: none */
  aui_buffer shown;
  aui_reply_status status;
} sent;

typedef struct {
  aui_session *session;
  uint64_t now;
  enum { NOTHING, OPENING, UP } transport;
  sent sends[SENDS];
} life;

/* Applies what is new; an answer has one end, and its chunks make up its text. */
static void check_reply(sent *s) {
  size_t keep, n;
  const char *chunk;
  if (!s->reply) return;
  while (aui_reply_take(s->reply, &keep, &chunk, &n)) {
    CHECK(keep <= s->shown.len);
    s->shown.len = keep;
    CHECK(aui_buffer_append(&s->shown, chunk, n));
  }
  const char *text = aui_reply_text(s->reply, &n);
  CHECK(n == s->shown.len && (n == 0 || memcmp(text, s->shown.data, n) == 0) && aui_utf8_valid(text, n));
  aui_reply_status status = aui_reply_get_status(s->reply);
  CHECK(s->status == AUI_REPLY_PENDING || s->status == status);
  CHECK((status == AUI_REPLY_MESSAGE) == (aui_reply_message(s->reply, &n) != NULL));
  CHECK((status == AUI_REPLY_FAILED) == (aui_reply_error(s->reply) != NULL));
  CHECK(status != AUI_REPLY_FAILED || strcmp(aui_reply_error(s->reply)->message, "out of memory") != 0);
  s->status = status;
}

static void drop_reply(life *l, sent *s) {
  if (s->reply) aui_reply_release(s->reply, l->now);
  aui_buffer_free(&s->shown);
  *s = (sent){0};
}

static void follow(life *l) {
  switch (aui_session_want(l->session)) {
    case AUI_WANT_CONNECT:
      aui_session_phase(l->session, AUI_PHASE_CONNECT, l->now);
      l->transport = OPENING;
      break;
    case AUI_WANT_DISCONNECT:
      CHECK(l->transport != NOTHING);
      if (aui_session_ending(l->session) == AUI_ENDING_RESET) aui_session_was_reset(l->session);
      aui_session_disconnected(l->session, NULL, true, l->now);
      l->transport = NOTHING;
      break;
    case AUI_WANT_NOTHING: break;
  }
}

static void pump(life *l, size_t most) {
  uint8_t random[AUI_MOST_RANDOM];
  size_t n = aui_session_random_wanted(l->session);
  memset(random, (int)l->now, sizeof random);
  aui_session_random(l->session, random, n);
  const void *bytes = aui_session_output(l->session, &n, l->now);
  CHECK((bytes != NULL) == (n > 0));
  if (n > 0) aui_session_written(l->session, n < most ? n : most, l->now);
}

static void say(life *l, const void *bytes, size_t n) {
  void *copy = malloc(n);
  CHECK(copy || n == 0);
  if (n > 0) memcpy(copy, bytes, n);
  if (l->transport == UP) aui_session_receive(l->session, copy, n, l->now);
  free(copy);
}

static void pass(life *l, uint64_t time) {
  l->now += time;
  aui_session_tick(l->session, l->now);
  CHECK(aui_session_deadline(l->session) > l->now);
}

static void lose(life *l, const char *cause, bool retryable) {
  if (l->transport == NOTHING) return;
  aui_session_disconnected(l->session, cause, retryable, l->now);
  l->transport = NOTHING;
}

static void settle(sent *s, int how, uint64_t now) {
  static const char answer[] = "{\"id\":\"z\",\"text\":\"found\"}";
  if (!s->reply || !aui_reply_is_parked(s->reply)) return;
  if (how == 0) aui_reply_answer(s->reply, answer, sizeof answer - 1, now);
  if (how == 1) aui_reply_resend(s->reply);
  if (how == 2) aui_reply_give_up(s->reply);
}

static void ask(life *l, sent *s) {
  static const aui_reply_timeouts timeouts = {300, 200, 3000};
  aui_error refused = {0};
  drop_reply(l, s);
  s->reply = aui_session_send(l->session, "{\"text\":\"q\"}", 12, &timeouts, l->now, &refused);
  CHECK(s->reply || refused.kind);
  aui_error_clear(&refused);
}

/* Takes a step; returns how many bytes behind the first it has used. */
static size_t step(life *l, uint8_t what, const uint8_t *rest, size_t n) {
  unsigned kind = what >> 5, which = what & 31;
  sent *s = &l->sends[which % SENDS];
  size_t used = 0;
  switch (kind) {
    case 0: ask(l, s); break;
    case 1: follow(l); break;
    case 2:
      if (l->transport == OPENING) {
        l->transport = UP;
        aui_session_connected(l->session, l->now);
      }
      pump(l, which == 0 ? 1 : SIZE_MAX);
      break;
    case 3:
    case 4: say(l, words[which % WORDS], strlen(words[which % WORDS])); break;
    case 5:
      used = which < n ? which : n;
      say(l, rest, used);
      break;
    case 6: pass(l, (uint64_t)which * which); break;
    default:
      if (which < 3) lose(l, which ? "cut" : NULL, which < 2);
      if (which >= 3 && which < 6) drop_reply(l, s);
      if (which >= 6 && which < 12 && s->reply) aui_reply_cancel(s->reply, l->now);
      if (which >= 12 && which < 30) settle(s, which % 3, l->now);
      if (which == 31) aui_session_close(l->session, l->now);
  }
  return used;
}

/* Every life has an end: that of all replies, and of the transport. */
static void end_life(life *l) {
  aui_session_close(l->session, l->now);
  for (int i = 0; i < SENDS; i++) {
    check_reply(&l->sends[i]);
    CHECK(!l->sends[i].reply || l->sends[i].status != AUI_REPLY_PENDING);
  }
  follow(l);
  CHECK(aui_session_finished(l->session) && aui_session_deadline(l->session) == AUI_NEVER);
  for (int i = 0; i < SENDS; i++) drop_reply(l, &l->sends[i]);
  aui_session_free(l->session);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  if (size == 0) return 0;
  const aui_session_config config = {.carrier = AUI_CARRIER_STREAM,
                                     .request = {"h", "/", ""},
                                     .connect_timeout = 500,
                                     .close_timeout = 100,
                                     .reconnect = {10, 100, input[0] & 1 ? AUI_BACKOFF_NO_END : 2, 1000},
                                     .ping = {20, 10},
                                     .renews = input[0] & 2,
                                     .recover = input[0] & 4,
                                     .queue_messages = 4,
                                     .queue_bytes = 1000,
                                     .max_response_head = 1000,
                                     .max_message = 500,
                                     .max_depth = 16};
  life l = {.session = aui_session_new(&config), .now = 1};
  CHECK(l.session);
  for (size_t i = 1; i < size; i++) {
    i += step(&l, input[i], input + i + 1, size - i - 1);
    for (int j = 0; j < SENDS; j++) check_reply(&l.sends[j]);
  }
  end_life(&l);
  return 0;
}
