// The JSON of the messaging protocol: messages, error payloads, and the two envelopes of a text update.
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include "identity.h"
#include "sim_buffer.h"

#include <jansson.h>

enum sim_spelling { SIM_ENVELOPE_SIMPLE, SIM_ENVELOPE_FULL };

#define SIM_TEXT_UPDATED "thread-message-text-content-updated"
#define SIM_TEXT_COMPLETED "thread-message-text-content-completed"

// What stays the same in all events of one answer.
struct sim_envelope {
  enum sim_spelling spelling;
  char channel[SIM_UUID_SIZE];
  char message_id[SIM_UUID_SIZE];
  char interaction_id[SIM_HEX_ID_SIZE];
  char time[SIM_TIME_SIZE];
  char *task_id; // owned
};

// Fresh ids for an answer in this task on this channel. Free it with sim_envelope_free.
void sim_envelope_start(struct sim_envelope *envelope, enum sim_spelling spelling, const char *channel,
                        const char *task_id);
void sim_envelope_free(struct sim_envelope *envelope);

// Appends what stands before and after the (escaped) text of a text update.
void sim_envelope_before(const struct sim_envelope *envelope, struct sim_buffer *out);
void sim_envelope_after(const struct sim_envelope *envelope, struct sim_buffer *out);

// Appends a whole event of this name, without data.
void sim_envelope_event(const struct sim_envelope *envelope, const char *name, struct sim_buffer *out);

// Appends text as the inside of a JSON string (RFC 8259, section 7). The text is UTF-8.
void sim_json_escape(struct sim_buffer *out, const char *text, size_t length);

// A message of the user `user_id`, or of the agent to that user; both are new references. `overrides` (an object,
// or NULL) replaces or adds fields.
json_t *sim_user_message(const char *user_id, const char *text);
json_t *sim_agent_message(const char *user_id, const char *text, json_t *overrides);

// An error payload with empty extra_data; a new reference.
json_t *sim_error_payload(int status_code, const char *description, const char *message);

// As json_loadb and json_dumps, for whole documents of any type; the text is to be freed with free().
json_t *sim_json_parse(const char *text, size_t length);
char *sim_json_text(const json_t *value);

#endif
