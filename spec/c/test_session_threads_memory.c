/* Sessions by WebSockets of the threads API when memory is short: one allocation after the other fails, alone or with
 * all that follow, over a message that uses everything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scarce_memory.h"
#include "support_peer.h"

typedef struct {
  peer p; /* corked: the server's bytes go to `outgoing` */
  aui_reply *reply;
  bool requested;
  bool told; /* somebody was told that memory was short */
} conversation;

static bool is_about_memory(const aui_error *error) {
  return error && error->kind == AUI_ERROR_OVERFLOW && strcmp(error->message, "out of memory") == 0;
}

static void answer(peer *p) {
  peer_send_text(p,
                 "{\"type\":\"thread\",\"seq\":0,\"data\":{\"thread_id\":\"a thread whose name is as long as any\"}}");
  peer_send_text(p, "{\"type\":\"event\",\"seq\":1,\"data\":{\"data\":{\"text\":\"I found\"}}}");
  peer_send_text(p, "{\"type\":\"message\",\"seq\":2,\"data\":{\"id\":\"m\",\"text\":\"I found more than that\"}}");
}

static void follow_wants(conversation *c) {
  aui_session *s = c->p.session;
  memory_arm();
  switch (aui_session_want(s)) {
    case AUI_WANT_CONNECT:
      aui_session_phase(s, AUI_PHASE_CONNECT, c->p.now);
      aui_session_connected(s, c->p.now);
      c->requested = false;
      break;
    case AUI_WANT_DISCONNECT: aui_session_disconnected(s, NULL, true, c->p.now); break;
    default: break;
  }
  memory_disarm();
}

static void write_out(conversation *c) {
  size_t n;
  peer_give_random(&c->p);
  memory_arm();
  const void *bytes = aui_session_output(c->p.session, &n, c->p.now);
  memory_disarm();
  if (n == 0) return;
  assert_true(aui_buffer_append(&c->p.incoming, bytes, n));
  memory_arm();
  aui_session_written(c->p.session, n, c->p.now);
  memory_disarm();
}

static void serve(conversation *c) {
  peer_frame frame;
  if (!c->requested && c->p.incoming.len > 0) {
    assert_true(aui_buffer_append(&c->p.incoming, "", 1));
    peer_accept(&c->p, c->p.incoming.data);
    c->p.incoming.len = 0;
    c->requested = true;
  }
  while (c->requested && peer_read(&c->p, &frame)) {
    if (frame.opcode == PEER_TEXT) answer(&c->p);
  }
}

static void turn(conversation *c) {
  follow_wants(c);
  write_out(c);
  serve(c);
  memory_arm();
  aui_session_receive(c->p.session, c->p.outgoing.data, c->p.outgoing.len, c->p.now);
  memory_disarm();
  c->p.outgoing.len = 0;
  c->told = c->told || is_about_memory(aui_session_error(c->p.session));
}

static void ask(conversation *c) {
  static const aui_reply_timeouts timeouts = {AUI_NEVER, AUI_NEVER, AUI_NEVER};
  const aui_request request = {"agent.test", "/session", "Sec-WebSocket-Protocol: t, aui-websocket\r\n"};
  aui_error refused = {0};
  memory_arm();
  bool ready = aui_session_set_request(c->p.session, &request, "an agent");
  if (ready) c->reply = aui_session_send(c->p.session, "{\"text\":\"hello\"}", 16, &timeouts, c->p.now, &refused);
  memory_disarm();
  if (ready && !c->reply) assert_true(is_about_memory(&refused));
  c->told = !c->reply;
  for (int i = 0; c->reply && aui_reply_get_status(c->reply) == AUI_REPLY_PENDING; i++) {
    assert_true(i < 100);
    turn(c);
  }
  c->told = c->told || (c->reply && is_about_memory(aui_reply_error(c->reply)));
}

static void check_outcome(const conversation *c) {
  static const char message[] = "{\"id\":\"m\",\"text\":\"I found more than that\"}";
  size_t n;
  assert_int_equal(c->told, memory.failed);
  if (memory.failed) return;
  const char *json = aui_reply_message(c->reply, &n);
  assert_non_null(json);
  assert_int_equal(n, sizeof message - 1);
  assert_memory_equal(json, message, n);
}

/* Returns whether an allocation failed. */
static bool run(size_t left, bool for_good) {
  conversation c = {.p = {.now = 1000, .random = 1, .corked = true}};
  aui_session_config config = peer_config();
  config.carrier = AUI_CARRIER_THREADS_WEBSOCKET;
  memory_begin(left, for_good);
  memory_arm();
  c.p.session = aui_session_new(&config);
  memory_disarm();
  if (c.p.session) {
    ask(&c);
    check_outcome(&c);
  }
  peer_free(&c.p);
  if (c.reply) aui_reply_release(c.reply, 0);
  assert_int_equal(memory.live, 0);
  return memory.failed;
}

static void each_allocation_fails(void **state) {
  size_t n = 0;
  while (run(n, *(bool *)*state)) n++;
  assert_true(n > 15);
}

int main(void) {
  static bool alone = false, for_good = true;
  const struct CMUnitTest tests[] = {
      {"each_allocation_fails (alone)", each_allocation_fails, NULL, NULL, &alone},
      {"each_allocation_fails (with all that follow)", each_allocation_fails, NULL, NULL, &for_good},
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
