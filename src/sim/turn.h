// One turn of a conversation: a user's message, checked and recorded, and the answer to it. WebSocket and REST share
// it.
#ifndef SIM_TURN_H
#define SIM_TURN_H

#include "service.h"

// The problem of a field that has to be there and is not.
extern const char sim_field_required[];

// What is wrong with a client's message: a static text, with the field it is about in *field ("" for the whole);
// NULL if nothing is. By REST it may do without text; on a socket it may not.
const char *sim_turn_problem(const json_t *turn, const char **field);
const char *sim_turn_socket_problem(const json_t *turn, const char **field);

// Records the user's message and returns the agent's answer to it, a new reference, not recorded yet. The turn must
// have no problem; it came by the connection of this number, or SIM_LOG_REST.
json_t *sim_turn_answer(struct sim_service *service, size_t connection, const json_t *turn);

// What the agent says to this text in a task that has recorded it, a new reference, not recorded yet.
json_t *sim_turn_say(const struct sim_service *service, const json_t *task, const char *text);

// Records and logs what the user said, making the task if need be; returns the task, borrowed.
json_t *sim_turn_record(struct sim_service *service, size_t connection, const json_t *turn);

#endif
