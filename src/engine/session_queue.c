/* The messages of a session that wait to be sent. Nothing here but aui_session_time_queue walks all of them: a host may
 * let many thousands wait. */
#include "engine/deadline.h"
#include "engine/session_state.h"

bool aui_session_queue_has_room(const aui_session *session, size_t n, aui_error *error) {
  const aui_session_config *config = &session->config;
  if (n > config->queue_bytes) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "the message has %zu bytes, more than the %zu that may wait (queue.bytes)",
                  n, config->queue_bytes);
    error->retryable = false; /* it will never be shorter */
    return false;
  }
  if (session->queued.messages >= config->queue_messages) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "%zu messages wait to be sent already (queue.messages)",
                  session->queued.messages);
    return false;
  }
  if (session->queued.bytes > config->queue_bytes - n) {
    aui_error_set(error, AUI_ERROR_OVERFLOW, "more than %zu bytes would wait to be sent (queue.bytes)",
                  config->queue_bytes);
    return false;
  }
  return true;
}

/* Puts the reply before `next`; NULL: behind all. */
static void enqueue_before(aui_session *session, aui_reply *next, aui_reply *reply) {
  aui_reply *previous = next ? next->previous : session->queued.last;
  uint64_t deadline = aui_reply_deadline(reply, aui_session_down_since(session));
  reply->next = next;
  reply->previous = previous;
  *(previous ? &previous->next : &session->queue) = reply;
  *(next ? &next->previous : &session->queued.last) = reply;
  session->queued.messages++;
  session->queued.bytes += reply->request.len;
  session->queue_deadline = aui_deadline_earlier(session->queue_deadline, deadline);
}

void aui_session_enqueue(aui_session *session, aui_reply *reply) {
  enqueue_before(session, NULL, reply);
}

void aui_session_enqueue_first(aui_session *session, aui_reply *reply) {
  reply->on_wire = false;
  reply->signaled = reply->last_seq >= 0; /* its answer goes on */
  reply->again = reply->departed != AUI_NEVER;
  enqueue_before(session, session->queue, reply);
}

void aui_session_dequeue(aui_session *session, aui_reply *reply) {
  *(reply->previous ? &reply->previous->next : &session->queue) = reply->next;
  *(reply->next ? &reply->next->previous : &session->queued.last) = reply->previous;
  reply->next = reply->previous = NULL;
  session->queued.messages--;
  session->queued.bytes -= reply->request.len;
  if (!session->queue) session->queue_deadline = AUI_NEVER;
}

void aui_session_time_queue(aui_session *session) {
  uint64_t deadline = AUI_NEVER, since = aui_session_down_since(session);
  for (const aui_reply *reply = session->queue; reply; reply = reply->next) {
    deadline = aui_deadline_earlier(deadline, aui_reply_deadline(reply, since));
  }
  session->queue_deadline = deadline;
}
