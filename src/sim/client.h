// One client, and who speaks to it: its requests are answered, some of them with a stream, until one upgrades the
// connection; then a scenario is played to it, or the agent takes over.
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "connection.h"
#include "player.h"
#include "sim_session.h"
#include "sim_websocket.h"
#include "sse_stream.h"
#include "thread_session.h"

enum sim_speaker {
  SIM_SPEAKER_HTTP,
  SIM_SPEAKER_STREAM,
  SIM_SPEAKER_PLAYER,
  SIM_SPEAKER_AGENT,       // of the tasks API
  SIM_SPEAKER_THREAD_AGENT // of the threads API
};

struct sim_client { // owned by libwebsockets
  struct sim_connection connection;
  struct sim_service *service;
  enum sim_speaker speaker;
  struct sim_websocket websocket;
  struct sim_player player;
  struct sim_session session;
  struct sim_thread_session thread_session;
  struct sim_sse_stream stream;
  size_t number; // of the connection, from 1
  bool greeted;  // it has sent something
};

// The events of a client, called by the server alone. A result of -1 asks for the socket to be closed.
void sim_client_open(struct sim_client *client, struct sim_service *service, struct lws *wsi);
void sim_client_receive(struct sim_client *client, const void *data, size_t length);
int sim_client_writable(struct sim_client *client);
void sim_client_free(struct sim_client *client);

#endif
