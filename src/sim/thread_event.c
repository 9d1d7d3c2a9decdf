// The JSON of the threads API; see thread_event.h.
#include "thread_event.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// What names a parameter in a card: its title in lower case, with underscores.
static char *code_of(const char *title) {
  char *code = sim_copy(title, strlen(title));
  for (char *at = code; *at; at++) *at = isalnum((unsigned char)*at) ? (char)tolower((unsigned char)*at) : '_';
  return code;
}

static json_t *card_of(const json_t *card, size_t index) {
  json_t *entity = json_object(), *parameter;
  size_t i;
  json_array_foreach(json_object_get(card, "parameters"), i, parameter) {
    const char *title = json_string_value(json_object_get(parameter, "title"));
    if (!title) continue;
    char *code = code_of(title);
    json_object_set(entity, code, json_object_get(parameter, "value"));
    free(code);
  }
  return json_pack("{s:O*, s:I, s:O*, s:{s:o, s:[]}}", "is_recommended", json_object_get(card, "is_recommended"),
                   "index", (json_int_t)index, "title", json_object_get(card, "name"), "json_data", "entity", entity,
                   "sub_entities");
}

json_t *sim_thread_message(const json_t *message, bool with_suggestions) {
  json_t *copy = json_copy((json_t *)message), *cards = json_array(), *card;
  size_t index;
  json_array_foreach(json_object_get(message, "cards"), index, card) json_array_append_new(cards, card_of(card, index));
  json_object_set_new(copy, "cards", cards);
  json_object_del(copy, "options");
  if (!with_suggestions) json_object_del(copy, "followup_suggestions");
  return copy;
}

json_t *sim_thread_opened(const char *thread_id) {
  return json_pack("{s:s, s:{s:s}}", "type", "thread", "data", "thread_id", thread_id);
}

json_t *sim_thread_event(const char *type, json_int_t seq, json_t *data) {
  return json_pack("{s:s, s:I, s:o}", "type", type, "seq", seq, "data", data);
}

void sim_thread_text(enum sim_spelling spelling, json_int_t seq, const char *text, size_t length,
                     struct sim_buffer *out) {
  bool full = spelling == SIM_ENVELOPE_FULL;
  sim_buffer_printf(out, "{\"type\":\"event\",\"seq\":%lld,\"data\":{", (long long)seq);
  if (full)
    sim_buffer_add_string(out, "\"channel\":{\"event_name\":\"" SIM_TEXT_UPDATED "\"},"
                               "\"scope\":{\"type\":\"LLM_ACTIVATION_EXECUTION\",\"data\":{\"status\":\"SUCCESS\"}},"
                               "\"data\":{");
  sim_buffer_add_string(out, "\"text\":\"");
  sim_json_escape(out, text, length);
  sim_buffer_add_string(out, full ? "\"}}}" : "\"}}");
}

json_t *sim_thread_failure(const json_t *fields) {
  json_t *failure = json_pack("{s:s, s:i, s:s}", "message", "Something went wrong", "status_code", 500, "error_code",
                              "internal_error");
  json_object_update(failure, (json_t *)fields);
  return failure;
}

json_t *sim_thread_error(const char *code, const char *message, const char *field) {
  char request_id[SIM_UUID_SIZE];
  sim_uuid(request_id);
  json_t *error = json_pack("{s:s, s:s, s:s}", "code", code, "message", message, "request_id", request_id);
  if (field) json_object_set_new(error, "details", json_pack("[{s:s, s:s}]", "field", field, "message", message));
  return json_pack("{s:o}", "error", error);
}
