/* A day in the life of sessions of either API, in virtual time: messages every few seconds, idle spells, lost
 * connections, servers that are down for minutes or have too much to do. What support_world.h promises is checked at
 * every moment; here, that attempts, pings and messages come when they should, that nothing fails without a cause, and
 * that memory does not grow between the first hour and the last. An argument is the seed. Built with the linker's
 * --wrap for malloc, calloc, realloc, strdup and free. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support_world.h"

#define require world_require

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, HOURS = 24 };
enum { TIMEOUT = 5 * MINUTE, DAYS = 12 };
enum { MOST_GROWTH = 16384 + 8 * 4096 }; /* bytes: of buffers, and of the ids of answers that a session remembers */

/* ---- The allocator counts: mallinfo takes what a thread keeps for later as used ---- */

typedef struct {
  size_t blocks, bytes; /* not freed */
} memory_in_use;

static memory_in_use memory;

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *block, size_t n);
char *__real_strdup(const char *text);
void __real_free(void *block);

static void *taken(void *block) {
  memory.blocks += block != NULL;
  memory.bytes += malloc_usable_size(block);
  return block;
}

static void given_back(void *block) {
  memory.blocks -= block != NULL;
  memory.bytes -= malloc_usable_size(block);
}

void *__wrap_malloc(size_t n) {
  return taken(__real_malloc(n));
}

void *__wrap_calloc(size_t count, size_t n) {
  return taken(__real_calloc(count, n));
}

void *__wrap_realloc(void *block, size_t n) {
  given_back(block);
  return taken(__real_realloc(block, n)); /* which succeeds */
}

char *__wrap_strdup(const char *text) {
  return taken(__real_strdup(text));
}

void __wrap_free(void *block) {
  given_back(block);
  __real_free(block);
}

/* ---- The day, as far as it has come ---- */

typedef enum { REFUSES, DROPS_PACKETS, IGNORES, BUSY, ASKS_TO_WAIT, LIMITS, WAYS_TO_BE_DOWN } outage;

typedef struct {
  world *w;
  uint64_t random; /* state of the generator */

  uint64_t next_message, next_trouble, next_piece, next_settling;
  outage outage;
  uint64_t outage_until;
  uint64_t trouble_at; /* when something last went wrong, or was well again */
  int pieces;          /* of the answer, still to come */
  int length;          /* of it so far */
  uint64_t left_at;    /* when the last message left */

  /* Of this connection: */
  uint64_t opened_at; /* AUI_NEVER: not open */
  uint64_t heard_at;
  uint64_t wrote_at; /* when bytes last left: a ping may wait behind them */
  bool heard;        /* the agent has spoken */
  bool limited;      /* it ends by a 429 */
  bool needs_a_send; /* the next one may wait for a message */
  uint64_t asked;    /* to wait, by Retry-After: milliseconds */

  uint32_t failures; /* attempts in a row */
  uint64_t attempt_from, attempt_to;

  bool resting; /* at the hour: users and troubles make a pause, and the connection is made anew */
  bool renewed;
  long attempts, allowed_attempts; /* this hour */
  memory_in_use first_hour;        /* at its end */

  long sends, answers, connections, pings, resent; /* in all */
} day;

static uint32_t below(day *d, uint32_t n) {
  d->random = d->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((d->random >> 32) * n >> 32);
}

static bool chance(day *d, uint32_t percent) {
  return below(d, 100) < percent;
}

static uint64_t between(day *d, uint32_t least, uint32_t most) {
  return least + below(d, most - least + 1);
}

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static bool is_down(const day *d) {
  return d->w->p.now < d->outage_until;
}

/* ---- Connections: how one ends says when the next may be tried ---- */

/* To be called right before the session learns of the end. */
static void plan_attempt(day *d) {
  const aui_backoff_config *config = &d->w->config.reconnect;
  uint64_t now = d->w->p.now;
  bool open = d->opened_at != AUI_NEVER;
  bool healthy = open && (d->heard || now - d->opened_at >= config->reset_after);
  d->attempt_from = d->attempt_to = now;
  if (healthy) d->failures = 0;
  if (!healthy || d->limited) {
    uint64_t span = earlier(config->base << (d->failures < 16 ? d->failures : 16), config->max);
    d->failures++;
    uint64_t spread = d->asked / 10;
    d->attempt_from = now + d->asked + 1; /* a message may bring it forward, but not before what was asked for */
    d->attempt_to = now + d->asked + (span > spread ? span : spread);
  }
  if (d->needs_a_send) d->attempt_to = AUI_NEVER;
  d->opened_at = AUI_NEVER;
  d->heard = d->limited = d->needs_a_send = false;
  d->asked = 0;
}

