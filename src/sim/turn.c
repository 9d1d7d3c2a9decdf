// One turn of a conversation; see turn.h.
#include "turn.h"

#include "agent.h"
#include "stream.h"
#include "tasks.h"

#include <stdlib.h>

const char *sim_turn_problem(const json_t *turn, const char **field) {
  static const char *const required[] = {"task_id", "text"};
  *field = "";
  if (!json_is_object(turn)) return "expected a JSON object with task_id and text";
  for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
    const json_t *value = json_object_get(turn, *field = required[i]);
    if (!value) return "field required";
    if (!json_is_string(value) || json_string_length(value) == 0) return "expected a string that is not empty";
  }
  const json_t *context = json_object_get(turn, *field = "context");
  if (context && !json_is_object(context) && !json_is_null(context)) return "expected an object";
  return NULL;
}

json_t *sim_turn_record(struct sim_service *service, size_t connection, const json_t *turn) {
  const char *task_id = json_string_value(json_object_get(turn, "task_id"));
  json_t *task = sim_task_open(service->tasks, task_id, "anonymous");
  json_t *message = sim_user_message(sim_task_user(task), json_string_value(json_object_get(turn, "text")));
  sim_task_record(task, message);
  json_decref(message);
  sim_log(service->log, "message", connection, task_id, json_object_get(turn, "text"));
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
  return sim_turn_say(service, task, json_string_value(json_object_get(turn, "text")));
}
