// The calls of the threads API that are answered at once; see threads_rest.h. One table says which there are; each is a
// function that returns its HTTP status and sets *call->result to the JSON to send, a new reference.
#include "threads_rest.h"

#include "agent.h"
#include "sim_token.h"
#include "tasks.h"
#include "thread_post.h"

#include <stdlib.h>
#include <string.h>

#define BASE "/apollo-api/"
#define STREAM "messaging/v1/messages/stream"
#define SESSION "messaging/v1/session"

const char *sim_threads_path(const struct sim_request *request) {
  const char *base = strstr(request->path, BASE);
  return base ? base + sizeof BASE - 1 : NULL;
}

bool sim_threads_is_stream(const struct sim_request *request) {
  return strcmp(request->method, "POST") == 0 && strcmp(sim_threads_path(request), STREAM) == 0;
}

bool sim_threads_is_session(const struct sim_request *request) {
  return strcmp(sim_threads_path(request), SESSION) == 0;
}

int sim_threads_authenticate(const struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *problem = sim_token_problem(service, sim_token_of(request));
  return problem ? sim_post_refuse(result, 401, "unauthorized", problem, NULL) : 200;
}

// ---- the calls -------------------------------------------------------------------------------------

struct call {
  struct sim_service *service;
  size_t connection; // its number
  const struct sim_request *request;
  json_t **result;
  char *id; // of the thread in the path; owned, NULL if there is none
};

static int no_thread(const struct call *call, const char *field) {
  return sim_post_refuse(call->result, 404, "not_found", "no such thread", field);
}

static int health(struct call *call) {
  *call->result = json_pack("{s:s}", "status", "ok");
  return 200;
}

static int exchange(struct call *call) {
  return sim_token_exchange(call->service, call->connection, call->request, call->result);
}

// Runs the turn that a checked body asks for, and answers with all of it.
static int answer_at_once(struct call *call, json_t *thread, const json_t *body) {
  sim_thread_run(call->service, call->connection, thread, json_string_value(json_object_get(body, "text")));
  json_t *message = sim_thread_message(sim_thread_finish(call->service, thread), call->service->options->runtime == 1);
  *call->result = json_pack("{s:O, s:o}", "thread_id", json_object_get(thread, "id"), "message", message);
  return 200;
}

static int post_message(struct call *call) {
  int status = 200;
  json_t *body = sim_post_body(call->request, sim_post_message_fields, &status, call->result);
  if (!body) return status;
  json_t *thread = sim_post_thread(call->service, body);
  status = thread ? answer_at_once(call, thread, body) : no_thread(call, "thread_id");
  json_decref(body);
  return status;
}

// Threads of a newer agent are found with a version that is not 1 or 1.something, those of an older one without any.
static bool version_fits(const struct call *call) {
  char *version = sim_request_parameter(call->request, "runtime_version");
  bool newer = version && *version && strcmp(version, "1") != 0 && strncmp(version, "1.", 2) != 0;
  bool fits = call->service->options->runtime == 1 ? !version : newer;
  free(version);
  return fits;
}

static int get_messages(struct call *call) {
  json_t *thread = sim_thread_find(call->service, call->id);
  if (!thread || !version_fits(call)) return no_thread(call, NULL);
  *call->result = sim_thread_history(call->service, thread);
  return 200;
}

// Where the turn that a message belongs to begins in a thread's messages; -1 if there is no message of this id.
static long turn_of(const json_t *messages, const char *id) {
  long begin = -1;
  size_t index;
  json_t *message;
  json_array_foreach(messages, index, message) {
    const char *type = json_string_value(json_object_get(json_object_get(message, "sender"), "type"));
    if (type && strcmp(type, "user") == 0) begin = (long)index;
    if (strcmp(json_string_value(json_object_get(message, "id")), id) == 0) return begin;
  }
  return -1;
}

static int rerun_turn(struct call *call, json_t *thread, const json_t *body) {
  const json_t *messages = json_object_get(thread, "messages");
  long begin = turn_of(messages, json_string_value(json_object_get(body, "interaction_id")));
  if (begin < 0) return sim_post_refuse(call->result, 404, "not_found", "no such interaction", "interaction_id");
  json_t *branch = sim_thread_make(call->service, sim_task_user(thread));
  for (long i = 0; i < begin; i++) sim_task_record(branch, json_array_get(messages, (size_t)i));
  return answer_at_once(call, branch, body);
}

