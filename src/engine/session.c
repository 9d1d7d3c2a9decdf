/* A session with an agent: which reply the connection serves, when a connection is wanted, what has run out of time,
 * and which replies each failure ends. */
#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "engine/deadline.h"
#include "engine/event.h"
#include "engine/failure.h"
#include "engine/reply.h"
#include "engine/websocket.h"

typedef enum {
  TRANSPORT_NONE,
  TRANSPORT_PAUSED,  /* it will be wanted at `retry_at` */
  TRANSPORT_WANTED,  /* the driver has not begun yet */
  TRANSPORT_OPENING, /* name, connection, TLS */
  TRANSPORT_UP,
  TRANSPORT_DROPPING /* the driver is to end it */
} transport_state;

struct aui_session {
  aui_session_config config; /* its request is ours */
  transport_state transport;
  aui_phase phase;
  uint64_t connect_deadline;
  uint64_t close_deadline;
  uint64_t retry_at;
  uint64_t down_since; /* when the last healthy connection was lost, or the first one begun; AUI_NEVER before that */
  aui_backoff backoff;
  aui_pace pace;
  aui_websocket ws;
  aui_event_reader *events; /* NULL without a transport */

  /* Of this connection: */
  uint64_t opened_at; /* AUI_NEVER until it is open */
  aui_liveness liveness;
  aui_reply *active; /* whose answer is awaited; only while the WebSocket is open */
  bool draining;     /* an answer is awaited that nobody waits for any more */
  bool spoiled;      /* an answer was awaited that nobody waits for any more, even if it has come by now */
  bool carried;      /* bytes of a message have left */
  bool heard;        /* the agent has spoken */
  bool in_message;   /* a message has begun to arrive */
  bool in_answer;    /* it belongs to the answer that is awaited: that was asked for before it began */

  /* An error payload is held until the close that follows it, so that the error can tell the close code. */
  aui_error refusal;

  aui_reply *parked; /* whose message has left on a connection that was lost; nothing is sent meanwhile */
  aui_reply *queue;  /* replies whose messages wait to be sent, oldest first */
  aui_error error;   /* why there is no connection */
  bool closed;
  bool news;
};

void aui_session_defaults(aui_session_config *config) {
  *config = (aui_session_config){.request = {"", "/", ""},
                                 .connect_timeout = 10000,
                                 .close_timeout = 1000,
                                 .reconnect = {500, 30000, AUI_BACKOFF_NO_END, 10000},
                                 .ping = {20000, 10000},
                                 .queue_messages = 64,
                                 .queue_bytes = 1024 * 1024,
                                 .max_response_head = 16 * 1024,
                                 .max_message = 64 * 1024 * 1024,
                                 .max_depth = 64};
}

static void free_request(aui_request *request) {
  free((char *)request->host);
  free((char *)request->target);
  free((char *)request->headers);
  *request = (aui_request){0};
}

/* False, with nothing to free, when memory is short. */
static bool copy_request(aui_request *copy, const aui_request *request) {
  *copy = (aui_request){strdup(request->host), strdup(request->target), strdup(request->headers)};
  bool ok = copy->host && copy->target && copy->headers;
  if (!ok) free_request(copy);
  return ok;
}

aui_session *aui_session_new(const aui_session_config *config) {
  aui_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->config = *config;
  session->transport = TRANSPORT_WANTED;
  session->connect_deadline = session->close_deadline = session->retry_at = AUI_NEVER;
  session->opened_at = session->down_since = AUI_NEVER;
  if (!copy_request(&session->config.request, &config->request)) {
    free(session);
    return NULL;
  }
  return session;
}

/* ---- Replies ---- */

static void enqueue(aui_session *session, aui_reply *reply) {
  aui_reply **link = &session->queue;
  while (*link) link = &(*link)->next;
  *link = reply;
}

static void dequeue(aui_session *session, aui_reply *reply) {
  aui_reply **link = &session->queue;
  while (*link && *link != reply) link = &(*link)->next;
  if (*link) *link = reply->next;
  reply->next = NULL;
}

static void enqueue_first(aui_session *session, aui_reply *reply) {
  reply->on_wire = reply->signaled = false;
  reply->next = session->queue;
  session->queue = reply;
}

