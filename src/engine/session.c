/* A session with an agent, for its users: made, asked, given messages, closed. */
#include <stdlib.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/session_state.h"

enum { RECORDED_BESIDE = 1024 * 1024 }; /* bytes of a recording beside the longest message */

/* All strings of one that is ours are in the same memory, the host's name first. */
static void free_request(aui_request *request) {
  free((char *)request->host);
  *request = (aui_request){0};
}

/* False, with nothing to free, when memory is short. */
static bool copy_request(aui_request *copy, const aui_request *request) {
  size_t host = strlen(request->host) + 1, target = strlen(request->target) + 1, headers = strlen(request->headers) + 1;
  char *memory = malloc(host + target + headers);
  if (!memory) return false;
  *copy = (aui_request){memory, memory + host, memory + host + target};
  memcpy(memory, request->host, host);
  memcpy(memory + host, request->target, target);
  memcpy(memory + host + target, request->headers, headers);
  return true;
}

/* False when memory is short. */
static bool begin_recording(aui_session *session) {
  if (!session->config.records) return true;
  session->recording = aui_recording_new(session->config.max_message + RECORDED_BESIDE);
  return session->recording;
}

static const session_carrier *carrier_of(aui_carrier carrier) {
  switch (carrier) {
    case AUI_CARRIER_STREAM: return &aui_session_stream;
    case AUI_CARRIER_THREADS_WEBSOCKET: return &aui_session_threads_websocket;
    default: return &aui_session_websocket;
  }
}

aui_session *aui_session_new(const aui_session_config *config) {
  aui_session *session = calloc(1, sizeof *session);
  if (!session) return NULL;
  session->config = *config;
  session->carrier = carrier_of(config->carrier);
  if (!session->carrier->is_lasting) session->config.ping.interval = AUI_NEVER; /* there is nothing to ping with */
  session->config.thread_id = NULL;                                             /* it is kept elsewhere */
  session->transport = TRANSPORT_WANTED;
  session->connect_deadline = session->close_deadline = session->retry_at = session->queue_deadline = AUI_NEVER;
  session->opened_at = session->down_since = AUI_NEVER;
  session->stats.first_chunk = session->stats.message = AUI_NEVER;
  session->unix_time = -1;
  session->answers = aui_answers_new();
  session->config.proxy = config->proxy ? strdup(config->proxy) : NULL;
  bool has_proxy = session->config.proxy || !config->proxy;
  const char *thread_id = config->thread_id ? config->thread_id : "";
  bool has_thread = aui_buffer_append(&session->thread_id, thread_id, strlen(thread_id));
  bool ok = session->answers && has_proxy && has_thread && begin_recording(session);
  if (ok && copy_request(&session->config.request, &config->request)) return session;
  aui_answers_free(session->answers);
  aui_recording_free(session->recording);
  aui_buffer_free(&session->thread_id);
  free((char *)session->config.proxy);
  free(session);
  return NULL;
}

void aui_session_free(aui_session *session) {
  if (!session) return;
  aui_session_cancel_all(session);
  session->carrier->clear(session);
  aui_event_free(session->events);
  aui_answers_free(session->answers);
  aui_recording_free(session->recording);
  aui_buffer_free(&session->thread_id);
  aui_buffer_free(&session->agent_id);
  aui_error_release(session->error);
  aui_session_forget_refusal(session);
  free_request(&session->config.request);
  free((char *)session->config.proxy);
  free(session);
}

/* Of a connection that is ending: it must not be called WAITING before it is known until when. */
static aui_state state_after_end(const aui_session *session) {
  return aui_session_is_worth_reconnecting(session) ? AUI_STATE_CONNECTING : AUI_STATE_WAITING;
}

static aui_state state_of_connection(const aui_session *session) {
  switch (session->carrier->state(session)) {
    case CARRIER_OPENING: return AUI_STATE_CONNECTING;
    case CARRIER_OPEN: return AUI_STATE_OPEN;
    default: return state_after_end(session);
  }
}

const aui_session_config *aui_session_get_config(const aui_session *session) {
  return &session->config;
}

