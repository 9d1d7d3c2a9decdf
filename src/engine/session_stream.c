/* The second carrier of a session: each message is a POST, answered by a stream of events. */
#include <stdlib.h>

#include "engine/failure.h"
#include "engine/session_state.h"

/* A connection is open as soon as its transport is. */
static carrier_state stream_state(const aui_session *session) {
  (void)session;
  return CARRIER_OPEN;
}

static void stream_begin(aui_session *session, uint64_t now) {
  session->stream = malloc(sizeof *session->stream);
  if (!session->stream) {
    aui_session_out_of_memory(session);
    return;
  }
  aui_stream_begin(session->stream, session->unix_time);
  aui_session_opened(session, now);
}

/* ---- Output ---- */

static bool stream_is_ready(const aui_session *session) {
  return session->stream->state == AUI_STREAM_READY;
}

static bool stream_is_quiet(const aui_session *session) {
  (void)session;
  return false;
}

static bool stream_write_due(aui_session *session, bool sends, uint64_t now) {
  (void)session, (void)sends, (void)now;
  return true;
}

static bool stream_send(aui_session *session, const aui_reply *reply, uint64_t now) {
  const aui_session_config *config = &session->config;
  const aui_stream_message message = {&config->request, reply->last_seq, config->max_response_head,
                                      config->max_message};
  aui_buffer body = {0};
  bool ok =
      aui_session_write_body(session, reply, &body) && aui_stream_send(session->stream, &message, body.data, body.len);
  if (ok) aui_session_record_sent(session, &body, reply->last_seq, now);
  aui_buffer_free(&body);
  if (!ok) return false;
  session->connection.resumes = reply->last_seq >= 0;
  session->connection.had_text = session->connection.resumes ? reply->text.len : 0;
  return true;
}

static bool stream_unsend(aui_session *session) {
  return aui_stream_unsend(session->stream);
}

static const aui_buffer *stream_output(const aui_session *session) {
  return &session->stream->out;
}

static bool stream_wrote(aui_session *session, size_t n) {
  aui_stream_wrote(session->stream, n);
  return n > 0;
}

static void stream_ping(aui_session *session) {
  (void)session;
}

/* ---- Input ---- */

/* Nothing more belongs to the answer; what ends its body should follow at once. */
static void expect_end(aui_session *session, uint64_t now) {
  bool over = !session->active && session->stream->state == AUI_STREAM_READING;
  if (over && session->transport == TRANSPORT_UP) aui_session_start_close_timer(session, now);
}

static void drop_idle(aui_session *session) {
  aui_error reason = {0};
  aui_failure_of_idle_end(&reason);
  aui_session_drop_connection(session, &reason);
}

static void take_end(aui_session *session, uint64_t now) {
  aui_session_record(session, &(aui_recorded){.kind = AUI_RECORDED_END, .at = now});
  session->close_deadline = AUI_NEVER;
  session->connection.reading = READING_NOTHING; /* an event that is not complete is none */
  aui_session_end_answer(session);
  if (session->transport == TRANSPORT_UP && session->stream->state == AUI_STREAM_SPENT) drop_idle(session);
}

static void explain_refusal(aui_stream *stream, aui_error *reason) {
  aui_failure_of_status(reason, stream->http.status, stream->retry_after, &stream->body);
}

/* What came is no answer. */
static void take_failure(aui_session *session, aui_stream_event event, int why) {
  aui_error reason = {0};
  switch (event) {
    case AUI_STREAM_REFUSED: explain_refusal(session->stream, &reason); break;
    case AUI_STREAM_OTHER_TYPE: aui_failure_of_type(&reason); break;
    case AUI_STREAM_BAD_HTTP: aui_failure_of_http(&reason, &session->stream->http, why); break;
    case AUI_STREAM_BAD_EVENTS: aui_failure_of_events(&reason, why, session->config.max_message); break;
    default: aui_failure_of_idle_end(&reason); break;
  }
  aui_session_drop_connection(session, &reason);
}

/* Of the deltas that are like this one only what differs need be read, unless all of it is recorded. False when memory
 * is short. */
static bool learn_delta(aui_session *session) {
  aui_json_span number, text;
  size_t n;
  bool may_differ = session->active && !session->recording;
  if (may_differ && aui_event_is_delta(session->events, &n, &number, &text)) {
    return aui_stream_learn(session->stream, n, number, text);
  }
  aui_alike_forget(&session->stream->alike);
  return true;
}

static void take_event(aui_session *session, uint64_t now) {
  aui_session_take_slice(session, NULL, 0, true, true, now);
  if (session->transport != TRANSPORT_UP) return;
  if (!learn_delta(session)) {
    aui_session_out_of_memory(session);
    return;
  }
  expect_end(session, now);
}

