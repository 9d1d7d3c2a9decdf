/* Sessions on random walks, with fixed seeds: users, drivers, networks and servers do whatever they may do, in any
 * order, and what sessions promise is checked after every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support_world.h"

enum { SEEDS = 200, STEPS = 600, MAX_SENDS = 200 };

typedef struct {
  world *w;
  uint32_t state; /* of the generator */
  int length;     /* of the answer so far */
} walk;

static uint32_t below(walk *k, uint32_t n) {
  k->state = k->state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)k->state * n >> 32);
}

static bool chance(walk *k, uint32_t percent) {
  return below(k, 100) < percent;
}

/* ---- The server ---- */

static void answer(walk *k) {
  if (!k->w->answered) k->length = 0;
  k->length = chance(k, 20) ? (int)below(k, 30) : k->length + 1; /* now and then a rewrite */
  world_answer(k->w, k->length, chance(k, 25));
}

static void misbehave(walk *k) {
  static const char *const junk[] = {"\x82\x01{", "\x81\x01{", "\x83\x01x", "\x81\x85xxxxxxxxx", "\xFF\xFF\xFF\xFF"};
  static const int codes[] = {1000, 1001, 1005, 1008, 1011, 4000};
  static const int statuses[] = {500, 401, 429, 400};
  switch (below(k, 4)) {
    case 0: world_close_frame(k->w, codes[below(k, 6)]); break;
    case 1: {
      const char *bytes = junk[below(k, 5)];
      world_break(k->w, bytes, strlen(bytes));
      break;
    }
    case 2: world_refuse_turn(k->w, statuses[below(k, 4)]); break;
    default:
      world_refuse_message(k->w, statuses[below(k, 4)]);
      if (k->w->silent && chance(k, 70)) world_close_frame(k->w, 1008);
  }
}

static void respond(walk *k) {
  static const char busy[] = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
  if (chance(k, 85)) {
    world_accept(k->w);
    k->w->mute = chance(k, 5);
  } else {
    world_refuse(k->w, busy, chance(k, 50) ? sizeof busy - 1 : below(k, sizeof busy));
  }
}

static void serve(walk *k) {
  if (!k->w->accepted) {
    respond(k);
    return;
  }
  if (chance(k, 60)) answer(k);
  if (chance(k, 5)) world_ping(k->w);
  if (chance(k, 5)) world_event(k->w);
  if (chance(k, 5)) world_greet(k->w, chance(k, 50));
  if (chance(k, 10)) world_stray(k->w, (int)below(k, 4));
  if (chance(k, 3)) misbehave(k);
}

/* ---- The network and the driver ---- */

static void lose_transport(walk *k) {
  world_lose(k->w, chance(k, 50) ? "reset" : NULL, chance(k, 80));
}

static void carry(walk *k) {
  world *w = k->w;
  if (chance(k, w->cut_off ? 5 : 1)) w->cut_off = !w->cut_off;
  if (chance(k, 5)) world_arrive_late(w);
}

static void drive(walk *k) {
  world *w = k->w;
  switch (aui_session_want(w->p.session)) {
    case AUI_WANT_CONNECT: world_follow(w); return;
    case AUI_WANT_DISCONNECT:
      if (chance(k, 80)) world_follow(w); /* else it is late */
      return;
    default: break;
  }
  if (w->transport == WORLD_OPENING && chance(k, 50)) {
    if (chance(k, 90)) {
      world_transport_up(w);
    } else {
      lose_transport(k);
    }
  }
  if (w->transport == WORLD_UP) {
    world_write(w, chance(k, 60) ? SIZE_MAX : below(k, 40));
    world_deliver(w, chance(k, 50) ? SIZE_MAX : below(k, (uint32_t)w->p.outgoing.len + 1));
    if (chance(k, 1)) lose_transport(k);
  }
}

static void pass_time(walk *k) {
  uint64_t deadline = aui_session_deadline(k->w->p.session);
  uint64_t later = k->w->p.now + below(k, 50);
  world_pass(k->w, chance(k, 3) && deadline != AUI_NEVER && deadline > later ? deadline : later);
}

/* ---- The users ---- */

static uint64_t some_time(walk *k) {
  return chance(k, 50) ? AUI_NEVER : 20 + below(k, 2000);
}

