/* A session's transport, as its driver opens, feeds, drains and ends it. */
#include <stdlib.h>
#include <string.h>

#include "engine/deadline.h"
#include "engine/failure.h"
#include "engine/session_state.h"

aui_want aui_session_want(const aui_session *session) {
  switch (session->transport) {
    case TRANSPORT_WANTED: return AUI_WANT_CONNECT;
    case TRANSPORT_DROPPING: return AUI_WANT_DISCONNECT;
    case TRANSPORT_UP:
      return session->carrier->state(session) == CARRIER_CLOSED ? AUI_WANT_DISCONNECT : AUI_WANT_NOTHING;
    default: return AUI_WANT_NOTHING;
  }
}

bool aui_session_is_up(const aui_session *session, carrier_state state) {
  return session->transport == TRANSPORT_UP && session->carrier->state(session) == state;
}

aui_ending aui_session_ending(const aui_session *session) {
  return session->carrier->ending(session);
}

void aui_session_phase(aui_session *session, aui_phase phase, uint64_t now) {
  if (session->transport == TRANSPORT_WANTED) {
    session->transport = TRANSPORT_OPENING;
    session->connect_deadline = aui_deadline_after(now, session->config.connect_timeout);
    session->retry_at = AUI_NEVER;
    if (session->down_since == AUI_NEVER) {
      session->down_since = now;
      aui_session_time_queue(session);
    }
    session->notify = true;
  }
  session->phase = phase;
}

aui_event_reader *aui_session_new_reader(const aui_session *session) {
  return aui_event_new(session->carrier->api, session->config.max_depth, session->config.max_message);
}

bool aui_session_begin_transport(aui_session *session) {
  if (session->transport != TRANSPORT_OPENING) return false;
  session->transport = TRANSPORT_UP;
  return true;
}

void aui_session_set_date(aui_session *session, int64_t unix_time) {
  session->unix_time = unix_time;
}

void aui_session_connected(aui_session *session, uint64_t now) {
  if (!aui_session_begin_transport(session)) return;
  if (session->carrier->is_lasting) aui_session_record(session, &(aui_recorded){.kind = AUI_RECORDED_UP, .at = now});
  session->carrier->begin(session, now);
}

bool aui_session_may_detach(const aui_session *session) {
  bool free = aui_session_is_idle(session) && !session->refusal;
  if (!free || session->closed || session->connection.not_detachable) return false;
  return session->transport == TRANSPORT_UP && session->carrier->is_quiet(session);
}

aui_handover *aui_session_detach(aui_session *session, uint64_t now) {
  aui_handover *handover = aui_session_may_detach(session) ? malloc(sizeof *handover) : NULL;
  if (!handover) return NULL;
  *handover = (aui_handover){session->answers, aui_websocket_leave(&session->ws)};
  session->answers = NULL;
  session->closed = true;
  aui_session_transport_gone(session, now);
  return handover;
}

void aui_handover_free(aui_handover *handover) {
  if (!handover) return;
  aui_answers_free(handover->answers);
  aui_deflate_free(&handover->deflate);
  free(handover);
}

/* Says why the transport ended, unless that is known already: then `reason` is left as it is. */
static bool explain_end(aui_session *session, const char *cause, bool retryable, aui_error *reason) {
  if (session->transport == TRANSPORT_OPENING) {
    aui_failure_of_opening(reason, session->phase, cause, retryable);
    return true;
  }
  bool ended = session->transport == TRANSPORT_DROPPING || session->carrier->state(session) >= CARRIER_CLOSING;
  if (ended) return false;
  session->carrier->explain_cut(session, cause, retryable, reason);
  if (session->config.is_plain && session->stats.bytes_received == 0) aui_failure_ask_for_tls(reason);
  return true;
}

void aui_session_was_reset(aui_session *session) {
  session->connection.was_reset = session->transport >= TRANSPORT_UP;
}

void aui_session_disconnected(aui_session *session, const char *cause, bool retryable, uint64_t now) {
  if (session->transport < TRANSPORT_OPENING) return;
  aui_error reason = {0};
  bool by_peer = explain_end(session, cause, retryable, &reason);
  if (by_peer) aui_session_end_connection(session, &reason);
  if (session->transport >= TRANSPORT_UP) aui_session_record_end(session, by_peer, !cause, now);
  aui_session_transport_gone(session, now);
}

void aui_session_refuse_request(aui_session *session, const aui_error *error, uint64_t now) {
  if (session->transport != TRANSPORT_OPENING) return;
  aui_error reason = {0};
  aui_error_copy(&reason, error);
  aui_session_end_connection(session, &reason);
  aui_session_transport_gone(session, now);
}

static size_t key_wanted(const aui_session *session) {
  return session->answers && !aui_answers_has_key(session->answers) ? AUI_SIPHASH_KEY_SIZE : 0;
}

size_t aui_session_random_wanted(const aui_session *session) {
  return key_wanted(session) + AUI_WEBSOCKET_RANDOM - session->ws.random_len;
}

void aui_session_random(aui_session *session, const void *bytes, size_t n) {
  aui_websocket *ws = &session->ws;
  const uint8_t *random = bytes;
  if (key_wanted(session) > 0 && n >= AUI_SIPHASH_KEY_SIZE) {
    aui_answers_set_key(session->answers, random);
    random += AUI_SIPHASH_KEY_SIZE;
    n -= AUI_SIPHASH_KEY_SIZE;
  }
  size_t room = AUI_WEBSOCKET_RANDOM - ws->random_len;
  if (n > room) n = room;
  memcpy(ws->random + ws->random_len, random, n);
  ws->random_len += n;
}

/* Whether there is a message, and the connection is free for it. */
static bool may_send(const aui_session *session, uint64_t now) {
  bool busy = session->active || session->parked || session->connection.draining || session->refusal ||
              session->pace.next > now;
  return session->queue && !busy && session->carrier->is_ready(session);
}

/* Puts the oldest waiting message on the wire. */
static bool send_next(aui_session *session, uint64_t now) {
  aui_reply *reply = session->queue;
  if (!session->carrier->send(session, reply, now)) return false;
  aui_session_dequeue(session, reply);
  aui_pace_sent(&session->pace, &session->config.rate, now);
  aui_answers_await(session->answers, reply->request.data, reply->request.len);
  session->active = reply;
  reply->on_wire = true;
  if (!reply->signaled) reply->last_sign = now;
  return true;
}

const void *aui_session_output(aui_session *session, size_t *n, uint64_t now) {
  *n = 0;
  if (session->transport != TRANSPORT_UP) return NULL;
  bool sends = may_send(session, now);
  bool ok = session->carrier->write_due(session, sends, now);
  if (ok && sends && !session->liveness.unproven) ok = send_next(session, now);
  if (!ok) {
    aui_session_out_of_memory(session);
    return NULL;
  }
  const aui_buffer *out = session->carrier->output(session);
  *n = out->len;
  return out->len ? out->data : NULL;
}

void aui_session_written(aui_session *session, size_t n, uint64_t now) {
  if (session->transport != TRANSPORT_UP) return;
  bool left = session->carrier->wrote(session, n);
  session->stats.bytes_sent += n;
  aui_liveness_left(&session->liveness, now);
  if (!left || !session->active) return;
  session->connection.message_left = true;
  aui_reply_left(session->active, now);
}
