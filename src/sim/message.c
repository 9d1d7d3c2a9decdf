// The JSON of the messaging protocol; see message.h.
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_envelope_start(struct sim_envelope *envelope, enum sim_spelling spelling, const char *channel,
                        const char *task_id) {
  envelope->spelling = spelling;
  snprintf(envelope->channel, sizeof envelope->channel, "%s", channel);
  sim_uuid(envelope->message_id);
  sim_hex_id(envelope->interaction_id);
  sim_time_now(envelope->time);
  envelope->task_id = sim_copy(task_id, strlen(task_id));
}

void sim_envelope_free(struct sim_envelope *envelope) {
  free(envelope->task_id);
  envelope->task_id = NULL;
}

void sim_json_escape(struct sim_buffer *out, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '"' || c == '\\') sim_buffer_add(out, "\\", 1);
    if (c < 0x20)
      sim_buffer_printf(out, "\\u%04x", c);
    else
      sim_buffer_add(out, &c, 1);
  }
}

static void full_head(const struct sim_envelope *envelope, const char *name, struct sim_buffer *out) {
  sim_buffer_printf(out,
                    "{\"channel\":{\"type\":\"WEBSOCKET\",\"channel_name\":\"%s\",\"event_name\":\"%s\"},"
                    "\"scope\":{\"type\":\"LLM_ACTIVATION_EXECUTION\",\"data\":{\"status\":\"SUCCESS\"},"
                    "\"context\":{\"message_id\":\"%s\",\"task_id\":\"",
                    envelope->channel, name, envelope->message_id);
  sim_json_escape(out, envelope->task_id, strlen(envelope->task_id));
  sim_buffer_printf(out, "\",\"interaction_id\":\"%s\",\"pillar\":\"shopping\"}},", envelope->interaction_id);
}

// What stands before and after the members of an event's `data`.
static void event_head(const struct sim_envelope *envelope, const char *name, struct sim_buffer *out) {
  if (envelope->spelling == SIM_ENVELOPE_SIMPLE)
    sim_buffer_printf(out, "{\"event\":\"%s\",", name);
  else
    full_head(envelope, name, out);
  sim_buffer_add_string(out, "\"data\":{");
}

static void event_tail(const struct sim_envelope *envelope, struct sim_buffer *out) {
  if (envelope->spelling == SIM_ENVELOPE_SIMPLE)
    sim_buffer_add_string(out, "}}");
  else
    sim_buffer_printf(out, "},\"timestamp\":\"%s\"}", envelope->time);
}

void sim_envelope_before(const struct sim_envelope *envelope, struct sim_buffer *out) {
  event_head(envelope, SIM_TEXT_UPDATED, out);
  sim_buffer_add_string(out, "\"text\":\"");
}

void sim_envelope_after(const struct sim_envelope *envelope, struct sim_buffer *out) {
  sim_buffer_add_string(out, "\"");
  event_tail(envelope, out);
}

void sim_envelope_event(const struct sim_envelope *envelope, const char *name, struct sim_buffer *out) {
  event_head(envelope, name, out);
  event_tail(envelope, out);
}

static json_t *party(const char *id, const char *type) {
  return json_pack("{s:s, s:s, s:n}", "id", id, "type", type, "email");
}

static json_t *bare_message(const char *text, json_t *sender, json_t *receiver) {
  char id[SIM_UUID_SIZE], time[SIM_TIME_SIZE];
  sim_uuid(id);
  sim_time_now(time);
  return json_pack("{s:s, s:s, s:s, s:o, s:o, s:[], s:[], s:[]}", "id", id, "created_at", time, "text", text, "sender",
                   sender, "receiver", receiver, "options", "cards", "followup_suggestions");
}

json_t *sim_user_message(const char *user_id, const char *text) {
  return bare_message(text, party(user_id, "user"), party("aui-sim", "agent"));
}

json_t *sim_agent_message(const char *user_id, const char *text, json_t *overrides) {
  json_t *message = bare_message(text, party("aui-sim", "agent"), party(user_id, "user"));
  json_object_update(message, overrides);
  return message;
}

json_t *sim_error_payload(int status_code, const char *description, const char *message) {
  return json_pack("{s:i, s:s, s:s, s:{}}", "status_code", status_code, "description", description, "message", message,
                   "extra_data");
}

json_t *sim_json_parse(const char *text, size_t length) {
  return json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

char *sim_json_text(const json_t *value) {
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  return text ? text : sim_copy("", 0);
}
