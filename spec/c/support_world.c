/* Users, driver, network and server of one session, and what must hold of it. */
#include "support_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define require world_require

enum { MAX_OUTPUT = 4096 };

_Noreturn void world_broken(const char *condition, const char *file, int line) {
  fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
  abort();
}

static bool speaks_threads(const world *w) {
  return w->config.carrier == AUI_CARRIER_THREADS_WEBSOCKET;
}

static int slots_used(const world *w) {
  return w->sends < WORLD_SENDS ? w->sends : WORLD_SENDS;
}

world *world_open(const aui_session_config *config) {
  world *w = calloc(1, sizeof *w);
  require(w);
  peer_open(&w->p, config, FEED_WHOLE);
  peer_cork(&w->p);
  w->config = *config;
  w->answering = w->last_read = -1;
  return w;
}

void world_close(world *w) {
  peer_free(&w->p);
  w->p.session = NULL;
  require(world_all_ended(w));
  for (int i = 0; i < slots_used(w); i++) {
    if (w->sent[i].reply) world_release(w, &w->sent[i]);
  }
  aui_buffer_free(&w->late);
  free(w);
}

/* The sends belong to two tasks by turns. */
static const char *task_of(int number) {
  return number % 2 ? "odd" : "even";
}

/* ---- What must hold ---- */

/* Of a text whose parts do not look like each other: from deltas that do, a session takes it that they are none. */
static char letter_at(size_t i) {
  return (char)('a' + ((i * 2654435761u) >> 7) % 26);
}

/* The answer to a send says which one it answers, so that a stray text shows. */
static size_t answer_text(char text[WORLD_MAX_TEXT], int number, int length) {
  size_t n = (size_t)snprintf(text, WORLD_MAX_TEXT, "answer %d: ", number);
  require(length >= 0 && n + (size_t)length < WORLD_MAX_TEXT);
  for (int i = 0; i < length; i++) text[n + (size_t)i] = letter_at((size_t)i);
  text[n + (size_t)length] = 0;
  return n;
}

static void check_text(const world_sent *s) {
  char prefix[WORLD_MAX_TEXT];
  size_t n, begins = answer_text(prefix, s->number, 0);
  const char *text = aui_reply_text(s->reply, &n);
  if (n == 0 || s->anything_may) return;
  require(n >= begins && memcmp(text, prefix, begins) == 0);
  for (size_t i = begins; i < n; i++) require(text[i] == letter_at(i - begins));
}

/* The final message is the one that the server sent, or that was found elsewhere. */
static void check_message(const world_sent *s, const char *json, size_t n) {
  char text[WORLD_MAX_TEXT], expected[WORLD_MAX_TEXT + 64];
  require(s->read || s->settled);
  if (s->anything_may) return;
  answer_text(text, s->number, s->length);
  int size = snprintf(expected, sizeof expected, "{\"id\":\"%d\",\"text\":\"%s\",\"sender\":", s->answer_id, text);
  require(n > (size_t)size && memcmp(json, expected, (size_t)size) == 0);
  aui_reply_text(s->reply, &n);
  require(n == strlen(text));
}

static void check_error(const world_sent *s, const aui_error *error) {
  require(error->kind != AUI_ERROR_NONE && error->message[0] != 0);
  if (s->anything_may) return;
  if (error->delivered == AUI_DELIVERED_NO) require(!s->acted && s->shown.len == 0);
  if (error->delivered == AUI_DELIVERED_YES) require(s->read);
}

static void check_sent(world *w, world_sent *s, bool notified) {
  size_t n;
  aui_reply_status status = aui_reply_get_status(s->reply);
  if (s->status != status) require(s->status == AUI_REPLY_PENDING && notified); /* it ends once, and is notified */
  s->status = status;
  if (status == AUI_REPLY_PENDING) require(s->ends_by > w->p.now);
  check_text(s);
  const char *message = aui_reply_message(s->reply, &n);
  require((message != NULL) == (status == AUI_REPLY_MESSAGE));
  if (message) check_message(s, message, n);
  if (message && !s->anything_may) w->over = s->answer_id;
  const aui_error *error = aui_reply_error(s->reply);
  require((error != NULL) == (status == AUI_REPLY_FAILED));
  if (error) check_error(s, error);
}

