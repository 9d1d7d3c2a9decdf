// The JSON of the threads API: messages, events and errors.
#ifndef SIM_THREAD_EVENT_H
#define SIM_THREAD_EVENT_H

#include "message.h"

#include <stdbool.h>

// A message of a thread's history as clients of the threads API get it, without suggestions unless they are asked for;
// a new reference.
json_t *sim_thread_message(const json_t *message, bool with_suggestions);

// The event that says which thread it is; a new reference. It has no number.
json_t *sim_thread_opened(const char *thread_id);

// The event of this type and number; a new reference. `data` is taken over.
json_t *sim_thread_event(const char *type, json_int_t seq, json_t *data);

// Appends the event that carries this piece of text (UTF-8).
void sim_thread_text(enum sim_spelling spelling, json_int_t seq, const char *text, size_t length,
                     struct sim_buffer *out);

// What is said of a turn that failed, with these fields in place of the usual ones; a new reference.
json_t *sim_thread_failure(const json_t *fields);

// The body of an error; a new reference. `field` is the one that is wrong, NULL if it is not about one.
json_t *sim_thread_error(const char *code, const char *message, const char *field);

#endif
