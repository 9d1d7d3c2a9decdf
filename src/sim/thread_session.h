// The built-in agent on a WebSocket connection of the threads API: takes frames one after another and sends the events
// of the answers.
#ifndef SIM_THREAD_SESSION_H
#define SIM_THREAD_SESSION_H

#include "sim_websocket.h"
#include "thread.h"

// What the server selects among the subprotocols; the other one that clients offer, before it, is their token.
#define SIM_THREAD_SUBPROTOCOL "aui-websocket"

struct sim_thread_session {
  struct sim_service *service;
  struct sim_websocket *websocket;
  size_t number; // of the connection, for the log
  struct sim_cursor cursor;
  bool answering;
  json_int_t events; // still to be sent before somebody else takes over; negative: no matter how many
};

void sim_thread_session_init(struct sim_thread_session *session, struct sim_service *service,
                             struct sim_websocket *websocket, size_t number);

// What an upgrade of the threads API is to be refused with: an HTTP status, with an error in *result, a new reference;
// 200 if with nothing.
int sim_thread_session_refusal(const struct sim_service *service, const struct sim_request *request, json_t **result);

// Takes a frame in the agent's place: a message's turn is run, an answer that is resumed is found. True with the
// cursor before the first event of it, to be freed; false: the client has been told what is wrong with the frame.
bool sim_thread_session_take(struct sim_thread_session *session, const struct sim_inbox_entry *entry,
                             struct sim_cursor *cursor);

// Makes as much of the answers to the frames in the inbox as there is room for; true when as many events as
// wanted have been sent.
bool sim_thread_session_run(struct sim_thread_session *session);

// Nothing is left of the session; its turn goes on.
void sim_thread_session_free(struct sim_thread_session *session);

#endif
