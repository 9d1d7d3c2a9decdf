// Answers that a scenario spells out; see canned.h.
#include "canned.h"

#include "sim_http.h"

#include <string.h>

static bool is_word(const json_t *value, const char *word) {
  return json_is_string(value) && strcmp(json_string_value(value), word) == 0;
}

static bool all_strings(const json_t *object) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)object, name, value) {
    if (!json_is_string(value)) return false;
  }
  return !object || json_is_object(object);
}

bool sim_canned_valid(const json_t *answer) {
  const json_t *status = json_object_get(answer, "status");
  const json_t *headers = json_object_get(answer, "headers");
  const json_t *body = json_object_get(answer, "body");
  if (!json_is_object(answer)) return is_word(answer, "ignore") || is_word(answer, "drop");
  if (json_object_get(answer, "raw"))
    return json_is_string(json_object_get(answer, "raw")) && json_object_size(answer) == 1;
  json_int_t code = json_integer_value(status);
  return json_is_integer(status) && code >= 100 && code <= 999 && all_strings(headers) &&
         (!body || json_is_string(body)) && json_object_size(answer) == 1u + (headers != NULL) + (body != NULL);
}

bool sim_canned_serves(const json_t *answer) {
  return is_word(answer, "serve");
}

static bool answer_raw(struct sim_connection *connection, const char *text, const char *key) {
  static const char placeholder[] = "${accept}";
  for (const char *at; (at = strstr(text, placeholder)); text = at + sizeof placeholder - 1) {
    char accept[SIM_ACCEPT_SIZE];
    sim_accept_value(key ? key : "", accept);
    sim_buffer_add(&connection->out, text, (size_t)(at - text));
    sim_buffer_add_string(&connection->out, accept);
  }
  sim_buffer_add_string(&connection->out, text);
  if (!key) sim_connection_end(connection, SIM_END_CLOSE);
  return key != NULL;
}

static bool answer_status(struct sim_connection *connection, const json_t *answer, const char *key) {
  int status = (int)json_integer_value(json_object_get(answer, "status"));
  const json_t *headers = json_object_get(answer, "headers");
  const json_t *body = json_object_get(answer, "body");
  if (status == 101 && key) {
    sim_http_upgrade(&connection->out, key, headers);
    return true;
  }
  json_t *all = json_pack("{s:s, s:s}", "Connection", "close", SIM_ANY_ORIGIN);
  json_object_update(all, (json_t *)headers);
  sim_http_answer(&connection->out, status, all, json_string_value(body), json_string_length(body));
  json_decref(all);
  sim_connection_end(connection, SIM_END_CLOSE);
  return false;
}

bool sim_canned_answer(struct sim_connection *connection, const json_t *answer, const char *key) {
  const json_t *raw = json_object_get(answer, "raw");
  if (json_is_object(answer))
    return raw ? answer_raw(connection, json_string_value(raw), key) : answer_status(connection, answer, key);
  if (is_word(answer, "ignore"))
    connection->deaf = true;
  else
    sim_connection_end(connection, SIM_END_FIN); // "drop"
  return false;
}
