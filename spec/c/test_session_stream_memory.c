/* Sessions by streams when memory is short: one allocation after the other fails, alone or with all that follow, over
 * two messages that use everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scarce_memory.h"
#include "support_peer.h"

#define EVENTS "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

/* What the server says to the message of each number. */
static const char *const answers[] = {
    EVENTS "Content-Length: 377\r\n\r\n"
           ": a comment\n\nevent: e\nid: 1\n"
           "data: {\"type\":\"thread\",\"data\":{\"thread_id\":\"a thread whose name is longer than any buffer\"}}\n\n"
           "data: {\"type\":\"event\",\"seq\":1,\"data\":{\"text\":\"I found\"}}\n\n"
           "data: {\"type\":\"message\",\"seq\":2,\"data\":{\"id\":\"m\",\n"
           "data: \"text\":\"I found a longer answer than fits into the buffer\"}}\n\n"
           "data: {\"type\":\"suggestions\",\"seq\":3,\"data\":{\"followup_suggestions\":[\"more\"]}}\n\n",
    "HTTP/1.1 422 X\r\nContent-Length: 4\r\n\r\nwhat",
};

enum { SENDS = 2 };

typedef struct {
  peer p;
  aui_reply *replies[SENDS];
  int connections, posts;
  bool told; /* somebody was told that memory was short */
} conversation;

static void follow_wants(conversation *c) {
  aui_session *s = c->p.session;
  memory_arm();
  switch (aui_session_want(s)) {
    case AUI_WANT_CONNECT:
      assert_in_range(++c->connections, 1, 100);
      aui_session_phase(s, AUI_PHASE_CONNECT, c->p.now);
      aui_session_connected(s, c->p.now);
      break;
    case AUI_WANT_DISCONNECT: aui_session_disconnected(s, NULL, true, c->p.now); break;
    default: break;
  }
  memory_disarm();
}

/* Writes a message, if there is one, and has it answered. */
static void post(conversation *c) {
  size_t n;
  peer_give_random(&c->p);
  memory_arm();
  const void *bytes = aui_session_output(c->p.session, &n, c->p.now);
  if (bytes) {
    const char *answer = answers[c->posts < SENDS ? c->posts : SENDS - 1];
    c->posts++;
    aui_session_written(c->p.session, n, c->p.now);
    aui_session_receive(c->p.session, answer, strlen(answer), c->p.now);
  }
  memory_disarm();
}

/* Also of an error whose payload was left out. */
static bool is_about_memory(const aui_error *error) {
  if (!error) return false;
  if (error->status_code != 0) return error->payload.len == 0;
  return error->kind == AUI_ERROR_OVERFLOW && strcmp(error->message, "out of memory") == 0;
}

static void turn(conversation *c) {
  follow_wants(c);
  post(c);
  c->told = c->told || is_about_memory(aui_session_error(c->p.session));
}

static void ask(conversation *c, int which) {
  static const aui_reply_timeouts timeouts = {AUI_NEVER, AUI_NEVER, AUI_NEVER};
  aui_error refused = {0};
  memory_arm();
  aui_reply *reply = aui_session_send(c->p.session, "{\"text\":\"hello\"}", 16, &timeouts, c->p.now, &refused);
  memory_disarm();
  c->replies[which] = reply;
  if (!reply) assert_true(is_about_memory(&refused));
  c->told = c->told || !reply;
  for (int i = 0; reply && aui_reply_get_status(reply) == AUI_REPLY_PENDING; i++) {
    assert_true(i < 100);
    turn(c);
  }
  c->told = c->told || (reply && is_about_memory(aui_reply_error(reply)));
}

static void check_outcome(conversation *c) {
  assert_int_equal(c->told, memory.failed);
  if (memory.failed) return;
  static const char message[] = "{\"id\":\"m\",\n\"text\":\"I found a longer answer than fits into the "
                                "buffer\",\"followup_suggestions\":[\"more\"]}";
  size_t n;
  const char *json = aui_reply_message(c->replies[0], &n);
  assert_non_null(json);
  assert_int_equal(n, sizeof message - 1);
  assert_memory_equal(json, message, n);
  assert_int_equal(aui_reply_error(c->replies[1])->status_code, 422);
  assert_int_equal(aui_reply_error(c->replies[1])->payload.len, 4);
}

/* Returns whether an allocation failed. */
static bool run(size_t left, bool for_good) {
  conversation c = {.p = {.now = 1000, .random = 1}};
  aui_session_config config = peer_config();
  config.carrier = AUI_CARRIER_STREAM;
  config.thread_id = "a thread of the past";
  memory_begin(left, for_good);
  memory_arm();
  c.p.session = aui_session_new(&config);
  memory_disarm();
  if (c.p.session) {
    for (int i = 0; i < SENDS; i++) ask(&c, i);
    check_outcome(&c);
  }
  peer_free(&c.p);
  for (int i = 0; i < SENDS; i++) {
    if (c.replies[i]) aui_reply_release(c.replies[i], 0);
  }
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void each_allocation_fails(void **state) {
  size_t n = 0;
  while (run(n, *(bool *)*state)) n++;
  assert_true(n > 20);
}

int main(void) {
  static bool alone = false, for_good = true;
  const struct CMUnitTest tests[] = {
      {"each_allocation_fails (alone)", each_allocation_fails, NULL, NULL, &alone},
      {"each_allocation_fails (with all that follow)", each_allocation_fails, NULL, NULL, &for_good},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