void world_check(world *w) {
  states_check(w->p.session, &w->states);
  aui_notice notice = aui_session_take_notice(w->p.session);
  aui_state state = aui_session_state(w->p.session);
  int parked = 0;
  if (state != w->state) require(notice == AUI_NOTICE_STATE);
  w->state = state;
  for (int i = 0; i < slots_used(w); i++) {
    world_sent *s = &w->sent[i];
    if (!s->reply) continue;
    check_sent(w, s, notice == AUI_NOTICE_STATE);
    if (!aui_reply_is_parked(s->reply)) continue;
    parked++;
    bool down = state == AUI_STATE_WAITING && w->transport == WORLD_NO_TRANSPORT;
    require(!down || aui_session_retry_at(w->p.session) != AUI_NEVER); /* else it is given up */
    require(w->config.recover && w->config.reconnect.attempts > 0 && !w->closed);
  }
  require(parked <= 1);
  require(!aui_session_finished(w->p.session) || w->closed);
}

/* ---- Users ---- */

/* What users do themselves may change the state without a notification. */
static void note_state(world *w) {
  if (w->p.session) w->state = aui_session_state(w->p.session);
}

world_sent *world_send(world *w, aui_reply_timeouts timeouts) {
  char json[64];
  world_sent *s = &w->sent[w->sends % WORLD_SENDS];
  if (s->reply) return NULL;
  int n = snprintf(json, sizeof json, "{\"n\":%d,\"task_id\":\"%s\"}", w->sends, task_of(w->sends));
  aui_error refused = {0};
  aui_reply *reply = aui_session_send(w->p.session, json, (size_t)n, &timeouts, w->p.now, &refused);
  if (!reply) {
    require(refused.kind == (w->closed ? AUI_ERROR_CANCELED : AUI_ERROR_OVERFLOW));
    return NULL;
  }
  require(!w->closed);
  note_state(w);
  uint64_t ends_by = timeouts.total >= AUI_NEVER - w->p.now ? AUI_NEVER : w->p.now + timeouts.total;
  *s = (world_sent){.reply = reply, .number = w->sends++, .ends_by = ends_by, .length = -1, .anything_may = w->raw};
  return s;
}

world_sent *world_find(world *w, int number) {
  world_sent *s = &w->sent[number % WORLD_SENDS];
  return s->reply && s->number == number ? s : NULL;
}

void world_show(world_sent *s) {
  size_t keep, n, whole;
  const char *chunk;
  while (aui_reply_take(s->reply, &keep, &chunk, &n)) {
    require(keep <= s->shown.len);
    s->shown.len = keep;
    require(aui_buffer_append(&s->shown, chunk, n));
  }
  const char *text = aui_reply_text(s->reply, &whole);
  require(whole == s->shown.len && (whole == 0 || memcmp(text, s->shown.data, whole) == 0));
}

void world_cancel(world *w, world_sent *s) {
  s->canceled = aui_reply_get_status(s->reply) == AUI_REPLY_PENDING;
  aui_reply_cancel(s->reply, w->p.now);
  note_state(w);
  require(aui_reply_get_status(s->reply) != AUI_REPLY_PENDING);
}

void world_release(world *w, world_sent *s) {
  world_show(s);
  aui_reply_release(s->reply, w->p.now);
  note_state(w);
  s->reply = NULL;
  aui_buffer_free(&s->shown);
}

world_sent *world_parked(world *w) {
  for (int i = 0; i < slots_used(w); i++) {
    if (w->sent[i].reply && aui_reply_is_parked(w->sent[i].reply)) return &w->sent[i];
  }
  return NULL;
}

void world_settle(world *w, world_sent *s) {
  if (s->acted) {
    world_settle_by_answer(w, s, s->length < 0 ? (int)(w->p.now % 100) : s->length);
    return;
  }
  world_settle_by_resend(w, s);
  if (s->lost) world_settle_by_giving_up(w, s);
}