static void fail_reply(aui_session *session, aui_reply *reply, const aui_error *error, aui_delivered delivered) {
  if (session->active == reply) {
    session->active = NULL;
  } else if (session->parked == reply) {
    session->parked = NULL;
  } else {
    dequeue(session, reply);
  }
  aui_reply_fail(reply, error, delivered);
  session->news = true;
}

/* Whether a message waits for a connection, or for news of what became of it on the last one. */
static bool has_unfinished(const aui_session *session) {
  return session->queue || session->parked;
}

static void fail_parked(aui_session *session) {
  aui_error error = session->parked->error;
  session->parked->error = (aui_error){0};
  fail_reply(session, session->parked, &error, AUI_DELIVERED_MAYBE);
  aui_error_clear(&error);
}

static void fail_queue(aui_session *session, const aui_error *error) {
  while (session->queue) fail_reply(session, session->queue, error, AUI_DELIVERED_NO);
}

/* How far the reply's message has got that its user, or its time, ends now. Takes the message back if none of it has
 * left. */
static aui_delivered recall(aui_session *session, aui_reply *reply) {
  if (reply == session->parked) return AUI_DELIVERED_MAYBE;
  if (reply != session->active || aui_websocket_unsend(&session->ws)) return AUI_DELIVERED_NO;
  return AUI_DELIVERED_MAYBE;
}

static void cancel_all(aui_session *session) {
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_CANCELED, "the session was closed before the answer was complete");
  if (session->active) fail_reply(session, session->active, &error, recall(session, session->active));
  if (session->parked) fail_reply(session, session->parked, &error, AUI_DELIVERED_MAYBE);
  fail_queue(session, &error);
}

void aui_session_free(aui_session *session) {
  if (!session) return;
  cancel_all(session);
  aui_websocket_end(&session->ws);
  aui_event_free(session->events);
  aui_error_clear(&session->error);
  aui_error_clear(&session->refusal);
  free_request(&session->config.request);
  free(session);
}

/* ---- The connection's end ---- */

/* Whether the server surely did not act on the active message, and may do so later. */
static bool was_held_off(const aui_session *session) {
  bool answered = session->active->answered;
  return session->error.kind == AUI_ERROR_RATE_LIMIT && session->config.reconnect.attempts > 0 &&
         aui_failure_delivered(&session->error, answered) == AUI_DELIVERED_NO;
}

/* Whether it may be found out what became of the active message. */
static bool is_in_doubt(const aui_session *session) {
  const aui_error *error = &session->error;
  bool lost = error->kind == AUI_ERROR_TRANSPORT || error->kind == AUI_ERROR_SERVER;
  return session->config.recover && session->config.reconnect.attempts > 0 && lost && error->retryable &&
         error->status_code == 0;
}

static void park_active(aui_session *session) {
  session->parked = session->active;
  session->active = NULL;
  aui_error_copy(&session->parked->error, &session->error);
}

/* The active reply gets no answer on this connection any more; a message none of which has left, or which was held off,
 * waits for the next one. */
static void give_up_active(aui_session *session) {
  aui_reply *reply = session->active;
  if (!reply) return;
  if (aui_websocket_unsend(&session->ws) || was_held_off(session)) {
    session->active = NULL;
    enqueue_first(session, reply);
  } else if (is_in_doubt(session)) {
    park_active(session);
  } else {
    fail_reply(session, reply, &session->error, aui_failure_delivered(&session->error, reply->answered));
  }
}

/* The connection serves no more, for this reason (taken over), unless an error payload that is held says more. */
static void conclude(aui_session *session, aui_error *reason) {
  if (session->refusal.kind) {
    session->refusal.close_code = reason->close_code;
    aui_error_clear(reason);
    *reason = session->refusal;
    session->refusal = (aui_error){0};
  }
  aui_error_clear(&session->error);
  session->error = *reason;
  give_up_active(session);
  session->news = true;
}

static void hang_up(aui_session *session) {
  session->transport = TRANSPORT_DROPPING;
  session->connect_deadline = session->close_deadline = AUI_NEVER;
  session->news = true;
}

static void drop(aui_session *session, aui_error *reason) {
  conclude(session, reason);
  hang_up(session);
}

