// One turn of a conversation; see turn.h.
#include "turn.h"

#include "agent.h"
#include "stream.h"
#include "tasks.h"

#include <stdlib.h>

const char sim_field_required[] = "field required";

static bool given(const json_t *value) {
  return value && !json_is_null(value);
}

static const char *string_problem(const json_t *value) {
  return json_string_length(value) > 0 ? NULL : "expected a string that is not empty";
}

static const char *object_problem(const json_t *value) {
  return json_is_object(value) ? NULL : "expected an object";
}

const char *sim_turn_problem(const json_t *turn, const char **field) {
  static const struct {
    const char *name;
    const char *(*problem)(const json_t *value);
  } fields[] = {{"task_id", string_problem},
                {"text", string_problem},
                {"context", object_problem},
                {"agent_variables", object_problem}};
  *field = "";
  if (!json_is_object(turn)) return "expected a JSON object with task_id and text";
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    const json_t *value = json_object_get(turn, *field = fields[i].name);
    const char *problem = given(value) ? fields[i].problem(value) : NULL;
    if (problem) return problem;
  }
  return given(json_object_get(turn, *field = "task_id")) ? NULL : sim_field_required;
}

const char *sim_turn_socket_problem(const json_t *turn, const char **field) {
  const char *problem = sim_turn_problem(turn, field);
  if (problem) return problem;
  return given(json_object_get(turn, *field = "text")) ? NULL : sim_field_required;
}

static const char *text_of(const json_t *turn) {
  const char *text = json_string_value(json_object_get(turn, "text"));
  return text ? text : "";
}

json_t *sim_turn_record(struct sim_service *service, size_t connection, const json_t *turn) {
  const char *task_id = json_string_value(json_object_get(turn, "task_id"));
  json_t *task = sim_task_open(service->tasks, task_id, "anonymous");
  json_t *message = sim_user_message(sim_task_user(task), text_of(turn));
  sim_task_record(task, message);
  sim_log(service->log, "message", connection, task_id, json_object_get(message, "text"));
  json_decref(message);
  return task;
}

json_t *sim_turn_say(const struct sim_service *service, const json_t *task, const char *text) {
  if (service->options->echo) return sim_agent_message(sim_task_user(task), text, NULL);
  if (service->options->tokens > 0) {
    char *answer = sim_synthetic_text(service->options->tokens * service->options->token_bytes);
    json_t *message = sim_agent_message(sim_task_user(task), answer, NULL);
    free(answer);
    return message;
  }
  json_t *answer = sim_agent_answer(service->catalogue, json_object_get(task, "messages"), text);
  json_t *message = sim_agent_message(sim_task_user(task), "", answer);
  json_decref(answer);
  return message;
}

json_t *sim_turn_answer(struct sim_service *service, size_t connection, const json_t *turn) {
  const json_t *task = sim_turn_record(service, connection, turn);
  return sim_turn_say(service, task, text_of(turn));
}
