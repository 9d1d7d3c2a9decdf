/* What a session counts, and how long the answer to its newest message took. */
#include "engine/deadline.h"
#include "engine/session_state.h"

void aui_session_get_stats(const aui_session *session, aui_session_stats *stats) {
  aui_websocket_traffic traffic = aui_websocket_get_traffic(&session->ws);
  *stats = session->stats;
  stats->frames_received = traffic.frames_received;
  stats->frames_sent = traffic.frames_sent;
}

void aui_session_count_accepted(aui_session *session, aui_reply *reply) {
  reply->number = ++session->accepted;
  session->stats.first_chunk = session->stats.message = AUI_NEVER;
}

static bool is_newest(const aui_session *session, const aui_reply *reply) {
  return reply->number == session->accepted;
}

void aui_session_count_text(aui_session *session, aui_reply *reply, size_t before, size_t keep, uint64_t now) {
  bool is_new = keep < before || reply->text.len > keep;
  bool untaken = reply->kept < reply->taken || reply->kept < before;
  if (is_new && untaken) session->stats.updates_folded++;
  if (!is_new || reply->first_text != AUI_NEVER) return;
  reply->first_text = now;
  if (is_newest(session, reply)) session->stats.first_chunk = now - reply->accepted;
}

void aui_session_count_message(aui_session *session, const aui_reply *reply, uint64_t now) {
  if (is_newest(session, reply)) session->stats.message = now - reply->accepted;
}

void aui_session_count_opened(aui_session *session) {
  if (session->was_open) session->stats.reconnects++;
  session->was_open = true;
}