static void out_of_memory(aui_session *session) {
  aui_error reason = {0};
  aui_failure_out_of_memory(&reason);
  drop(session, &reason);
}

static void start_close_timer(aui_session *session, uint64_t now) {
  if (session->close_deadline != AUI_NEVER) return;
  session->close_deadline = aui_deadline_after(now, session->config.close_timeout);
}

/* Ends the WebSocket by our own decision, with a close frame that is not waited to be answered. */
static void fail_connection(aui_session *session, aui_error *reason, uint16_t close_code, uint64_t now) {
  conclude(session, reason);
  aui_websocket_fail(&session->ws, close_code);
  start_close_timer(session, now);
}

/* Whether connecting again is of use to anybody, now that session->error has ended the connection. */
static bool is_worth_reconnecting(const aui_session *session) {
  const aui_error *error = &session->error;
  if (session->closed) return false;
  if (error->kind == AUI_ERROR_CANCELED) return session->queue; /* it was replaced */
  /* What went wrong with one message need not go wrong with the next; a connection that never carried any would. */
  bool by_itself = error->retryable && session->config.reconnect.attempts > 0;
  if (!by_itself) return session->queue && session->carried;
  return has_unfinished(session) || error->close_code != 1000;
}

/* Whether the connection served well. One on which the agent spoke unasked may be cut right away, again and again. */
static bool was_healthy(const aui_session *session, uint64_t now) {
  if (session->opened_at == AUI_NEVER) return false;
  return (session->heard && session->carried) || now - session->opened_at >= session->config.reconnect.reset_after;
}

/* Milliseconds until the next attempt: none after a healthy connection, unless the server had too much to do. */
static uint64_t delay_before_retry(aui_session *session, uint64_t now) {
  const aui_error *error = &session->error;
  if (!error->retryable || session->config.reconnect.attempts == 0) return 0; /* for a message that waits */
  if (was_healthy(session, now) && error->kind != AUI_ERROR_RATE_LIMIT) return 0;
  uint32_t random = aui_websocket_random32(&session->ws);
  uint64_t delay = aui_backoff_failed(&session->backoff, &session->config.reconnect, random);
  uint64_t asked = error->retry_after > 0 ? (uint64_t)error->retry_after * 1000 : 0;
  return delay < asked ? asked : delay;
}

/* Waiting replies go on to the next connection, if there is to be one. */
static void plan_next_connection(aui_session *session, uint64_t now) {
  uint64_t delay = is_worth_reconnecting(session) ? delay_before_retry(session, now) : AUI_NEVER;
  session->retry_at = aui_deadline_after(now, delay);
  if (delay == AUI_NEVER) {
    if (session->parked) fail_parked(session);
    fail_queue(session, &session->error);
    session->transport = TRANSPORT_NONE;
  } else {
    session->transport = delay > 0 ? TRANSPORT_PAUSED : TRANSPORT_WANTED;
  }
}

/* The transport is gone, or was never there. */
static void connection_gone(aui_session *session, uint64_t now) {
  bool parked_now = session->parked && session->carried; /* while one is parked, nothing is sent */
  if (parked_now) session->parked->last_sign = now;
  if (was_healthy(session, now)) {
    session->down_since = now;
    aui_backoff_healthy(&session->backoff);
  }
  plan_next_connection(session, now);
  aui_websocket_end(&session->ws);
  aui_event_free(session->events);
  session->events = NULL;
  aui_error_clear(&session->refusal);
  session->draining = session->spoiled = session->carried = session->heard = session->in_message = session->in_answer =
      false;
  session->connect_deadline = session->close_deadline = session->opened_at = AUI_NEVER;
  session->news = true;
}

/* ---- What the peer says ---- */

static void peer_closed(aui_session *session, uint64_t now) {
  const aui_websocket *ws = &session->ws;
  if (!session->closed) { /* else it answers our close */
    aui_error reason = {0};
    aui_failure_of_close(&reason, ws->peer_code, ws->peer_reason, session->heard);
    conclude(session, &reason);
  }
  start_close_timer(session, now);
}

static void bad_handshake(aui_session *session, int why) {
  aui_error reason = {0};
  aui_failure_of_handshake(&reason, &session->ws.handshake, why);
  drop(session, &reason);
}

