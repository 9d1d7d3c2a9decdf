/* The first carrier of a session: a WebSocket, which stays open from message to message. The two APIs have a table each
 * at the end. */
#include <stdlib.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/session_state.h"

static carrier_state websocket_state(const aui_session *session) {
  const aui_websocket *ws = &session->ws;
  if (ws->state < AUI_WEBSOCKET_OPEN) return CARRIER_OPENING;
  if (ws->state == AUI_WEBSOCKET_OPEN) return CARRIER_OPEN;
  return aui_websocket_is_done(ws) ? CARRIER_CLOSED : CARRIER_CLOSING;
}

static void begin_with_protocol(aui_session *session, const char *protocol) {
  const aui_handshake_offer offer = {protocol, session->config.compression};
  if (!aui_websocket_begin(&session->ws, session->unix_time, &offer)) aui_session_out_of_memory(session);
}

static void websocket_begin(aui_session *session, uint64_t now) {
  (void)now;
  begin_with_protocol(session, NULL);
}

static void threads_begin(aui_session *session, uint64_t now) {
  (void)now;
  begin_with_protocol(session, AUI_THREADS_PROTOCOL);
}

void aui_session_adopted(aui_session *session, aui_handover *handover, uint64_t unheard, uint64_t now) {
  if (!session->carrier->is_lasting) {
    aui_handover_free(handover);
    aui_session_connected(session, now);
    return;
  }
  if (!aui_session_begin_transport(session)) {
    aui_handover_free(handover);
    return;
  }
  aui_deflate deflate = {0};
  if (handover) {
    aui_answers_free(session->answers);
    session->answers = handover->answers;
    deflate = handover->deflate;
    free(handover);
  }
  aui_websocket_adopt(&session->ws, session->config.max_message, &deflate);
  aui_liveness_adopted(&session->liveness, &session->config.ping, unheard, now);
  session->connection.agent_spoke = session->connection.message_left = true; /* it has served well */
  aui_session_opened(session, now);
}

/* ---- Output ---- */

static bool websocket_is_ready(const aui_session *session) {
  return session->ws.state == AUI_WEBSOCKET_OPEN && session->ws.random_len >= AUI_FRAME_MASK_SIZE;
}

static bool websocket_is_quiet(const aui_session *session) {
  return aui_websocket_is_quiet(&session->ws) && !session->liveness.pinged;
}

static bool websocket_write_due(aui_session *session, bool sends, uint64_t now) {
  const aui_session_config *config = &session->config;
  if (sends && aui_liveness_leaving(&session->liveness, &config->ping, now)) aui_websocket_ping(&session->ws);
  return aui_websocket_flush(&session->ws, &config->request, config->max_response_head);
}

static bool websocket_send(aui_session *session, const aui_reply *reply, uint64_t now) {
  aui_session_record_sent(session, &reply->request, -1, now);
  return aui_websocket_send(&session->ws, AUI_OPCODE_TEXT, reply->request.data, reply->request.len);
}

static bool threads_send(aui_session *session, const aui_reply *reply, uint64_t now) {
  aui_buffer frame = {0};
  bool ok = aui_session_write_frame(session, reply, &frame) &&
            aui_websocket_send(&session->ws, AUI_OPCODE_TEXT, frame.data, frame.len);
  if (ok) aui_session_record_sent(session, &frame, -1, now);
  aui_buffer_free(&frame);
  return ok;
}

static bool websocket_unsend(aui_session *session) {
  return aui_websocket_unsend(&session->ws);
}

static const aui_buffer *websocket_output(const aui_session *session) {
  return &session->ws.out;
}

static bool websocket_wrote(aui_session *session, size_t n) {
  aui_websocket *ws = &session->ws;
  bool leaving = ws->written < ws->text_end;
  aui_websocket_wrote(ws, n);
  return leaving && ws->written > ws->text_begin;
}

static void websocket_ping(aui_session *session) {
  aui_websocket_ping(&session->ws);
}

/* ---- Input ---- */

/* Whether the key was accepted: an agent that has spoken did so. In the threads API it is judged in the handshake, and
 * an error that comes later is about something else, unless its code says so. */
