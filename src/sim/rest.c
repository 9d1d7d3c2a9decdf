// The REST calls of the messaging protocol; see rest.h. Each call returns its HTTP status and sets *result
// to the JSON to send, a new reference.
#include "rest.h"

#include "agent.h"
#include "tasks.h"
#include "turn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
  const char *type = problem == sim_field_required ? "value_error.missing" : "value_error";
  *result = json_pack("{s:[{s:o, s:s, s:s}]}", "detail", "loc", loc, "msg", problem, "type", type);
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

// What is wrong with a wish for a task, as of a turn (see turn.h).
static const char *task_problem(const json_t *wish, const char **field) {
  *field = "";
  if (!json_is_object(wish)) return "expected a JSON object with user_id";
  const json_t *user = json_object_get(wish, *field = "user_id");
  if (!user) return sim_field_required;
  if (!json_is_string(user)) return "expected a string";
  const json_t *origin = json_object_get(wish, *field = "task_origin_type");
  return !origin || json_is_null(origin) || json_is_string(origin) ? NULL : "expected a string";
}

static int create_task(struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *field = "";
  json_t *wish = sim_json_parse(request->body, request->body_length);
  const char *problem = wish ? task_problem(wish, &field) : "expected JSON";
  int status = 200;
  if (problem) {
    status = invalid(result, "body", field, problem);
  } else {
    char id[SIM_HEX_ID_SIZE];
    sim_hex_id(id);
    *result =
        task_result(service, sim_task_open(service->tasks, id, json_string_value(json_object_get(wish, "user_id"))));
  }
  json_decref(wish);
  return status;
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

// A page of tasks as they are stored, as clients see them.
static json_t *task_results(struct sim_service *service, json_t *page) {
  json_t *tasks = json_object_get(page, "tasks");
  for (size_t i = 0; i < json_array_size(tasks); i++)
    json_array_set_new(tasks, i, task_result(service, json_array_get(tasks, i)));
  return page;
}

static int list_tasks(struct sim_service *service, const struct sim_request *request, json_t **result) {
  char *user_id = sim_request_parameter(request, "user_id");
  size_t page = number_parameter(request, "page", 1), size = number_parameter(request, "size", 10);
  int status = 200;
  if (!user_id)
    status = invalid(result, "query", "user_id", sim_field_required);
  else if (page == 0 || size == 0)
    status = invalid(result, "query", page ? "size" : "page", "expected a whole number from 1 to 1000");
  else
    *result = task_results(service, sim_tasks_page(service->tasks, user_id, page, size));
  free(user_id);
  return status;
}

// How one of the agent's messages came to be; a new reference.
static json_t *trace_info(const json_t *message) {
  return json_pack("{s:O, s:s}", "message_id", json_object_get(message, "id"), "agent", "aui-sim");
}

// A truth value among the parameters: 1 or 0, which it also is when it is not there; -1 if it is none.
static int truth_parameter(const struct sim_request *request, const char *name) {
  char *text = sim_request_parameter(request, name);
  bool yes = text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
  bool no = !text || strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0;
  free(text);
  return yes ? 1 : no ? 0 : -1;
}

// The agent's answer to a turn that has no problem, recorded; a new reference.
static json_t *answer_turn(struct sim_service *service, const json_t *turn) {
  json_t *message = sim_turn_answer(service, SIM_LOG_REST, turn);
  const char *task_id = json_string_value(json_object_get(turn, "task_id"));
  sim_task_record(sim_task_find(service->tasks, task_id), message);
  sim_log(service->log, "answer", SIM_LOG_REST, task_id, json_object_get(message, "text"));
  return message;
}

static int post_message(struct sim_service *service, const struct sim_request *request, json_t **result) {
  static const char *const parameters[] = {"is_external_api", "include_business_trace", "include_context_trace"};
  int asked[3];
  for (size_t i = 0; i < 3; i++) {
    asked[i] = truth_parameter(request, parameters[i]);
    if (asked[i] < 0) return invalid(result, "query", parameters[i], "expected true or false");
  }
  const char *field = "";
  json_t *turn = sim_json_parse(request->body, request->body_length);
  const char *problem = turn ? sim_turn_problem(turn, &field) : "expected JSON";
  int status = 200;
  if (problem) {
    status = invalid(result, "body", field, problem);
  } else {
    json_t *message = answer_turn(service, turn);
    *result = json_copy(message); // what was asked for stays out of the history
    if (asked[1] || asked[2]) json_object_set_new(*result, "trace_info", trace_info(message));
    json_decref(message);
  }
  json_decref(turn);
  return status;
}

static int suggest(struct sim_service *service, const struct sim_request *request, json_t **result) {
  json_t *body = sim_json_parse(request->body, request->body_length);
  const json_t *context = json_object_get(body, "context");
  bool object = json_is_object(body), good = !context || json_is_null(context) || json_is_object(context);
  json_decref(body);
  if (!object || !good) return invalid(result, "body", object ? "context" : "", "expected an object");
  char id[SIM_HEX_ID_SIZE];
  sim_hex_id(id);
  json_t *welcome = sim_agent_welcome(service->catalogue);
  *result = json_pack("{s:O, s:s}", "suggestions", json_object_get(welcome, "followup_suggestions"), "metadata_id", id);
  json_decref(welcome);
  return 200;
}

// The agent makes no context of its own: it answers with the object that it was given.
static int describe_context(const struct sim_request *request, json_t **result) {
  json_t *params = sim_json_parse(request->body, request->body_length);
  if (json_is_object(params)) {
    *result = json_pack("{s:s, s:o}", "title", "What was asked", "params", params);
    return 200;
  }
  json_decref(params);
  return invalid(result, "body", "", "expected an object");
}

// Those of the user have no trace.
static int trace(const json_t *task, const char *message_id, json_t **result) {
  size_t index;
  json_t *message;
  json_array_foreach(json_object_get(task, "messages"), index, message) {
    const char *type = json_string_value(json_object_get(json_object_get(message, "sender"), "type"));
    const char *id = json_string_value(json_object_get(message, "id"));
    if (!type || strcmp(type, "agent") != 0 || !id || strcmp(id, message_id) != 0) continue;
    *result = trace_info(message);
    return 200;
  }
  return not_found(result, "Message not found");
}

// One of the calls below tasks/{task_id}: `rest` is what follows.
static int get_task_or_part(struct sim_service *service, const json_t *task, const char *rest, json_t **result) {
  static const char messages[] = "/messages/", trace_end[] = "/trace-info";
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
  if (length == 0 || strcmp(id + length, trace_end) != 0) return not_found(result, "Not Found");
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
  else if (path && strcmp(path, "agent-context") == 0)
    status = post ? describe_context(request, result) : 405;
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
    result = json_pack("{s:s}", "detail", "Not authenticated");
  json_t *headers = json_pack("{s:s, s:s}", "Content-Type", "application/json", SIM_ANY_ORIGIN);
  char *text = sim_json_text(result);
  sim_http_answer(out, status, headers, text, strlen(text));
  free(text);
  json_decref(headers);
  json_decref(result);
}