static void bad_frame(aui_session *session, int why, uint64_t now) {
  aui_error reason = {0};
  aui_failure_of_frame(&reason, why, session->config.max_message);
  fail_connection(session, &reason, aui_frame_close_code(why), now);
}

static void binary_message(aui_session *session, uint64_t now) {
  aui_error reason = {0};
  aui_failure_of_binary(&reason);
  fail_connection(session, &reason, 1003, now);
}

static void bad_message(aui_session *session, int why, uint64_t now) {
  if (why == AUI_EVENT_NO_MEMORY) {
    out_of_memory(session);
    return;
  }
  aui_error reason = {0};
  aui_failure_of_message(&reason, why, session->config.max_depth);
  fail_connection(session, &reason, 1007, now);
}

static void take_final(aui_session *session) {
  if (session->active) {
    size_t n;
    const char *json = aui_event_payload(session->events, &n);
    aui_buffer message = {0};
    if (!aui_buffer_append(&message, json, n)) {
      out_of_memory(session);
      return;
    }
    aui_reply_finish(session->active, &message);
  }
  session->active = NULL;
  session->draining = false;
  aui_event_restart(session->events);
  session->news = true;
}

/* The error is told when the close that follows it has come, or after the close timeout. */
static void take_error_payload(aui_session *session, uint64_t now) {
  size_t n;
  const char *json = aui_event_payload(session->events, &n);
  aui_failure_of_payload(&session->refusal, aui_event_status_code(session->events), json, n);
  session->refusal.retry_after = aui_event_retry_after(session->events);
  start_close_timer(session, now);
}

static void end_message(aui_session *session, uint64_t now) {
  aui_reply *reply = session->in_answer ? session->active : NULL;
  size_t keep = 0;
  int type = aui_event_end(session->events, reply ? &reply->text : NULL, &keep);
  if (type < 0) {
    bad_message(session, type, now);
    return;
  }
  bool spoken = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL;
  if (spoken) session->heard = true;
  if (spoken && reply) {
    reply->answered = session->news = true;
    aui_reply_text_changed(reply, keep);
  }
  if (type == AUI_EVENT_ERROR) take_error_payload(session, now);
  if (!session->in_answer) {
    aui_event_restart(session->events); /* nobody's text: the awaited answer's begins anew */
  } else if (type == AUI_EVENT_FINAL) {
    take_final(session);
  }
}

static void take_slice(aui_session *session, const aui_frame *slice, uint64_t now) {
  if (!session->in_message) {
    bool asked = session->active && session->ws.written >= session->ws.text_end;
    session->in_answer = asked || session->draining;
  }
  session->in_message = !slice->last;
  if (session->in_answer && session->active) {
    session->active->signaled = true;
    session->active->last_sign = now;
  }
  int why = aui_event_feed(session->events, slice->data, slice->len);
  if (why < 0) {
    bad_message(session, why, now);
  } else if (slice->last) {
    end_message(session, now);
  }
}

static void opened(aui_session *session, uint64_t now) {
  session->connect_deadline = AUI_NEVER;
  session->opened_at = now;
  session->news = true;
}

void aui_session_receive(aui_session *session, const void *bytes, size_t n, uint64_t now) {
  if (n == 0) return; /* `bytes` may be NULL */
  const uint8_t *input = bytes, *end = input + n;
  int why = 0;
  aui_frame slice;
  aui_liveness_heard(&session->liveness, now);
  while (session->transport == TRANSPORT_UP) {
    switch (aui_websocket_read(&session->ws, &input, end, session->config.max_message, &slice, &why)) {
      case AUI_WEBSOCKET_NEED_MORE: return;
      case AUI_WEBSOCKET_OPENED: opened(session, now); break;
      case AUI_WEBSOCKET_TEXT: take_slice(session, &slice, now); break;
      case AUI_WEBSOCKET_BINARY: binary_message(session, now); break;
      case AUI_WEBSOCKET_PEER_CLOSE: peer_closed(session, now); break;
      case AUI_WEBSOCKET_BAD_HANDSHAKE: bad_handshake(session, why); break;
      case AUI_WEBSOCKET_BAD_FRAME: bad_frame(session, why, now); break;
    }
  }
}

/* ---- For drivers ---- */

