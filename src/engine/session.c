/* A session with an agent: which reply the connection serves, when a connection is wanted, what has run out of time, and
 * how each failure ends the replies that it concerns. */
#include "engine/session.h"

#include <stdlib.h>
#include <string.h>

#include "engine/event.h"
#include "engine/reply.h"
#include "engine/websocket.h"

typedef enum {
  TRANSPORT_NONE,
  TRANSPORT_WANTED,  /* the driver has not begun yet */
  TRANSPORT_OPENING, /* name, connection, TLS */
  TRANSPORT_UP,
  TRANSPORT_DROPPING /* the driver is to end it */
} transport_state;

struct aui_session {
  aui_session_config config; /* its strings are ours */
  transport_state transport;
  aui_phase phase;
  uint64_t connect_deadline;
  uint64_t close_deadline;
  aui_websocket ws;
  aui_event_reader *events; /* NULL without a transport */

  aui_reply *active; /* the reply that this connection's next events belong to */
  bool draining;     /* they belong to an answer that nobody waits for any more */
  bool used;         /* bytes of a message have left on this connection */
  uint64_t frame_begin; /* where the active message's frame lies in all that the connection writes */
  uint64_t frame_end;

  /* An error payload is held until the close that follows it, so that the reply's error can tell the close code. */
  aui_error refusal;

  aui_reply *queue; /* replies whose messages wait to be sent, oldest first */
  aui_error error;  /* why there is no connection */
  bool closed;
  bool news;
};

void aui_session_defaults(aui_session_config *config) {
  *config = (aui_session_config){.host = "",
                                 .target = "/",
                                 .headers = "",
                                 .connect_timeout = 10000,
                                 .close_timeout = 1000,
                                 .max_response_head = 16 * 1024,
                                 .max_message = 64 * 1024 * 1024,
                                 .max_depth = 64};
}

static bool copy_strings(aui_session_config *config) {
  char *host = strdup(config->host), *target = strdup(config->target), *headers = strdup(config->headers);
  config->host = host;
  config->target = target;
  config->headers = headers;
  return host && target && headers;
}

static void free_strings(aui_session_config *config) {
  free((char *)config->host);
  free((char *)config->target);
  free((char *)config->headers);
}

