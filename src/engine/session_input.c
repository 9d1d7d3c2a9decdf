/* Input from the peer of a session, and what follows from it. */
#include <string.h>

#include "engine/failure.h"
#include "engine/session_state.h"

static void bad_message(aui_session *session, int why, uint64_t now) {
  if (why == AUI_EVENT_NO_MEMORY) {
    aui_session_out_of_memory(session);
    return;
  }
  aui_error reason = {0};
  aui_failure_of_message(&reason, why, session->config.max_depth);
  aui_session_close_connection(session, &reason, 1007, now);
}

/* Between answers there is nothing to keep of their messages. */
static void forget_messages(aui_session *session) {
  if (session->active || session->connection.draining || session->connection.reading) return;
  aui_event_free(session->events);
  session->events = NULL;
}

void aui_session_answer_is_over(aui_session *session) {
  session->connection.draining = false;
  session->notify = true;
  forget_messages(session);
}

/* The awaited answer has come whole, whether somebody waits for it or not. */
static void finish_active(aui_session *session) {
  if (session->active) aui_reply_finish(session->active);
  session->active = NULL;
  aui_session_answer_is_over(session);
}

void aui_session_end_answer(aui_session *session) {
  if (!session->active || aui_reply_has_message(session->active)) {
    finish_active(session);
    return;
  }
  aui_error reason = {0};
  aui_failure_of_short_answer(&reason);
  session->connection.ended_short = true;
  aui_session_drop_connection(session, &reason);
}

static void take_final(aui_session *session, uint64_t now) {
  aui_event_ends_answer(session->events, session->answers);
  if (session->active) {
    size_t n;
    const char *json = aui_event_payload(session->events, &n);
    if (!aui_reply_set_message(session->active, json, n)) {
      aui_session_out_of_memory(session);
      return;
    }
    aui_session_count_message(session, session->active, now);
  }
  if (!session->carrier->has_end) finish_active(session);
}

static void take_error_payload(aui_session *session, uint64_t now) {
  size_t n;
  aui_error error = {0};
  const char *json = aui_event_payload(session->events, &n);
  aui_failure_of_payload(&error, aui_event_status_code(session->events), json, n);
  error.retry_after = aui_event_retry_after(session->events);
  session->carrier->take_error(session, &error, now);
}

static bool is_known_thread(const aui_session *session, const aui_buffer *id) {
  const aui_buffer *known = &session->thread_id;
  return known->len == id->len && memcmp(known->data, id->data, id->len) == 0;
}

/* Those that name a thread are for that one alone. False when memory is short. */
static bool take_suggestions(aui_session *session, aui_reply *reply) {
  aui_buffer id = {0};
  if (!aui_reply_has_message(reply)) return true;
  if (!aui_event_thread_id(session->events, &id)) return false;
  bool ours = id.len == 0 || session->thread_id.len == 0 || is_known_thread(session, &id);
  aui_buffer_free(&id);
  return !ours || aui_event_add_suggestions(session->events, &reply->message);
}

/* "." and ".." lead elsewhere as part of an URL's path, and whoever gives an id back does so as a C string: no thread
 * is called so. */
static bool can_be_thread(const aui_buffer *id) {
  bool leads_elsewhere = (id->len == 1 && id->data[0] == '.') || (id->len == 2 && memcmp(id->data, "..", 2) == 0);
  return !leads_elsewhere && !(id->len > 0 && memchr(id->data, '\0', id->len));
}

/* Another thread has nothing of an answer that has begun. */
static void refuse_thread(aui_session *session) {
  aui_error reason = {0};
  aui_failure_of_other_thread(&reason, session->connection.resumes);
  aui_session_drop_connection(session, &reason);
}

/* False when memory is short. */
static bool take_thread(aui_session *session) {
  aui_buffer id = {0};
  if (!aui_event_thread_id(session->events, &id)) return false;
  if (!can_be_thread(&id)) {
    aui_buffer_free(&id);
    return true;
  }
  bool begun = session->active && session->active->last_seq >= 0 && session->thread_id.len > 0;
  if (begun && !is_known_thread(session, &id)) {
    aui_buffer_free(&id);
    refuse_thread(session);
    return true;
  }
  aui_buffer_free(&session->thread_id);
  session->thread_id = id;
  session->notify = true;
  return true;
}