aui_want aui_session_want(const aui_session *session) {
  switch (session->transport) {
    case TRANSPORT_WANTED: return AUI_WANT_CONNECT;
    case TRANSPORT_DROPPING: return AUI_WANT_DISCONNECT;
    case TRANSPORT_UP: return aui_websocket_is_done(&session->ws) ? AUI_WANT_DISCONNECT : AUI_WANT_NOTHING;
    default: return AUI_WANT_NOTHING;
  }
}

bool aui_session_wants_linger(const aui_session *session) {
  const aui_websocket *ws = &session->ws;
  return session->transport == TRANSPORT_UP && aui_websocket_is_done(ws) && ws->peer_code == 0;
}

void aui_session_phase(aui_session *session, aui_phase phase, uint64_t now) {
  if (session->transport == TRANSPORT_WANTED) {
    session->transport = TRANSPORT_OPENING;
    session->connect_deadline = aui_deadline_after(now, session->config.connect_timeout);
    session->retry_at = AUI_NEVER;
    if (session->down_since == AUI_NEVER) session->down_since = now;
    session->news = true;
  }
  session->phase = phase;
}

bool aui_session_set_request(aui_session *session, const aui_request *request) {
  aui_request copy;
  if (!copy_request(&copy, request)) return false;
  free_request(&session->config.request);
  session->config.request = copy;
  return true;
}

/* Whether there is a transport now. */
static bool begin_transport(aui_session *session) {
  if (session->transport != TRANSPORT_OPENING) return false;
  session->transport = TRANSPORT_UP;
  session->events = aui_event_new(session->config.max_depth);
  if (!session->events) out_of_memory(session);
  return session->events;
}

void aui_session_connected(aui_session *session, uint64_t now) {
  (void)now;
  if (begin_transport(session)) aui_websocket_begin(&session->ws);
}

void aui_session_adopted(aui_session *session, uint64_t now) {
  if (!begin_transport(session)) return;
  aui_websocket_adopt(&session->ws, session->config.max_message);
  aui_liveness_heard(&session->liveness, now);
  session->heard = session->carried = true; /* it has served well */
  opened(session, now);
}

bool aui_session_is_idle(const aui_session *session) {
  return !session->active && !session->parked && !session->queue;
}

bool aui_session_may_detach(const aui_session *session) {
  bool free = aui_session_is_idle(session) && !session->draining && !session->refusal.kind && !session->liveness.pinged;
  if (session->transport != TRANSPORT_UP || session->closed || session->spoiled || !free) return false;
  return aui_websocket_is_quiet(&session->ws);
}

bool aui_session_detach(aui_session *session, uint64_t now) {
  if (!aui_session_may_detach(session)) return false;
  session->closed = true;
  connection_gone(session, now);
  return true;
}

/* Says why the transport ended, unless that is known already: then `reason` is left as it is. */
static bool explain_end(aui_session *session, const char *cause, bool retryable, aui_error *reason) {
  aui_websocket *ws = &session->ws;
  if (session->transport == TRANSPORT_OPENING) {
    aui_failure_of_opening(reason, session->phase, cause, retryable);
  } else if (session->transport == TRANSPORT_DROPPING || ws->state == AUI_WEBSOCKET_CLOSING) {
    return false;
  } else if (ws->state == AUI_WEBSOCKET_OPEN) {
    aui_failure_of_cut(reason, cause, retryable);
  } else {
    aui_failure_of_handshake_cut(reason, &ws->handshake, cause, retryable);
  }
  return true;
}

void aui_session_disconnected(aui_session *session, const char *cause, bool retryable, uint64_t now) {
  if (session->transport < TRANSPORT_OPENING) return;
  aui_error reason = {0};
  if (explain_end(session, cause, retryable, &reason)) conclude(session, &reason);
  connection_gone(session, now);
}

size_t aui_session_random_wanted(const aui_session *session) {
  return AUI_WEBSOCKET_RANDOM - session->ws.random_len;
}

void aui_session_random(aui_session *session, const void *bytes, size_t n) {
  aui_websocket *ws = &session->ws;
  size_t room = AUI_WEBSOCKET_RANDOM - ws->random_len;
  if (n > room) n = room;
  memcpy(ws->random + ws->random_len, bytes, n);
  ws->random_len += n;
}

