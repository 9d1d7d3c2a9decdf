// The tokens of the threads API: a publishable key is exchanged for one, and it ends after a while.
#ifndef SIM_SIM_TOKEN_H
#define SIM_SIM_TOKEN_H

#include "service.h"
#include "sim_http.h"

// The agent that the tokens are for.
#define SIM_AGENT_ID "aui-sim"

// Answers a request for a token: returns the HTTP status and sets *result to the JSON to send, a new reference.
// `connection`: its number, for the log.
int sim_token_exchange(struct sim_service *service, size_t connection, const struct sim_request *request,
                       json_t **result);

// What is wrong with a token: a static text for people, NULL if nothing is. `token` may be NULL: there was none.
const char *sim_token_problem(const struct sim_service *service, const char *token);

// Notes, and says, which thread was last used by WebSocket with a token that is known; NULL: none. The string lives as
// long as the token, or until the next note.
void sim_token_enter(struct sim_service *service, const char *token, json_t *thread_id);
const char *sim_token_thread(const struct sim_service *service, const char *token);

// The token that a request's Authorization header bears, inside the request; NULL if there is none.
const char *sim_token_of(const struct sim_request *request);

#endif
