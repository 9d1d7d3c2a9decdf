// The built-in agent on a WebSocket connection of the threads API; see thread_session.h.
#include "thread_session.h"

#include "sim_token.h"
#include "thread_post.h"

#include <stdlib.h>
#include <string.h>

#define POLICY_VIOLATION 1008

// ---- the upgrade -----------------------------------------------------------------------------------

// The token among the subprotocols that a client offers, to be freed with free(); NULL if they are other ones.
static char *offered_token(const struct sim_request *request) {
  const char *offered = sim_request_header(request, "sec-websocket-protocol");
  size_t length = offered ? strcspn(offered, ", ") : 0;
  if (length == 0) return NULL;
  const char *rest = offered + length + strspn(offered + length, ", ");
  return strcmp(rest, SIM_THREAD_SUBPROTOCOL) == 0 ? sim_copy(offered, length) : NULL;
}

int sim_thread_session_refusal(const struct sim_service *service, const struct sim_request *request, json_t **result) {
  char *token = offered_token(request);
  const char *bearer = sim_token_of(request), *problem = sim_token_problem(service, token);
  int status = 200;
  if (!token)
    status = sim_post_refuse(result, 400, "bad_request",
                             "expected Sec-WebSocket-Protocol: TOKEN, " SIM_THREAD_SUBPROTOCOL, NULL);
  else if (problem)
    status = sim_post_refuse(result, 401, "unauthorized", problem, NULL);
  else if (bearer && strcmp(bearer, token) != 0)
    status = sim_post_refuse(result, 401, "unauthorized", "Authorization bears another token", NULL);
  free(token);
  return status;
}

// ---- frames ----------------------------------------------------------------------------------------

void sim_thread_session_init(struct sim_thread_session *session, struct sim_service *service,
                             struct sim_websocket *websocket, size_t number) {
  *session = (struct sim_thread_session){.service = service, .websocket = websocket, .number = number, .events = -1};
}

static void send_event(struct sim_thread_session *session, const char *type, json_int_t seq, json_t *data) {
  json_t *event = sim_thread_event(type, seq, data);
  sim_websocket_send(session->websocket, event);
  json_decref(event);
}

static void send_error(struct sim_thread_session *session, int code, const char *field, const char *problem) {
  struct sim_buffer text = {0};
  sim_buffer_printf(&text, "%s%s%s", field ? field : "", field ? ": " : "", problem);
  send_event(session, "error", -1, json_pack("{s:s, s:i}", "error", (const char *)text.data, "code", code));
  sim_buffer_free(&text);
}

// A mistake of the client's.
static void refuse(struct sim_thread_session *session, const char *field, const char *problem) {
  send_error(session, 422, field, problem);
  sim_websocket_close(session->websocket, POLICY_VIOLATION, "invalid frame");
}

// Answers from now on from where the cursor stands; the thread is the one that this client may resume.
static void answer(struct sim_thread_session *session) {
  char *token = offered_token(&session->websocket->request);
  sim_token_enter(session->service, token, json_object_get(session->cursor.thread, "id"));
  session->cursor.spelling = SIM_ENVELOPE_FULL;
  session->answering = true;
  free(token);
}

static void take_message(struct sim_thread_session *session, const json_t *frame) {
  const char *text = json_string_value(json_object_get(frame, "text"));
  const char *agent_id = json_string_value(json_object_get(frame, "agent_id"));
  if (strcmp(agent_id, SIM_AGENT_ID) != 0) {
    refuse(session, "agent_id", "expected that of the exchange");
    return;
  }
  if (!text && !json_is_string(json_object_get(frame, "image_url"))) {
    refuse(session, "text", "expected this or image_url");
    return;
  }
  json_t *thread = sim_post_thread(session->service, frame);
  if (!thread) {
    send_error(session, 404, "thread_id", "no such thread");
    return;
  }
  if (!json_is_string(json_object_get(frame, "thread_id")))
    send_event(session, "thread", 0, json_pack("{s:O}", "thread_id", json_object_get(thread, "id")));
  sim_thread_run(session->service, session->number, thread, text ? text : "");
  sim_cursor_start(&session->cursor, session->service, thread);
  answer(session);
}