static void lose(day *d, const char *cause) {
  if (d->w->transport == WORLD_NO_TRANSPORT) return;
  plan_attempt(d);
  world_lose(d->w, cause, true);
}

static bool follow(day *d) {
  aui_want want = aui_session_want(d->w->p.session);
  if (want == AUI_WANT_CONNECT) {
    require(d->w->p.now >= d->attempt_from && d->w->p.now <= d->attempt_to);
    d->attempts++;
  } else if (want == AUI_WANT_DISCONNECT) {
    plan_attempt(d);
  }
  return world_follow(d->w);
}

static void open_transport(day *d) {
  if (d->w->transport != WORLD_OPENING) return;
  if (!is_down(d) || d->outage > DROPS_PACKETS) {
    world_transport_up(d->w);
  } else if (d->outage == REFUSES) {
    lose(d, "connection refused");
  }
}

static void answer_request(day *d) {
  char response[128];
  if (!d->w->request[0] || d->w->accepted || d->w->silent) return;
  if (!is_down(d)) {
    world_accept(d->w);
    return;
  }
  if (d->outage == IGNORES) return;
  uint64_t seconds = d->outage == BUSY ? 0 : between(d, 1, 60);
  int n = snprintf(response, sizeof response, "HTTP/1.1 %d Later\r\nRetry-After: %d\r\nContent-Length: 0\r\n\r\n",
                   d->outage == LIMITS ? 429 : 503, (int)seconds);
  world_refuse(d->w, response, (size_t)n);
  d->asked = seconds * SECOND;
}

static void note_open(day *d) {
  if (d->opened_at != AUI_NEVER || aui_session_state(d->w->p.session) != AUI_STATE_OPEN) return;
  d->opened_at = d->trouble_at = d->w->p.now;
  d->connections++;
}

/* ---- The server ---- */

static void begin_answer(day *d) {
  const aui_pace_config *rate = &d->w->config.rate;
  if (rate->messages > 0 && d->left_at > 0) require(d->w->p.now - d->left_at >= rate->per / rate->messages);
  d->left_at = d->w->p.now;
  d->pieces = (int)between(d, 1, 30);
  d->length = 0;
  d->next_piece = d->w->p.now + between(d, 50, 500);
}

static void continue_answer(day *d) {
  world *w = d->w;
  d->next_piece = AUI_NEVER;
  if (w->answering < 0 || w->silent) return;
  d->length = chance(d, 5) ? (int)below(d, (uint32_t)d->length + 1) : d->length + (int)below(d, 100);
  d->heard = true;
  world_answer(w, d->length, --d->pieces == 0);
  if (d->pieces > 0) d->next_piece = w->p.now + between(d, 20, 200);
}

/* The connection ends by one of what ends connections. */
static void end_connection(day *d) {
  static const int codes[] = {1000, 1001, 1011, 1012}, statuses[] = {429, 500};
  world *w = d->w;
  uint32_t how = below(d, 9);
  if (how < 2 || !w->accepted || w->silent) {
    lose(d, how > 0 ? "connection reset by peer" : NULL);
  } else if (how < 6) {
    world_close_frame(w, codes[how - 2]);
    d->needs_a_send = how == 2;
  } else if (how < 8) {
    world_refuse_message(w, statuses[how - 6]);
    d->limited = how == 6;
    if (chance(d, 70)) world_close_frame(w, 1011);
  } else {
    w->silent = w->mute = true;
  }
}

/* Nobody can connect for a while, or be served. */
static void go_down(day *d) {
  uint64_t span = between(d, 10 * SECOND, 10 * MINUTE);
  lose(d, NULL);
  d->outage = (outage)below(d, WAYS_TO_BE_DOWN);
  d->outage_until = d->w->p.now + span;
  d->allowed_attempts +=
      12 + (long)(span / (3 * SECOND)); /* half the mean delay, with messages that make every other one short */
}

