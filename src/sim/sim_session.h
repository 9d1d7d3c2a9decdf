// The built-in agent on a WebSocket connection: takes messages one after another and streams the answers.
#ifndef AUI_SIM_SIM_SESSION_H
#define AUI_SIM_SIM_SESSION_H

#include "service.h"
#include "sim_websocket.h"
#include "stream.h"

struct sim_session {
  struct sim_service *service;
  struct sim_websocket *websocket;
  size_t number; // of the connection, for the log
  bool answering;
  struct sim_envelope envelope;
  struct sim_stream stream;
  json_t *message; // the final one of the present answer; owned
};

void sim_session_init(struct sim_session *session, struct sim_service *service, struct sim_websocket *websocket,
                      size_t number);

// Makes as much of the answers to the messages in the inbox as there is room for.
void sim_session_run(struct sim_session *session);

// Forgets the present answer; its message stays in the history, as if the agent had gone on unheard.
void sim_session_free(struct sim_session *session);

#endif
