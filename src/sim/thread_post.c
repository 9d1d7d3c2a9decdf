// What clients of the threads API post; see thread_post.h.
#include "thread_post.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

const char *const sim_post_message_fields[] = {
    "text", "S",       "user_id", "S", "thread_id", "s", "image_url", "s", "agent_variables", "o", "runtime_version",
    "s",    "context", "o",       NULL};

int sim_post_refuse(json_t **result, int status, const char *code, const char *message, const char *field) {
  *result = sim_thread_error(code, message, field);
  return status;
}

static const char *field_problem(const json_t *value, char type) {
  if (!value || json_is_null(value)) return isupper((unsigned char)type) ? "field required" : NULL;
  if (tolower((unsigned char)type) == 'o') return json_is_object(value) ? NULL : "expected an object";
  return json_string_length(value) > 0 ? NULL : "expected a string that is not empty";
}

const char *sim_post_problem(const json_t *body, const char *const *fields, const char **field) {
  for (; *fields; fields += 2) {
    const char *problem = field_problem(json_object_get(body, fields[0]), fields[1][0]);
    *field = fields[0];
    if (problem) return problem;
  }
  return NULL;
}

json_t *sim_post_body(const struct sim_request *request, const char *const *fields, int *status, json_t **result) {
  static const char json[] = "application/json";
  const char *type = sim_request_header(request, "content-type"), *field, *problem;
  if (!type || strncasecmp(type, json, sizeof json - 1) != 0) {
    *status = sim_post_refuse(result, 400, "bad_request", "expected Content-Type: application/json", NULL);
    return NULL;
  }
  json_t *body = sim_json_parse(request->body, request->body_length);
  if (!json_is_object(body))
    *status = sim_post_refuse(result, 400, "bad_request", "expected a JSON object", NULL);
  else if ((problem = sim_post_problem(body, fields, &field)))
    *status = sim_post_refuse(result, 422, "validation_error", problem, field);
  else
    return body;
  json_decref(body);
  return NULL;
}

json_t *sim_post_thread(struct sim_service *service, const json_t *body) {
  const char *thread_id = json_string_value(json_object_get(body, "thread_id"));
  const char *user_id = json_string_value(json_object_get(body, "user_id"));
  return thread_id ? sim_thread_find(service, thread_id) : sim_thread_make(service, user_id ? user_id : "anonymous");
}