static void take_delta(aui_session *session, uint64_t now) {
  bool more = aui_session_take_delta(session, &session->stream->delta, now);
  if (!more && session->stream) aui_alike_forget(&session->stream->alike);
}

static void take_comment(aui_session *session, uint64_t now) {
  aui_session_record(session, &(aui_recorded){.kind = AUI_RECORDED_COMMENT, .at = now});
  if (session->active) aui_reply_signed(session->active, now);
}

static void stream_receive(aui_session *session, const uint8_t *bytes, size_t n, uint64_t now) {
  aui_stream *stream = session->stream;
  const uint8_t *input = bytes, *end = bytes + n;
  int why = 0;
  while (session->transport == TRANSPORT_UP) {
    aui_stream_event event = aui_stream_read(stream, &input, end, &why);
    switch (event) {
      case AUI_STREAM_NEED_MORE: return;
      case AUI_STREAM_DATA:
        aui_session_take_slice(session, stream->events.data, stream->events.len, true, false, now);
        break;
      case AUI_STREAM_EVENT: take_event(session, now); break;
      case AUI_STREAM_DELTA: take_delta(session, now); break;
      case AUI_STREAM_COMMENT: take_comment(session, now); break;
      case AUI_STREAM_END: take_end(session, now); break;
      default: take_failure(session, event, why); break;
    }
  }
}

/* It ends the answer, and nothing else. */
static void stream_take_error(aui_session *session, aui_error *error, uint64_t now) {
  (void)now;
  aui_reply *reply = session->active;
  if (reply && aui_reply_has_message(reply)) {
    aui_session_end_answer(session);
  } else if (reply) {
    aui_session_fail_reply(session, reply, error, aui_failure_delivered(error, reply->answered));
  }
  aui_error_clear(error);
}

/* ---- Its end ---- */

static void stream_close(aui_session *session, uint16_t code, uint64_t now) {
  (void)code, (void)now;
  aui_session_drop_transport(session);
}

/* What was sent must not arrive later than its failure. */
static aui_ending stream_ending(const aui_session *session) {
  aui_stream_state state = session->stream ? session->stream->state : AUI_STREAM_DOWN;
  bool under_way = state == AUI_STREAM_ASKING || state == AUI_STREAM_READING;
  return under_way ? AUI_ENDING_RESET : AUI_ENDING_CLOSE;
}

static bool stream_peer_reads_no_more(const aui_session *session) {
  (void)session;
  return false;
}

static void stream_explain_cut(aui_session *session, const char *cause, bool retryable, aui_error *reason) {
  aui_stream *stream = session->stream;
  aui_stream_event event = aui_stream_eof(stream, !cause);
  bool whole = session->active && aui_reply_has_message(session->active);
  if (!session->active || (event == AUI_STREAM_END && whole)) {
    aui_failure_of_idle_end(reason);
  } else if (event == AUI_STREAM_REFUSED) {
    explain_refusal(stream, reason);
  } else if (event == AUI_STREAM_END) {
    aui_failure_of_short_answer(reason);
  } else {
    bool reading = stream->state == AUI_STREAM_READING;
    aui_failure_of_exchange_cut(reason, reading ? AUI_EXCHANGE_READING : AUI_EXCHANGE_ASKING, cause, retryable);
  }
}

static bool stream_explain_delay(aui_session *session, aui_error *reason) {
  (void)session, (void)reason;
  return false;
}

static void stream_clear(aui_session *session) {
  if (session->stream) aui_stream_clear(session->stream);
  free(session->stream);
  session->stream = NULL;
}

const session_carrier aui_session_stream = {.api = AUI_API_THREADS,
                                            .has_end = true,
                                            .is_resumable = true,
                                            .before_message = "{\"type\":\"message\",\"data\":",
                                            .behind_message = "}",
                                            .state = stream_state,
                                            .begin = stream_begin,
                                            .is_ready = stream_is_ready,
                                            .is_quiet = stream_is_quiet,
                                            .write_due = stream_write_due,
                                            .send = stream_send,
                                            .unsend = stream_unsend,
                                            .output = stream_output,
                                            .wrote = stream_wrote,
                                            .receive = stream_receive,
                                            .take_error = stream_take_error,
                                            .ping = stream_ping,
                                            .close = stream_close,
                                            .fail = stream_close,
                                            .ending = stream_ending,
                                            .peer_reads_no_more = stream_peer_reads_no_more,
                                            .explain_cut = stream_explain_cut,
                                            .explain_delay = stream_explain_delay,
                                            .clear = stream_clear};