static void take_resume(struct sim_thread_session *session, const json_t *frame) {
  const json_t *after = json_object_get(frame, "resume_after");
  if (!json_is_integer(after)) {
    refuse(session, "resume_after", "expected the number of an event");
    return;
  }
  char *token = offered_token(&session->websocket->request);
  const char *thread_id = sim_token_thread(session->service, token);
  json_t *thread = thread_id ? sim_thread_find(session->service, thread_id) : NULL;
  free(token);
  if (!thread || !sim_cursor_resume(&session->cursor, session->service, thread, json_integer_value(after)))
    send_error(session, 410, NULL, "these events are not kept");
  else
    answer(session);
}

static void take_frame(struct sim_thread_session *session, const struct sim_inbox_entry *entry) {
  static const char *const fields[] = {"agent_id",  "S", "text",    "s", "user_id",         "s", "thread_id", "s",
                                       "image_url", "s", "context", "o", "agent_variables", "o", NULL};
  json_t *frame = sim_json_parse(entry->text, entry->length);
  const char *type = json_string_value(json_object_get(frame, "type")), *field = NULL, *problem;
  if (!type || (strcmp(type, "message") != 0 && strcmp(type, "resume") != 0))
    refuse(session, json_is_object(frame) ? "type" : NULL, "expected an object of type message or resume");
  else if (strcmp(type, "resume") == 0)
    take_resume(session, frame);
  else if ((problem = sim_post_problem(frame, fields, &field)))
    refuse(session, field, problem);
  else
    take_message(session, frame);
  json_decref(frame);
}

bool sim_thread_session_take(struct sim_thread_session *session, const struct sim_inbox_entry *entry,
                             struct sim_cursor *cursor) {
  sim_thread_session_free(session);
  take_frame(session, entry);
  if (!session->answering) return false;
  *cursor = session->cursor;
  session->answering = false;
  return true;
}

// ---- answers ---------------------------------------------------------------------------------------

// Sends what there is room for and is there already of the present answer; true when it is at its end.
static bool send_answer(struct sim_thread_session *session) {
  struct sim_connection *connection = session->websocket->connection;
  struct sim_buffer event = {0}, nothing = {0};
  while (!sim_cursor_at_end(&session->cursor) && session->events != 0 && sim_connection_has_room(connection)) {
    double wait = sim_cursor_wait(&session->cursor);
    if (wait > 0) {
      sim_connection_sleep(connection, wait);
      break;
    }
    event.length = 0;
    sim_cursor_take(&session->cursor, &event);
    sim_websocket_send_text(session->websocket, &event, &nothing);
    if (session->events > 0) session->events--;
  }
  sim_buffer_free(&event);
  return sim_cursor_at_end(&session->cursor);
}

bool sim_thread_session_run(struct sim_thread_session *session) {
  struct sim_websocket *websocket = session->websocket;
  if (session->service->options->runtime == 2 && !websocket->close_sent) {
    send_error(session, 400, NULL, "this agent streams by Server-Sent Events only");
    sim_websocket_close(websocket, POLICY_VIOLATION, "Server-Sent Events only");
  }
  while (session->events != 0 && !websocket->close_sent && sim_connection_has_room(websocket->connection)) {
    if (session->answering) {
      if (!send_answer(session)) break;
      sim_thread_session_free(session);
    } else {
      struct sim_inbox_entry *entry = sim_inbox_take(websocket);
      if (!entry) break;
      take_frame(session, entry);
      free(entry);
    }
  }
  return session->events == 0;
}

void sim_thread_session_free(struct sim_thread_session *session) {
  if (session->answering) sim_cursor_free(&session->cursor);
  session->answering = false;
}