void world_settle_by_answer(world *w, world_sent *s, int length) {
  char text[WORLD_MAX_TEXT], json[WORLD_MAX_TEXT + 64];
  size_t n;
  answer_text(text, s->number, length);
  if (s->answer_id == 0) s->answer_id = ++w->ids;
  int size = snprintf(json, sizeof json, "{\"id\":\"%d\",\"text\":\"%s\",\"sender\":{}}", s->answer_id, text);
  bool parked = aui_reply_is_parked(s->reply);
  require(aui_reply_answer(s->reply, json, (size_t)size, w->p.now) == parked);
  note_state(w);
  if (!parked) return;
  s->settled = true;
  s->length = length;
  world_show(s);
  aui_reply_text(s->reply, &n);
  require(n == strlen(text) && aui_reply_get_status(s->reply) == AUI_REPLY_MESSAGE);
}

void world_settle_by_resend(world *w, world_sent *s) {
  bool parked = aui_reply_is_parked(s->reply), sent_again = aui_reply_resend(s->reply);
  size_t n;
  aui_reply_text(s->reply, &n);
  require(!sent_again || (parked && n == 0));
  bool may = s->gone && s->resends < AUI_MOST_RESENDS; /* what has not arrived can be sent again */
  require(sent_again || !parked || s->read || s->anything_may || !may);
  require(!sent_again || s->anything_may || may);
  if (sent_again) {
    s->acted = s->lost = s->gone = false;
    s->resends++;
  }
  note_state(w);
}

void world_settle_by_giving_up(world *w, world_sent *s) {
  bool parked = aui_reply_is_parked(s->reply);
  aui_reply_give_up(s->reply);
  note_state(w);
  if (parked) require(aui_reply_get_status(s->reply) == AUI_REPLY_FAILED);
}

void world_end(world *w) {
  aui_session_close(w->p.session, w->p.now);
  w->closed = true;
  require(world_all_ended(w));
}

bool world_all_ended(const world *w) {
  for (int i = 0; i < slots_used(w); i++) {
    const world_sent *s = &w->sent[i];
    if (s->reply && aui_reply_get_status(s->reply) == AUI_REPLY_PENDING) return false;
  }
  return true;
}

/* ---- The server reads ---- */

/* The send that the server knows by this number, even if its user has forgotten it; NULL when another has its place. */
static world_sent *known(world *w, int number) {
  world_sent *s = &w->sent[number % WORLD_SENDS];
  return s->number == number ? s : NULL;
}

/* Which send a message is. */
static int number_of(const peer_frame *frame) {
  const char *at = strstr(frame->payload, "\"n\":");
  int number = -1;
  require(at && sscanf(at, "\"n\":%d", &number) == 1);
  return number;
}

/* A thread that is not known yet is made. */
static void name_thread(world *w, const peer_frame *frame) {
  if (strstr(frame->payload, "\"thread_id\":\"T\"")) return;
  require(!strstr(frame->payload, "thread_id"));
  peer_send_text(&w->p, "{\"type\":\"thread\",\"seq\":0,\"data\":{\"thread_id\":\"T\"}}");
}

static void read_message(world *w, const peer_frame *frame) {
  int number = number_of(frame);
  require(number >= w->last_read && number < w->sends); /* in order */
  require(!w->closing);
  require(!world_parked(w) || w->silent || w->raw); /* nothing overtakes one that is in doubt */
  w->last_read = number;
  w->messages++;
  w->answer_id = ++w->ids;
  world_sent *s = known(w, number);
  if (!w->raw) require(w->answering == -1);      /* one answer at a time */
  if (s && !s->anything_may) require(!s->acted); /* and none twice */
  if (s) s->read = true;
  if (s) s->answer_id = w->answer_id;
  if (w->silent) return;
  if (s) s->acted = true;
  w->answering = number;
  w->answered = false;
  w->said = 0;
  if (speaks_threads(w)) name_thread(w, frame);
}

static void read_close(world *w) {
  require(!w->closing);
  w->closing = true;
  if (!w->silent && !w->mute) peer_send_close(&w->p, 1000, "");
  w->silent = true;
}

