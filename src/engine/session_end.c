/* The end of a session's connection: what it means for the replies, and whether and when there is to be another. */
#include <stdlib.h>

#include "engine/deadline.h"
#include "engine/failure.h"
#include "engine/retry_after.h"
#include "engine/session_state.h"

enum { UNAUTHORIZED = 401 };

static bool reconnects(const aui_session *session) {
  return session->config.reconnect.attempts > 0;
}

/* Whether the server surely did not act on the active message, and may do so later. */
static bool was_held_off(const aui_session *session) {
  bool answered = session->active->answered;
  return session->error->kind == AUI_ERROR_RATE_LIMIT && reconnects(session) &&
         aui_failure_delivered(session->error, answered) == AUI_DELIVERED_NO;
}

/* Whether the answer was lost with the connection, and another one will be tried. */
static bool was_lost(const aui_session *session) {
  const aui_error *error = session->error;
  bool lost = error->kind == AUI_ERROR_TRANSPORT || error->kind == AUI_ERROR_SERVER || error->kind == AUI_ERROR_TIMEOUT;
  return reconnects(session) && lost && error->retryable && !error->about_message;
}

/* Whether it may be found out what became of the active message. */
static bool is_in_doubt(const aui_session *session) {
  return session->config.recover && was_lost(session);
}

static bool may_be_resumed(const aui_session *session) {
  return session->carrier->is_resumable && session->active->last_seq >= 0 && was_lost(session);
}

/* Whether the server has refused to go on with the answer, or ended it in order with nothing new: it may be had
 * elsewhere. */
static bool was_resumed_in_vain(const aui_session *session) {
  bool resumed = session->carrier->is_resumable && session->active->last_seq >= 0;
  bool in_vain = session->error->about_message || (session->connection.ended_short && !session->connection.went_on);
  return session->config.recover && reconnects(session) && resumed && in_vain;
}

/* Whether what the request said may have been too old for the server, and sending the message again does not run its
 * turn twice. Said once of a message. */
static bool was_out_of_date(aui_session *session) {
  aui_reply *reply = session->active;
  bool refused = session->error->about_message && session->error->status_code == UNAUTHORIZED;
  bool twice = reply->answered && !session->carrier->is_resumable;
  if (!refused || !session->config.renews || reply->renewed || twice) return false;
  reply->renewed = true;
  return true;
}

static void park_active(aui_session *session) {
  session->parked = session->active;
  session->active = NULL;
  session->parked->may_arrive = true;
  aui_error copy;
  aui_error_copy(&copy, session->error);
  aui_error_keep(&session->parked->error, &copy);
}

static void wait_for_next(aui_session *session) {
  aui_reply *reply = session->active;
  if (session->events && !aui_event_is_sure(session->events)) reply->guessed = true;
  session->active = NULL;
  aui_session_enqueue_first(session, reply);
}

/* The active reply gets no answer on this connection any more; a message none of which has left, or which was held off,
 * waits for the next one, and so does what can be resumed there. */
static void settle_active(aui_session *session) {
  aui_reply *reply = session->active;
  if (!reply) return;
  if (aui_reply_has_message(reply)) {
    session->active = NULL;
    aui_reply_finish(reply);
  } else if (session->carrier->unsend(session) || was_held_off(session) || was_out_of_date(session)) {
    wait_for_next(session);
  } else if (was_resumed_in_vain(session)) {
    park_active(session);
  } else if (may_be_resumed(session)) {
    wait_for_next(session);
  } else if (is_in_doubt(session)) {
    park_active(session);
  } else {
    aui_session_fail_reply(session, reply, session->error, aui_failure_delivered(session->error, reply->answered));
  }
}

/* A handshake that is refused since the request may have been too old is tried again with another one, once until the
 * next one is accepted. */
static bool may_forgive(const aui_session *session, const aui_error *reason) {
  bool opening = aui_session_is_up(session, CARRIER_OPENING);
  return opening && reason->status_code == UNAUTHORIZED && session->config.renews && !session->renewed;
}

void aui_session_forget_refusal(aui_session *session) {
  if (session->refusal) aui_error_clear(session->refusal);
  free(session->refusal);
  session->refusal = NULL;
}

/* The error payload that is held says more. */
static void prefer_refusal(aui_session *session, aui_error *reason) {
  aui_failure_close_payload(session->refusal, reason);
  aui_error_clear(reason);
  *reason = *session->refusal;
  *session->refusal = (aui_error){0};
  aui_session_forget_refusal(session);
}

void aui_session_end_connection(aui_session *session, aui_error *reason) {
  if (session->refusal) prefer_refusal(session, reason);
  if (may_forgive(session, reason)) session->renewed = reason->retryable = true;
  aui_error_keep(&session->error, reason);
  settle_active(session);
  session->notify = true;
}

void aui_session_drop_transport(aui_session *session) {
  session->transport = TRANSPORT_DROPPING;
  session->connect_deadline = session->close_deadline = AUI_NEVER;
  session->notify = true;
}

void aui_session_drop_connection(aui_session *session, aui_error *reason) {
  aui_session_end_connection(session, reason);
  aui_session_drop_transport(session);
}

void aui_session_out_of_memory(aui_session *session) {
  aui_error reason = {0};
  aui_failure_out_of_memory(&reason);
  aui_session_drop_connection(session, &reason);
}

void aui_session_start_close_timer(aui_session *session, uint64_t now) {
  if (session->close_deadline != AUI_NEVER) return;
  session->close_deadline = aui_deadline_after(now, session->config.close_timeout);
}

