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

static json_t *task_result(struct sim_service *service, const json_t *task) {
  json_t *welcome = sim_agent_welcome(service->catalogue);
  json_t *result =
      json_pack("{s:O, s:s, s:O, s:O, s:O}", "id", json_object_get(task, "id"), "user_id", sim_task_user(task), "title",
                json_object_get(task, "title"), "welcome_message", json_object_get(welcome, "text"),
                "followup_suggestions", json_object_get(welcome, "followup_suggestions"));
  json_decref(welcome);
  return result;
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
  *result = task_result(service, sim_task_open(service->tasks, id, user_id));
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

static int suggest(struct sim_service *service, const struct sim_request *request, json_t **result) {
  json_t *body = sim_json_parse(request->body, request->body_length);
  bool good = json_is_object(body);
  json_decref(body);
  if (!good) return invalid(result, "body", "", "expected a JSON object");
  char id[SIM_HEX_ID_SIZE];
  sim_hex_id(id);
  json_t *welcome = sim_agent_welcome(service->catalogue);
  *result = json_pack("{s:O, s:s}", "suggestions", json_object_get(welcome, "followup_suggestions"), "metadata_id", id);
  json_decref(welcome);
  return 200;
}

// How one of the agent's messages came to be; those of the user have no trace.
static int trace(const json_t *task, const char *message_id, json_t **result) {
  size_t index;
  json_t *message;
  json_array_foreach(json_object_get(task, "messages"), index, message) {
    const char *type = json_string_value(json_object_get(json_object_get(message, "sender"), "type"));
    const char *id = json_string_value(json_object_get(message, "id"));
    if (!type || strcmp(type, "agent") != 0 || !id || strcmp(id, message_id) != 0) continue;
    *result = json_pack("{s:s, s:s}", "message_id", id, "agent", "aui-sim");
    return 200;
  }
  return not_found(result, "Message not found");
}

// One of the calls below tasks/{task_id}: `rest` is what follows.
static int get_task_or_part(struct sim_service *service, const json_t *task, const char *rest, json_t **result) {
  static const char messages[] = "/messages/", trace_info[] = "/trace-info";
  if (strcmp(rest, "") == 0) {
    *result = task_result(service, task);
    return 200;
  }
  if (strcmp(rest, "/messages") == 0) {
    *result = json_incref(json_object_get(task, "messages"));
    return 200;
  }
  const char *id = strncmp(rest, messages, sizeof messages - 1) == 0 ? rest + sizeof messages - 1 : "";
  size_t length = strcspn(id, "/");
  if (length == 0 || strcmp(id + length, trace_info) != 0) return not_found(result, "Not Found");
  char *message_id = sim_percent_decode(id, length);
  int status = trace(task, message_id, result);
  free(message_id);
  return status;
}

// `path` begins with the id of a task.
static int get_below_tasks(struct sim_service *service, const char *path, json_t **result) {
  size_t length = strcspn(path, "/");
  char *id = sim_percent_decode(path, length);
  const json_t *task = sim_task_find(service->tasks, id);
  int status = task ? get_task_or_part(service, task, path + length, result) : not_found(result, "Task not found");
  free(id);
  return status;
}

static int dispatch(struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *path = below_base(request);
  bool get = strcmp(request->method, "GET") == 0, post = strcmp(request->method, "POST") == 0;
  int status = 405;
  if (path && strcmp(path, "tasks") == 0)
    status = post ? create_task(service, request, result) : get ? list_tasks(service, request, result) : 405;
  else if (path && strncmp(path, "tasks/", 6) == 0)
    status = get ? get_below_tasks(service, path + 6, result) : 405;
  else if (path && strcmp(path, "message") == 0)
    status = post ? post_message(service, request, result) : 405;
  else if (path && strcmp(path, "direct-followup-suggestions") == 0)
    status = post ? suggest(service, request, result) : 405;
  else
    status = not_found(result, "Not Found");
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
