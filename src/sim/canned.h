// Answers to a request that a scenario spells out instead of the right one.
#ifndef SIM_CANNED_H
#define SIM_CANNED_H

#include "connection.h"

#include <jansson.h>

// What a canned answer may be, for error messages, and whether this is one.
#define SIM_CANNED_EXPECTED                                                                                            \
  "{\"status\": 100 to 999, \"headers\": {name: text}, \"body\": text}, {\"raw\": text}, \"ignore\" or \"drop\""
bool sim_canned_valid(const json_t *answer);

// Whether it is "serve": the right answer after all.
bool sim_canned_serves(const json_t *answer);

// Gives the answer; true if it upgrades the connection, which else ends. `key` is the request's Sec-WebSocket-Key, NULL
// for a REST call.
bool sim_canned_answer(struct sim_connection *connection, const json_t *answer, const char *key);

#endif
