// What the built-in agent says: simple matching over the catalogue, not a language model.
#ifndef SIM_AGENT_H
#define SIM_AGENT_H

#include <jansson.h>

// The answer to a text, as an object with text, options, cards and followup_suggestions; a new reference.
// `history` holds the task's messages, oldest first: follow-ups such as "the second one" refer to its latest cards.
json_t *sim_agent_answer(const json_t *catalogue, const json_t *history, const char *text);

// What the agent says in a new task, in the same form.
json_t *sim_agent_welcome(const json_t *catalogue);

#endif