static void note_text(aui_session *session, aui_reply *reply, size_t before, size_t keep, uint64_t now) {
  aui_session_count_text(session, reply, before, keep, now);
  reply->answered = session->has_text = true;
  aui_reply_text_changed(reply, keep);
}

/* False when memory is short. */
static bool take_text(aui_session *session, aui_reply *reply, uint64_t now) {
  size_t keep, before = reply->text.len;
  if (!aui_event_take(session->events, &reply->text, &keep)) return false;
  note_text(session, reply, before, keep, now);
  return true;
}

/* A server that has mistaken the answer would resume another one. */
static void refuse_answer(aui_session *session) {
  aui_error reason = {0};
  aui_failure_of_other_answer(&reason);
  aui_session_drop_connection(session, &reason);
}

/* Whether the event ends an answer that was resumed, and whose text before it may be held against it: not one that was
 * guessed, perhaps wrongly. */
static bool ends_resumed(const aui_session *session, const aui_reply *reply, aui_event_type type) {
  bool resumed = type == AUI_EVENT_FINAL && session->connection.resumes;
  return resumed && !reply->guessed && aui_event_is_sure(session->events);
}

/* Takes the text of the message that ends an answer which was resumed, unless it contradicts what came before that:
 * then the text stays as it is. False when memory is short. */
static bool take_resumed_text(aui_session *session, aui_reply *reply, uint64_t now) {
  size_t keep, before = reply->text.len;
  aui_buffer text = {0};
  bool ok = aui_buffer_append(&text, reply->text.data, before) && aui_event_take(session->events, &text, &keep);
  bool other = ok && keep < session->connection.had_text;
  if (other) refuse_answer(session);
  if (!ok || other) {
    aui_buffer_free(&text);
    return ok;
  }
  aui_buffer_free(&reply->text);
  reply->text = text;
  note_text(session, reply, before, keep, now);
  return true;
}

/* That an answer which is resumed is told its thread again does not mean that it goes on. */
static bool is_sign(const aui_reply *reply, aui_event_type type) {
  return type != AUI_EVENT_THREAD || reply->last_seq < 0;
}

static void note_sign(aui_session *session, aui_reply *reply, int64_t seq, uint64_t now) {
  aui_reply_signed(reply, now);
  if (seq >= 0) {
    reply->last_seq = seq;
    session->connection.went_on = true;
  }
  if (aui_event_names_answer(session->events)) reply->answered = true;
}

/* An event that was read before comes again, as it may where an answer is resumed. It is no sign that the answer goes
 * on. */
static bool is_repeated(const aui_session *session, int64_t seq) {
  return session->active && seq >= 0 && seq <= session->active->last_seq;
}

/* What belongs to the awaited answer, which may be one that nobody waits for any more. */
static void take_part_of_answer(aui_session *session, aui_event_type type, uint64_t now) {
  aui_reply *reply = session->active;
  bool has_text = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL, ok = true;
  if (reply && has_text && aui_reply_has_message(reply)) {
    aui_session_end_answer(session); /* it is of another */
    return;
  }
  if (reply && is_sign(reply, type)) note_sign(session, reply, aui_event_seq(session->events), now);
  if (reply && has_text) {
    ok = ends_resumed(session, reply, type) ? take_resumed_text(session, reply, now) : take_text(session, reply, now);
  }
  if (reply && type == AUI_EVENT_SUGGESTIONS) ok = take_suggestions(session, reply);
  if (type == AUI_EVENT_THREAD) ok = take_thread(session);
  if (!ok) {
    aui_session_out_of_memory(session);
  } else if (session->transport != TRANSPORT_UP) {
    return; /* it was refused */
  } else if (type == AUI_EVENT_FINAL) {
    take_final(session, now);
  } else if (type == AUI_EVENT_DONE) {
    aui_session_end_answer(session);
  }
}