/* Puts the oldest waiting message on the wire, if the connection is free for it. */
static bool send_next(aui_session *session, uint64_t now) {
  aui_websocket *ws = &session->ws;
  aui_reply *reply = session->queue;
  bool busy =
      session->active || session->parked || session->draining || session->refusal.kind || session->pace.next > now;
  if (!reply || busy || ws->state != AUI_WEBSOCKET_OPEN || ws->random_len < AUI_FRAME_MASK_SIZE) return true;
  if (!aui_websocket_send(ws, AUI_OPCODE_TEXT, reply->request.data, reply->request.len)) return false;
  dequeue(session, reply);
  aui_pace_sent(&session->pace, &session->config.rate, now);
  session->active = reply;
  reply->on_wire = true;
  reply->last_sign = now;
  return true;
}

const void *aui_session_output(aui_session *session, size_t *n, uint64_t now) {
  aui_websocket *ws = &session->ws;
  *n = 0;
  if (session->transport != TRANSPORT_UP) return NULL;
  const aui_session_config *config = &session->config;
  bool ok = aui_websocket_flush(ws, &config->request, config->max_response_head) && send_next(session, now);
  if (!ok) {
    out_of_memory(session);
    return NULL;
  }
  *n = ws->out.len;
  return ws->out.len ? ws->out.data : NULL;
}

void aui_session_written(aui_session *session, size_t n, uint64_t now) {
  aui_websocket *ws = &session->ws;
  if (session->transport != TRANSPORT_UP) return;
  bool leaving = session->active && ws->written < ws->text_end;
  aui_websocket_wrote(ws, n);
  if (!leaving || ws->written <= ws->text_begin) return;
  session->carried = true;
  session->active->last_sign = now; /* `first` counts from here */
}

/* ---- Time ---- */

static bool is_open(const aui_session *session) {
  return session->transport == TRANSPORT_UP && session->ws.state == AUI_WEBSOCKET_OPEN;
}

/* From when on waiting for a connection counts; AUI_NEVER while there is one. */
static uint64_t down_since(const aui_session *session) {
  return session->opened_at == AUI_NEVER ? session->down_since : AUI_NEVER;
}

/* When a message that waits for nothing but its turn may leave. */
static uint64_t pace_deadline(const aui_session *session) {
  bool waits = session->queue && !session->active && !session->parked;
  return waits && session->pace.next > 0 ? session->pace.next : AUI_NEVER;
}

static uint64_t connection_deadline(const aui_session *session) {
  uint64_t deadline = aui_deadline_earlier(session->connect_deadline, session->close_deadline);
  if (session->transport == TRANSPORT_PAUSED) deadline = aui_deadline_earlier(deadline, session->retry_at);
  if (!is_open(session)) return deadline;
  deadline = aui_deadline_earlier(deadline, pace_deadline(session));
  return aui_deadline_earlier(deadline, aui_liveness_deadline(&session->liveness, &session->config.ping));
}

uint64_t aui_session_deadline(const aui_session *session) {
  uint64_t deadline = connection_deadline(session), since = down_since(session);
  if (session->active) deadline = aui_deadline_earlier(deadline, aui_reply_deadline(session->active, since));
  if (session->parked) deadline = aui_deadline_earlier(deadline, aui_reply_deadline(session->parked, since));
  for (const aui_reply *reply = session->queue; reply; reply = reply->next) {
    deadline = aui_deadline_earlier(deadline, aui_reply_deadline(reply, since));
  }
  return deadline;
}

static void connect_timed_out(aui_session *session) {
  aui_error reason = {0};
  bool up = session->transport == TRANSPORT_UP;
  if (up && aui_handshake_eof(&session->ws.handshake) == AUI_HANDSHAKE_REFUSED) {
    bad_handshake(session, AUI_HANDSHAKE_REFUSED); /* all but the end of its body has come */
    return;
  }
  aui_failure_of_connect_timeout(&reason, session->phase, up, session->config.connect_timeout);
  drop(session, &reason);
}

/* The close that was to follow an error payload, or our own close frame, has not come in time. */
static void close_timed_out(aui_session *session) {
  aui_error reason = {0};
  if (session->refusal.kind) conclude(session, &reason);
  hang_up(session);
}