static void send_one(walk *k) {
  aui_reply_timeouts timeouts = {some_time(k), some_time(k), some_time(k)};
  if (k->w->sends == MAX_SENDS) return;
  assert_int_equal(world_send(k->w, timeouts) == NULL, k->w->closed);
}

/* Those who are in doubt know the server's log, or do not care. */
static void settle(walk *k) {
  world_sent *s = world_parked(k->w);
  if (!s) return;
  if (chance(k, 90)) {
    world_settle(k->w, s);
  } else {
    world_settle_by_giving_up(k->w, s);
  }
}

static world_sent *any(walk *k) {
  return world_find(k->w, (int)below(k, (uint32_t)k->w->sends));
}

static void use(walk *k) {
  if (chance(k, 30)) send_one(k);
  if (chance(k, 10)) settle(k);
  if (k->w->sends == 0) return;
  world_sent *s = any(k);
  if (s && chance(k, 5)) world_cancel(k->w, s);
  if (s && chance(k, 3)) world_release(k->w, s);
  s = any(k);
  if (s && chance(k, 30)) world_show(s);
}

/* ---- The walk ---- */

static void go_on(walk *k) {
  carry(k);
  drive(k);
  serve(k);
  pass_time(k);
  world_check(k->w);
}

/* The users have no more to say: in the end every send has ended, whatever server and network do. */
static void come_to_rest(walk *k) {
  for (int steps = 0; !world_all_ended(k->w); steps++) {
    assert_true(steps < 20000);
    settle(k);
    go_on(k);
  }
}

/* Some are closed while the close that is to follow an error has not come: by luck alone hardly any would be. */
static void close_for_good(walk *k) {
  if (chance(k, 20)) {
    world_refuse_message(k->w, 500);
    world_deliver(k->w, SIZE_MAX);
  }
  world_end(k->w);
  for (int steps = 0; !aui_session_finished(k->w->p.session); steps++) {
    assert_true(steps < 2000);
    use(k);
    go_on(k);
  }
  assert_int_equal(aui_session_want(k->w->p.session), AUI_WANT_NOTHING);
}

/* Half of the sessions connect again by themselves, and park what is in doubt. */
static aui_session_config config_of(aui_carrier carrier, uint32_t seed) {
  aui_session_config config = peer_config();
  config.carrier = carrier;
  if (carrier == AUI_CARRIER_THREADS_WEBSOCKET)
    config.request.headers = "Sec-WebSocket-Protocol: token, " AUI_THREADS_PROTOCOL "\r\n";
  config.connect_timeout = 1000;
  config.close_timeout = 100;
  if (seed % 2 == 0) return config;
  config.reconnect = (aui_backoff_config){20, 400, seed % 8 == 1 ? 3 : AUI_BACKOFF_NO_END, 2000};
  config.recover = true;
  config.ping = (aui_liveness_config){300, 200};
  if (seed % 8 == 5) config.rate = (aui_pace_config){5, 1000};
  return config;
}

static void walk_with(aui_carrier carrier, uint32_t seed, states_seen *seen) {
  aui_session_config config = config_of(carrier, seed);
  walk k = {.w = world_open(&config), .state = seed * 2654435761u};
  k.w->keeps = seed % 4 == 3;
  k.w->states = *seen;
  for (int i = 0; i < STEPS; i++) {
    use(&k);
    go_on(&k);
  }
  if (seed / 8 % 4 != 0) come_to_rest(&k);
  if (seed / 8 % 4 != 1) close_for_good(&k);
  *seen = k.w->states;
  world_close(k.w);
}

static void walk_by(aui_carrier carrier) {
  states_seen seen = {0};
  for (uint32_t seed = 1; seed <= SEEDS; seed++) walk_with(carrier, seed, &seen);
  states_check_all(&seen);
}

static void every_send_ends_once_in_declared_states(void **state) {
  (void)state;
  walk_by(AUI_CARRIER_WEBSOCKET);
}

static void so_it_is_in_the_threads_api(void **state) {
  (void)state;
  walk_by(AUI_CARRIER_THREADS_WEBSOCKET);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_send_ends_once_in_declared_states),
                                     cmocka_unit_test(so_it_is_in_the_threads_api)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