static void make_trouble(day *d) {
  d->trouble_at = d->w->p.now;
  d->next_trouble = d->w->p.now + between(d, 10 * SECOND, 8 * MINUTE);
  d->allowed_attempts += 3;
  if (chance(d, 20)) {
    go_down(d);
  } else {
    end_connection(d);
  }
}

/* ---- Users ---- */

static void send(day *d) {
  if (world_send(d->w, (aui_reply_timeouts){MINUTE, MINUTE, TIMEOUT})) d->sends++;
}

static void use(day *d) {
  for (int burst = chance(d, 10) ? 5 : 1; burst > 0; burst--) send(d);
  world_sent *s = world_find(d->w, d->w->sends - 1);
  if (s && chance(d, 3)) world_cancel(d->w, s);
  d->next_message = d->w->p.now + (chance(d, 3) ? between(d, MINUTE, 30 * MINUTE) : between(d, SECOND, 15 * SECOND));
}

static void settle(day *d) {
  world_sent *s = world_parked(d->w);
  d->next_settling = AUI_NEVER;
  if (!s) return;
  d->resent += !s->acted;
  world_settle(d->w, s);
}

/* Nothing fails in fine weather; what was cut is recovered, and what was held off waits, unless its time ends. */
static void check_end_of(const day *d, const world_sent *s) {
  size_t text;
  const aui_error *error = aui_reply_error(s->reply);
  if (!error || s->canceled || d->w->closed) return;
  aui_reply_text(s->reply, &text);
  bool fine = d->opened_at != AUI_NEVER && s->ends_by - TIMEOUT > d->trouble_at && !is_down(d);
  require(!fine);
  require(error->retryable);
  if (error->kind == AUI_ERROR_RATE_LIMIT && error->about_message) require(text > 0); /* else no handshake was let in */
  if (d->w->config.recover && error->status_code == 0) require(error->kind == AUI_ERROR_TIMEOUT);
}

static void look_after_replies(day *d) {
  for (int i = 0; i < WORLD_SENDS; i++) {
    world_sent *s = &d->w->sent[i];
    if (!s->reply) continue;
    if (chance(d, 20)) world_show(s);
    if (aui_reply_get_status(s->reply) == AUI_REPLY_PENDING) continue;
    check_end_of(d, s);
    d->answers += s->status == AUI_REPLY_MESSAGE;
    world_release(d->w, s);
  }
  if (d->next_settling == AUI_NEVER && world_parked(d->w)) d->next_settling = d->w->p.now + between(d, 250, 3000);
}

/* ---- The hour: all that may remain from the traffic is gone, so memory can be compared ---- */

static void rest(day *d) {
  d->resting = true;
  d->renewed = false;
  d->outage_until = d->w->p.now;
  d->next_message = d->next_trouble = AUI_NEVER;
  send(d); /* asks for a connection, if there is none */
}

static void end_hour(day *d, int hour) {
  require(d->attempts <= d->allowed_attempts);
  d->attempts = d->allowed_attempts = 0;
  if (hour == 1) d->first_hour = memory;
  require(memory.blocks == d->first_hour.blocks);
  require(memory.bytes <= d->first_hour.bytes + MOST_GROWTH);
  d->resting = false;
  d->next_message = d->next_trouble = d->w->p.now + 1;
}

/* Returns whether the hour is over. */
static bool is_rested(day *d) {
  if (!d->resting || !world_all_ended(d->w) || d->opened_at == AUI_NEVER) return false;
  if (d->renewed) return true;
  lose(d, NULL);
  d->renewed = true;
  return false;
}

/* ---- The day ---- */

/* It goes with a message when nothing has come for a second, or comes by itself. */
static void check_ping(day *d, bool goes_with_message) {
  uint64_t silence = d->w->p.now - d->heard_at;
  require(goes_with_message ? silence >= 1000 : silence == d->w->config.ping.interval);
  d->pings++;
}

