// The REST calls of the messaging protocol; see rest.h. Each call returns its HTTP status and sets *result
// to the JSON to send, a new reference.
#include "rest.h"

#include "agent.h"
#include "tasks.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>

#define BASE "/api/v1/external/"

// What comes after the base, which may have any prefix; NULL if the path is another one.
static const char *below_base(const struct sim_request *request) {
  const char *base = strstr(request->path, BASE);
  return base ? base + sizeof BASE - 1 : NULL;
}

bool sim_rest_is_session(const struct sim_request *request) {
  const char *path = below_base(request);
  return path && strcmp(path, "session") == 0;
}

static int invalid(json_t **result, const char *in, const char *field, const char *problem) {
  json_t *loc = *field ? json_pack("[s, s]", in, field) : json_pack("[s]", in);
  *result = json_pack("{s:[{s:o, s:s, s:s}]}", "detail", "loc", loc, "msg", problem, "type", "value_error");
  return 422;
}

static int not_found(json_t **result, const char *what) {
  *result = json_pack("{s:s}", "detail", what);
  return 404;
}

static int create_task(struct sim_service *service, const struct sim_request *request, json_t **result) {
  json_t *body = sim_json_parse(request->body, request->body_length);
  const char *user_id = json_string_value(json_object_get(body, "user_id"));
  if (!body || !user_id) {
    json_decref(body);
    return invalid(result, "body", body ? "user_id" : "", body ? "expected a string" : "expected JSON");
  }
  char id[SIM_HEX_ID_SIZE];
  sim_hex_id(id);
  const json_t *task = sim_task_open(service->tasks, id, user_id);
  json_t *welcome = sim_agent_welcome(service->catalogue);
  *result = json_pack("{s:s, s:s, s:O, s:O, s:O}", "id", id, "user_id", user_id, "title",
                      json_object_get(task, "title"), "welcome_message", json_object_get(welcome, "text"),
                      "followup_suggestions", json_object_get(welcome, "followup_suggestions"));
  json_decref(welcome);
  json_decref(body);
  return 200;
}

// A positive number among the parameters; `otherwise` if it is not there, 0 if it is none.
static size_t number_parameter(const struct sim_request *request, const char *name, size_t otherwise) {
  char *text = sim_request_parameter(request, name), *end;
  unsigned long value = otherwise;
  if (text) {
    value = strtoul(text, &end, 10);
    if (*end || *text < '0' || *text > '9' || value > 1000) value = 0;
  }
  free(text);
  return value;
}

static int list_tasks(struct sim_service *service, const struct sim_request *request, json_t **result) {
  char *user_id = sim_request_parameter(request, "user_id");
  size_t page = number_parameter(request, "page", 1), size = number_parameter(request, "size", 10);
  int status = 200;
  if (!user_id)
    status = invalid(result, "query", "user_id", "field required");
  else if (page == 0 || size == 0)
    status = invalid(result, "query", page ? "size" : "page", "expected a whole number from 1 to 1000");
  else
    *result = sim_tasks_page(service->tasks, user_id, page, size);
  free(user_id);
  return status;
}

static int list_messages(struct sim_service *service, const char *task_id, json_t **result) {
  const json_t *task = sim_task_find(service->tasks, task_id);
  if (!task) return not_found(result, "Task not found");
  *result = json_incref(json_object_get(task, "messages"));
  return 200;
}

static int post_message(struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *field = "";
  json_t *turn = sim_json_parse(request->body, request->body_length);
  const char *problem = turn ? sim_turn_problem(turn, &field) : "expected JSON";
  int status = 200;
  if (problem) {
    status = invalid(result, "body", field, problem);
  } else {
    *result = sim_turn_answer(service, SIM_LOG_REST, turn);
    const char *task_id = json_string_value(json_object_get(turn, "task_id"));
    sim_task_record(sim_task_find(service->tasks, task_id), *result);
    sim_log(service->log, "answer", SIM_LOG_REST, task_id, json_object_get(*result, "text"));
  }
  json_decref(turn);
  return status;
}

// The task id in tasks/{task_id}/messages, to be freed with free(); NULL if the path is another one.
static char *task_of_messages(const char *path) {
  const char *id = strncmp(path, "tasks/", 6) == 0 ? path + 6 : "";
  size_t length = strcspn(id, "/");
  return length > 0 && strcmp(id + length, "/messages") == 0 ? sim_percent_decode(id, length) : NULL;
}

static int dispatch(struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *path = below_base(request);
  bool get = strcmp(request->method, "GET") == 0, post = strcmp(request->method, "POST") == 0;
  char *task_id = path ? task_of_messages(path) : NULL;
  int status = 405;
  if (path && strcmp(path, "tasks") == 0)
    status = post ? create_task(service, request, result) : get ? list_tasks(service, request, result) : 405;
  else if (task_id)
    status = get ? list_messages(service, task_id, result) : 405;
  else if (path && strcmp(path, "message") == 0)
    status = post ? post_message(service, request, result) : 405;
  else
    status = not_found(result, "Not Found");
  free(task_id);
  if (status == 405) *result = json_pack("{s:s}", "detail", "Method Not Allowed");
  return status;
}

void sim_rest_answer(struct sim_service *service, const struct sim_request *request, bool authenticated,
                     struct sim_buffer *out) {
  json_t *result = NULL;
  int status = 401;
  if (authenticated)
    status = dispatch(service, request, &result);
  else
    result = sim_error_payload(401, "Not authenticated", "Invalid API key");
  json_t *headers = json_pack("{s:s}", "Content-Type", "application/json");
  char *text = sim_json_text(result);
  sim_http_answer(out, status, headers, text, strlen(text));
  free(text);
  json_decref(headers);
  json_decref(result);
}