static void read_ping(world *w, const peer_frame *ping) {
  w->pings++;
  if (!w->silent && !w->mute) peer_send_frame(&w->p, 0x80 | PEER_PONG, ping->payload, ping->n);
}

static void read_frames(world *w) {
  peer_frame frame;
  while (peer_read(&w->p, &frame)) {
    switch (frame.opcode) {
      case PEER_TEXT: read_message(w, &frame); break;
      case PEER_CLOSE: read_close(w); break;
      case PEER_PING: read_ping(w, &frame); break;
      default: require(frame.opcode == PEER_PONG);
    }
  }
}

static void read_request(world *w) {
  const aui_buffer *in = &w->p.incoming;
  if (in->len < 4 || memcmp(in->data + in->len - 4, "\r\n\r\n", 4) != 0) return;
  require(in->len < WORLD_MAX_REQUEST);
  memcpy(w->request, in->data, in->len);
  w->request[in->len] = 0;
  w->p.incoming.len = 0;
}

/* ---- The driver and the network ---- */

/* What the server would still have read is dropped, or arrives later. One that has closed reads no more. */
static void leave_unread(world *w, bool reset) {
  aui_buffer *in = &w->p.incoming;
  bool frames = w->accepted && !w->silent && !w->raw;
  if (frames && !reset) {
    world_arrive_late(w); /* what an earlier connection has left may end in half a frame */
    require(aui_buffer_append(&w->late, in->data, in->len));
  }
  in->len = 0;
}

static void note_loss(world *w, bool gone) {
  world_sent *s = world_parked(w);
  if (!s || s->lost) return;
  s->lost = true;
  s->gone = gone;
}

static void end_transport(world *w, const char *cause, bool retryable, bool reset) {
  bool closed = w->closed_by_peer && w->p.outgoing.len == 0; /* and the session knows */
  leave_unread(w, reset);
  w->transport = WORLD_NO_TRANSPORT;
  w->accepted = w->cut_off = w->closed_by_peer = w->silent = w->mute = w->closing = w->raw = w->answered = false;
  w->request[0] = 0;
  w->answering = -1;
  w->delivered = w->p.outgoing.len = 0;
  if (reset) aui_session_was_reset(w->p.session);
  aui_session_disconnected(w->p.session, cause, retryable, w->p.now);
  note_loss(w, reset || closed);
}

bool world_follow(world *w) {
  switch (aui_session_want(w->p.session)) {
    case AUI_WANT_CONNECT:
      require(w->transport == WORLD_NO_TRANSPORT && !w->closed);
      w->transport = WORLD_OPENING;
      aui_session_phase(w->p.session, AUI_PHASE_RESOLVE, w->p.now);
      aui_session_phase(w->p.session, AUI_PHASE_CONNECT, w->p.now);
      return true;
    case AUI_WANT_DISCONNECT:
      require(w->transport != WORLD_NO_TRANSPORT);
      end_transport(w, NULL, true, aui_session_ending(w->p.session) == AUI_ENDING_RESET && !w->keeps);
      return true;
    default: return false;
  }
}

void world_transport_up(world *w) {
  if (w->transport != WORLD_OPENING) return;
  w->transport = WORLD_UP;
  aui_session_connected(w->p.session, w->p.now);
}

void world_lose(world *w, const char *cause, bool retryable) {
  if (w->transport != WORLD_NO_TRANSPORT) end_transport(w, cause, retryable, cause || !w->keeps);
}

void world_arrive_late(world *w) {
  aui_buffer now = w->p.incoming;
  peer_frame frame;
  w->p.incoming = w->late;
  while (peer_read(&w->p, &frame)) {
    if (frame.opcode != PEER_TEXT) continue;
    world_sent *s = known(w, number_of(&frame));
    if (!s || s->anything_may) continue;
    require(!s->acted); /* not twice */
    const aui_error *error = s->reply ? aui_reply_error(s->reply) : NULL;
    require(!error || error->delivered != AUI_DELIVERED_NO);
    s->read = s->acted = true;
  }
  w->p.incoming.len = 0; /* the rest is half a frame */
  w->late = w->p.incoming;
  w->p.incoming = now;
}