static int rerun(struct call *call) {
  static const char *const fields[] = {"interaction_id",  "S", "text", "S", "user_id", "s", "image_url", "s",
                                       "runtime_version", "s", NULL};
  int status = 200;
  json_t *body = sim_post_body(call->request, fields, &status, call->result);
  if (!body) return status;
  json_t *thread = json_incref(sim_thread_find(call->service, call->id)); // making another may end this one
  status = thread ? rerun_turn(call, thread, body) : no_thread(call, NULL);
  json_decref(thread);
  json_decref(body);
  return status;
}

static int suggest(struct call *call) {
  static const char *const fields[] = {"context", "o", "created_by", "s", NULL};
  char id[SIM_HEX_ID_SIZE];
  int status = 200;
  json_t *body = sim_post_body(call->request, fields, &status, call->result);
  if (!body) return status;
  json_t *welcome = sim_agent_welcome(call->service->catalogue);
  sim_hex_id(id);
  *call->result =
      json_pack("{s:O, s:s}", "suggestions", json_object_get(welcome, "followup_suggestions"), "metadata_id", id);
  json_decref(welcome);
  json_decref(body);
  return 200;
}

static bool all_strings(const json_t *object) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    if (!json_is_string(value)) return false;
  }
  return true;
}

static int welcome(struct call *call) {
  static const char *const fields[] = {"placeholders", "o", NULL};
  int status = 200;
  json_t *body = sim_post_body(call->request, fields, &status, call->result);
  if (!body) return status;
  if (!all_strings(json_object_get(body, "placeholders"))) {
    status = sim_post_refuse(call->result, 422, "validation_error", "expected strings", "placeholders");
  } else {
    json_t *said = sim_agent_welcome(call->service->catalogue);
    *call->result = json_pack("{s:O}", "welcome_message", json_object_get(said, "text"));
    json_decref(said);
  }
  json_decref(body);
  return status;
}

// ---- which call it is ------------------------------------------------------------------------------

static const struct route {
  const char *method, *path; // a star stands for the id of a thread
  int (*answer)(struct call *);
  bool open; // without a token
} routes[] = {
    {"GET", "health", health, true},
    {"POST", "management/v1/auth/token", exchange, true},
    {"POST", STREAM, NULL, false}, // served elsewhere
    {"POST", "messaging/v1/messages", post_message, false},
    {"GET", "messaging/v1/threads/*/messages", get_messages, false},
    {"POST", "messaging/v1/threads/*/rerun", rerun, false},
    {"POST", "messaging/v1/followup-suggestions", suggest, false},
    {"POST", "messaging/v1/welcome-message", welcome, false},
};

// Whether a path is that of a route; then *id is what stands for the star, to be freed with free(), NULL without one.
static bool matches(const char *pattern, const char *path, char **id) {
  const char *star = strchr(pattern, '*');
  *id = NULL;
  if (!star) return strcmp(pattern, path) == 0;
  size_t before = (size_t)(star - pattern);
  if (strncmp(pattern, path, before) != 0) return false;
  size_t length = strcspn(path + before, "/");
  if (length == 0 || strcmp(path + before + length, star + 1) != 0) return false;
  *id = sim_percent_decode(path + before, length);
  return true;
}

static int answer_route(const struct route *route, struct call *call) {
  int status = route->open ? 200 : sim_threads_authenticate(call->service, call->request, call->result);
  return status == 200 ? route->answer(call) : status;
}

static int dispatch(struct call *call) {
  const char *path = sim_threads_path(call->request);
  bool known = false;
  for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
    if (!matches(routes[i].path, path, &call->id)) continue;
    known = true;
    int status = strcmp(routes[i].method, call->request->method) == 0 ? answer_route(&routes[i], call) : 0;
    free(call->id);
    if (status) return status;
  }
  if (known) return sim_post_refuse(call->result, 405, "method_not_allowed", "another method is expected", NULL);
  return sim_post_refuse(call->result, 404, "not_found", "no such address", NULL);
}

void sim_threads_reply(struct sim_buffer *out, int status, json_t *result) {
  json_t *headers = json_pack("{s:s, s:s}", "Content-Type", "application/json", SIM_ANY_ORIGIN);
  char *text = sim_json_text(result);
  sim_http_answer(out, status, headers, text, strlen(text));
  free(text);
  json_decref(headers);
  json_decref(result);
}

void sim_threads_answer(struct sim_service *service, size_t connection, const struct sim_request *request,
                        struct sim_buffer *out) {
  json_t *result = NULL;
  struct call call = {service, connection, request, &result, NULL};
  int status = dispatch(&call);
  sim_threads_reply(out, status, result);
}