static bool is_let_in(const aui_session *session) {
  bool explained = session->carrier->api == AUI_API_THREADS && session->refusal;
  return session->connection.agent_spoke || explained;
}

/* Unless it answers our close. */
static void record_close(aui_session *session, uint64_t now) {
  const aui_websocket *ws = &session->ws;
  const char *reason = ws->peer_reason ? ws->peer_reason : "";
  bool is_answer = session->close_deadline != AUI_NEVER && !session->refusal;
  if (is_answer) return;
  aui_session_record(session, &(aui_recorded){AUI_RECORDED_CLOSE, now, ws->peer_code, -1, reason, strlen(reason)});
}

static void peer_closed(aui_session *session, uint64_t now) {
  const aui_websocket *ws = &session->ws;
  record_close(session, now);
  if (!session->closed) { /* else it answers our close */
    aui_error reason = {0};
    aui_failure_of_close(&reason, ws->peer_code, ws->peer_reason, is_let_in(session));
    aui_session_end_connection(session, &reason);
  }
  aui_session_start_close_timer(session, now);
}

static void bad_handshake(aui_session *session, int why) {
  aui_error reason = {0};
  aui_failure_of_handshake(&reason, session->ws.handshake, why);
  aui_session_drop_connection(session, &reason);
}

static void bad_frame(aui_session *session, int why, uint64_t now) {
  aui_error reason = {0};
  aui_failure_of_frame(&reason, why, session->config.max_message);
  aui_session_close_connection(session, &reason, aui_frame_close_code(why), now);
}

static void bad_deflate(aui_session *session, aui_deflate_result why, uint64_t now) {
  if (why == AUI_DEFLATE_NO_MEMORY) {
    aui_session_out_of_memory(session);
    return;
  }
  aui_error reason = {0};
  aui_failure_of_deflate(&reason, why, session->config.max_message);
  aui_session_close_connection(session, &reason, aui_deflate_close_code(why), now);
}

static void take_frame(aui_session *session, const aui_frame *slice, uint64_t now) {
  bool asked = session->ws.written >= session->ws.text_end;
  aui_session_take_slice(session, slice->data, slice->len, asked, slice->last, now);
}

/* Whether no more is expected than what the agent says unasked. */
static bool is_resting(const aui_session *session) {
  const connection_state *connection = &session->connection;
  bool awaited = session->active || connection->draining || connection->reading != READING_NOTHING;
  return session->ws.state == AUI_WEBSOCKET_OPEN && !awaited;
}

static void websocket_receive(aui_session *session, const uint8_t *bytes, size_t n, uint64_t now) {
  const uint8_t *input = bytes, *end = bytes + n;
  int why = 0;
  aui_frame slice;
  while (session->transport == TRANSPORT_UP) {
    switch (aui_websocket_read(&session->ws, &input, end, session->config.max_message, &slice, &why)) {
      case AUI_WEBSOCKET_NEED_MORE:
        if (is_resting(session)) aui_deflate_rest(&session->ws.deflate);
        return;
      case AUI_WEBSOCKET_OPENED:
        aui_session_record(session, &(aui_recorded){.kind = AUI_RECORDED_OPEN, .at = now});
        aui_session_opened(session, now);
        break;
      case AUI_WEBSOCKET_TEXT:
      case AUI_WEBSOCKET_BINARY: take_frame(session, &slice, now); break; /* some servers send their JSON so */
      case AUI_WEBSOCKET_PEER_CLOSE: peer_closed(session, now); break;
      case AUI_WEBSOCKET_BAD_HANDSHAKE: bad_handshake(session, why); break;
      case AUI_WEBSOCKET_BAD_FRAME: bad_frame(session, why, now); break;
      case AUI_WEBSOCKET_BAD_DEFLATE: bad_deflate(session, why, now); break;
    }
  }
}