void world_write(world *w, size_t limit) {
  size_t n;
  peer_give_random(&w->p);
  aui_session_output(w->p.session, &n, w->p.now);
  require(n <= MAX_OUTPUT);
  if (w->transport != WORLD_UP) require(n == 0);
  peer_pump(&w->p, limit);
  if (w->cut_off) return;
  if (!w->request[0]) {
    read_request(w);
  } else if (w->accepted) {
    read_frames(w);
  }
}

void world_deliver(world *w, size_t n) {
  aui_buffer *out = &w->p.outgoing;
  if (n > out->len) n = out->len;
  if (n == 0 || w->cut_off) return;
  void *exact = malloc(n); /* so that a sanitizer sees what is read behind its end */
  require(exact);
  memcpy(exact, out->data, n);
  aui_buffer_consume(out, n);
  w->delivered += n;
  aui_session_receive(w->p.session, exact, n, w->p.now);
  free(exact);
}

void world_pass(world *w, uint64_t now) {
  require(now >= w->p.now);
  w->p.now = now;
  if (aui_session_deadline(w->p.session) > now) return;
  aui_session_tick(w->p.session, now);
  require(aui_session_deadline(w->p.session) > now); /* a driver would spin */
}

/* ---- The server speaks ---- */

static bool may_speak(const world *w) {
  return w->accepted && !w->silent;
}

/* Of nothing that was asked for. In the threads API what comes while a message is in doubt is about that. */
static bool may_speak_unasked(world *w) {
  return may_speak(w) && !(speaks_threads(w) && world_parked(w));
}

void world_accept(world *w) {
  if (!w->request[0] || w->accepted || w->silent) return;
  peer_accept(&w->p, w->request);
  w->accepted = true;
}

void world_refuse(world *w, const char *response, size_t n) {
  if (!w->request[0] || w->accepted || w->silent) return;
  peer_send(&w->p, response, n);
  w->silent = true;
}

static void say_envelope(world *w, const char *type, const char *data) {
  char json[WORLD_MAX_TEXT + 256];
  snprintf(json, sizeof json, "{\"type\":\"%s\",\"seq\":%d,\"data\":%s}", type, ++w->seq, data);
  peer_send_text(&w->p, json);
}

/* What is new in a text that only grows. */
static void say_delta(world *w, const char *text) {
  char data[WORLD_MAX_TEXT + 128];
  int length = (int)strlen(text);
  if (length <= w->said) return;
  snprintf(data, sizeof data, "{\"data\":{\"text\":\"%s\"}}", text + w->said);
  say_envelope(w, "event", data);
  w->said = length;
}

/* Some updates say whose they are. */
static void say_update(world *w, int number, int answer_id, const char *text) {
  char json[WORLD_MAX_TEXT + 256], scope[128] = "";
  if (number % 3 > 0) {
    snprintf(scope, sizeof scope, "\"scope\":{\"context\":{\"message_id\":\"%d\",\"task_id\":\"%s\"}},", answer_id,
             task_of(number));
  }
  snprintf(json, sizeof json, "{\"event\":\"thread-message-text-content-updated\",%s\"data\":{\"text\":\"%s\"}}", scope,
           text);
  peer_send_text(&w->p, json);
}

static void say_final(world *w, int id, const char *sender, const char *text) {
  char json[WORLD_MAX_TEXT + 128];
  snprintf(json, sizeof json, "{\"id\":\"%d\",\"text\":\"%s\",\"sender\":{\"type\":\"%s\"}}", id, text, sender);
  if (speaks_threads(w)) {
    say_envelope(w, "message", json);
  } else {
    peer_send_text(&w->p, json);
  }
}

void world_answer(world *w, int length, bool final) {
  char text[WORLD_MAX_TEXT];
  if (!may_speak(w) || w->answering < 0) return;
  answer_text(text, w->answering, length);
  w->answered = true;
  if (!final && speaks_threads(w)) say_delta(w, text);
  if (!final && !speaks_threads(w)) say_update(w, w->answering, w->answer_id, text);
  if (!final) return;
  say_final(w, w->answer_id, "agent", text);
  world_sent *s = known(w, w->answering);
  if (s && !s->settled) s->length = length;
  w->answering = -1;
}

