// The built-in agent on a WebSocket connection; see sim_session.h.
#include "sim_session.h"

#include "tasks.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>

void sim_session_init(struct sim_session *session, struct sim_service *service, struct sim_websocket *websocket,
                      size_t number) {
  *session = (struct sim_session){.service = service, .websocket = websocket, .number = number};
}

static void session_refuse(struct sim_websocket *websocket, const char *field, const char *problem) {
  struct sim_buffer text = {0};
  sim_buffer_printf(&text, "%s%s%s", field, *field ? ": " : "", problem);
  json_t *error = sim_error_payload(422, "Validation error", (const char *)text.data);
  sim_websocket_send(websocket, error);
  sim_websocket_close(websocket, 1008, "Validation error");
  json_decref(error);
  sim_buffer_free(&text);
}

static void send_lifecycle_event(struct sim_session *session, const char *name) {
  const struct sim_envelope *envelope = &session->envelope;
  struct sim_buffer event = {0}, nothing = {0};
  if (!session->service->options->lifecycle) return;
  sim_envelope_event(envelope, name, &event);
  sim_websocket_send_text(session->websocket, &event, &nothing);
  sim_buffer_free(&event);
}

static void start_answer(struct sim_session *session, const json_t *turn) {
  const struct sim_options *options = session->service->options;
  const char *task_id = json_string_value(json_object_get(turn, "task_id"));
  session->message = sim_turn_answer(session->service, session->number, turn);
  session->answering = true;
  const char *text = json_string_value(json_object_get(session->message, "text"));
  sim_envelope_start(&session->envelope, options->envelope, session->websocket->channel, task_id);
  sim_stream_start(&session->stream, &session->envelope, sim_copy(text, strlen(text)),
                   options->tokens ? options->token_bytes : 0, options->pace);
  send_lifecycle_event(session, "workflow-execution-started");
}

static void take_turn(struct sim_session *session, const struct sim_inbox_entry *entry) {
  const char *field = "";
  json_t *turn = sim_json_parse(entry->text, entry->length);
  const char *problem = turn ? sim_turn_socket_problem(turn, &field) : "the message is not JSON";
  if (problem)
    session_refuse(session->websocket, field, problem);
  else
    start_answer(session, turn);
  json_decref(turn);
}

static void finish_answer(struct sim_session *session) {
  send_lifecycle_event(session, SIM_TEXT_COMPLETED);
  sim_websocket_send(session->websocket, session->message);
  sim_log(session->service->log, "answer", session->number, session->envelope.task_id,
          json_object_get(session->message, "text"));
  send_lifecycle_event(session, "workflow-execution-completed");
  sim_session_free(session);
}

void sim_session_run(struct sim_session *session) {
  struct sim_websocket *websocket = session->websocket;
  while (!websocket->close_sent && sim_connection_has_room(websocket->connection)) {
    if (session->answering) {
      if (!sim_stream_run(&session->stream, websocket)) return;
      finish_answer(session);
    } else {
      struct sim_inbox_entry *entry = sim_inbox_take(websocket);
      if (!entry) return;
      take_turn(session, entry);
      free(entry);
    }
  }
}

void sim_session_free(struct sim_session *session) {
  if (!session->answering) return;
  sim_task_record(sim_task_open(session->service->tasks, session->envelope.task_id, "anonymous"), session->message);
  json_decref(session->message);
  sim_stream_free(&session->stream);
  sim_envelope_free(&session->envelope);
  session->message = NULL;
  session->answering = false;
}