static void write_all(day *d) {
  size_t n;
  aui_session_output(d->w->p.session, &n, d->w->p.now);
  if (n > 0) d->wrote_at = d->w->p.now;
  world_write(d->w, SIZE_MAX);
}

/* The peer is given up in time: after the interval and the timeout, or the timeout from the last bytes that left. */
static void check_silence(const day *d) {
  const aui_liveness_config *ping = &d->w->config.ping;
  uint64_t from = d->heard_at + ping->interval;
  if (from < d->wrote_at) from = d->wrote_at;
  require(d->opened_at == AUI_NEVER || d->w->p.now < from + ping->timeout);
}

/* Until nothing more happens at this moment. */
static void live(day *d) {
  world *w = d->w;
  bool busy = true;
  while (busy) {
    int messages = w->messages, pings = w->pings;
    busy = follow(d);
    open_transport(d);
    write_all(d);
    if (w->messages != messages) begin_answer(d);
    if (w->pings != pings) check_ping(d, w->messages != messages);
    answer_request(d);
    if (w->p.outgoing.len > 0) {
      busy = true;
      d->heard_at = w->p.now;
      world_deliver(w, below(d, (uint32_t)w->p.outgoing.len));
      world_deliver(w, SIZE_MAX);
    }
    note_open(d);
    world_check(w);
    look_after_replies(d);
  }
  check_silence(d);
}

/* Lets time pass until the next thing that happens by itself. */
static void pass(day *d, uint64_t hour_ends) {
  uint64_t next = aui_session_deadline(d->w->p.session);
  next = earlier(earlier(next, d->next_message), earlier(d->next_trouble, d->next_piece));
  next = earlier(next, d->next_settling);
  if (is_down(d)) next = earlier(next, d->outage_until);
  if (!d->resting) next = earlier(next, hour_ends);
  require(next != AUI_NEVER);
  if (next < d->w->p.now) next = d->w->p.now; /* a deadline that a message has brought back */
  world_pass(d->w, next);
  if (d->next_piece <= next) continue_answer(d);
  if (d->next_settling <= next) settle(d);
  if (d->next_trouble <= next) make_trouble(d);
  if (d->next_message <= next) use(d);
}

static void close_for_good(day *d) {
  world_end(d->w);
  for (int i = 0; !aui_session_finished(d->w->p.session); i++) {
    require(i < 100);
    live(d);
    if (!aui_session_finished(d->w->p.session)) world_pass(d->w, aui_session_deadline(d->w->p.session));
  }
}

static void live_a_day(const aui_session_config *config, uint64_t seed) {
  day d = {.w = world_open(config), .random = seed, .opened_at = AUI_NEVER, .attempt_to = AUI_NEVER};
  uint64_t begin = d.w->p.now;
  d.next_piece = d.next_settling = AUI_NEVER;
  d.next_message = d.next_trouble = begin + 1;
  d.allowed_attempts = 1;
  for (int hour = 1; hour <= HOURS;) {
    live(&d);
    if (is_rested(&d)) end_hour(&d, hour++);
    uint64_t hour_ends = begin + (uint64_t)hour * HOUR;
    if (!d.resting && d.w->p.now >= hour_ends) rest(&d);
    live(&d);
    pass(&d, hour_ends);
  }
  close_for_good(&d);
  world_close(d.w);
  require(d.answers > d.sends / 2);
  printf("  %ld sends, %ld answers, %ld sent again, %ld connections, %ld pings\n", d.sends, d.answers, d.resent,
         d.connections, d.pings);
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  printf("seed %llu\n", (unsigned long long)seed);
  for (int i = 0; i < DAYS; i++) {
    aui_session_config config = peer_config();
    aui_session_config defaults = peer_defaults();
    config.reconnect = defaults.reconnect;
    config.ping = defaults.ping;
    config.recover = i % 4 != 3;
    if (i % 2 == 1) config.rate = (aui_pace_config){6, 9000};
    if (i % 3 == 2) {
      config.carrier = AUI_CARRIER_THREADS_WEBSOCKET;
      config.thread_id = "T";
      config.request.headers = "Sec-WebSocket-Protocol: token, " AUI_THREADS_PROTOCOL "\r\n";
    }
    live_a_day(&config, seed * DAYS + (uint64_t)i);
  }
  return 0;
}
