// The built-in agent on a WebSocket connection; see session.h.
#include "session.h"

#include "tasks.h"
#include "turn.h"
#include "websocket.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct sim_connection *connection, const char *field, const char *problem) {
  struct sim_buffer text = {0};
  sim_buffer_printf(&text, "%s%s%s", field, *field ? ": " : "", problem);
  json_t *error = sim_error_payload(422, "Validation error", (const char *)text.data);
  sim_websocket_send(connection, error);
  sim_websocket_close(connection, 1008, "Validation error");
  json_decref(error);
  sim_buffer_free(&text);
}

static void send_event(struct sim_connection *connection, const char *name) {
  const struct sim_envelope *envelope = &connection->session.envelope;
  struct sim_buffer event = {0};
  if (envelope->spelling == SIM_ENVELOPE_SIMPLE) return; // it knows text updates alone
  sim_envelope_event(envelope, name, &event);
  sim_frame_add(&connection->out, SIM_FIN | SIM_TEXT, event.data, event.length);
  sim_buffer_free(&event);
}

static void start_answer(struct sim_connection *connection, const json_t *turn) {
  struct sim_session *session = &connection->session;
  const struct sim_options *options = connection->server->options;
  const char *task_id = json_string_value(json_object_get(turn, "task_id"));
  session->message = sim_turn_answer(connection->server, connection->number, turn);
  session->answering = true;
  const char *text = json_string_value(json_object_get(session->message, "text"));
  sim_envelope_start(&session->envelope, options->envelope, connection->channel, task_id);
  sim_stream_start(&session->stream, &session->envelope, sim_copy(text, strlen(text)),
                   options->tokens ? options->token_bytes : 0, options->pace);
  send_event(connection, "agent-execution-started");
}

static void take_turn(struct sim_connection *connection, const struct sim_inbox_entry *entry) {
  const char *field = "";
  json_t *turn = sim_json_parse(entry->text, entry->length);
  const char *problem = turn ? sim_turn_problem(turn, &field) : "the message is not JSON";
  if (problem)
    refuse(connection, field, problem);
  else
    start_answer(connection, turn);
  json_decref(turn);
}

static void finish_answer(struct sim_connection *connection) {
  const struct sim_session *session = &connection->session;
  sim_websocket_send(connection, session->message);
  sim_log(connection->server->log, "answer", connection->number, session->envelope.task_id,
          json_object_get(session->message, "text"));
  send_event(connection, "agent-execution-completed");
  sim_session_free(connection);
}

void sim_session_run(struct sim_connection *connection) {
  struct sim_session *session = &connection->session;
  while (!connection->close_sent && !connection->sleeping && connection->out.length < SIM_HIGH_WATER) {
    if (session->answering) {
      if (!sim_connection_stream(connection, &session->stream)) return;
      finish_answer(connection);
    } else {
      struct sim_inbox_entry *entry = sim_inbox_take(connection);
      if (!entry) return;
      take_turn(connection, entry);
      free(entry);
    }
  }
}

void sim_session_free(struct sim_connection *connection) {
  struct sim_session *session = &connection->session;
  if (!session->answering) return;
  sim_task_record(sim_task_open(connection->server->tasks, session->envelope.task_id, "anonymous"), session->message);
  json_decref(session->message);
  sim_stream_free(&session->stream);
  sim_envelope_free(&session->envelope);
  *session = (struct sim_session){0};
}
