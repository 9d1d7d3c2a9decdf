// A request for the answer to one message of the threads API as Server-Sent Events, and that answer on its way.
#ifndef SIM_SSE_STREAM_H
#define SIM_SSE_STREAM_H

#include "sim_http.h"
#include "sse_player.h"

struct sim_sse_stream {
  struct sim_sse_player player;
  struct sim_step usual[2]; // what is played without a scenario
  struct sim_steps steps;
};

// Acts on a request for a stream that has a good token: runs the turn, or finds the one to be resumed, and returns 200.
// Else returns the status of the error that it sets *result to, a new reference. `number`: of the connection.
int sim_sse_stream_open(struct sim_sse_stream *stream, struct sim_service *service, struct sim_connection *connection,
                        size_t number, const struct sim_request *request, json_t **result);

#endif
