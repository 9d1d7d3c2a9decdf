/* What a session adds to its recording, where there is one. Who takes it is told, as of a change of state. */
#include "engine/session_state.h"

void aui_session_record(aui_session *session, const aui_recorded *recorded) {
  if (!session->recording) return;
  aui_recording_add(session->recording, recorded);
  session->notify = true;
}

void aui_session_record_sent(aui_session *session, const aui_buffer *message, int64_t last_seq, uint64_t now) {
  aui_session_record(session, &(aui_recorded){AUI_RECORDED_SENT, now, last_seq, -1, message->data, message->len});
}

void aui_session_record_slice(aui_session *session, const void *bytes, size_t n, bool last, uint64_t now) {
  aui_recording_slice(session->recording, bytes, n, last, now);
  if (last) session->notify = true;
}

/* The answer, if the server has answered with a status that refuses what was asked for: else NULL. */
static const aui_http *find_refusal(const aui_session *session) {
  const aui_stream *stream = session->stream;
  const aui_handshake *handshake = session->ws.handshake;
  if (stream && stream->http.status >= 300) return &stream->http;
  return handshake && aui_handshake_eof(handshake) == AUI_HANDSHAKE_REFUSED ? &handshake->http : NULL;
}

void aui_session_record_end(aui_session *session, bool by_peer, bool in_order, uint64_t now) {
  const aui_stream *stream = session->stream;
  const aui_http *refusal = find_refusal(session);
  const aui_error *error = aui_session_error(session);
  aui_recorded_kind cut = session->connection.was_reset ? AUI_RECORDED_RESET : AUI_RECORDED_CUT;
  aui_recorded end = {.kind = by_peer ? cut : AUI_RECORDED_DROPPED, .at = now};
  if (refusal) {
    end = (aui_recorded){AUI_RECORDED_REFUSED, now, refusal->status, error->retry_after, error->payload.data,
                         error->payload.len};
  } else if (by_peer && stream && aui_stream_eof(stream, in_order) == AUI_STREAM_END) {
    end.kind = AUI_RECORDED_END;
  }
  aui_session_record(session, &end);
}

aui_recorded *aui_session_take_recorded(aui_session *session) {
  return session->recording ? aui_recording_take(session->recording) : NULL;
}