aui_session *aui_session_new(const aui_session_config *config) {
  aui_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->config = *config;
  session->transport = TRANSPORT_WANTED;
  session->connect_deadline = session->close_deadline = AUI_NEVER;
  if (!copy_strings(&session->config)) {
    aui_session_free(session);
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

static void forget(aui_session *session, aui_reply *reply) {
  if (session->active == reply) session->active = NULL;
  for (aui_reply **link = &session->queue; *link; link = &(*link)->next) {
    if (*link == reply) {
      *link = reply->next;
      break;
    }
  }
  reply->next = NULL;
}

static void fail_reply(aui_session *session, aui_reply *reply, const aui_error *error, aui_delivered delivered) {
  forget(session, reply);
  aui_reply_fail(reply, error, delivered);
  session->news = true;
}

static void fail_queue(aui_session *session, const aui_error *error) {
  while (session->queue) fail_reply(session, session->queue, error, AUI_DELIVERED_NO);
}

/* True once the kernel may have sent a byte of the active message. */
static bool has_left(const aui_session *session) {
  return session->ws.written > session->frame_begin;
}

/* Takes a message back whose frame was written to `out`, if none of it has left. */
static bool withdraw(aui_session *session) {
  if (has_left(session)) return false;
  aui_buffer *out = &session->ws.out;
  char *begin = out->data + (session->frame_begin - session->ws.written);
  char *end = out->data + (session->frame_end - session->ws.written);
  memmove(begin, end, (size_t)(out->data + out->len - end));
  out->len -= (size_t)(end - begin);
  return true;
}

static void cancel_all(aui_session *session) {
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_CANCELED, "the session was closed before the answer was complete");
  if (session->active) {
    fail_reply(session, session->active, &error, withdraw(session) ? AUI_DELIVERED_NO : AUI_DELIVERED_MAYBE);
  }
  fail_queue(session, &error);
}

void aui_session_free(aui_session *session) {
  if (!session) return;
  cancel_all(session);
  aui_websocket_end(&session->ws);
  aui_event_free(session->events);
  aui_error_clear(&session->error);
  aui_error_clear(&session->refusal);
  free_strings(&session->config);
  free(session);
}

/* ---- The connection's end ---- */

/* The transport is gone, or was never there. Replies go on as far as they can: one whose message never left waits for the
 * next connection, unless this one was of no use to anybody; another connection would fare no better then. */
static void connection_gone(aui_session *session) {
  bool used = session->used;
  if (session->active) { /* its failure was told already if a byte of it had left */
    session->active->next = session->queue;
    session->queue = session->active;
    session->active = NULL;
  }
  session->draining = session->used = false;
  aui_websocket_end(&session->ws);
  aui_event_free(session->events);
  session->events = NULL;
  aui_error_clear(&session->refusal);
  session->connect_deadline = session->close_deadline = AUI_NEVER;
  if (!used) fail_queue(session, &session->error);
  session->transport = session->queue ? TRANSPORT_WANTED : TRANSPORT_NONE;
  session->news = true;
}

/* Whether a failure of this kind leaves open that the agent acted on a message that had left. */
static aui_delivered delivered_despite(const aui_error *error) {
  switch (error->kind) {
    case AUI_ERROR_AUTH:
    case AUI_ERROR_RATE_LIMIT: return AUI_DELIVERED_NO;
    case AUI_ERROR_APPLICATION: return AUI_DELIVERED_YES;
    default: return AUI_DELIVERED_MAYBE;
  }
}

/* The active reply can get no answer any more: `session->error` says why. One whose message never left is kept. */
static void fail_active(aui_session *session) {
  if (session->active && has_left(session)) {
    fail_reply(session, session->active, &session->error, delivered_despite(&session->error));
  }
}

/* Ends the transport by our own decision; `session->error` says why. */
static void drop(aui_session *session) {
  fail_active(session);
  session->transport = TRANSPORT_DROPPING;
  session->connect_deadline = session->close_deadline = AUI_NEVER;
  session->news = true;
}

/* Starts the closing handshake: the transport ends when the peer has answered, or at the close timeout. */
static void close_websocket(aui_session *session, uint16_t code, uint64_t now) {
  aui_websocket_close(&session->ws, code);
  if (session->close_deadline == AUI_NEVER) session->close_deadline = now + session->config.close_timeout;
  session->news = true;
}

static void fail_connection(aui_session *session, uint16_t close_code, uint64_t now) {
  fail_active(session);
  session->ws.peer_closed = true; /* nothing more is expected of the peer */
  close_websocket(session, close_code, now);
}

static void out_of_memory(aui_session *session) {
  aui_error_set(&session->error, AUI_ERROR_OVERFLOW, "out of memory");
  drop(session);
}

/* ---- What the peer says ---- */

static aui_error_kind kind_of_close(int code, bool ever_answered) {
  switch (code) {
    case 1008: return ever_answered ? AUI_ERROR_APPLICATION : AUI_ERROR_AUTH;
    case 1011:
    case 1012:
    case 1013:
    case 1014: return AUI_ERROR_SERVER;
    case 1002:
    case 1003:
    case 1007:
    case 1009:
    case 1010: return AUI_ERROR_PROTOCOL;
    default: return code >= 3000 ? AUI_ERROR_APPLICATION : AUI_ERROR_TRANSPORT;
  }
}

static const char *meaning_of_close(int code) {
  switch (code) {
    case 1000: return "normal closure";
    case 1001: return "going away";
    case 1002: return "protocol error";
    case 1003: return "unsupported data";
    case 1007: return "invalid payload";
    case 1008: return "authentication failure or application error";
    case 1009: return "message too big";
    case 1011: return "internal server error";
    case 1012: return "service restart";
    case 1013: return "try again later";
    case 1014: return "bad gateway";
    default: return "no meaning registered";
  }
}

/* A held error payload is the reason why the connection ends, whatever ended it. */
static bool tell_refusal(aui_session *session) {
  if (!session->refusal.kind) return false;
  aui_error_clear(&session->error);
  session->error = session->refusal;
  session->refusal = (aui_error){0};
  return true;
}

static void peer_closed(aui_session *session, uint64_t now) {
  const aui_websocket *ws = &session->ws;
  int code = ws->peer_code;
  if (tell_refusal(session)) {
    /* its words say more than the code */
  } else if (code == 1005) {
    aui_error_set(&session->error, AUI_ERROR_TRANSPORT, "the server closed the connection without giving a reason");
  } else {
    bool answered = session->active ? session->active->answered : session->used;
    aui_error_set(&session->error, kind_of_close(code, answered), "the server closed the connection with %d (%s)%s%s",
                  code, meaning_of_close(code), *ws->peer_reason ? ": " : "", ws->peer_reason);
  }
  session->error.close_code = code;
  fail_active(session);
  close_websocket(session, (uint16_t)code, now);
}

static void bad_handshake(aui_session *session, int why) {
  aui_handshake *handshake = &session->ws.handshake;
  int status = handshake->status;
  if (why == AUI_HANDSHAKE_REFUSED) {
    aui_error_set(&session->error, aui_error_kind_of_status(status),
                  "the server refused the WebSocket handshake with HTTP status %d%s", status,
                  status >= 300 && status < 400 ? " (redirects are not followed)" : "");
    session->error.retry_after = handshake->retry_after;
    session->error.payload = handshake->body;
    handshake->body = (aui_buffer){0};
  } else {
    aui_error_kind kind = why == AUI_HANDSHAKE_NO_MEMORY || why == AUI_HANDSHAKE_TOO_LARGE ? AUI_ERROR_OVERFLOW
                                                                                          : AUI_ERROR_PROTOCOL;
    aui_error_set(&session->error, kind, "WebSocket handshake: %s", aui_handshake_describe(why));
  }
  session->error.status_code = status;
  drop(session);
}

static void bad_frame(aui_session *session, int why, uint64_t now) {
  uint16_t code = aui_frame_close_code(why);
  if (why == AUI_FRAME_TOO_BIG) {
    aui_error_set(&session->error, AUI_ERROR_OVERFLOW, "the server sent a message of more than %zu bytes (max_message)",
                  session->config.max_message);
    session->error.retryable = false; /* the next answer would be as long */
  } else {
    aui_error_set(&session->error, AUI_ERROR_PROTOCOL, "%s", aui_frame_describe(why));
  }
  session->error.close_code = code;
  fail_connection(session, code, now);
}

static void bad_message(aui_session *session, int why, uint64_t now) {
  switch (why) {
    case AUI_EVENT_NO_MEMORY: out_of_memory(session); return;
    case AUI_EVENT_BAD_UTF8:
      aui_error_set(&session->error, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid UTF-8");
      break;
    case AUI_EVENT_TOO_DEEP:
      aui_error_set(&session->error, AUI_ERROR_OVERFLOW, "the server sent a message nested deeper than %u levels",
                    session->config.max_depth);
      break;
    default: aui_error_set(&session->error, AUI_ERROR_PROTOCOL, "the server sent a message that is not valid JSON");
  }
  session->error.close_code = 1007;
  fail_connection(session, 1007, now);
}

static void answer_over(aui_session *session) {
  session->active = NULL;
  session->draining = false;
  aui_event_restart(session->events);
  session->news = true;
}

static void take_final(aui_session *session) {
  aui_reply *reply = session->active;
  if (reply) {
    size_t n;
    const char *json = aui_event_payload(session->events, &n);
    aui_buffer message = {0};
    if (!aui_buffer_append(&message, json, n)) {
      out_of_memory(session);
      return;
    }
    aui_reply_finish(reply, &message);
  }
  answer_over(session);
}

/* The error is told when the close that follows it has come, or after the close timeout. */
static void take_error_payload(aui_session *session, uint64_t now) {
  size_t n;
  const char *json = aui_event_payload(session->events, &n);
  int status = aui_event_status_code(session->events);
  aui_error_set(&session->refusal, aui_error_kind_of_status(status), "the server answered with status %d", status);
  session->refusal.status_code = status;
  aui_buffer_append(&session->refusal.payload, json, n); /* without memory, the status must do */
  if (session->close_deadline == AUI_NEVER) session->close_deadline = now + session->config.close_timeout;
}

static void end_message(aui_session *session, uint64_t now) {
  aui_reply *reply = session->active;
  size_t keep = 0;
  int type = aui_event_end(session->events, reply ? &reply->text : NULL, &keep);
  if (type < 0) {
    bad_message(session, type, now);
    return;
  }
  if (reply) {
    reply->last_sign = now;
    reply->answered = true;
    if (type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL) {
      aui_reply_text_changed(reply, keep);
      session->news = true;
    }
  }
  if (type == AUI_EVENT_FINAL) take_final(session);
  if (type == AUI_EVENT_ERROR) take_error_payload(session, now);
}

void aui_session_receive(aui_session *session, const void *bytes, size_t n, uint64_t now) {
  const uint8_t *input = bytes, *end = input + n;
  int why = 0;
  aui_frame slice;
  while (session->transport == TRANSPORT_UP) {
    switch (aui_websocket_read(&session->ws, &input, end, session->config.max_message, &slice, &why)) {
      case AUI_WEBSOCKET_NEED_MORE: return;
      case AUI_WEBSOCKET_OPENED:
        session->connect_deadline = AUI_NEVER;
        session->news = true;
        break;
      case AUI_WEBSOCKET_TEXT:
        why = aui_event_feed(session->events, slice.data, slice.len);
        if (why < 0) {
          bad_message(session, why, now);
        } else if (slice.last) {
          end_message(session, now);
        }
        break;
      case AUI_WEBSOCKET_PEER_CLOSE: peer_closed(session, now); break;
      case AUI_WEBSOCKET_BAD_HANDSHAKE: bad_handshake(session, why); break;
      case AUI_WEBSOCKET_BAD_FRAME: bad_frame(session, why, now); break;
    }
  }
}

/* ---- For drivers ---- */

aui_want aui_session_want(const aui_session *session) {
  const aui_websocket *ws = &session->ws;
  if (session->transport == TRANSPORT_WANTED) return AUI_WANT_CONNECT;
  if (session->transport == TRANSPORT_DROPPING) return AUI_WANT_DISCONNECT;
  bool closing_done = ws->state == AUI_WEBSOCKET_CLOSING && ws->peer_closed && !ws->close_due && ws->out.len == 0;
  return closing_done ? AUI_WANT_DISCONNECT : AUI_WANT_NOTHING;
}

void aui_session_phase(aui_session *session, aui_phase phase, uint64_t now) {
  if (session->transport == TRANSPORT_WANTED) {
    session->transport = TRANSPORT_OPENING;
    uint64_t timeout = session->config.connect_timeout;
    session->connect_deadline = timeout >= AUI_NEVER - now ? AUI_NEVER : now + timeout;
    session->news = true;
  }
  session->phase = phase;
}

void aui_session_connected(aui_session *session, uint64_t now) {
  (void)now;
  if (session->transport != TRANSPORT_OPENING) return;
  session->transport = TRANSPORT_UP;
  session->events = aui_event_new(session->config.max_depth);
  if (session->events) {
    aui_websocket_begin(&session->ws);
  } else {
    out_of_memory(session);
  }
}

static void handshake_cut(aui_session *session, const char *cause) {
  int why = aui_handshake_eof(&session->ws.handshake);
  if (why == AUI_HANDSHAKE_REFUSED) {
    bad_handshake(session, why);
    return;
  }
  aui_error_set(&session->error, AUI_ERROR_TRANSPORT, "WebSocket handshake: %s",
                cause ? cause : "the server ended the connection without an answer");
}

void aui_session_disconnected(aui_session *session, const char *cause, bool retryable, uint64_t now) {
  (void)now;
  const aui_websocket *ws = &session->ws;
  switch (session->transport) {
    case TRANSPORT_NONE:
    case TRANSPORT_WANTED: return;
    case TRANSPORT_OPENING:
      aui_error_set(&session->error, AUI_ERROR_TRANSPORT, "%s", cause ? cause : "the connection could not be opened");
      session->error.retryable = retryable;
      break;
    case TRANSPORT_UP:
      if (tell_refusal(session)) break;
      if (ws->state < AUI_WEBSOCKET_OPEN) {
        handshake_cut(session, cause);
      } else if (ws->state == AUI_WEBSOCKET_OPEN) {
        aui_error_set(&session->error, AUI_ERROR_TRANSPORT, "the connection was cut%s%s", cause ? ": " : "",
                      cause ? cause : " without a close frame");
        session->error.close_code = 1006;
      }
      break;
    case TRANSPORT_DROPPING: break;
  }
  fail_active(session);
  connection_gone(session);
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
  bool busy = session->active || session->draining || session->refusal.kind;
  if (!reply || busy || ws->state != AUI_WEBSOCKET_OPEN || ws->random_len < AUI_FRAME_MASK_SIZE) return true;
  uint64_t begin = ws->written + ws->out.len;
  if (!aui_websocket_send(ws, reply->request.data, reply->request.len)) return false;
  session->frame_begin = begin;
  session->frame_end = ws->written + ws->out.len;
  forget(session, reply);
  session->active = reply;
  reply->last_sign = now;
  return true;
}

const void *aui_session_output(aui_session *session, size_t *n, uint64_t now) {
  aui_websocket *ws = &session->ws;
  *n = 0;
  if (session->transport != TRANSPORT_UP) return NULL;
  aui_request request = {session->config.host, session->config.target, session->config.headers};
  bool ok = aui_websocket_flush(ws, &request, session->config.max_response_head) && send_next(session, now);
  if (!ok) {
    out_of_memory(session);
    return NULL;
  }
  *n = ws->out.len;
  return ws->out.len ? ws->out.data : NULL;
}

void aui_session_written(aui_session *session, size_t n, uint64_t now) {
  (void)now;
  if (session->transport != TRANSPORT_UP) return;
  aui_websocket_wrote(&session->ws, n);
  if (session->active && has_left(session)) session->used = true;
}

/* ---- Time ---- */

static uint64_t earlier(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t aui_session_deadline(const aui_session *session) {
  const char *which;
  uint64_t deadline = earlier(session->connect_deadline, session->close_deadline);
  if (session->active) deadline = earlier(deadline, aui_reply_deadline(session->active, true, &which));
  for (const aui_reply *reply = session->queue; reply; reply = reply->next) {
    deadline = earlier(deadline, aui_reply_deadline(reply, false, &which));
  }
  return deadline;
}

static const char *phase_in_words(const aui_session *session) {
  if (session->transport == TRANSPORT_UP) return "the server did not answer the WebSocket handshake";
  switch (session->phase) {
    case AUI_PHASE_RESOLVE: return "the name was not resolved";
    case AUI_PHASE_CONNECT: return "the server did not accept the connection";
    case AUI_PHASE_TLS: return "the TLS handshake was not completed";
  }
  return "no connection was made";
}

static void connect_timed_out(aui_session *session) {
  if (session->ws.handshake.status >= 200) { /* all but the end of a refusal's body has come */
    bad_handshake(session, AUI_HANDSHAKE_REFUSED);
    return;
  }
  aui_error_set(&session->error, AUI_ERROR_TIMEOUT, "%s within %g s (timeout.connect)", phase_in_words(session),
                (double)session->config.connect_timeout / 1000);
  drop(session);
}

/* The rest of the active answer, if any, is of no interest any more. */
static void abandon(aui_session *session, uint64_t now) {
  aui_event_restart(session->events);
  session->draining = true;
  if (session->queue) {
    aui_error_set(&session->error, AUI_ERROR_CANCELED, "the connection was replaced after an abandoned answer");
    fail_connection(session, 1000, now);
  }
}

static void end_early(aui_session *session, aui_reply *reply, const aui_error *error, uint64_t now) {
  bool left = reply == session->active && !withdraw(session);
  fail_reply(session, reply, error, left ? AUI_DELIVERED_MAYBE : AUI_DELIVERED_NO);
  if (left) abandon(session, now);
}

static void expire(aui_session *session, aui_reply *reply, uint64_t now) {
  const char *which;
  if (aui_reply_deadline(reply, reply == session->active, &which) > now) return;
  const aui_reply_timeouts *timeouts = &reply->timeouts;
  uint64_t span = *which == 'f' ? timeouts->first : *which == 'i' ? timeouts->idle : timeouts->total;
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_TIMEOUT, "no %s within %g s (timeout.%s)",
                *which == 'f'   ? "sign of an answer"
                : *which == 'i' ? "further sign of an answer"
                                : "complete answer",
                (double)span / 1000, which);
  end_early(session, reply, &error, now);
}

void aui_session_tick(aui_session *session, uint64_t now) {
  if (session->connect_deadline <= now) connect_timed_out(session);
  if (session->close_deadline <= now) {
    tell_refusal(session);
    drop(session);
  }
  if (session->active) expire(session, session->active, now);
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

aui_state aui_session_state(const aui_session *session) {
  if (session->closed) return AUI_STATE_CLOSED;
  switch (session->transport) {
    case TRANSPORT_NONE: return AUI_STATE_WAITING;
    case TRANSPORT_UP:
      if (session->ws.state == AUI_WEBSOCKET_OPEN) return AUI_STATE_OPEN;
      return session->ws.state == AUI_WEBSOCKET_CLOSING && !session->queue ? AUI_STATE_WAITING : AUI_STATE_CONNECTING;
    case TRANSPORT_DROPPING: return session->queue ? AUI_STATE_CONNECTING : AUI_STATE_WAITING;
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

aui_reply *aui_session_send(aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                            uint64_t now) {
  if (session->closed) return NULL;
  aui_reply *reply = aui_reply_new(session, json, n, timeouts, now);
  if (!reply) return NULL;
  enqueue(session, reply);
  if (session->transport == TRANSPORT_NONE) session->transport = TRANSPORT_WANTED;
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
    case TRANSPORT_WANTED: session->transport = TRANSPORT_NONE; break;
    case TRANSPORT_OPENING: drop(session); break;
    case TRANSPORT_UP:
      if (session->ws.state < AUI_WEBSOCKET_OPEN) {
        drop(session);
      } else {
        close_websocket(session, 1000, now);
      }
  }
}

bool aui_session_finished(const aui_session *session) {
  return session->closed && session->transport == TRANSPORT_NONE;
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