aui_state aui_session_state(const aui_session *session) {
  if (session->closed) return AUI_STATE_CLOSED;
  switch (session->transport) {
    case TRANSPORT_NONE:
    case TRANSPORT_PAUSED: return AUI_STATE_WAITING;
    case TRANSPORT_UP: return state_of_connection(session);
    case TRANSPORT_DROPPING: return state_after_end(session);
    default: return AUI_STATE_CONNECTING;
  }
}

const char *aui_state_name(aui_state state) {
  static const char *const names[] = {"connecting", "open", "waiting", "closed"};
  return names[state];
}

const aui_error *aui_session_error(const aui_session *session) {
  static const aui_error none = {0};
  return session->error ? session->error : &none;
}

uint64_t aui_session_retry_at(const aui_session *session) {
  return session->transport == TRANSPORT_PAUSED ? session->retry_at : AUI_NEVER;
}

/* A connection that has ended, and not yet gone, takes along what waited for it: not what is sent from now on. */
static void fail_waiting_for_ended(aui_session *session) {
  bool here = session->transport == TRANSPORT_UP || session->transport == TRANSPORT_DROPPING;
  if (!here || aui_session_state(session) != AUI_STATE_WAITING) return;
  aui_session_fail_waiting(session);
  session->connection.accepted_after_end = true;
}

aui_reply *aui_session_send(aui_session *session, const char *json, size_t n, const aui_reply_timeouts *timeouts,
                            uint64_t now, aui_error *error) {
  if (session->closed) {
    aui_error_set(error, AUI_ERROR_CANCELED, "the session is closed");
    return NULL;
  }
  if (!aui_session_queue_has_room(session, n, error)) return NULL;
  aui_reply *reply = aui_reply_new(session, json, n, timeouts, now);
  if (!reply) {
    aui_failure_out_of_memory(error);
    return NULL;
  }
  aui_session_count_accepted(session, reply);
  fail_waiting_for_ended(session);
  aui_session_enqueue(session, reply);
  if (session->transport == TRANSPORT_NONE) {
    session->transport = TRANSPORT_WANTED;
    session->notify = true;
  }
  aui_session_retry_earlier(session, reply, now);
  if (session->connection.draining && aui_session_is_up(session, CARRIER_OPEN)) aui_session_abandon(session, now);
  return reply;
}

void aui_session_close(aui_session *session, uint64_t now) {
  if (session->closed) return;
  session->closed = session->notify = true;
  aui_session_cancel_all(session);
  switch (session->transport) {
    case TRANSPORT_NONE:
    case TRANSPORT_DROPPING: break;
    case TRANSPORT_PAUSED:
    case TRANSPORT_WANTED: session->transport = TRANSPORT_NONE; break;
    case TRANSPORT_OPENING: aui_session_drop_transport(session); break;
    case TRANSPORT_UP:
      if (session->carrier->state(session) == CARRIER_OPENING) {
        aui_session_drop_transport(session);
      } else {
        session->carrier->close(session, 1000, now);
      }
  }
}

bool aui_session_finished(const aui_session *session) {
  return session->closed && session->transport == TRANSPORT_NONE;
}

bool aui_session_is_idle(const aui_session *session) {
  return !session->active && !session->parked && !session->queue;
}

const char *aui_session_thread_id(const aui_session *session, size_t *n) {
  *n = session->thread_id.len;
  return *n > 0 ? session->thread_id.data : NULL;
}

bool aui_session_has_seen(const aui_session *session, const char *id, size_t n) {
  return session->answers && aui_answers_is_over(session->answers, id, n);
}

aui_notice aui_session_take_notice(aui_session *session) {
  aui_notice of_text = session->has_text ? AUI_NOTICE_TEXT : AUI_NOTICE_NONE;
  aui_notice notice = session->notify ? AUI_NOTICE_STATE : of_text;
  session->notify = session->has_text = false;
  return notice;
}

bool aui_session_set_request(aui_session *session, const aui_request *request, const char *agent_id) {
  aui_request copy;
  aui_buffer agent = {0};
  if (agent_id && !aui_buffer_append(&agent, agent_id, strlen(agent_id))) return false;
  if (!copy_request(&copy, request)) {
    aui_buffer_free(&agent);
    return false;
  }
  free_request(&session->config.request);
  aui_buffer_free(&session->agent_id);
  session->config.request = copy;
  session->agent_id = agent;
  return true;
}