void aui_session_close_connection(aui_session *session, aui_error *reason, uint16_t close_code, uint64_t now) {
  aui_session_end_connection(session, reason);
  session->carrier->fail(session, close_code, now);
}

/* Whether a message waits for a connection, or to be found out what became of it on the last one. */
static bool has_unfinished(const aui_session *session) {
  return session->queue || session->parked;
}

/* What was refused for its request alone gets another one at once, also where nothing else connects again by itself. */
static bool is_renewed(const aui_session *session) {
  const aui_error *error = aui_session_error(session);
  return session->renewed && error->retryable && error->status_code == UNAUTHORIZED;
}

bool aui_session_is_worth_reconnecting(const aui_session *session) {
  const aui_error *error = aui_session_error(session);
  if (session->closed) return false;
  if (error->kind == AUI_ERROR_CANCELED) return session->queue; /* it was replaced */
  /* What went wrong with one message need not go wrong with the next; a connection on which none has left would. */
  bool by_itself = error->retryable && (reconnects(session) || is_renewed(session));
  bool another = session->connection.message_left || session->connection.accepted_after_end;
  if (!by_itself) return another && has_unfinished(session);
  return has_unfinished(session) || (session->carrier->is_lasting && error->close_code != 1000);
}

/* Whether the connection served well. One on which the agent spoke unasked may be cut right away, again and again. */
static bool was_healthy(const aui_session *session, uint64_t now) {
  if (session->opened_at == AUI_NEVER) return false;
  return (session->connection.agent_spoke && session->connection.message_left) ||
         now - session->opened_at >= session->config.reconnect.reset_after;
}

/* Milliseconds for which the server wants to be left alone, as far as it is obeyed. */
static uint64_t time_asked_for(const aui_error *error) {
  if (error->retry_after <= 0) return 0;
  return (uint64_t)(error->retry_after < AUI_RETRY_AFTER_OBEYED ? error->retry_after : AUI_RETRY_AFTER_OBEYED) * 1000;
}

/* How long to wait for the next attempt: not at all after a healthy connection, unless the server had too much to do.
 */
static aui_backoff_wait wait_before_retry(aui_session *session, uint64_t now) {
  const aui_error *error = aui_session_error(session);
  uint64_t asked = time_asked_for(error);
  if (!error->retryable || !reconnects(session)) return (aui_backoff_wait){0, 0}; /* for a message that waits */
  bool had_room = error->kind != AUI_ERROR_RATE_LIMIT && asked == 0;
  if (was_healthy(session, now) && had_room) return (aui_backoff_wait){0, 0};
  uint32_t random = aui_websocket_random32(&session->ws);
  return aui_backoff_failed(&session->backoff, &session->config.reconnect, asked, random);
}

void aui_session_fail_waiting(aui_session *session) {
  if (session->parked) aui_session_fail_parked(session);
  aui_session_fail_queue(session, aui_session_error(session));
}

/* Waiting replies go on to the next connection, if there is to be one. */
static void plan_next_connection(aui_session *session, uint64_t now) {
  aui_backoff_wait wait = {AUI_NEVER, AUI_NEVER};
  if (aui_session_is_worth_reconnecting(session)) wait = wait_before_retry(session, now);
  session->retry_at = aui_deadline_after(now, wait.delay);
  session->soonest = aui_deadline_after(now, wait.least);
  session->retry = session->retry == RETRY_EARLY ? RETRY_HELD : RETRY_PLANNED;
  if (wait.delay == AUI_NEVER) {
    aui_session_fail_waiting(session);
    session->transport = TRANSPORT_NONE;
  } else {
    session->transport = wait.delay > 0 ? TRANSPORT_PAUSED : TRANSPORT_WANTED;
  }
}

void aui_session_retry_earlier(aui_session *session, const aui_reply *reply, uint64_t now) {
  if (session->transport != TRANSPORT_PAUSED) return;
  uint64_t at = AUI_NEVER, ends = aui_reply_deadline(reply, session->down_since);
  if (session->retry == RETRY_PLANNED) {
    at = now;
  } else if (ends <= session->retry_at) {
    at = now + (ends - now) / 2;
  }
  if (at < session->soonest) at = session->soonest;
  if (at >= session->retry_at) return;
  session->retry_at = at;
  session->retry = RETRY_EARLY;
  session->notify = true;
}

/* The message that was lost with its connection: whether it may arrive all the same. It may not when what was unsent of
 * it is thrown away, nor when the peer has said that it reads no more. */
static void check_may_arrive(aui_session *session, uint64_t now) {
  if (!session->parked || !session->connection.message_left) return; /* while one is parked, nothing is sent */
  session->parked->last_sign = now;
  session->parked->may_arrive = !session->connection.was_reset && !session->carrier->peer_reads_no_more(session);
}

/* An answer that is to be resumed has all of `idle` for that, if it went on since the last time. */
static void give_time_to_resume(aui_session *session, uint64_t now) {
  bool resumes = session->queue && session->queue->last_seq >= 0;
  if (resumes && session->connection.agent_spoke) session->queue->last_sign = now;
}

void aui_session_transport_gone(aui_session *session, uint64_t now) {
  check_may_arrive(session, now);
  give_time_to_resume(session, now);
  if (was_healthy(session, now)) {
    session->down_since = now;
    aui_backoff_healthy(&session->backoff);
  }
  plan_next_connection(session, now);
  session->carrier->clear(session);
  aui_event_free(session->events);
  session->events = NULL;
  aui_session_forget_refusal(session);
  session->connection = (connection_state){0};
  session->connect_deadline = session->close_deadline = session->opened_at = AUI_NEVER;
  aui_session_time_queue(session);
  session->notify = true;
}
