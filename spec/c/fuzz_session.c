/* The whole life of a session, by arbitrary input: the first byte sets it up, each further one is a step of its users,
 * its driver, the network, the server or the clock; below 0x80 it is the length of bytes behind it that the server
 * sends as they are. support_world.h has the promises that are checked. */
#include <stdlib.h>
#include <string.h>

#include "support_world.h"

enum { LONGEST_TIMEOUT = 200000 };

static world *start(uint8_t choice) {
  static const uint32_t attempts[] = {AUI_BACKOFF_NO_END, AUI_BACKOFF_NO_END, 2, 0};
  aui_session_config config = peer_config();
  config.reconnect.attempts = attempts[choice & 3];
  config.recover = choice & 4;
  if (choice & 8) config.ping.interval = 20000;
  if (choice & 16) config.rate = (aui_pace_config){2, 1000};
  config.compression = choice & 128;
  config.queue_messages = 4;
  config.max_message = 100000;
  world *w = world_open(&config);
  w->keeps = choice & 64;
  return w;
}

/* The send that is `how` sends older than the newest. */
static world_sent *newest(world *w, int how) {
  return w->sends > how ? world_find(w, w->sends - 1 - how) : NULL;
}

/* ---- Steps; `how` is 0 to 3 ---- */

static void send(world *w, int how) {
  static const aui_reply_timeouts timeouts[] = {
      {AUI_NEVER, AUI_NEVER, AUI_NEVER}, {60000, 60000, LONGEST_TIMEOUT}, {50, 50, 200}, {2000, 500, AUI_NEVER}};
  world_send(w, timeouts[how]);
}

static void cancel(world *w, int how) {
  world_sent *s = newest(w, how);
  if (s) world_cancel(w, s);
}

static void release(world *w, int how) {
  world_sent *s = newest(w, how);
  if (s) world_release(w, s);
}

static void show(world *w, int how) {
  world_sent *s = newest(w, how);
  if (s) world_show(s);
}

static void settle(world *w, int how) {
  world_sent *s = world_parked(w);
  if (!s) return;
  switch (how) {
    case 0: world_settle(w, s); break;
    case 1: world_settle_by_answer(w, s, 20); break;
    case 2: world_settle_by_resend(w, s); break;
    default: world_settle_by_giving_up(w, s);
  }
}

/* What is not parked takes no notice. */
static void settle_in_vain(world *w, int how) {
  world_sent *s = newest(w, how);
  if (!s || aui_reply_is_parked(s->reply)) return;
  world_settle_by_answer(w, s, 20);
  world_settle_by_resend(w, s);
  world_settle_by_giving_up(w, s);
}

static void end(world *w, int how) {
  (void)how;
  world_end(w);
}

static void pass(world *w, int how) {
  uint64_t now = w->p.now, deadline = aui_session_deadline(w->p.session);
  uint64_t due = deadline == AUI_NEVER || deadline < now ? now : deadline;
  const uint64_t times[] = {due, now + 1, now + 300, now + 40000};
  world_pass(w, times[how]);
}

static void tick_early(world *w, int how) {
  (void)how;
  uint64_t deadline = aui_session_deadline(w->p.session);
  if (deadline <= w->p.now) return;
  aui_session_tick(w->p.session, w->p.now);
  world_require(aui_session_deadline(w->p.session) == deadline);
}

static void lose(world *w, int how) {
  world_lose(w, how & 1 ? "connection reset by peer" : NULL, how < 2);
}

static void write(world *w, int how) {
  static const size_t limits[] = {SIZE_MAX, 1, 3, 20};
  world_write(w, limits[how]);
}

static void write_without_random(world *w, int how) {
  size_t n;
  aui_session_output(w->p.session, &n, w->p.now);
  if (n > 0 && how == 0) world_write(w, n);
}

static void deliver(world *w, int how) {
  const size_t amounts[] = {SIZE_MAX, 1, 10, w->p.outgoing.len / 2};
  world_deliver(w, amounts[how]);
}

static void refuse(world *w, int how) {
  static const char *const responses[] = {"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\nContent-Length: 4\r\n\r\nbusy",
                                          "HTTP/1.1 429 Slow\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 401 Who\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 5"};
  world_refuse(w, responses[how], strlen(responses[how]));
}

static const int lengths[] = {0, 1, 40, 3000};

static void update(world *w, int how) {
  world_answer(w, lengths[how], false);
}

static void finish(world *w, int how) {
  world_answer(w, lengths[how], true);
}

static void refuse_message(world *w, int how) {
  static const int statuses[] = {429, 500, 401, 400};
  world_refuse_message(w, statuses[how]);
}

static void close_frame(world *w, int how) {
  static const int codes[] = {1000, 1001, 1008, 1011};
  world_close_frame(w, codes[how]);
}

static void chat(world *w, int how) {
  switch (how) {
    case 0: world_ping(w); break;
    case 1: world_event(w); break;
    default: w->mute = how == 2;
  }
}

/* Towards an open connection: `how` says how far. */
static void connect(world *w, int how) {
  world_follow(w);
  if (how > 2) return;
  world_transport_up(w);
  if (how > 1) return;
  world_write(w, SIZE_MAX);
  if (how > 0) return;
  world_accept(w);
  world_deliver(w, SIZE_MAX);
}

static void carry(world *w, int how) {
  switch (how) {
    case 0: w->cut_off = w->transport == WORLD_UP; break;
    case 1: w->cut_off = false; break;
    default: world_arrive_late(w);
  }
}

static void stray(world *w, int how) {
  world_stray(w, how);
}

static void greet(world *w, int how) {
  world_greet(w, how & 1);
}

typedef void step(world *w, int how);
static step *const steps[32] = {connect, send,   write,          finish,      deliver, update,     settle,
                                pass,    lose,   cancel,         release,     show,    refuse,     refuse_message,
                                chat,    end,    settle_in_vain, close_frame, pass,    tick_early, write_without_random,
                                connect, settle, write,          deliver,     greet,   carry,      stray};

/* Takes one step; returns how many bytes of `data` it took. */
static size_t take_step(world *w, const uint8_t *data, size_t size) {
  size_t n = data[0];
  if (n & 0x80) {
    step *taken = steps[n & 31];
    if (taken) taken(w, n >> 5 & 3);
    return 1;
  }
  if (n > size - 1) n = size - 1;
  world_raw(w, data + 1, n);
  world_deliver(w, SIZE_MAX);
  return 1 + n;
}

/* Whatever has happened, a closed session comes to its end, with nothing left to do. */
static void finish_life(world *w) {
  world_end(w);
  for (int i = 0; !aui_session_finished(w->p.session); i++) {
    world_require(i < 100);
    if (!world_follow(w)) pass(w, 0);
    world_write(w, SIZE_MAX);
    world_check(w);
  }
  world_require(aui_session_deadline(w->p.session) == AUI_NEVER);
  world_require(aui_session_want(w->p.session) == AUI_WANT_NOTHING);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  world *w = start(data[0]);
  connect(w, 0);
  send(w, 1);
  write(w, 0);
  world_check(w);
  for (size_t at = 1; at < size; world_check(w)) at += take_step(w, data + at, size - at);
  world_pass(w, w->p.now + LONGEST_TIMEOUT); /* ends what has a timeout, connection or not */
  world_check(w);
  if (data[0] & 32) finish_life(w);
  world_close(w);
  return 0;
}