/* The rest of the awaited answer is of no interest any more: it is read and dropped, unless another message waits. */
static void abandon(aui_session *session, uint64_t now) {
  session->draining = session->spoiled = true;
  if (!session->queue) return;
  aui_error reason = {0};
  aui_error_set(&reason, AUI_ERROR_CANCELED, "the connection was replaced after an abandoned answer");
  fail_connection(session, &reason, 1000, now);
}

static void end_early(aui_session *session, aui_reply *reply, const aui_error *error, uint64_t now) {
  bool parked = reply == session->parked; /* no answer is awaited on the connection */
  aui_delivered delivered = recall(session, reply);
  fail_reply(session, reply, error, delivered);
  if (delivered != AUI_DELIVERED_NO && !parked) abandon(session, now);
}

static void expire(aui_session *session, aui_reply *reply, uint64_t now) {
  if (aui_reply_deadline(reply, down_since(session)) > now) return;
  aui_error error = {0};
  aui_reply_timed_out(reply, down_since(session), &session->error, &error);
  end_early(session, reply, &error, now);
}

static void check_liveness(aui_session *session, uint64_t now) {
  aui_error reason = {0};
  switch (aui_liveness_tick(&session->liveness, &session->config.ping, now)) {
    case AUI_LIVENESS_FINE: break;
    case AUI_LIVENESS_PING: aui_websocket_ping(&session->ws); break;
    case AUI_LIVENESS_DEAD:
      aui_failure_of_silence(&reason, session->config.ping.timeout);
      drop(session, &reason);
      break;
  }
}

void aui_session_tick(aui_session *session, uint64_t now) {
  if (session->transport == TRANSPORT_PAUSED && session->retry_at <= now) {
    session->transport = TRANSPORT_WANTED;
    session->news = true;
  }
  if (session->pace.next <= now) session->pace = (aui_pace){0};
  if (is_open(session)) check_liveness(session, now);
  if (session->connect_deadline <= now) connect_timed_out(session);
  bool refusal_due =
      session->refusal.kind && session->active && aui_reply_deadline(session->active, down_since(session)) <= now;
  if (session->close_deadline <= now || refusal_due) close_timed_out(session);
  if (session->active) expire(session, session->active, now);
  if (session->parked) expire(session, session->parked, now);
  for (aui_reply *reply = session->queue, *next; reply; reply = next) {
    next = reply->next;
    expire(session, reply, now);
  }
}

bool aui_session_news(aui_session *session) {
  bool news = session->news;
  session->news = false;
  return news;
}

/* ---- For users ---- */

/* Of a connection that is ending: WAITING must not be told before it is known until when. */
static aui_state state_behind_the_end(const aui_session *session) {
  return is_worth_reconnecting(session) ? AUI_STATE_CONNECTING : AUI_STATE_WAITING;
}

aui_state aui_session_state(const aui_session *session) {
  if (session->closed) return AUI_STATE_CLOSED;
  switch (session->transport) {
    case TRANSPORT_NONE:
    case TRANSPORT_PAUSED: return AUI_STATE_WAITING;
    case TRANSPORT_UP:
      if (session->ws.state == AUI_WEBSOCKET_OPEN) return AUI_STATE_OPEN;
      return session->ws.state == AUI_WEBSOCKET_CLOSING ? state_behind_the_end(session) : AUI_STATE_CONNECTING;
    case TRANSPORT_DROPPING: return state_behind_the_end(session);
    default: return AUI_STATE_CONNECTING;
  }
}

const char *aui_state_name(aui_state state) {
  static const char *const names[] = {"connecting", "open", "waiting", "closed"};
  return names[state];
}

const aui_error *aui_session_error(const aui_session *session) {
  return &session->error;
}

uint64_t aui_session_retry_at(const aui_session *session) {
  return session->transport == TRANSPORT_PAUSED ? session->retry_at : AUI_NEVER;
}