/* It is reported when the close that follows it has come, or after the close timeout; of several the last. */
static void websocket_take_error(aui_session *session, aui_error *error, uint64_t now) {
  aui_session_forget_refusal(session);
  session->refusal = malloc(sizeof *session->refusal);
  if (!session->refusal) {
    aui_error_clear(error);
    aui_session_out_of_memory(session);
    return;
  }
  *session->refusal = *error;
  aui_session_start_close_timer(session, now);
}

/* An error that has a number ends the turn, and nothing else: without one it is the session's. */
static void threads_take_error(aui_session *session, aui_error *error, uint64_t now) {
  if (aui_event_seq(session->events) < 0) {
    if (!session->connection.agent_spoke) aui_failure_ask_for_stream(error);
    websocket_take_error(session, error, now);
    return;
  }
  aui_reply *reply = session->active;
  if (session->connection.reading == READING_ANSWER) {
    if (reply) aui_session_fail_reply(session, reply, error, aui_failure_delivered(error, reply->answered));
    aui_session_answer_is_over(session);
  }
  aui_error_clear(error);
}

/* ---- Its end ---- */

static void websocket_close(aui_session *session, uint16_t code, uint64_t now) {
  aui_websocket_close(&session->ws, code);
  aui_session_start_close_timer(session, now);
}

static void websocket_fail(aui_session *session, uint16_t code, uint64_t now) {
  aui_websocket_fail(&session->ws, code);
  aui_session_start_close_timer(session, now);
}

static aui_ending websocket_ending(const aui_session *session) {
  const aui_websocket *ws = &session->ws;
  if (session->transport == TRANSPORT_UP) return ws->peer_code == 0 ? AUI_ENDING_LINGER : AUI_ENDING_CLOSE;
  return ws->state >= AUI_WEBSOCKET_OPEN ? AUI_ENDING_RESET : AUI_ENDING_CLOSE;
}

static bool websocket_peer_reads_no_more(const aui_session *session) {
  return session->ws.peer_code != 0;
}

static void websocket_explain_cut(aui_session *session, const char *cause, bool retryable, aui_error *reason) {
  aui_websocket *ws = &session->ws;
  if (ws->state == AUI_WEBSOCKET_OPEN) {
    aui_failure_of_cut(reason, cause, retryable);
  } else {
    aui_failure_of_handshake_cut(reason, ws->handshake, cause, retryable);
  }
}

/* The server may have refused the handshake: all but the end of its body has come. */
static bool websocket_explain_delay(aui_session *session, aui_error *reason) {
  aui_handshake *handshake = session->ws.handshake;
  bool refused = aui_handshake_eof(handshake) == AUI_HANDSHAKE_REFUSED;
  if (refused) aui_failure_of_handshake(reason, handshake, AUI_HANDSHAKE_REFUSED);
  return refused;
}

static void websocket_clear(aui_session *session) {
  aui_websocket_clear(&session->ws);
}

/* What both APIs have in common. */
#define ANY_WEBSOCKET                                                                                                  \
  .is_lasting = true, .state = websocket_state, .is_ready = websocket_is_ready, .is_quiet = websocket_is_quiet,        \
  .write_due = websocket_write_due, .unsend = websocket_unsend, .output = websocket_output, .wrote = websocket_wrote,  \
  .receive = websocket_receive, .ping = websocket_ping, .close = websocket_close, .fail = websocket_fail,              \
  .ending = websocket_ending, .peer_reads_no_more = websocket_peer_reads_no_more,                                      \
  .explain_cut = websocket_explain_cut, .explain_delay = websocket_explain_delay, .clear = websocket_clear

const session_carrier aui_session_websocket = {ANY_WEBSOCKET,
                                               .api = AUI_API_TASKS,
                                               .before_message = "",
                                               .behind_message = "",
                                               .begin = websocket_begin,
                                               .send = websocket_send,
                                               .take_error = websocket_take_error};

const session_carrier aui_session_threads_websocket = {ANY_WEBSOCKET,
                                                       .api = AUI_API_THREADS,
                                                       .before_message = "{\"type\":\"message\",\"data\":",
                                                       .behind_message = "}",
                                                       .begin = threads_begin,
                                                       .send = threads_send,
                                                       .take_error = threads_take_error};
