// The built-in agent on a WebSocket connection: takes messages one after another and streams the answers.
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "stream.h"

struct sim_connection;

struct sim_session {
  bool answering;
  struct sim_envelope envelope;
  struct sim_stream stream;
  json_t *message; // the final one of the present answer; owned
};

// Makes as much of the answers to the messages in the inbox as there is room for.
void sim_session_run(struct sim_connection *connection);

// Forgets the present answer; its message stays in the history, as if the agent had gone on unheard.
void sim_session_free(struct sim_connection *connection);

#endif