void world_event(world *w) {
  bool nothing_under_way = w->answering < 0 && w->p.incoming.len == 0 && w->p.outgoing.len == 0;
  if (!may_speak_unasked(w) || !nothing_under_way) return;
  if (speaks_threads(w)) {
    say_envelope(w, "workflow", "{}");
  } else {
    peer_send_text(&w->p, "{\"event\":\"other\"}");
  }
}

void world_stray(world *w, int how) {
  if (!may_speak_unasked(w) || (speaks_threads(w) && how > 0)) return; /* there updates do not say whose they are */
  switch (how) {
    case 0:
      if (w->over > 0) say_final(w, w->over, "agent", "stray: said before");
      break;
    case 1:
      if (w->over > 0) say_update(w, w->answering % 2 ? 1 : 2, w->over, "stray: of an answer that is over");
      break;
    case 2:
      if (w->answering >= 0) say_update(w, w->answering % 2 ? 2 : 1, ++w->ids, "stray: of the other task");
      break;
    default: say_final(w, ++w->ids, "user", "stray: what a user has said");
  }
}

void world_greet(world *w, bool final) {
  bool is_quiet = w->answering < 0 && w->p.outgoing.len == 0 && w->p.incoming.len == 0;
  if (!may_speak_unasked(w) || w->cut_off || !is_quiet) return;
  if (final) {
    say_final(w, ++w->ids, "agent", "welcome");
  } else if (speaks_threads(w)) {
    say_envelope(w, "event", "{\"data\":{\"text\":\"welcome\"}}");
  } else {
    peer_send_update(&w->p, "welcome");
  }
  world_deliver(w, SIZE_MAX); /* before a message leaves, whose answer it would seem to be */
}

void world_ping(world *w) {
  if (may_speak(w)) peer_send_frame(&w->p, 0x80 | PEER_PING, "ping", 4);
}

/* Whether what the server is answering has been turned away by this, before it was acted on. */
static void turn_away(world *w, int status_code) {
  world_sent *s = w->answering < 0 ? NULL : known(w, w->answering);
  bool turned_away = status_code == 401 || status_code == 403 || status_code == 429;
  if (s && turned_away && !w->answered) s->acted = false;
}

void world_refuse_message(world *w, int status_code) {
  static const char of_tasks[] = "{\"status_code\":%d,\"message\":\"no\"}",
                    of_threads[] = "{\"type\":\"error\",\"seq\":-1,\"data\":{\"error\":\"no\",\"code\":%d}}";
  char json[128];
  if (!may_speak(w)) return;
  bool about_message = status_code == 400 || status_code == 422;
  if (w->answering < 0 && about_message) return; /* there is none */
  snprintf(json, sizeof json, speaks_threads(w) ? of_threads : of_tasks, status_code);
  peer_send_text(&w->p, json);
  turn_away(w, status_code);
  w->silent = true;
}

void world_refuse_turn(world *w, int status_code) {
  char data[64];
  if (!may_speak(w) || !speaks_threads(w) || w->answering < 0) return;
  snprintf(data, sizeof data, "{\"message\":\"no\",\"status_code\":%d}", status_code);
  say_envelope(w, "error", data);
  turn_away(w, status_code);
  w->answering = -1;
}

void world_close_frame(world *w, int code) {
  if (!w->accepted || w->closing || w->closed_by_peer) return;
  peer_send_close(&w->p, code, "");
  w->silent = w->closed_by_peer = true;
}

void world_break(world *w, const void *bytes, size_t n) {
  if (!may_speak(w)) return;
  peer_send(&w->p, bytes, n);
  w->silent = true;
}

void world_raw(world *w, const void *bytes, size_t n) {
  if (w->transport != WORLD_UP || n == 0) return;
  w->raw = true;
  for (int i = 0; i < slots_used(w); i++) w->sent[i].anything_may = true;
  peer_send(&w->p, bytes, n);
}