/* While a message is in doubt no other answer is awaited: what names one that was not seen before it left is about it.
 * Its text is not taken, since it may be one of several updates. */
static void take_sign_of_parked(aui_session *session) {
  if (session->parked && aui_event_names_answer(session->events)) session->parked->answered = true;
}

static void end_message(aui_session *session, uint64_t now) {
  aui_event_type type = aui_event_end(session->events);
  if (type < 0) {
    bad_message(session, type, now);
    return;
  }
  if (is_repeated(session, aui_event_seq(session->events))) return;
  bool spoken = type == AUI_EVENT_UPDATE || type == AUI_EVENT_FINAL;
  bool answer = session->connection.reading == READING_ANSWER;
  if (spoken) session->connection.agent_spoke = true;
  if (spoken && !answer) session->connection.not_detachable = true; /* what else may come is for this session alone */
  if (type == AUI_EVENT_ERROR) {
    take_error_payload(session, now);
  } else if (aui_event_claim(session->events, session->answers)) {
    if (answer) take_part_of_answer(session, type, now);
    take_sign_of_parked(session);
  }
}

/* A long message is a sign of an answer on its way already, each time that so much more of it has come: a peer that
 * sends a byte now and then must not make its user wait for ever. */
static void count_bytes(aui_session *session, size_t n, uint64_t now) {
  connection_state *connection = &session->connection;
  size_t before = connection->arrived / AUI_SIGN_BYTES;
  connection->arrived += n;
  bool more = connection->arrived / AUI_SIGN_BYTES > before;
  if (more && connection->reading == READING_ANSWER && session->active) aui_reply_signed(session->active, now);
}

/* False when memory is short. */
static bool begin_message(aui_session *session, bool asked) {
  bool awaited = session->active || session->connection.draining;
  session->connection.reading = asked && awaited ? READING_ANSWER : READING_UNASKED;
  session->connection.arrived = 0;
  if (!session->events) session->events = aui_session_new_reader(session);
  return session->events;
}

void aui_session_take_slice(aui_session *session, const void *bytes, size_t n, bool asked, bool last, uint64_t now) {
  if (session->recording) aui_session_record_slice(session, bytes, n, last, now);
  bool begun = session->connection.reading || begin_message(session, asked);
  count_bytes(session, n, now);
  int why = begun ? aui_event_feed(session->events, bytes, n) : AUI_EVENT_NO_MEMORY;
  if (why < 0) {
    bad_message(session, why, now);
  } else if (last) {
    end_message(session, now);
    session->connection.reading = READING_NOTHING;
    forget_messages(session);
  }
}

/* That it is of this answer the one says that it is like: it was taken, and all that says whose it is was the same. */
bool aui_session_take_delta(aui_session *session, const aui_delta *delta, uint64_t now) {
  aui_reply *reply = session->active;
  if (!reply || is_repeated(session, delta->number)) return true;
  size_t keep, before = reply->text.len;
  note_sign(session, reply, delta->number, now);
  reply->answered = true;
  if (!aui_event_take_delta(session->events, delta->text, delta->length, &reply->text, &keep)) {
    aui_session_out_of_memory(session);
    return false;
  }
  note_text(session, reply, before, keep, now);
  return aui_event_expects_deltas(session->events);
}

void aui_session_opened(aui_session *session, uint64_t now) {
  session->connect_deadline = AUI_NEVER;
  session->opened_at = now;
  aui_session_time_queue(session);
  session->renewed = false;
  aui_session_count_opened(session);
  session->notify = true;
}

void aui_session_receive(aui_session *session, const void *bytes, size_t n, uint64_t now) {
  if (n == 0 || session->transport != TRANSPORT_UP) return; /* `bytes` may be NULL */
  session->stats.bytes_received += n;
  aui_liveness_heard(&session->liveness, now);
  session->carrier->receive(session, bytes, n, now);
}
