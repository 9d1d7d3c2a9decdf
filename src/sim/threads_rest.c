// The calls of the threads API that are answered at once; see threads_rest.h. Each returns its HTTP status and sets
// *result to the JSON to send, a new reference.
#include "threads_rest.h"

#include "sim_token.h"
#include "thread_post.h"

#include <stdlib.h>
#include <string.h>

#define BASE "/apollo-api/"

const char *sim_threads_path(const struct sim_request *request) {
  const char *base = strstr(request->path, BASE);
  return base ? base + sizeof BASE - 1 : NULL;
}

static bool asks_for(const struct sim_request *request, const char *method, const char *path) {
  return strcmp(request->method, method) == 0 && strcmp(sim_threads_path(request), path) == 0;
}

bool sim_threads_is_stream(const struct sim_request *request) {
  return asks_for(request, "POST", "messaging/v1/messages/stream");
}

int sim_threads_authenticate(const struct sim_service *service, const struct sim_request *request, json_t **result) {
  const char *problem = sim_token_problem(service, sim_token_of(request));
  return problem ? sim_post_refuse(result, 401, "unauthorized", problem, NULL) : 200;
}

static int dispatch(struct sim_service *service, size_t connection, const struct sim_request *request,
                    json_t **result) {
  if (asks_for(request, "GET", "health")) {
    *result = json_pack("{s:s}", "status", "ok");
    return 200;
  }
  if (asks_for(request, "POST", "management/v1/auth/token"))
    return sim_token_exchange(service, connection, request, result);
  int status = sim_threads_authenticate(service, request, result);
  if (status != 200) return status;
  return sim_post_refuse(result, 404, "not_found", "no such address", NULL);
}

void sim_threads_reply(struct sim_buffer *out, int status, json_t *result) {
  json_t *headers = json_pack("{s:s}", "Content-Type", "application/json");
  char *text = sim_json_text(result);
  sim_http_answer(out, status, headers, text, strlen(text));
  free(text);
  json_decref(headers);
  json_decref(result);
}

void sim_threads_answer(struct sim_service *service, size_t connection, const struct sim_request *request,
                        struct sim_buffer *out) {
  json_t *result = NULL;
  int status = dispatch(service, connection, request, &result);
  sim_threads_reply(out, status, result);
}
