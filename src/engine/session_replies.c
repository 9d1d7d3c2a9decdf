/* A session's replies: which of them waits, is answered or parked, and how each comes to its one end. */
#include <string.h>

#include "engine/session_state.h"

void aui_session_fail_reply(aui_session *session, aui_reply *reply, const aui_error *error, aui_delivered delivered) {
  if (session->active == reply) {
    session->active = NULL;
  } else if (session->parked == reply) {
    session->parked = NULL;
  } else {
    aui_session_dequeue(session, reply);
  }
  aui_reply_fail(reply, error, delivered);
  session->notify = true;
}

void aui_session_fail_parked(aui_session *session) {
  const aui_error *error = session->parked->error;
  session->parked->error = NULL;
  aui_session_fail_reply(session, session->parked, error, AUI_DELIVERED_MAYBE);
  aui_error_release(error);
}

void aui_session_fail_queue(aui_session *session, const aui_error *error) {
  aui_error shared = *error; /* the payload stays the error's */
  if (shared.payload.len > AUI_ERROR_SHARED_PAYLOAD) shared.payload = (aui_buffer){0};
  while (session->queue) aui_session_fail_reply(session, session->queue, &shared, AUI_DELIVERED_NO);
}

/* How far the reply's message has got that its user, or its time, ends now. Takes the message back if none of it has
 * left. */
static aui_delivered recall_message(aui_session *session, aui_reply *reply) {
  if (reply == session->parked) return AUI_DELIVERED_MAYBE;
  if (reply != session->active || session->carrier->unsend(session)) return AUI_DELIVERED_NO;
  return AUI_DELIVERED_MAYBE;
}

void aui_session_cancel_all(aui_session *session) {
  aui_error error = {0};
  if (session->active && aui_reply_has_message(session->active)) aui_session_end_answer(session);
  aui_error_set(&error, AUI_ERROR_CANCELED, "the session was closed before the answer was complete");
  if (session->active)
    aui_session_fail_reply(session, session->active, &error, recall_message(session, session->active));
  if (session->parked) aui_session_fail_reply(session, session->parked, &error, AUI_DELIVERED_MAYBE);
  aui_session_fail_queue(session, &error);
}

void aui_session_abandon(aui_session *session, uint64_t now) {
  session->connection.draining = session->connection.not_detachable = true;
  if (!session->queue && session->carrier->is_lasting) return;
  aui_error reason = {0};
  aui_error_set(&reason, AUI_ERROR_CANCELED, "the connection was replaced after an abandoned answer");
  aui_session_close_connection(session, &reason, 1000, now);
}

void aui_session_end_early(aui_session *session, aui_reply *reply, const aui_error *error, uint64_t now) {
  bool parked = reply == session->parked; /* no answer is awaited on the connection */
  aui_delivered delivered = recall_message(session, reply);
  aui_session_fail_reply(session, reply, error, delivered);
  if (delivered != AUI_DELIVERED_NO && !parked) aui_session_abandon(session, now);
}

bool aui_reply_is_parked(const aui_reply *reply) {
  return reply->session && reply->session->parked == reply;
}

/* Reads a final message that belongs to the awaited answer. */
static bool read_answer(aui_session *session, aui_event_reader *reader, const char *json, size_t n) {
  const char *before = session->carrier->before_message, *behind = session->carrier->behind_message;
  bool fed = aui_event_feed(reader, before, strlen(before)) == 0 && aui_event_feed(reader, json, n) == 0 &&
             aui_event_feed(reader, behind, strlen(behind)) == 0;
  return fed && aui_event_end(reader) == AUI_EVENT_FINAL && aui_event_claim(reader, session->answers);
}

static bool set_message(aui_reply *reply, const aui_event_reader *reader) {
  size_t n;
  const char *json = aui_event_payload(reader, &n);
  return aui_reply_set_message(reply, json, n);
}

/* False, with nothing changed that users see, as aui_reply_answer. */
static bool take_answer(aui_reply *reply, const char *json, size_t n, uint64_t now) {
  aui_session *session = reply->session;
  aui_event_reader *reader = aui_session_new_reader(session);
  size_t keep, before = reply->text.len;
  bool ok = reader && read_answer(session, reader, json, n) && set_message(reply, reader) &&
            aui_event_take(reader, &reply->text, &keep);
  if (ok) {
    aui_event_ends_answer(reader, session->answers);
    aui_session_count_text(session, reply, before, keep, now);
    aui_reply_text_changed(reply, keep);
  } else {
    aui_buffer_free(&reply->message);
  }
  aui_event_free(reader);
  return ok;
}

bool aui_reply_answer(aui_reply *reply, const char *json, size_t n, uint64_t now) {
  if (!aui_reply_is_parked(reply) || !take_answer(reply, json, n, now)) return false;
  aui_session_count_message(reply->session, reply, now);
  reply->session->notify = true;
  reply->session->parked = NULL;
  aui_reply_finish(reply);
  return true;
}

bool aui_reply_resend(aui_reply *reply) {
  if (!aui_reply_is_parked(reply) || reply->answered || reply->may_arrive) return false;
  if (reply->resends == AUI_MOST_RESENDS) return false;
  reply->resends++;
  reply->session->parked = NULL;
  aui_session_enqueue_first(reply->session, reply);
  return true;
}

void aui_reply_give_up(aui_reply *reply) {
  if (aui_reply_is_parked(reply)) aui_session_fail_parked(reply->session);
}

void aui_reply_cancel(aui_reply *reply, uint64_t now) {
  if (!reply->session) return;
  aui_error error = {0};
  aui_error_set(&error, AUI_ERROR_CANCELED, "the reply was canceled");
  aui_session_end_early(reply->session, reply, &error, now);
}

void aui_reply_release(aui_reply *reply, uint64_t now) {
  aui_reply_cancel(reply, now);
  aui_reply_free(reply);
}