/* Whether the queue has room for another `n` bytes; else says so. */
static bool has_room(const aui_session *session, size_t n, aui_error *error) {
  size_t messages = 0, bytes = 0;
  for (const aui_reply *reply = session->queue; reply; reply = reply->next) {
    messages++;
    bytes += reply->request.len;
  }
  if (messages >= session->config.queue_messages) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "%zu messages wait to be sent already (queue.messages)", messages);
    return false;
  }
  if (n > session->config.queue_bytes || bytes > session->config.queue_bytes - n) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "more than %zu bytes would wait to be sent (queue.bytes)",
                  session->config.queue_bytes);
    return false;
  }
  return true;
}

aui_reply *aui_session_send(aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                            uint64_t now, aui_error *error) {
  if (session->closed) {
    aui_error_set(error, AUI_ERROR_CANCELED, "the session is closed");
    return NULL;
  }
  if (!has_room(session, n, error)) return NULL;
  aui_reply *reply = aui_reply_new(session, json, n, timeouts, now);
  if (!reply) {
    aui_failure_out_of_memory(error);
    return NULL;
  }
  enqueue(session, reply);
  if (session->transport == TRANSPORT_NONE) {
    session->transport = TRANSPORT_WANTED;
    session->news = true;
  }
  if (session->draining && session->ws.state == AUI_WEBSOCKET_OPEN) abandon(session, now);
  return reply;
}

void aui_session_close(aui_session *session, uint64_t now) {
  if (session->closed) return;
  session->closed = session->news = true;
  cancel_all(session);
  switch (session->transport) {
    case TRANSPORT_NONE:
    case TRANSPORT_DROPPING: break;
    case TRANSPORT_PAUSED:
    case TRANSPORT_WANTED: session->transport = TRANSPORT_NONE; break;
    case TRANSPORT_OPENING: hang_up(session); break;
    case TRANSPORT_UP:
      if (session->ws.state < AUI_WEBSOCKET_OPEN) {
        hang_up(session);
      } else {
        aui_websocket_close(&session->ws, 1000);
        start_close_timer(session, now);
      }
  }
}

bool aui_session_finished(const aui_session *session) {
  return session->closed && session->transport == TRANSPORT_NONE;
}

bool aui_reply_is_parked(const aui_reply *reply) {
  return reply->session && reply->session->parked == reply;
}

/* Reads a final message; with `text` NULL only looks whether it is one. */
static bool read_final(aui_event_reader *reader, const char *json, size_t n, aui_buffer *text, size_t *keep) {
  return aui_event_feed(reader, json, n) == 0 && aui_event_end(reader, text, keep) == AUI_EVENT_FINAL;
}

/* Also makes `message` a copy of the JSON. False, with nothing changed, as aui_reply_answer. */
static bool take_answer(aui_reply *reply, const char *json, size_t n, aui_buffer *message) {
  aui_event_reader *reader = aui_event_new(reply->session->config.max_depth);
  bool ok = reader && read_final(reader, json, n, NULL, NULL);
  size_t keep, len;
  if (ok) {
    const char *payload = aui_event_payload(reader, &len);
    ok = aui_buffer_append(message, payload, len);
    aui_event_restart(reader);
  }
  ok = ok && read_final(reader, message->data, message->len, &reply->text, &keep);
  aui_event_free(reader);
  if (ok) {
    aui_reply_text_changed(reply, keep);
  } else {
    aui_buffer_free(message);
  }
  return ok;
}

bool aui_reply_answer(aui_reply *reply, const char *json, size_t n) {
  aui_buffer message = {0};
  if (!aui_reply_is_parked(reply) || !take_answer(reply, json, n, &message)) return false;
  reply->session->news = true;
  reply->session->parked = NULL;
  aui_reply_finish(reply, &message);
  return true;
}

bool aui_reply_resend(aui_reply *reply) {
  if (!aui_reply_is_parked(reply) || reply->answered) return false;
  reply->session->parked = NULL;
  aui_error_clear(&reply->error);
  enqueue_first(reply->session, reply);
  return true;
}

void aui_reply_give_up(aui_reply *reply) {
  if (aui_reply_is_parked(reply)) fail_parked(reply->session);
}

void aui_reply_cancel(aui_reply *reply, uint64_t now) {
  if (!reply->session) return;
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_CANCELED, "the reply was canceled");
  end_early(reply->session, reply, &error, now);
}

void aui_reply_release(aui_reply *reply, uint64_t now) {
  aui_reply_cancel(reply, now);
  aui_reply_free(reply);
}
