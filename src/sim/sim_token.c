// The tokens of the threads API; see sim_token.h. The store is a JSON object from token to an object with when it ends
// (of sim_clock) and perhaps the thread that was last used with it.
#include "sim_token.h"

#include "identity.h"
#include "message.h"

#include <string.h>
#include <strings.h>

#define MAX_TOKENS 10000
#define KEY_PREFIX "pk_network_"

// RFC 6749, section 5.2.
static int refuse(json_t **result, int status, const char *error, const char *description) {
  *result = json_pack("{s:s, s:s}", "error", error, "error_description", description);
  return status;
}

static bool key_accepted(const struct sim_service *service, const char *key) {
  const char *wanted = service->options->publishable_key;
  return wanted ? strcmp(key, wanted) == 0 : strncmp(key, KEY_PREFIX, sizeof KEY_PREFIX - 1) == 0;
}

static json_t *issue(struct sim_service *service) {
  size_t lifetime = service->options->token_lifetime;
  char token[SIM_UUID_SIZE];
  sim_uuid(token);
  if (json_object_size(service->tokens) >= MAX_TOKENS)
    json_object_del(service->tokens, json_object_iter_key(json_object_iter(service->tokens)));
  json_object_set_new(service->tokens, token, json_pack("{s:f}", "end", sim_clock() + (double)lifetime));
  return json_pack("{s:s, s:s, s:I, s:s, s:s}", "access_token", token, "token_type", "Bearer", "expires_in",
                   (json_int_t)lifetime, "agent_id", SIM_AGENT_ID, "organization_id", "offline");
}

int sim_token_exchange(struct sim_service *service, size_t connection, const struct sim_request *request,
                       json_t **result) {
  json_t *body = sim_json_parse(request->body, request->body_length);
  const char *type = json_string_value(json_object_get(body, "grant_type"));
  const char *key = json_string_value(json_object_get(body, "publishable_key"));
  int status = 200;
  if (sim_request_header(request, "authorization"))
    status = refuse(result, 400, "invalid_request", "no Authorization is expected here");
  else if (!type || !key)
    status = refuse(result, 400, "invalid_request", "expected a JSON object with grant_type and publishable_key");
  else if (strcmp(type, "publishable_key") != 0)
    status = refuse(result, 400, "unsupported_grant_type", "grant_type: expected publishable_key");
  else if (!key_accepted(service, key))
    status = refuse(result, 401, "invalid_client", "the publishable key is unknown");
  else
    *result = issue(service);
  json_decref(body);
  if (status == 200) sim_log_fields(service->log, "token", connection, json_object());
  return status;
}

const char *sim_token_of(const struct sim_request *request) {
  static const char scheme[] = "Bearer ";
  const char *header = sim_request_header(request, "authorization");
  bool bears = header && strncasecmp(header, scheme, sizeof scheme - 1) == 0;
  return bears ? header + sizeof scheme - 1 : NULL;
}

const char *sim_token_problem(const struct sim_service *service, const char *token) {
  const json_t *known = token ? json_object_get(service->tokens, token) : NULL;
  if (!token) return "no bearer token";
  if (!known) return "the token is unknown";
  return sim_clock() < json_number_value(json_object_get(known, "end")) ? NULL : "the token has ended";
}

void sim_token_enter(struct sim_service *service, const char *token, json_t *thread_id) {
  json_object_set(json_object_get(service->tokens, token), "thread", thread_id);
}

const char *sim_token_thread(const struct sim_service *service, const char *token) {
  return json_string_value(json_object_get(json_object_get(service->tokens, token), "thread"));
}
