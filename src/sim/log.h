// What the agent did, for tests that check it: one JSON line for each user message it acted on, each answer that is
// complete, and each TLS handshake. docs/simulator.md describes the lines.
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include <jansson.h>
#include <stdio.h>

// The number of a connection in the log when a message came by REST.
#define SIM_LOG_REST 0

// Writes one line at once; nothing when `file` is NULL. `event` is "message" or "answer", `text` a JSON string. Exits
// with status 1, and a line on stderr, when the file takes no more.
void sim_log(FILE *file, const char *event, size_t connection, const char *task_id, const json_t *text);

// The same for any event and with any fields: an object, which it takes over.
void sim_log_fields(FILE *file, const char *event, size_t connection, json_t *fields);

#endif
