/* What has run out of time in a session. */
#include "engine/deadline.h"
#include "engine/failure.h"
#include "engine/session_state.h"

uint64_t aui_session_down_since(const aui_session *session) {
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
  if (!aui_session_is_up(session, CARRIER_OPEN)) return deadline;
  deadline = aui_deadline_earlier(deadline, pace_deadline(session));
  return aui_deadline_earlier(deadline, aui_liveness_deadline(&session->liveness, &session->config.ping));
}

uint64_t aui_session_deadline(const aui_session *session) {
  uint64_t deadline = aui_deadline_earlier(connection_deadline(session), session->queue_deadline);
  uint64_t since = aui_session_down_since(session);
  if (session->active) deadline = aui_deadline_earlier(deadline, aui_reply_deadline(session->active, since));
  if (session->parked) deadline = aui_deadline_earlier(deadline, aui_reply_deadline(session->parked, since));
  return deadline;
}

static void connect_timed_out(aui_session *session) {
  aui_error reason = {0};
  bool up = session->transport == TRANSPORT_UP;
  if (!up || !session->carrier->explain_delay(session, &reason)) {
    aui_failure_of_connect_timeout(&reason, session->phase, session->config.proxy, up, session->config.connect_timeout);
  }
  aui_session_drop_connection(session, &reason);
}

/* The close that was to follow an error payload, or our own close frame, or what was to follow an answer, has not come
 * in time. */
static void close_timed_out(aui_session *session) {
  aui_error reason = {0};
  if (session->refusal || aui_session_is_up(session, CARRIER_OPEN)) {
    aui_failure_of_idle_end(&reason);
    aui_session_end_connection(session, &reason);
  }
  aui_session_drop_transport(session);
}

static void expire_reply(aui_session *session, aui_reply *reply, uint64_t now) {
  if (aui_reply_deadline(reply, aui_session_down_since(session)) > now) return;
  if (aui_reply_has_message(reply)) { /* nothing more may come */
    aui_session_end_answer(session);
    aui_session_abandon(session, now);
    return;
  }
  aui_error error = {0};
  aui_reply_timed_out(reply, aui_session_down_since(session), aui_session_error(session), &error);
  aui_session_end_early(session, reply, &error, now);
  aui_error_clear(&error);
}

static void expire_queue(aui_session *session, uint64_t now) {
  for (aui_reply *reply = session->queue, *next; reply; reply = next) {
    next = reply->next;
    expire_reply(session, reply, now);
  }
  aui_session_time_queue(session);
}

static void check_liveness(aui_session *session, uint64_t now) {
  aui_error reason = {0};
  switch (aui_liveness_tick(&session->liveness, &session->config.ping, now)) {
    case AUI_LIVENESS_FINE: break;
    case AUI_LIVENESS_PING: session->carrier->ping(session); break;
    case AUI_LIVENESS_DEAD:
      aui_session_record(session, &(aui_recorded){.kind = AUI_RECORDED_SILENCE, .at = now});
      aui_failure_of_silence(&reason, session->config.ping.timeout);
      aui_session_drop_connection(session, &reason);
      break;
  }
}

void aui_session_tick(aui_session *session, uint64_t now) {
  if (session->transport == TRANSPORT_PAUSED && session->retry_at <= now) {
    session->transport = TRANSPORT_WANTED;
    session->notify = true;
  }
  if (session->pace.next <= now) session->pace = (aui_pace){0};
  if (aui_session_is_up(session, CARRIER_OPEN)) check_liveness(session, now);
  if (session->connect_deadline <= now) connect_timed_out(session);
  bool refusal_due = session->refusal && session->active &&
                     aui_reply_deadline(session->active, aui_session_down_since(session)) <= now;
  if (session->close_deadline <= now || refusal_due) close_timed_out(session);
  if (session->active) expire_reply(session, session->active, now);
  if (session->parked) expire_reply(session, session->parked, now);
  if (session->queue_deadline <= now) expire_queue(session, now);
}
